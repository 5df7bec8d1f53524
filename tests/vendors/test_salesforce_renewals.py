"""What Salesforce's opportunities and activities mean, on small files in the true headers of who writes them."""

import pytest

from tests.frames import day
from tests.vendors import salesforce_files as salesforce
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.salesforce_files import ACME, BOLT, RENEWALS, account, lines, opportunity, report, table
from warehouse.errors import ConfigError

WON, LOST, OPEN = "006q000000HddohAAB", "006q000000HdPzpAAF", "006q000000HdAaaAAF"
TERM = ("renewal_id", "term_started_on", "term_ended_on", "renewed_on", "outcome")
MONEY = ("renewal_id", "mrr_amount", "renewed_mrr_amount", "currency")


def source(written_by="fivetran", said=None, **options):
    return {"form": "salesforce", "written_by": written_by, "options": options, **(said or {})}


def made(tmp_path, *told, tables=("renewals",), options=RENEWALS, header=salesforce.OPPORTUNITY, **files) -> Ingested:
    """Tables of Fivetran's files; more of them by table, as (header, rows)."""
    sent = {"opportunity.csv": table(header, *told)}
    sent |= {f"{name}.csv": table(columns, *rows) for name, (columns, rows) in files.items()}
    return ingested(tmp_path, sent, source(**options), tables)


def lost(key=LOST, **changed):
    return opportunity(key, is_won="false", stage_name="Closed Lost", **changed)


def opened(key=OPEN, **changed):
    return opportunity(key, is_closed="false", is_won="false", stage_name="Negotiation", **changed)


# --- which and when ---------------------------------------------------------------------------------------------------


def test_what_became_of_a_renewal_it_says_itself_and_the_day_on_which_an_open_one_should_close_is_no_renewal(tmp_path):
    # What the org calls its stages says nothing where the flags do.
    told = [opportunity(stage_name="Closed Lost"), lost(), opened(close_date="2026-04-01 00:00:00")]
    found = made(tmp_path, *told)
    assert found.values("renewals", *TERM) == [
        (OPEN, day("2025-03-01"), day("2026-03-01"), None, "open"),
        (LOST, day("2025-03-01"), day("2026-03-01"), None, "lost"),
        (WON, day("2025-03-01"), day("2026-03-01"), day("2026-02-20"), "renewed"),
    ]


def test_renewals_are_of_the_types_that_the_config_names_and_without_a_word_none_is(tmp_path):
    told = [opportunity(), lost(type="Existing Customer - Renewal"), opened(type="New Business")]
    options = {**RENEWALS, "renewal_types": ["Renewal", "Existing Customer - Renewal"]}
    assert made(tmp_path / "a", *told, options=options).values("renewals", "renewal_id") == [(LOST,), (WON,)]
    silent = made(tmp_path / "b", *told, options={})
    assert silent.values("renewals", "renewal_id") == []
    assert silent.rejects() == []
    assert "renewals" not in silent.company.project().exported().columns


@pytest.mark.parametrize("named", ["Renewal deal", "Renewal_Deal", "0125500000AbCdEAAV", "0125500000AbCdE"])
def test_renewals_may_be_those_of_a_record_type_by_name_or_id(named, tmp_path):
    kinds = (
        salesforce.RECORD_TYPE,
        [
            {"id": "0125500000AbCdEAAV", "name": "Renewal deal", "developer_name": "Renewal_Deal"},
            {"id": "0125500000aBcDeAAK", "name": "Sale", "developer_name": "Sale"},
        ],
    )
    told = [
        opportunity(type="", record_type_id="0125500000AbCdEAAV"),
        lost(record_type_id="0125500000aBcDeAAK"),
        opened(record_type_id="0125500000AbCdE", type="Upsell"),
    ]
    options = {name: value for name, value in RENEWALS.items() if name != "renewal_types"}
    found = made(tmp_path / "a", *told, options={**options, "renewal_record_types": [named]}, record_type=kinds)
    assert found.values("renewals", "renewal_id") == [(OPEN,), (WON,)]
    both = {**options, "renewal_record_types": [named], "renewal_types": ["Upsell"]}
    assert made(tmp_path / "b", *told, options=both, record_type=kinds).values("renewals", "renewal_id") == [(OPEN,)]


