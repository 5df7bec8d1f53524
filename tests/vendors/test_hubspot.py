"""What HubSpot's objects mean, on small files in the true headers of who writes them."""

import datetime as dt
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.filling import filling
from schemas.contract import Contract
from schemas.customers import UNKNOWN
from schemas.form import Told
from schemas.vendor import form_of
from schemas.writer import WRITERS
from tests.frames import at, day, rows
from tests.vendors import hubspot_files as hubspot
from tests.vendors.hubspot_files import RENEWALS, STAGES, deal, lines, stage, table, ticket
from tests.vendors.one_source import Ingested, ingested
from transforms.clean import hubspot_objects
from transforms.clean.hubspot import VENDOR, identities
from transforms.clean.vendors import FORMS
from warehouse.errors import ConfigError, ExportError
from warehouse.sent import source_files

FIVETRAN = {"form": "hubspot", "written_by": "fivetran"}


def source(written_by="fivetran", **options):
    return {"form": "hubspot", "written_by": written_by, "options": options}


def renewals(tmp_path, *deals, stages=STAGES, options=RENEWALS, **files) -> Ingested:
    """Renewals of Fivetran's files; more of them by table, as (header, rows)."""
    sent = {"deal.csv": table(hubspot.DEAL, *deals), "deal_pipeline_stage.csv": table(hubspot.DEAL_STAGE, *stages)}
    sent |= {f"{name}.csv": table(header, *told) for name, (header, told) in files.items()}
    return ingested(tmp_path, sent, source(**options), ["renewals"])


def tickets(tmp_path, *told, stages=hubspot.TICKET_STAGES, **files) -> Ingested:
    sent = {"ticket.csv": table(hubspot.TICKET, *told)}
    sent |= {"ticket_pipeline_stage.csv": table(hubspot.TICKET_STAGE, *stages)} if stages else {}
    sent |= {f"{name}.csv": table(header, *rows) for name, (header, rows) in files.items()}
    return ingested(tmp_path, sent, FIVETRAN, ["tickets"])


def companies(tmp_path, *told, owners=(), options=None, **settings) -> Ingested:
    sent = {"company.csv": table(hubspot.COMPANY, *told), "owner.csv": table(hubspot.OWNER, *owners)}
    return ingested(tmp_path, sent, source(**(options or {})), ["accounts"], **settings)


def belongs(company, to="9001", **changed):
    return {"company_id": company, "deal_id": to, "type_id": "341", "category": "HUBSPOT_DEFINED", **changed}


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_a_company_is_an_account_with_its_owner_by_name(tmp_path):
    company = {"id": "2182162682", "is_deleted": "false", "property_name": "Acme", "property_domain": "acme.example",
               "property_createdate": "2026-01-31 23:30:00", "property_industry": "RETAIL", "property_country": "Spain",
               "property_numberofemployees": "250.0", "property_hubspot_owner_id": "44023296"}  # fmt: skip
    owner = {"owner_id": "44023296", "email": "kim@us.example", "first_name": "Kim", "last_name": "Roe"}
    found = companies(tmp_path, company, owners=[owner])
    assert found.values(
        "accounts", "account_id", "account_name", "industry", "country", "size", "csm_owner", "signup_on"
    ) == [("2182162682", "Acme", "RETAIL", "Spain", "250", "Kim Roe", day("2026-02-01"))]


def test_a_company_signed_up_when_it_became_a_customer_and_not_when_its_record_was_made(tmp_path):
    told = {"id": "11", "property_createdate": "2024-01-31 10:00:00", "property_closedate": "2026-02-01 10:00:00"}
    header = f"{hubspot.COMPANY},property_closedate,_fivetran_deleted"
    gone = {"id": "12", "property_createdate": "2024-01-31 10:00:00", "_fivetran_deleted": "TRUE"}
    found = ingested(tmp_path, {"company.csv": table(header, told, gone)}, FIVETRAN, ["accounts"])
    assert found.values("accounts", "account_id", "signup_on") == [("11", day("2026-02-01"))]


def test_headers_in_the_language_of_a_user_are_refused_by_the_name_that_is_missing(tmp_path):
    german = "Datensatz-ID,Unternehmensname\n11,Acme\n"
    with pytest.raises(ExportError, match=r"companies\.csv: the column Record ID is missing"):
        ingested(tmp_path, {"companies.csv": german}, source("dashboard"), ["accounts"])


