"""Two exports that say different things of one thing are refused by name, and two that use one id are not."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tests.frames import at
from tests.integration.small_company import Row, SmallCompany
from warehouse.errors import ExportError

Files = dict[str, dict[str, list[Row] | dict[str, list[Row]]]]
"""Of each source its tables, and of a table its rows, or its files with their rows."""
SETTINGS = {
    "company": "Twice",
    "as_of": "2024-04-30",
    "first_month": "2024-01-01",
    "history_from": "2024-01-01",
    "reporting": {"currency": "EUR"},
}
NOON = 1_714_564_800
"""2024-05-01 12:00 UTC."""


def company(folder: Path, sources: Files, **settings: Any) -> SmallCompany:
    """A company whose files were all written at one time."""
    told: dict[str, Any] = {}
    for source, tables in sources.items():
        names: dict[str, list[str]] = {}
        for table, given in tables.items():
            for name, lines in (given if isinstance(given, dict) else {f"{table}.csv": given}).items():
                path = folder / source / name
                path.parent.mkdir(parents=True, exist_ok=True)
                pl.DataFrame(lines).write_csv(path)
                os.utime(path, (NOON, NOON))
                names.setdefault(table, []).append(name)
        told[source] = {"form": "canonical", "folder": source, "files": names, **settings.get(source, {})}
    made = SmallCompany(folder)
    made.config.write_text(yaml.safe_dump({**SETTINGS, "sources": told}, sort_keys=False))
    return made


def staged(made: SmallCompany, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of a canonical table that was ingested."""
    return sorted(made.project().staged(table).select(columns).rows(), key=str)


def refused(made: SmallCompany) -> str:
    with pytest.raises(ExportError) as fault:
        made.ingest()
    return str(fault.value)


def invoice(number: str, amount: int, account: str = "1") -> Row:
    told = {"invoice_id": number, "account_id": account, "issued_on": "2024-02-01", "status": "open"}
    return {**told, "amount": amount, "currency": "EUR"}


def rate(value: str, month: str = "2024-01-01") -> Row:
    return {"month": month, "currency": "USD", "rate": value}


def link(account: str, rule: str = "domain") -> Row:
    return {"source": "billing", "source_account_id": "c", "account_id": account, "rule": rule}


def item(account: str, amount: int, **more: Any) -> Row:
    told = {"subscription_id": "1", "item_id": "I1", "account_id": account, "unit_amount": amount, "currency": "EUR"}
    return {**told, "interval_unit": "month", "started_on": "2024-01-01", **more}


def test_two_files_of_one_time_that_say_different_things_under_one_key_are_refused(tmp_path):
    files = {"north.csv": [invoice("7", 100), invoice("8", 5)], "south.csv": [invoice("7", 200)]}
    assert refused(company(tmp_path, {"billing": {"invoices": files}})) == (
        "invoices, of files exported at one time: billing/north.csv (source billing), line 2 and billing/south.csv"
        " (source billing), line 2 say different things of one invoice_id; correct one, or give the files the days of"
        " their exports in their names"
    )


def test_two_files_of_one_time_that_say_the_same_are_one_word(tmp_path):
    files = {"north.csv": [invoice("7", 100)], "south.csv": [invoice("7", 100)]}
    made = company(tmp_path, {"billing": {"invoices": files}})
    made.ingest(["invoices"])
    assert staged(made, "invoices", "invoice_id", "amount") == [("7", 100)]


def test_of_files_of_two_days_the_newer_speaks(tmp_path):
    files = {"i-2024-05-01.csv": [invoice("7", 100)], "i-2024-05-02.csv": [invoice("7", 200)]}
    made = company(tmp_path, {"billing": {"invoices": files}})
    made.ingest(["invoices"])
    assert staged(made, "invoices", "invoice_id", "amount") == [("7", 200)]


@pytest.mark.parametrize("version", [{}, {"valid_from": "2024-01-01"}], ids=["snapshots", "versions"])
def test_two_files_of_one_time_may_not_tell_two_stories_of_an_item(tmp_path, version):
    files = {"north.csv": [item("1", 100, **version)], "south.csv": [item("1", 200, **version)]}
    told = refused(company(tmp_path, {"billing": {"subscription_items": files}}))
    assert "north.csv (source billing), line 2 and billing/south.csv (source billing), line 2 say different" in told