def test_a_contract_ends_with_its_last_day_and_a_field_of_the_orgs_own_goes_before_it(tmp_path):
    contracts = (
        salesforce.CONTRACT,
        [
            {"id": "8005500000Xyy06AAB", "start_date": "2024-03-01", "end_date": "2026-02-28 00:00:00"},
        ],
    )
    told = [
        opportunity(renewal_date_c="", contract_id="8005500000Xyy06"),
        lost(renewal_date_c="2026-05-31", contract_id="8005500000Xyy06AAB"),
        opened(renewal_date_c="", contract_id="8005500000zzzzzAAA"),
    ]
    found = made(tmp_path / "a", *told, contract=contracts)
    assert found.values("renewals", *TERM[:3]) == [
        (LOST, day("2025-05-31"), day("2026-05-31")),
        (WON, day("2024-03-01"), day("2026-03-01")),
    ]
    # Nobody knows when the third is due, unless the config says that it is when it closes.
    assert [(line, column) for _, line, column, _ in found.rejects()] == [
        (4, "term_ended_on"),
        (4, "term_started_on"),
    ]
    options = {**RENEWALS, "due_is_last_day": True, "due_at_close": True}
    found = made(tmp_path / "b", *told, options=options, contract=contracts)
    assert found.values("renewals", *TERM[:3]) == [
        (OPEN, day("2025-02-20"), day("2026-02-20")),
        (LOST, day("2025-06-01"), day("2026-06-01")),
        (WON, day("2024-03-01"), day("2026-03-01")),
    ]


def test_the_contract_that_is_due_may_stand_in_a_column_of_the_orgs_own(tmp_path):
    contracts = (
        salesforce.CONTRACT,
        [
            {"id": "8005500000Xyy06AAB", "start_date": "2025-03-01", "end_date": "2026-02-28"},
            {"id": "8005500000Ygpq1AAB", "start_date": "2026-03-01", "end_date": "2027-02-28"},
        ],
    )
    told = opportunity(renewal_date_c="", contract_id="8005500000Ygpq1AAB", loss_comment_c="8005500000Xyy06")
    found = made(tmp_path, told, options={**RENEWALS, "contract_field": "loss_comment_c"}, contract=contracts)
    assert found.values("renewals", *TERM[:3]) == [(WON, day("2025-03-01"), day("2026-03-01"))]


def test_where_the_files_have_no_flags_the_config_says_what_stages_mean(tmp_path):
    header = "Opportunity ID,Account ID,Type,Stage,Amount,Close Date,Renewal Date"
    told = [
        {"Opportunity ID": key[:15], "Account ID": ACME[:15], "Type": "Renewal", "Stage": stage,
         "Close Date": "20/02/2026", "Renewal Date": "01/03/2026"}
        for key, stage in ((WON, "Gewonnen"), (LOST, "Verloren"), (OPEN, "Angebot"))
    ]  # fmt: skip
    sent = {"opportunity.csv": report(header, *told)}
    said = {"has_footer": True}
    options = {**RENEWALS, "due_field": "Renewal Date", "day_order": "day_first"}
    silent = ingested(tmp_path / "a", sent, source("dashboard", said, **options), ["renewals"])
    assert {column for _, _, column, _ in silent.rejects()} == {"outcome"}
    options |= {"won_stages": ["Gewonnen"], "lost_stages": ["Verloren"]}
    found = ingested(tmp_path / "b", sent, source("dashboard", said, **options), ["renewals"])
    assert found.rejects() == []
    assert found.values("renewals", "renewal_id", "outcome", "renewed_on", "term_ended_on") == [
        (OPEN, "open", None, day("2026-03-01")),
        (LOST, "lost", None, day("2026-03-01")),
        (WON, "renewed", day("2026-02-20"), day("2026-03-01")),
    ]