def test_an_owner_without_a_name_or_that_nobody_knows_is_none_and_no_address_is_kept(tmp_path):
    owner = {"owner_id": "1", "email": "kim@us.example"}
    told = [{"id": "11", "property_hubspot_owner_id": "1"}, {"id": "12", "property_hubspot_owner_id": "2"}]
    assert companies(tmp_path / "a", *told, owners=[owner]).values("accounts", "csm_owner") == [(None,), (None,)]
    seen = {"Record ID": "11", "Company name": "Acme", "Company owner": "kim@us.example"}
    named = {"Record ID": "12", "Company name": "Bolt", "Company owner": "Kim Roe"}
    sent = {"companies.csv": table(hubspot.SEEN_COMPANY, seen, named)}
    found = ingested(tmp_path / "b", sent, source("dashboard"), ["accounts"])
    assert found.values("accounts", "account_id", "csm_owner") == [("11", None), ("12", "Kim Roe")]


def test_deleted_companies_are_no_accounts(tmp_path):
    found = companies(tmp_path, {"id": "11", "is_deleted": "false"}, {"id": "12", "is_deleted": "TRUE"})
    assert found.values("accounts", "account_id") == [("11",)]


def test_archived_companies_are_no_accounts(tmp_path):
    told = [{"id": "11", "archived": False, "properties_name": "Acme"}, {"id": "12", "archived": True}]
    found = ingested(tmp_path, {"companies/a.jsonl": lines(*told)}, source("airbyte"), ["accounts"])
    assert found.values("accounts", "account_id") == [("11",)]


def test_a_segment_is_a_property_of_the_portals_own_whatever_its_name_is_made_of(tmp_path):
    column = "property_hs_all-funky-a9384-syntax"
    told = [{"id": "11", column: "gold"}, {"id": "12", column: ""}]
    found = companies(tmp_path, *told, options={"segments": {"tier": column}}, segments=["tier"])
    assert found.values("accounts", "account_id", "tier") == [("11", "gold"), ("12", None)]


def test_few_properties_leave_the_others_not_exported(tmp_path):
    told = {"id": "11", "hs_object_id": "11", "createdate": "2026-01-31T10:00:00+00:00", "domain": "acme.example",
            "name": "Acme", "hs_lastmodifieddate": "2026-02-01T10:00:00+00:00", "_dlt_load_id": "1793318400.5",
            "_dlt_id": "a"}  # fmt: skip
    found = ingested(tmp_path, {"companies/1793318400.5.0.jsonl": lines(told)}, source("dlt"), ["accounts"])
    assert found.values("accounts", "account_id", "signup_on") == [("11", day("2026-01-31"))]
    assert found.exported("accounts") >= {"account_id", "account_name", "signup_on"}
    assert not found.exported("accounts") & {"industry", "country", "size", "csm_owner"}


def test_properties_are_text_and_an_empty_one_is_nothing(tmp_path):
    told = {"id": "11", "archived": False, "properties_name": "Acme", "properties_industry": "",
            "properties_numberofemployees": "10000000", "properties_createdate": "1769853600000"}  # fmt: skip
    found = ingested(tmp_path, {"companies/a.jsonl": lines(told)}, source("airbyte"), ["accounts"])
    # 1769853600 is 2026-01-31T10:00Z.
    assert found.values("accounts", "industry", "size", "signup_on") == [(None, "10000000", day("2026-01-31"))]


def test_properties_may_stand_in_an_object_of_their_own(tmp_path):
    told = {"id": "11", "archived": False, "properties": {"name": "Acme", "industry": "RETAIL"}}
    found = ingested(tmp_path, {"companies/a.jsonl": lines(told)}, source("airbyte"), ["accounts"])
    assert found.values("accounts", "account_name", "industry") == [("Acme", "RETAIL")]


def test_a_time_of_a_csv_file_is_of_the_zone_that_the_config_says(tmp_path):
    told = {"Record ID": "11", "Company name": "Acme", "Create Date": "2026-01-31 23:30"}
    sent = {"hubspot-crm-exports-all-companies-2026-10-30.csv": table(hubspot.SEEN_COMPANY, told)}
    new_york = {**source("dashboard"), "time_zone": "America/New_York"}
    # It was half past five of the next day in Berlin.
    found = ingested(tmp_path / "a", sent, new_york, ["accounts"])
    assert found.values("accounts", "signup_on") == [(day("2026-02-01"),)]
    # A quarter to one in Kathmandu is eight in the evening of the day before in Berlin.
    early = {"companies.csv": table(hubspot.SEEN_COMPANY, {**told, "Create Date": "2026-02-01 00:45"})}
    nepal = {**source("dashboard"), "time_zone": "Asia/Kathmandu"}
    found = ingested(tmp_path / "b", early, nepal, ["accounts"])
    assert found.values("accounts", "signup_on") == [(day("2026-01-31"),)]


