"""What Salesforce's accounts, users and activities mean, on small files in the true headers of who writes them."""

import polars as pl
import pytest
import yaml

from schemas.form import Told
from tests.frames import day, rows
from tests.integration.small_company import SmallCompany
from tests.vendors import salesforce_files as salesforce
from tests.vendors.one_source import SETTINGS, Ingested, ingested, ingested_of
from tests.vendors.salesforce_files import ACME, BOLT, CRATE, DELTA, account, lines, report, table
from transforms.clean import salesforce_objects
from transforms.clean.salesforce import identities
from transforms.clean.salesforce_ids import whole_id


def source(written_by="fivetran", said=None, **options):
    return {"form": "salesforce", "written_by": written_by, "options": options, **(said or {})}


def accounts(tmp_path, *told, users=(), options=None, **settings) -> Ingested:
    sent = {"account.csv": table(salesforce.ACCOUNT, *told)}
    sent |= {"user.csv": table(salesforce.USER, *users)} if users else {}
    return ingested(tmp_path, sent, source(**(options or {})), ["identities", "account_links", "accounts"], **settings)


def beside(tmp_path, files, **others) -> Ingested:
    """Tables of Salesforce's files and of other sources."""
    for name, content in files.items():
        path = tmp_path / "sent" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    company = SmallCompany(tmp_path)
    company.data.mkdir(parents=True, exist_ok=True)
    sources = {"it": {"folder": "sent", **source()}, **others}
    company.config.write_text(yaml.safe_dump({**SETTINGS, "sources": sources}))
    return ingested_of(company, ["identities", "account_links", "accounts", "tickets", "survey_responses"])


# --- ids --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        # As they stand in samples of dbt_salesforce; of the last group `Xyy06` the first sign is a capital: bit 0, B.
        ("0015500000Xyy06", "0015500000Xyy06AAB"),
        ("006q000000Hddoh", "006q000000HddohAAB"),
        # 0061G: bit 4 is Q. 00000: none. Ja7B6: bits 0 and 3 are 9, J.
        ("0061G00000Ja7B6", "0061G00000Ja7B6QAJ"),
        # Five capitals are 31, the last sign.
        ("001ABCDEFGHIJKL", "001ABCDEFGHIJKLY55"),
    ],
)
def test_an_id_of_15_signs_is_one_of_18_by_its_capitals(short, whole):
    told = pl.DataFrame({"id": [short, whole, whole.lower()]})
    assert told.select(whole_id(pl.col("id")))["id"].to_list() == [whole, whole, whole.lower()]


def test_what_is_no_id_of_salesforce_stays_as_it_is():
    told = pl.DataFrame({"id": ["", "0015500000Xyy0", "0015500000Xyy0é", "tqs6UXPA/Lm7W+0dX0+syw==", None]})
    assert told.select(whole_id(pl.col("id")))["id"].to_list() == told["id"].to_list()


def test_ids_that_differ_by_case_alone_are_two_accounts(tmp_path):
    told = [{"Account ID": key[:15], "Account Name": name} for key, name in ((CRATE, "Crate"), (DELTA, "Delta"))]
    sent = {"account.csv": report(salesforce.SEEN_ACCOUNT, *told)}
    found = ingested(tmp_path, sent, source("dashboard", {"has_footer": True}), ["accounts"])
    assert found.values("accounts", "account_id", "account_name") == [(CRATE, "Crate"), (DELTA, "Delta")]


@pytest.mark.parametrize("key", ["5.5E+11", "00155", "0015500000Xyy0é"])
def test_what_a_spreadsheet_made_of_an_id_is_refused_and_told(key, tmp_path):
    found = accounts(tmp_path, account(), account(key))
    assert found.values("accounts", "account_id") == [(ACME,)]
    assert found.rejects() == [
        ("sent/account.csv", 3, "id", "expected the 15 or 18 letters and digits of an id"),
    ]


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_an_account_is_told_with_its_owner_by_name(tmp_path):
    told = account(name="Acme", industry="Retail", billing_country="Spain", billing_state="Madrid",
                   number_of_employees="250.0", owner_id="005500000012345AAA",
                   created_date="2026-01-31 23:30:00")  # fmt: skip
    users = [{"id": "005500000012345AAA", "email": "kim@us.example", "name": "Kim Roe"}]
    found = accounts(tmp_path, told, users=users)
    assert found.values(
        "accounts", "account_id", "account_name", "industry", "country", "region", "size", "csm_owner", "signup_on"
    ) == [(ACME, "Acme", "Retail", "Spain", "Madrid", "250", "Kim Roe", day("2026-02-01"))]