def test_a_report_and_an_export_of_the_api_tell_of_one_renewal_and_one_account(tmp_path):
    loaded = {"Id": WON, "AccountId": ACME, "Type": "Renewal", "IsClosed": "true", "IsWon": "true", "Amount": "12000.0",
              "CloseDate": "2026-02-20", "Renewal_Date__c": "2026-03-01",
              "SystemModstamp": "2026-02-20T08:00:00.000+0000"}  # fmt: skip
    seen = {"Opportunity ID": WON[:15], "Account ID": ACME[:15], "Type": "Renewal", "Closed": "1", "Won": "1",
            "Close Date": "20/02/2026"}  # fmt: skip
    sent = {
        "Opportunity-2026-10-30.csv": table(salesforce.LOADED_OPPORTUNITY, loaded),
        "opportunity-2026-10-29.csv": report(salesforce.SEEN_OPPORTUNITY, seen),
        "Account.csv": table(salesforce.LOADED_ACCOUNT, {"Id": ACME, "Name": "Acme"}),
    }
    options = {**RENEWALS, "due_field": "Renewal_Date__c", "day_order": "day_first"}
    said = source("dashboard", {"has_footer": True}, **options)
    found = ingested(tmp_path, sent, said, ["identities", "account_links", "accounts", "renewals"])
    assert found.rejects() == []
    assert found.values("renewals", "renewal_id", "account_id", "term_ended_on") == [(WON, ACME, day("2026-03-01"))]


def test_of_a_history_of_opportunities_the_active_version_counts_whatever_ends_it_is_given(tmp_path):
    ever, header = "9999-12-31 23:59:59", f"_fivetran_start,_fivetran_end,{salesforce.OPPORTUNITY}"
    told = [
        opened(WON, _fivetran_start="2026-01-01 08:00:00", _fivetran_end=ever, _fivetran_active="false"),
        opportunity(_fivetran_start="2026-02-20 08:00:00", _fivetran_end="2026-02-20 08:00:00"),
        lost(WON, _fivetran_start="2026-02-21 08:00:00", _fivetran_end=ever, _fivetran_active="FALSE"),
    ]
    found = made(tmp_path, *told, header=header)
    assert found.rejects() == []
    assert found.values("renewals", "renewal_id", "outcome") == [(WON, "renewed")]


def test_deleted_opportunities_are_no_renewals(tmp_path):
    found = made(tmp_path, opportunity(is_deleted="true"), lost())
    assert found.values("renewals", "renewal_id") == [(LOST,)]
    assert found.left_out("renewals") == {"tells_nothing": 1}


@pytest.mark.parametrize("spelling", ["20260220", "2026-02-20 09:00:00", "20 February 2026", "26-02-20"])
def test_what_is_no_day_is_refused_and_told(spelling, tmp_path):
    found = made(tmp_path, opportunity(close_date=spelling), lost())
    assert found.values("renewals", "renewal_id") == [(LOST,)]
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "close_date")]


@pytest.mark.parametrize("spelling", ["soon", "2026-02-30", "01/03/2026", "20260301"])
def test_a_due_day_that_nobody_can_read_is_none_and_no_other_day_stands_for_it(spelling, tmp_path):
    options = {**RENEWALS, "due_at_close": True}
    found = made(tmp_path, opportunity(renewal_date_c=spelling), lost(renewal_date_c=""), options=options)
    assert found.values("renewals", "renewal_id", "term_ended_on") == [(LOST, day("2026-02-20"))]


def test_days_of_the_bulk_api_are_milliseconds(tmp_path):
    # 1771545600 is 2026-02-20T00:00Z, 1772323200 is 2026-03-01T00:00Z.
    told = {"Id": WON, "AccountId": ACME, "Type": "Renewal", "IsClosed": True, "IsWon": True, "IsDeleted": False,
            "CloseDate": 1771545600000, "Renewal_Date__c": 1772323200000, "SystemModstamp": 1771570000000,
            "attributes": {"type": "Opportunity"}}  # fmt: skip
    options = {**RENEWALS, "due_field": "Renewal_Date__c"}
    found = ingested(tmp_path, {"Opportunity.jsonl": lines(told)}, source("api", **options), ["renewals"])
    assert found.rejects() == []
    assert found.values("renewals", *TERM[1:]) == [(day("2025-03-01"), day("2026-03-01"), day("2026-02-20"), "renewed")]


# --- amounts ----------------------------------------------------------------------------------------------------------


def test_amounts_are_of_a_term_and_the_prior_one_is_another_column(tmp_path):
    # 12,000.50 / 12 = 1,000.0416…, so 100,004 cents; 10,000 / 12 = 833.3333…, so 83,333 cents.
    told = [opportunity(amount="12000.50", prior_amount_c="10000"), lost(amount="12000", prior_amount_c="9000.0")]
    found = made(tmp_path, *told, options={**RENEWALS, "prior_amount_field": "prior_amount_c"})
    assert found.values("renewals", *MONEY) == [(LOST, 75_000, None, "EUR"), (WON, 83_333, 100_004, "EUR")]