@pytest.mark.parametrize("key", ["1.2E+10", "370312712714.0", "1,2E+10"])
def test_an_id_that_a_spreadsheet_spoiled_is_refused_and_told(key, tmp_path):
    told = [{"Record ID": "370312712714", "Company name": "Acme"}, {"Record ID": key, "Company name": "Bolt"}]
    found = ingested(tmp_path, {"companies.csv": table(hubspot.SEEN_COMPANY, *told)}, source("dashboard"), ["accounts"])
    assert found.values("accounts", "account_id") == [("370312712714",)]
    assert found.rejects() == [
        ("sent/companies.csv", 3, "Record ID", "expected the digits of an id: 1.2E+10 and 370312712714.0 are what a "
         "spreadsheet makes of one; export it anew, and open it nowhere")
    ]  # fmt: skip


def test_companies_are_identities_by_domain_and_name():
    told = rows(
        hubspot_objects.HubspotCompanies,
        {"id": "11", "name": "Acme", "domain": "WWW.Acme.Example"},
        {"id": "12", "name": "Bolt", "domain": "https://kim@bolt.example/about"},
        {"id": "13", "name": "Gone", "domain": "gone.example", "is_deleted": True},
        {"id": "14", "name": "Corner shop"},
    )
    filled = identities({"companies": told}, Told("UTC", "EUR"))
    assert filled.rows.select(**filled.columns).rows(named=True) == [
        {"customer_id": "11", "domain": "acme.example", "name": "Acme"},
        {"customer_id": "12", "domain": "bolt.example", "name": "Bolt"},
        {"customer_id": "14", "domain": None, "name": "Corner shop"},
    ]


# --- renewals ---------------------------------------------------------------------------------------------------------


def test_a_deal_of_the_renewal_pipeline_is_a_renewal_by_month(tmp_path):
    found = renewals(tmp_path, deal(), deal("9002", deal_pipeline_id="1"), deal("9003", deal_pipeline_id=""))
    assert found.values(
        "renewals", "renewal_id", "term_started_on", "term_ended_on", "renewed_on", "outcome", "mrr_amount", "currency"
    ) == [("9001", day("2025-03-01"), day("2026-03-01"), day("2026-03-01"), "renewed", 100_000, "EUR")]


def test_a_pipeline_may_be_named_as_people_call_it(tmp_path):
    labels = hubspot.PIPELINE, [{"pipeline_id": "77", "label": "Renewals"}, {"pipeline_id": "1", "label": "Sales"}]
    options = {**RENEWALS, "renewal_pipeline": "Renewals"}
    found = renewals(tmp_path, deal(), deal("9002", deal_pipeline_id="1"), options=options, deal_pipeline=labels)
    assert found.values("renewals", "renewal_id") == [("9001",)]


def test_deals_of_a_type_may_be_the_renewals_and_with_a_pipeline_those_of_both(tmp_path):
    told = [deal("9001", property_dealtype="existingbusiness"), deal("9002", property_dealtype="newbusiness"),
            deal("9003", property_dealtype="existingbusiness", deal_pipeline_id="1"), deal("9004")]  # fmt: skip
    sales = stage("701", pipeline_id="1", closed_won="TRUE", is_closed="TRUE")
    options = {"renewal_deal_type": "existingbusiness", "term_months": 12}
    by_type = renewals(tmp_path / "a", *told, stages=[*STAGES, sales], options=options)
    assert by_type.values("renewals", "renewal_id") == [("9001",), ("9003",)]
    both = renewals(tmp_path / "b", *told, stages=STAGES, options={**RENEWALS, **options})
    assert both.values("renewals", "renewal_id") == [("9001",)]


def test_without_a_word_of_the_config_no_deal_is_a_renewal(tmp_path):
    found = renewals(tmp_path, deal(), options={})
    assert found.values("renewals", "renewal_id") == []
    assert found.rejects() == []
    assert "renewals" not in found.company.project().exported().columns
    told = renewals(tmp_path / "told", deal())
    assert "renewals" in told.company.project().exported().columns


def test_the_config_must_say_how_long_a_term_is(tmp_path):
    with pytest.raises(ConfigError, match="term_months"):
        renewals(tmp_path, deal(), options={"renewal_pipeline": "77"})