def test_what_the_files_do_not_have_is_not_exported(tmp_path):
    sent = {
        "Account/2026_10_30_1793318400000_0.jsonl": lines({"Id": ACME, "Name": "Acme", "OwnerId": "005500000012345"})
    }
    found = ingested(tmp_path, sent, source("airbyte"), ["accounts"])
    assert found.exported("accounts") >= {"account_id", "account_name"}
    assert not found.exported("accounts") & {"industry", "country", "region", "size", "csm_owner", "signup_on"}


def test_segments_and_the_manager_may_be_columns_of_the_orgs_own(tmp_path):
    users = [{"id": "005500000012345AAA", "first_name": "Kim", "last_name": "Roe"}]
    told = [
        account(ACME, tier_c="gold", csm_c="005500000012345", owner_id="005500000099999AAA"),
        account(BOLT, csm_c="ChristopherLong"),
        account(CRATE, csm_c="jo@us.example"),
        account(DELTA, csm_c="005500000099999AAA"),
    ]
    options = {"segments": {"tier": "tier_c"}, "csm_field": "csm_c"}
    found = accounts(tmp_path, *told, users=users, options=options, segments=["tier"])
    assert found.values("accounts", "account_id", "tier", "csm_owner") == [
        (ACME, "gold", "Kim Roe"),
        (BOLT, None, "ChristopherLong"),
        (CRATE, None, None),
        (DELTA, None, None),
    ]


def test_a_connector_of_fivetrans_may_keep_salesforces_own_casing(tmp_path):
    told = {"Id": ACME, "Name": "Acme", "BillingCountry": "Spain", "BillingState": "Madrid", "IsDeleted": "false",
            "NumberOfEmployees": "250", "CreatedDate": "2026-01-31 10:00:00", "Tier__c": "gold",
            "_fivetran_active": "true"}  # fmt: skip
    sent = {"account.csv": table(salesforce.ACCOUNT_IN_ITS_CASE, told)}
    for number, column in enumerate(("tier_c", "Tier__c")):
        said = source(segments={"tier": column})
        found = ingested(tmp_path / str(number), sent, said, ["accounts"], segments=["tier"])
        assert found.values("accounts", "account_id", "account_name", "country", "region", "size", "tier") == [
            (ACME, "Acme", "Spain", "Madrid", "250", "gold")
        ]


def test_of_several_rows_of_an_account_the_newest_change_counts_and_not_the_last_line(tmp_path):
    told = [
        {"Id": ACME, "Name": "Newest", "SystemModstamp": "2026-10-03T08:00:00.000Z"},
        {"Id": ACME, "Name": "Oldest", "SystemModstamp": "2026-10-01T08:00:00.000Z"},
        {"Id": ACME, "Name": "Between", "SystemModstamp": "2026-10-02T08:00:00.000+0000"},
    ]
    extracted = {"_airbyte_raw_id": "a", "_airbyte_extracted_at": 1793318400000, "_airbyte_generation_id": 1}
    sent = {"Account/2026_10_30_1793318400000_0.jsonl": lines(*({**extracted, **row} for row in told))}
    found = ingested(tmp_path, sent, source("airbyte"), ["accounts"])
    assert found.rejects() == []
    assert found.values("accounts", "account_id", "account_name") == [(ACME, "Newest")]


@pytest.mark.parametrize("spelling", ["true", "TRUE", "1"])
def test_booleans_are_spelled_in_several_ways(spelling, tmp_path):
    no = {"true": "false", "TRUE": "FALSE", "1": "0"}[spelling]
    told = [
        {"Id": ACME, "IsDeleted": spelling, "MasterRecordId": BOLT},
        {"Id": BOLT, "IsDeleted": no},
    ]
    sent = {"Account.csv": table(salesforce.LOADED_ACCOUNT, *told)}
    found = ingested(tmp_path, sent, source("dashboard"), ["identities", "account_links"])
    assert found.rejects() == []
    assert found.values("account_links", "source_account_id", "account_id") == [(ACME, BOLT)]


def test_data_loader_writes_offsets_without_a_colon_and_names_in_capitals(tmp_path):
    sent = {}
    for key, header in ((ACME, salesforce.LOADED_ACCOUNT), (BOLT, salesforce.LOADED_ACCOUNT.upper())):
        values = [("Id", key), ("Name", "Acme"), ("CreatedDate", "2026-01-31T21:10:19.000-0330")]
        row = {name if name in header.split(",") else name.upper(): value for name, value in values}
        sent[f"{'Account' if key == ACME else 'account'}-2026-10-30.csv"] = table(header, row)
    found = ingested(tmp_path, sent, source("dashboard"), ["accounts"])
    assert found.rejects() == []
    # It is 00:40 in UTC, and of the first of February everywhere.
    assert found.values("accounts", "account_id", "account_name", "signup_on") == [
        (ACME, "Acme", day("2026-02-01")),
        (BOLT, "Acme", day("2026-02-01")),
    ]