def test_what_the_prior_term_was_worth_is_not_known_from_what_the_new_one_is_unless_the_config_says_so(tmp_path):
    told = [opportunity(), lost()]
    assert made(tmp_path / "a", *told).values("renewals", *MONEY) == [
        (LOST, None, None, "EUR"),
        (WON, None, 100_000, "EUR"),
    ]
    assert made(tmp_path / "b", *told, options={**RENEWALS, "amount_is_prior": True}).values("renewals", *MONEY) == [
        (LOST, 100_000, None, "EUR"),
        (WON, 100_000, 100_000, "EUR"),
    ]


def test_a_new_term_of_other_months_and_a_contracts_amount_are_divided_by_their_own(tmp_path):
    contracts = (
        salesforce.CONTRACT,
        [
            {"id": "8005500000Xyy06AAB", "end_date": "2026-02-28", "contract_term": "24", "value_c": "12000"},
            {"id": "8005500000Ygpq1AAB", "end_date": "2026-02-28", "value_c": "12000"},
        ],
    )
    told = [
        opportunity(amount="36000", months_c="36", contract_id="8005500000Xyy06AAB"),
        opportunity(LOST, months_c="", contract_id="8005500000Ygpq1AAB"),
    ]
    options = {**RENEWALS, "term_months_field": "months_c", "contract_amount_field": "value_c"}
    found = made(tmp_path, *told, options=options, contract=contracts)
    # 12,000 in 24 months are 500 a month; 36,000 in 36 are 1,000, as are 12,000 in 12.
    assert found.values("renewals", *MONEY) == [(LOST, 100_000, 100_000, "EUR"), (WON, 50_000, 100_000, "EUR")]


def test_an_org_of_one_currency_has_no_column_for_it(tmp_path):
    told = {name: value for name, value in opportunity().items() if name != "currency_iso_code"}
    found = made(tmp_path / "a", told, header=salesforce.ONE_CURRENCY)
    assert found.values("renewals", *MONEY) == [(WON, None, 100_000, "EUR")]
    silent = {name: value for name, value in RENEWALS.items() if name != "currency"}
    found = made(tmp_path / "b", told, header=salesforce.ONE_CURRENCY, options=silent)
    assert found.values("renewals", *MONEY) == [(WON, None, None, None)]
    assert not found.exported("renewals") & {"currency", "mrr_amount", "renewed_mrr_amount"}
    # A yen has no smaller unit: 12,000 in 12 months are 1,000.
    found = made(tmp_path / "c", opportunity(currency_iso_code="jpy"))
    assert found.values("renewals", *MONEY) == [(WON, None, 1_000, "JPY")]


def test_an_amount_with_a_sign_between_thousands_is_refused(tmp_path):
    found = made(tmp_path, opportunity(amount="12,000.00"), lost())
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "amount")]


@pytest.mark.parametrize(
    "options",
    [
        {"renewal_types": ["Renewal"]},
        {"renewal_types": ["Renewal"], "term_months": 0},
        {"currency": "euro"},
        {"loss_reason_field": "x"},
        {"day_order": "year_first"},
        {"types": ["Renewal"]},
    ],
)
def test_a_config_that_means_nothing_is_refused(options, tmp_path):
    with pytest.raises(ConfigError, match=r"sources\.it\.options"):
        made(tmp_path, opportunity(), options=options)


# --- reasons of churn -------------------------------------------------------------------------------------------------


def test_a_lost_renewal_that_says_why_is_a_reason_of_churn_on_the_day_it_was_due(tmp_path):
    told = [
        lost(loss_reason_c="Price", loss_comment_c="Too dear"),
        opportunity(loss_reason_c="Price"),
        lost("006q000000HdBbbAAF"),
        lost("006q000000HdCccAAF", type="New Business", loss_reason_c="Price"),
    ]
    options = {**RENEWALS, "loss_reason_field": "loss_reason_c", "loss_comment_field": "loss_comment_c"}
    found = made(tmp_path / "a", *told, tables=["churn_events"], options=options)
    assert found.values("churn_events", "churn_event_id", "account_id", "churned_on", "reason", "comment") == [
        (LOST, ACME, day("2026-03-01"), "Price", "Too dear")
    ]
    silent = made(tmp_path / "b", *told, tables=["churn_events"])
    assert silent.values("churn_events", "churn_event_id") == []
    undated = lost(loss_reason_c="Price", renewal_date_c="")
    found = made(tmp_path / "c", undated, tables=["churn_events"], options=options)
    assert found.values("churn_events", "churned_on", "reason") == [(day("2026-02-20"), "Price")]