@pytest.mark.parametrize(
    "options", [{"currency": "euro"}, {"term_months": 0}, {"pipeline": "77"}, {"segments": {"exported_at": "x"}}]
)
def test_a_config_that_means_nothing_is_refused(options, tmp_path):
    with pytest.raises(ConfigError, match=r"sources\.it\.options"):
        renewals(tmp_path, deal(), options=options)


def test_a_stage_is_known_by_its_id_within_its_pipeline(tmp_path):
    # The other pipeline has a stage of the same id, in which deals are lost.
    other = stage("701", pipeline_id="1", closed_won="FALSE", is_closed="TRUE", probability="0.0")
    labelled = stage("Closed Won", label="701", closed_won="FALSE", is_closed="TRUE")
    told = [deal("9001"), deal("9002", deal_pipeline_stage_id="702"), deal("9003", deal_pipeline_stage_id="703")]
    found = renewals(tmp_path, *told, stages=[other, labelled, *STAGES])
    assert found.values("renewals", "renewal_id", "outcome", "renewed_on") == [
        ("9001", "renewed", day("2026-03-01")),
        ("9002", "lost", None),
        ("9003", "open", None),
    ]


def test_what_people_call_a_stage_is_no_id_of_it(tmp_path):
    found = renewals(tmp_path, deal(deal_pipeline_stage_id="Closed Won"))
    assert found.values("renewals", "renewal_id") == []
    assert found.rejects() == [("sent/deal.csv", 2, "outcome", "expected a value")]


def test_no_likelihood_is_lost_only_where_the_stage_is_not_told_to_be_open(tmp_path):
    stages = [
        stage("1", probability="1.0"),
        stage("2", probability="0.0"),
        stage("3", probability="0.5"),
        stage("4", closed_won="FALSE", is_closed="FALSE", probability="0.0"),
        stage("5", is_closed="true", probability="1.0"),
        stage("6", closed_won="FALSE", probability="0.0"),
    ]
    told = [deal(f"900{number}", deal_pipeline_stage_id=f"{number}") for number in range(1, 7)]
    found = renewals(tmp_path, *told, stages=stages)
    assert found.values("renewals", "renewal_id", "outcome") == [
        ("9001", "renewed"),
        ("9002", "lost"),
        ("9003", "open"),
        ("9004", "open"),
        ("9005", "renewed"),
        ("9006", "lost"),
    ]


def test_where_no_file_has_the_stages_the_config_says_what_they_mean(tmp_path):
    told = [
        {"Record ID": "9001", "Deal Stage": "Gewonnen", "Pipeline": "Verlängerungen", "Close Date": "2026-03-01 09:00"},
        {"Record ID": "9002", "Deal Stage": "Verloren", "Pipeline": "Verlängerungen", "Close Date": "2026-03-01 09:00"},
        {"Record ID": "9003", "Deal Stage": "Angebot", "Pipeline": "Verlängerungen", "Close Date": "2026-03-01 09:00"},
    ]
    sent = {"deals.csv": table(hubspot.SEEN_DEAL, *told)}
    options = {"renewal_pipeline": "Verlängerungen", "term_months": 12}
    silent = ingested(tmp_path / "a", sent, source("dashboard", **options), ["renewals"])
    assert [(line, column) for _, line, column, _ in silent.rejects()] == [
        (2, "outcome"),
        (3, "outcome"),
        (4, "outcome"),
    ]
    said = source("dashboard", **options, won_stages=["Gewonnen"], lost_stages=["Verloren"])
    assert ingested(tmp_path / "b", sent, said, ["renewals"]).values("renewals", "renewal_id", "outcome") == [
        ("9001", "renewed"),
        ("9002", "lost"),
        ("9003", "open"),
    ]


def test_a_deal_of_two_companies_counts_once_for_its_primary_one(tmp_path):
    links = [
        belongs("12"),
        belongs("12", type_id="5"),
        belongs("11"),
        belongs("9", type_id="5", category="USER_DEFINED"),
    ]
    # Seen from the company its number is another.
    links += [belongs("21", "9002"), belongs("22", "9002", type_id="6")]
    found = renewals(tmp_path, deal(), deal("9002"), deal_company=(hubspot.DEAL_COMPANY, links))
    assert found.values("renewals", "renewal_id", "account_id") == [("9001", "12"), ("9002", "22")]


def test_without_a_primary_company_the_least_id_counts_as_a_number(tmp_path):
    links = [belongs("101"), belongs("99"), belongs("1000")]
    found = renewals(tmp_path, deal(), deal("9002"), deal_company=(hubspot.DEAL_COMPANY, links))
    assert found.values("renewals", "renewal_id", "account_id") == [("9001", "99"), ("9002", UNKNOWN)]