@pytest.mark.parametrize("spelling", ["2026-01-31T21:10:19.000+0060", "2026-01-31T21:10:19.000+1900", "+0000"])
def test_an_offset_that_no_zone_has_is_refused(spelling, tmp_path):
    sent = {"Account.csv": table(salesforce.LOADED_ACCOUNT, {"Id": ACME}, {"Id": BOLT, "CreatedDate": spelling})}
    found = ingested(tmp_path, sent, source("dashboard"), ["accounts"])
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(3, "CreatedDate")]


def test_a_report_ends_in_a_footer_after_an_empty_line(tmp_path):
    told = {"Account ID": ACME[:15], "Account Name": "Acme", "Account Owner": "Kim Roe", "Billing Country": "Spain",
            "Billing State/Province": "Madrid", "Industry": "Retail", "Employees": "250", "Tier": "gold",
            "Created Date": "03/04/2026"}  # fmt: skip
    sent = {"report1793318400000.csv": report(salesforce.SEEN_ACCOUNT, told)}
    said = {"has_footer": True, "files": {"accounts": "report*.csv"}}
    options = {"segments": {"tier": "Tier"}, "day_order": "day_first"}
    found = ingested(tmp_path / "a", sent, source("dashboard", said, **options), ["accounts"], segments=["tier"])
    assert found.rejects() == []
    columns = ("account_id", "account_name", "csm_owner", "country", "region", "industry", "size", "tier", "signup_on")
    assert found.values("accounts", *columns) == [
        (ACME, "Acme", "Kim Roe", "Spain", "Madrid", "Retail", "250", "gold", day("2026-04-03"))
    ]
    american = source("dashboard", said, **{**options, "day_order": "month_first"})
    found = ingested(tmp_path / "b", sent, american, ["accounts"], segments=["tier"])
    assert found.values("accounts", "signup_on") == [(day("2026-03-04"),)]
    silent = source("dashboard", said, segments={"tier": "Tier"})
    found = ingested(tmp_path / "c", sent, silent, ["accounts"], segments=["tier"])
    assert found.values("accounts", "signup_on") == [(None,)]


def test_the_encoding_is_as_the_config_says(tmp_path):
    told = table(salesforce.LOADED_ACCOUNT, {"Id": ACME, "Name": "Café Größe"})
    said = source("dashboard", {"encoding": "iso-8859-1"})
    found = ingested(tmp_path, {"Account.csv": told.encode("iso-8859-1")}, said, ["accounts"])
    assert found.values("accounts", "account_name") == [("Café Größe",)]


def test_other_objects_of_a_weekly_export_whose_names_begin_as_this_ones_do_are_not_it(tmp_path):
    sent = {
        "Account.csv": table(salesforce.LOADED_ACCOUNT, {"Id": ACME}),
        "AccountHistory.csv": "Id,IsDeleted,AccountId,Field,OldValue,NewValue\n0175500000Xyy06AAB,0,x,Name,a,b\n",
        "AccountContactRole.csv": "Id,IsDeleted,AccountId\n02Z5500000Xyy06AAB,0,x\n",
        "UserRole.csv": "Id,Name\n00E5500000Xyy06AAB,CEO\n",
    }
    found = ingested(tmp_path, sent, source("dashboard"), ["accounts"])
    assert found.values("accounts", "account_id") == [(ACME,)]
    assert found.rejects() == []


# --- deleted and merged accounts --------------------------------------------------------------------------------------


def test_a_deleted_account_says_what_it_was_and_is_matched_with_nobody_by_domain_or_name(tmp_path):
    told = account(is_deleted="true", name="Acme", industry="Retail", website="https://www.acme.example")
    found = accounts(tmp_path, told, account(BOLT, name="Bolt", website="bolt.example"))
    assert found.values("accounts", "account_id", "account_name", "industry") == [
        (ACME, "Acme", "Retail"),
        (BOLT, "Bolt", None),
    ]
    assert found.values("identities", "customer_id", "domain", "name") == [
        (ACME, None, None),
        (BOLT, "bolt.example", "Bolt"),
    ]
    assert found.values("account_links", "source_account_id") == []