def test_two_files_of_one_time_may_not_tell_two_stories_of_an_account(tmp_path):
    files = {name: [{"account_id": "1", "industry": name}] for name in ("a.csv", "b.csv")}
    assert "say different things of one account_id" in refused(company(tmp_path, {"crm": {"accounts": files}}))


def test_what_differs_in_older_exports_is_no_matter(tmp_path):
    """The newest word counts, and of that there is one."""
    older = {f"{name}-2024-05-01.csv": [invoice("7", amount)] for name, amount in (("a", 100), ("b", 200))}
    made = company(tmp_path, {"billing": {"invoices": {**older, "c-2024-05-02.csv": [invoice("7", 300)]}}})
    made.ingest(["invoices"])
    assert staged(made, "invoices", "invoice_id", "amount") == [("7", 300)]


def test_an_event_or_answer_that_two_files_of_one_time_tell_twice_is_no_contradiction(tmp_path):
    """Of the event the earliest counts, of the answers the last."""
    event = {"event_id": "1", "account_id": "1", "user_id": "u"}
    files = {f"{day}.csv": [{**event, "occurred_at": f"2024-02-0{day}T10:00:00Z"}] for day in (2, 1)}
    made = company(tmp_path, {"app": {"usage_events": files}})
    made.ingest(["usage_events"])
    assert staged(made, "usage_events", "occurred_at") == [(at("2024-02-01T10:00"),)]


@pytest.mark.parametrize(
    ("table", "same", "other"),
    [
        ("fx_rates", (rate("0.9"), rate("0.90")), rate("0.91")),
        ("account_links", (link("A"), link("A", "by hand")), link("B")),
    ],
    ids=["rates", "links"],
)
def test_two_sources_may_say_one_thing_twice_but_not_two_things(tmp_path, table, same, other):
    one, again = same
    twice = company(tmp_path / "twice", {"crm": {table: [one]}, "finance": {table: [again]}})
    twice.ingest([table])
    assert len(staged(twice, table, "exported_at")) == 1
    told = refused(company(tmp_path / "other", {"crm": {table: [one]}, "finance": {table: [other]}}))
    places = f"crm/{table}.csv (source crm), line 2 and finance/{table}.csv (source finance), line 2"
    assert told.startswith(f"{table}: {places} say different things of one ")


def test_a_file_belongs_to_one_source(tmp_path):
    made = company(tmp_path, {"billing": {"invoices": [invoice("7", 100)]}})
    written = yaml.safe_load(made.config.read_text())
    written["sources"]["again"] = {**written["sources"]["billing"], "files": {"invoices": ["*.csv"]}}
    made.config.write_text(yaml.safe_dump(written, sort_keys=False))
    assert refused(made) == (
        "the sources billing (billing/invoices.csv) and again (billing/invoices.csv) name one file; a file belongs to"
        " one source; take it out of the others"
    )


def test_an_account_that_is_called_like_one_of_another_crm_is_rejected(tmp_path):
    crms = {"crm": {"accounts": [{"account_id": "eu:1"}]}, "eu": {"accounts": [{"account_id": "1"}]}}
    made = company(tmp_path, crms)
    made.ingest(["accounts"])
    assert staged(made, "accounts", "account_id", "export_source") == [("eu:1", "eu")]
    assert made.frames(["quarantine"])["quarantine"]["source"].to_list() == ["crm"]