def test_a_company_to_which_a_deal_no_longer_belongs_is_not_its_own(tmp_path):
    links = [belongs("11", _fivetran_deleted="TRUE", type_id="5"), belongs("12", _fivetran_deleted="FALSE")]
    found = renewals(tmp_path, deal(), deal_company=(hubspot.DEAL_COMPANY, links))
    assert found.values("renewals", "account_id") == [("12",)]


def test_what_was_true_of_a_company_before_a_later_export_is_not(tmp_path):
    header = hubspot.DEAL_COMPANY
    sent = {
        "deal.csv": table(hubspot.DEAL, deal()),
        "deal_pipeline_stage.csv": table(hubspot.DEAL_STAGE, *STAGES),
        "deal_company-2026-09-30.csv": table(header, belongs("11")),
        "deal_company-2026-10-30.csv": table(
            header, belongs("11", _fivetran_deleted="TRUE", _fivetran_synced="2026-10-31 00:00:00"), belongs("12")
        ),
    }
    found = ingested(tmp_path, sent, source(**RENEWALS), ["renewals"])
    assert found.values("renewals", "account_id") == [("12",)]


def test_companies_that_people_see_are_parted_by_semicolons_and_a_primary_one_comes_first(tmp_path):
    told = {"Deal Stage": "closedwon", "Pipeline": "77", "Amount": "120.5", "Close Date": "2026-03-01 09:00"}
    sent = table(
        hubspot.SEEN_DEAL,
        {"Record ID": "9001", "Associated Company IDs": "101;99", **told},
        {"Record ID": "9002", "Associated Company IDs": "101;99", "Associated Company IDs (Primary)": "101", **told},
        {"Record ID": "9003", "Associated Company IDs": "1.2E+10;99", **told},
    )
    found = ingested(tmp_path, {"my-all-deals.csv": sent}, source("dashboard", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id", "account_id") == [("9001", "99"), ("9002", "101")]
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(4, "Associated Company IDs")]


def test_deals_that_were_merged_into_another_are_no_renewals(tmp_path):
    merged = hubspot.MERGED, [{"deal_id": "9001", "merged_deal_id": "9002"}]
    found = renewals(tmp_path, deal("9001"), deal("9002"), deal("9003"), merged_deal=merged)
    assert found.values("renewals", "renewal_id") == [("9001",), ("9003",)]
    assert found.left_out("renewals") == {"tells_nothing": 1}


def test_a_deal_may_name_those_that_were_merged_into_it(tmp_path):
    told = {"archived": False, "properties_pipeline": "77", "properties_dealstage": "closedwon",
            "properties_closedate": "2026-03-01T09:00:00Z"}  # fmt: skip
    named = {"id": "9001", **told, "properties_hs_merged_object_ids": "9002;9003"}
    sent = {"deals/a.jsonl": lines(named, *({"id": key, **told} for key in ("9002", "9003", "9004")))}
    found = ingested(tmp_path, sent, source("airbyte", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id") == [("9001",), ("9004",)]


def test_deleted_deals_are_no_renewals(tmp_path):
    found = renewals(tmp_path, deal(is_deleted="TRUE"), deal("9002"))
    assert found.values("renewals", "renewal_id") == [("9002",)]


def test_a_deal_that_a_stream_of_its_own_says_was_deleted_is_no_renewal_until_it_comes_back(tmp_path):
    told = {"archived": False, "properties_pipeline": "77", "properties_dealstage": "closedwon",
            "properties_closedate": "2026-03-01T09:00:00Z"}  # fmt: skip
    gone = {"archived": True, "properties_pipeline": "77"}
    former, later, latest = "_1790000000000_0.jsonl", "_1790003600000_0.jsonl", "_1790007200000_0.jsonl"
    sent = {
        f"deals/2026_09_21{former}": lines(*({"id": key, **told} for key in ("9001", "9002", "9003"))),
        f"deals_archived/2026_09_21{later}": lines({"id": "9001", **gone}, {"id": "9002", **gone}),
        f"deals/2026_09_21{latest}": lines({"id": "9002", **told}),
    }
    found = ingested(tmp_path, sent, source("airbyte", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id") == [("9002",), ("9003",)]


def test_where_the_stages_are_nowhere_a_deal_says_itself_what_became_of_it(tmp_path):
    told = {"archived": False, "properties_pipeline": "77", "properties_dealstage": "701",
            "properties_closedate": "2026-03-01T09:00:00Z"}  # fmt: skip
    said = [("true", "true"), ("true", "false"), ("false", "false"), ("true", "")]
    deals = [
        {"id": f"900{n}", **told, "properties_hs_is_closed": closed, "properties_hs_is_closed_won": won}
        for n, (closed, won) in enumerate(said, 1)
    ]
    found = ingested(tmp_path, {"deals/a.jsonl": lines(*deals)}, source("airbyte", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id", "outcome") == [
        ("9001", "renewed"),
        ("9002", "lost"),
        ("9003", "open"),
    ]
    assert found.rejects() == [("sent/deals/a.jsonl", 4, "outcome", "expected a value")]


def test_lists_and_numbers_of_a_parquet_file_say_the_same(tmp_path):
    deal = {"id": "9001", "archived": False, "properties_pipeline": "77", "properties_dealstage": "701",
            "properties_amount": 12000.5, "properties_deal_currency_code": "EUR", "companies": [12, 11, 12],
            "properties_closedate": dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC),
            "properties_hs_primary_associated_company": 12.0}  # fmt: skip
    staged = {"stageId": "701", "label": "Closed Won", "metadata": {"isClosed": "true", "probability": "1.0"}}
    pipeline = {"pipelineId": "77", "label": "Renewals", "stages": [staged]}
    sent = {}
    for name, row in (("deals", deal), ("deal_pipelines", pipeline)):
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([row]), out)
        sent[f"{name}/2026_10_30_1793318400000_0.parquet"] = out.getvalue()
    found = ingested(tmp_path, sent, source("airbyte", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id", "account_id", "outcome", "mrr_amount") == [
        ("9001", "12", "renewed", 100_004)
    ]


def test_lists_may_stand_as_json_in_a_column_of_a_csv_file(tmp_path):
    record = {"id": "9001", "archived": False, "properties_pipeline": "77", "properties_dealstage": "closedwon",
              "properties_closedate": "2026-03-01T09:00:00Z", "companies": ["12", "11"]}  # fmt: skip
    header = "_airbyte_ab_id,_airbyte_emitted_at,_airbyte_data"
    row = {"_airbyte_ab_id": "a", "_airbyte_emitted_at": "1793318400000", "_airbyte_data": json.dumps(record)}
    sent = {"deals/2026_10_30_1793318400000_0.csv": table(header, row)}
    found = ingested(tmp_path, sent, source("airbyte", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id", "account_id") == [("9001", "11")]


def test_a_deal_was_renewed_when_it_entered_the_stage_it_is_won_in(tmp_path):
    never = "2050-01-01 00:00:00"
    history = [
        # The end of a version that is no more may be as far ahead as that of the live one.
        {"deal_id": "9001", "value": "703", "date_entered": "2026-01-10 08:00:00", "_fivetran_active": "FALSE",
         "_fivetran_start": "2026-01-10 08:00:00", "_fivetran_end": never},
        {"deal_id": "9001", "value": "701", "date_entered": "2026-01-05 08:00:00", "_fivetran_active": "FALSE",
         "_fivetran_start": "2026-01-05 08:00:00", "_fivetran_end": "2026-01-10 08:00:00"},
        {"deal_id": "9001", "value": "701", "date_entered": "2026-02-20 23:30:00", "_fivetran_active": "TRUE",
         "_fivetran_start": "2026-02-20 23:30:00", "_fivetran_end": never},
        {"deal_id": "9002", "value": "703", "date_entered": "2026-01-12 08:00:00", "_fivetran_active": "TRUE",
         "_fivetran_start": "2026-01-12 08:00:00", "_fivetran_end": never},
    ]  # fmt: skip
    told = [deal("9001"), deal("9002", deal_pipeline_stage_id="703"), deal("9003")]
    found = renewals(tmp_path, *told, deal_stage=(hubspot.HISTORY, history))
    assert found.values("renewals", "renewal_id", "outcome", "renewed_on") == [
        ("9001", "renewed", day("2026-02-21")),
        ("9002", "open", None),
        ("9003", "renewed", day("2026-03-01")),
    ]
    assert found.rejects() == []


def test_the_due_day_is_a_property_else_the_day_the_deal_closes(tmp_path):
    told = [
        deal("9001", property_contract_end="2026-03-31"),
        deal("9002", property_contract_end="2026-03-31 00:00:00"),
        deal("9003", property_contract_end="1774915200000"),  # 2026-03-31T00:00Z
        deal("9004", property_contract_end=""),
        deal("9005", property_contract_end="31/03/2026"),
    ]
    options = {**RENEWALS, "due_property": "property_contract_end"}
    found = renewals(tmp_path / "a", *told, options=options)
    due = day("2026-03-31")
    assert found.values("renewals", "renewal_id", "term_ended_on", "renewed_on") == [
        ("9001", due, day("2026-03-01")),
        ("9002", due, day("2026-03-01")),
        ("9003", due, day("2026-03-01")),
        ("9004", day("2026-03-01"), day("2026-03-01")),
    ]
    assert ("sent/deal.csv", 6, "term_ended_on", "expected a value") in found.rejects()
    inclusive = renewals(tmp_path / "b", told[0], told[3], options={**options, "due_is_last_day": True})
    assert inclusive.values("renewals", "term_started_on", "term_ended_on") == [
        (day("2025-03-01"), day("2026-03-01")),
        (day("2025-04-01"), day("2026-04-01")),
    ]


@pytest.mark.parametrize(
    ("amount", "currency", "months", "expected"),
    [
        ("1000", "EUR", 12, 8333),  # 100,000 cents / 12 = 8,333.3
        ("100.30", "EUR", 12, 836),  # 10,030 / 12 = 835.8
        ("0.06", "EUR", 12, 1),  # 6 / 12 = 0.5, which is away from zero
        ("0.054", "EUR", 12, 0),  # 5.4 / 12 = 0.45, which a cent rounded before would make 0.5 of
        ("1234567.89", "EUR", 1, 123_456_789),
        ("18000", "JPY", 24, 750),  # a yen has no smaller unit
        ("120.006", "KWD", 12, 10_001),  # 120,006 fils / 12 = 10,000.5
        ("", "EUR", 12, None),
    ],
)
def test_the_amount_of_a_term_is_by_month_in_minor_units_rounded_once(amount, currency, months, expected, tmp_path):
    told = deal(property_amount=amount, property_deal_currency_code=currency)
    found = renewals(tmp_path, told, options={**RENEWALS, "term_months": months})
    assert found.values("renewals", "mrr_amount", "currency") == [(expected, currency)]


def test_an_amount_in_no_currency_is_of_the_portals_or_of_none(tmp_path):
    told = deal(property_deal_currency_code="")
    known = renewals(tmp_path / "a", told)
    assert known.values("renewals", "mrr_amount", "currency") == [(100_000, "EUR")]
    unknown = renewals(tmp_path / "b", told, options={"renewal_pipeline": "77", "term_months": 12})
    assert unknown.values("renewals", "mrr_amount", "currency") == [(None, None)]


def test_an_amount_that_is_spelled_for_people_is_refused(tmp_path):
    found = renewals(tmp_path, deal(property_amount="1,234.50"), deal("9002", property_amount="1234.50"))
    assert found.values("renewals", "renewal_id", "mrr_amount") == [("9002", 10_288)]  # 123,450 / 12 = 10,287.5
    assert found.rejects() == [("sent/deal.csv", 2, "property_amount", "expected a number with a point")]


def test_deals_without_amounts_leave_the_mrr_of_renewals_not_exported(tmp_path):
    told = {"id": "9001", "dealname": "Acme", "dealstage": "closedwon", "pipeline": "77",
            "closedate": "2026-03-01T09:00:00+00:00", "_dlt_load_id": "1793318400.5", "_dlt_id": "a"}  # fmt: skip
    found = ingested(tmp_path, {"deals/1793318400.5.0.jsonl": lines(told)}, source("dlt", **RENEWALS), ["renewals"])
    assert found.values("renewals", "renewal_id", "outcome") == [("9001", "renewed")]
    assert "outcome" in found.exported("renewals")
    assert "mrr_amount" not in found.exported("renewals")


# --- tickets ----------------------------------------------------------------------------------------------------------


def test_a_ticket_is_open_or_closed_as_its_stage_within_its_pipeline_says(tmp_path):
    told = [
        ticket("5001", property_first_agent_reply_date="2026-02-01 09:15:30", property_hs_ticket_category="BILLING",
               property_hs_ticket_priority="HIGH"),
        ticket("5002", property_hs_pipeline_stage="4", property_closed_date="2026-02-03 10:00:00"),
        ticket("5003", property_hs_pipeline_stage="4", property_hs_pipeline="8"),
        ticket("5004", is_deleted="TRUE"),
    ]  # fmt: skip
    links = [{"ticket_id": "5001", "company_id": key, "category": "HUBSPOT_DEFINED"} for key in ("101", "99")]
    found = tickets(tmp_path, *told, ticket_company=(hubspot.TICKET_COMPANY, links))
    made = at("2026-02-01T08:00")
    assert found.values(
        "tickets", "ticket_id", "account_id", "topic", "priority", "status", "created_at", "first_replied_at",
        "last_solved_at",
    ) == [
        ("5001", "99", "BILLING", "high", "open", made, at("2026-02-01T09:15:30"), None),
        ("5002", UNKNOWN, None, None, "closed", made, None, at("2026-02-03T10:00")),
        ("5003", UNKNOWN, None, None, "open", made, None, None),
    ]  # fmt: skip
    assert not found.exported("tickets") & {"reopens", "public_agent_replies", "channel", "satisfaction_score"}


def test_a_ticket_that_was_closed_before_it_was_made_is_rejected(tmp_path):
    told = [
        ticket("5001", property_hs_pipeline_stage="4", property_closed_date="2026-01-31 08:00:00"),
        # Clocks may differ by a quarter of an hour.
        ticket("5002", property_hs_pipeline_stage="4", property_closed_date="2026-02-01 07:50:00"),
    ]
    found = tickets(tmp_path, *told)
    assert found.values("tickets", "ticket_id", "last_solved_at") == [("5002", at("2026-02-01T08:00"))]
    assert found.rejects() == [("sent/ticket.csv", 2, "last_solved_at", "expected not below created_at")]


def test_where_no_file_has_the_stages_a_ticket_is_closed_as_the_config_says_or_on_the_day_it_was(tmp_path):
    told = [
        {"Ticket ID": "5001", "Ticket status": "Erledigt", "Create date": "2026-02-01 08:00"},
        {"Ticket ID": "5002", "Ticket status": "Neu", "Create date": "2026-02-01 08:00"},
    ]
    closed = {**told[0], "Close date": "2026-02-03 10:00"}

    def found(name, *rows, **options):
        sent = {"tickets.csv": table(hubspot.SEEN_TICKET, *rows)}
        return ingested(tmp_path / name, sent, source("dashboard", **options), ["tickets"])

    by_name = found("a", *told, closed_ticket_stages=["Erledigt"])
    assert by_name.values("tickets", "ticket_id", "status") == [("5001", "closed"), ("5002", "open")]
    by_day = found("b", closed, told[1])
    assert by_day.values("tickets", "ticket_id", "status") == [("5001", "closed"), ("5002", "open")]
    silent = found("c", *told)
    assert [(line, column) for _, line, column, _ in silent.rejects()] == [(2, "status"), (3, "status")]


def test_the_doctor_knows_what_deals_and_tickets_fill_before_they_are_read(tmp_path):
    sent = {
        "deal.csv": table(hubspot.DEAL, deal()),
        "deal_company.csv": table(hubspot.DEAL_COMPANY, belongs("11")),
        "deal_pipeline_stage.csv": table(hubspot.DEAL_STAGE, *STAGES),
        "ticket.csv": table(hubspot.TICKET, ticket()),
        "ticket_company.csv": table(hubspot.TICKET_COMPANY, {"ticket_id": "5001", "company_id": "11"}),
        "ticket_pipeline_stage.csv": table(hubspot.TICKET_STAGE, *hubspot.TICKET_STAGES),
    }
    found = ingested(tmp_path, sent, source(**RENEWALS), ["renewals", "tickets"])
    company = found.company.project()
    told = filling(company, source_files(company.loaded, FORMS, company.folders.fetched))["it"]
    assert {name: columns & {"account_id", "outcome", "status"} for name, columns in told.items()} == {
        "renewals": {"account_id", "outcome"},
        "tickets": {"account_id", "status"},
    }
    assert {name: told[name] - found.exported(name) for name in told} == {"renewals": set(), "tickets": set()}


# --- the forms --------------------------------------------------------------------------------------------------------


def test_the_pipeline_of_a_stage_is_found_under_the_name_that_pipelines_have_it(tmp_path):
    form = form_of(VENDOR, WRITERS["airbyte"])
    places = form.raw["deal_stages"].places
    assert places is not None
    assert [(place.path, place.of) for place in places.columns["pipeline"]] == [
        (("pipeline",), "row"),
        (("pipelineId",), "record"),
        (("id",), "record"),
    ]


def test_no_address_of_staff_is_read():
    contracts: list[type[Contract]] = [kind.contract for kind in VENDOR.kinds.values()]
    spelled = {str(field.spelled) + field.name for contract in contracts for field in contract.fields()}
    assert not [names for names in spelled if "email" in names.replace("First agent email response date", "")]