def test_accounts_are_identities_by_domain_and_name():
    told = rows(
        salesforce_objects.SalesforceAccounts,
        {"id": ACME[:15], "name": "Acme", "website": "https://WWW.Acme.Example/about"},
        {"id": BOLT, "name": "Bolt", "website": "n/a"},
        {"id": CRATE, "name": "Gone", "website": "gone.example", "is_deleted": True},
    )
    filled = identities({"accounts": told}, Told("UTC", "EUR"))
    assert filled.rows.select(**filled.columns).rows(named=True) == [
        {"customer_id": ACME, "domain": "acme.example", "name": "Acme"},
        {"customer_id": BOLT, "domain": None, "name": "Bolt"},
        {"customer_id": CRATE, "domain": None, "name": None},
    ]


def test_merged_accounts_are_the_one_that_is_left_through_a_chain_of_merges(tmp_path):
    told = [
        account(ACME, name="Acme", industry="Retail", is_deleted="true", master_record_id=BOLT),
        account(BOLT, name="Bolt", is_deleted="true", master_record_id=CRATE[:15]),
        account(CRATE, name="Crate", is_deleted="true", master_record_id=DELTA),
        account(DELTA, name="Delta", industry="Banking"),
    ]
    won = [salesforce.opportunity("006q000000HddohAAB", account_id=ACME[:15])]
    sent = {
        "account.csv": table(salesforce.ACCOUNT, *told),
        "opportunity.csv": table(salesforce.OPPORTUNITY, *won),
    }
    found = ingested(
        tmp_path,
        sent,
        source(**salesforce.RENEWALS),
        ["identities", "account_links", "accounts", "renewals"],
    )
    assert found.values("account_links", "source", "source_account_id", "account_id", "rule") == [
        ("it", ACME, BOLT, "merged"),
        ("it", BOLT, CRATE, "merged"),
        ("it", CRATE, DELTA, "merged"),
    ]
    assert found.values("accounts", "account_id", "account_name", "industry") == [(DELTA, "Delta", "Banking")]
    assert found.values("renewals", "account_id") == [(DELTA,)]


def test_rows_of_other_sources_follow_a_merged_account_and_an_id_of_15_signs_is_one_of_18(tmp_path):
    told = [
        account(ACME, name="Acme", is_deleted="true", master_record_id=BOLT),
        account(BOLT, name="Bolt", is_deleted="true", master_record_id=DELTA),
        account(DELTA, name="Delta"),
    ]
    organizations = [
        {"id": 1, "name": "One", "external_id": ACME[:15]},
        {"id": 2, "name": "Two", "external_id": DELTA},
        {"id": 3, "name": "Acme"},
    ]
    tickets = [
        {"id": n, "status": "open", "created_at": "2026-02-01T08:00:00Z", "organization_id": n} for n in (1, 2, 3)
    ]
    for name, content in (("organizations", organizations), ("tickets", tickets)):
        path = tmp_path / "helpdesk" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(lines(*content))
    answers = "response_id,account_id,kind,score,scale_min,scale_max,responded_at\n"
    path = tmp_path / "survey" / "survey_responses.csv"
    path.parent.mkdir()
    path.write_text(f"{answers}r1,{ACME},nps,9,0,10,2026-02-01T08:00:00Z\n")
    support = {"form": "zendesk", "written_by": "api", "folder": "helpdesk", "options": {"external_id_is_crm_id": True}}
    survey = {"form": "canonical", "folder": "survey", "files": {"survey_responses": "survey_responses.csv"}}
    company = beside(tmp_path, {"account.csv": table(salesforce.ACCOUNT, *told)}, support=support, survey=survey)
    # What was merged is nobody's namesake any more.
    assert company.values("tickets", "ticket_id", "account_id") == [
        ("1", DELTA),
        ("2", DELTA),
        ("3", "support:3"),
    ]
    assert company.values("survey_responses", "response_id", "account_id") == [("r1", DELTA)]


def test_an_account_that_was_brought_back_is_itself_again(tmp_path):
    merged = {"Id": ACME, "Name": "Acme", "IsDeleted": True, "MasterRecordId": BOLT}
    back = {"Id": ACME, "Name": "Acme", "IsDeleted": False, "MasterRecordId": None}
    sent = {
        "Account.jsonl": lines(
            {**merged, "SystemModstamp": "2026-10-01T08:00:00.000+0000"},
            {**back, "SystemModstamp": "2026-10-02T08:00:00.000+0000"},
            {"Id": BOLT, "Name": "Bolt", "IsDeleted": False},
        )
    }
    found = ingested(tmp_path, sent, source("api"), ["identities", "account_links", "accounts"])
    assert found.values("account_links", "source_account_id") == []
    assert found.values("accounts", "account_id") == [(ACME,), (BOLT,)]