# --- reviews ----------------------------------------------------------------------------------------------------------


REVIEWS = {"review_types": ["EBR"], "review_subjects": ["QBR", "business review"]}
HELD = ("activity_id", "account_id", "kind", "due_on", "held_on")


def reviews(tmp_path, events=(), tasks=(), options=REVIEWS, **files) -> Ingested:
    sent = {"event.csv": table(salesforce.EVENT, *events), "task.csv": table(salesforce.TASK, *tasks)}
    sent |= {f"{name}.csv": table(header, *rows) for name, (header, rows) in files.items()}
    return ingested(tmp_path, sent, source(**options), ["csm_activities"])


def event(number, **changed):
    return {"id": f"00U55000000000{number}AAA", "account_id": ACME, "subject": "QBR Acme",
            "activity_date": "2026-02-10", **changed}  # fmt: skip


def task(number, **changed):
    return {"id": f"00T55000000000{number}AAA", "account_id": ACME, "type": "EBR", "activity_date": "2026-02-10",
            **changed}  # fmt: skip


def test_an_event_is_held_on_its_day_and_was_due_on_none(tmp_path):
    # A quarter past eleven in the evening in UTC is the next day in Berlin.
    events = [event(1), event(2, activity_date="2026-02-11", activity_date_time="2026-02-11 23:15:00")]
    found = reviews(tmp_path, events)
    assert found.values("csm_activities", *HELD) == [
        ("00U550000000001AAA", ACME, "review", None, day("2026-02-10")),
        ("00U550000000002AAA", ACME, "review", None, day("2026-02-12")),
    ]


def test_a_task_is_due_on_its_day_and_held_when_it_is_done(tmp_path):
    tasks = [
        task(1, is_closed="true", completed_date_time="2026-02-14 23:30:00"),
        task(2, is_closed="true"),
        task(3, is_closed="false"),
    ]
    found = reviews(tmp_path, tasks=tasks)
    assert found.values("csm_activities", "due_on", "held_on") == [
        (day("2026-02-10"), None),
        (day("2026-02-10"), day("2026-02-10")),
        (day("2026-02-10"), day("2026-02-15")),
    ]


def test_reviews_are_of_the_types_and_with_the_words_that_the_config_names(tmp_path):
    events = [
        event(1, subject="Annual Business Review 2026"),
        event(2, subject="the qbr"),
        event(3, subject="QBRS planning"),
        event(4, subject="Lunch", type="EBR"),
        event(5, subject="Lunch", type="Call"),
    ]
    found = reviews(tmp_path / "a", events)
    assert [key[14] for (key,) in found.values("csm_activities", "activity_id")] == ["1", "2", "4"]
    silent = reviews(tmp_path / "b", events, options={})
    assert silent.values("csm_activities", "activity_id") == []


def test_copies_for_the_invited_series_and_deleted_events_are_no_reviews(tmp_path):
    events = [event(1), event(2, is_child="true"), event(3, is_recurrence="true"), event(4, is_deleted="true")]
    found = reviews(tmp_path, events)
    assert found.values("csm_activities", "activity_id") == [("00U550000000001AAA",)]


def test_what_an_event_is_about_may_tell_the_account(tmp_path):
    events = [
        event(1, account_id="", what_id=BOLT[:15]),
        event(2, account_id="", what_id=WON),
        event(3, account_id="", what_id="a015500000Xyy06AAB"),
    ]
    told = salesforce.OPPORTUNITY, [opportunity(account_id=BOLT)]
    accounts = salesforce.ACCOUNT, [account(BOLT)]
    found = reviews(tmp_path, events, opportunity=told, account=accounts)
    assert found.values("csm_activities", "activity_id", "account_id") == [
        ("00U550000000001AAA", BOLT),
        ("00U550000000002AAA", BOLT),
        ("00U550000000003AAA", "(unknown)"),
    ]