def test_two_sources_may_have_files_of_one_name(tmp_path):
    """`east/billing/invoices.csv` and `west/billing/invoices.csv`: each row is told as that of its own file."""
    made = company(tmp_path, {"east": {"invoices": [invoice("1", 100)]}, "west": {"invoices": [invoice("1", 200)]}})
    written = yaml.safe_load(made.config.read_text())
    for source in ("east", "west"):
        (tmp_path / source).rename(tmp_path / "billing")
        (tmp_path / source).mkdir()
        (tmp_path / "billing").rename(tmp_path / source / "billing")
        written["sources"][source]["folder"] = f"{source}/billing"
    (tmp_path / "west/billing/invoices.csv").write_text(
        "invoice_id,account_id,issued_on,status,amount,currency\n"
        "1,1,2024-02-01,open,200,EUR\n2,1,2024-02-01,open,much,EUR\n"
    )
    made.config.write_text(yaml.safe_dump(written, sort_keys=False))
    made.ingest(["invoices"])
    read = made.frames(["export_file", "quarantine"])
    counted = read["export_file"].select("source", "file", "rows_loaded", "rows_quarantined").sort("source").rows()
    assert counted == [("east", "billing/invoices.csv", 1, 0), ("west", "billing/invoices.csv", 1, 1)]
    assert read["quarantine"].select("source", "file", "line").rows() == [("west", "billing/invoices.csv", 3)]
    raw = (made.project().folders.quarantine / "invoices.csv").read_text().splitlines()
    assert len(raw) == 2
    assert "much" in raw[1]


MONEY = ("fct_mrr_account_month", "dim_account_month", "mrr", "arpa", "churn_rate")


def in_one(folder: Path, *order: str) -> SmallCompany:
    """Sources in this order, each with a CRM and a billing system."""
    sources: Files = {
        source: {
            "accounts": [{"account_id": "1", "industry": industry}],
            "subscription_items": [item("1", amount, valid_from="2024-01-01")],
            "invoices": [invoice("1", amount)],
        }
        for source, industry, amount in (("east", "Retail", 1_000), ("west", "Banking", 2_000))
    }
    return company(folder / "-".join(order), {source: sources[source] for source in order})


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """East and west, with what comes of money; nobody changes it."""
    both = in_one(tmp_path_factory.mktemp("both"), "east", "west")
    both.run(MONEY)
    return both


@pytest.mark.filterwarnings("ignore:.*none of 1 subscription items has ended")
class TestTwoCompaniesInOne:
    """Two sources, each with a CRM and a billing system, that number accounts, subscriptions and invoices from 1."""

    def test_mrr_and_accounts_are_those_of_both(self, both):
        assert both.value("mrr", "2024-01") == (3_000, None)
        assert both.value("arpa", "2024-02") == (1_500, None)
        assert both.value("churn_rate", "2024-02") == (0, None)

    @pytest.mark.parametrize("order", [("east", "west"), ("west", "east")], ids=["east first", "west first"])
    def test_whoever_is_first_in_the_config_keeps_its_ids_and_numbers_stay_the_same(self, both, tmp_path, order):
        named = f"{order[1]}:1"
        if order == ("east", "west"):
            one = both
        else:
            one = in_one(tmp_path, *order)
            one.ingest(["invoices"])
        assert staged(one, "accounts", "account_id") == [("1",), (named,)]
        told = {("1", 1_000 if order[0] == "east" else 2_000), (named, 1_000 if order[0] == "west" else 2_000)}
        assert set(staged(one, "invoices", "account_id", "amount")) == told

    def test_a_second_source_renames_no_account(self, both, tmp_path):
        alone = in_one(tmp_path, "east")
        alone.ingest(["accounts"])
        before = staged(alone, "accounts", "account_id", "industry")
        assert set(before) == {("1", "Retail")} < set(staged(both, "accounts", "account_id", "industry"))

    def test_a_link_that_comes_later_makes_the_two_accounts_one(self, both, tmp_path):
        linked = both.copy(tmp_path / "linked")
        assert linked.value("arpa", "2024-02") == (1_500, None)
        written = yaml.safe_load(linked.config.read_text())
        path = linked.folder / "east" / "account_links.csv"
        pl.DataFrame([{"source": "west", "source_account_id": "1", "account_id": "1"}]).write_csv(path)
        written["sources"]["east"]["files"]["account_links"] = "account_links.csv"
        linked.config.write_text(yaml.safe_dump(written, sort_keys=False))
        linked.run(MONEY)
        assert staged(linked, "accounts", "account_id", "industry") == [("1", "Retail")]
        assert linked.value("arpa", "2024-02") == (3_000, None)
