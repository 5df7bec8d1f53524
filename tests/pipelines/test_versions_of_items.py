"""Versions of subscription items, from the files as they are sent to the staged table and the MRR that it makes."""

import datetime as dt
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import pipelines.ingest.raw_rows
from pipelines.ingest.canonical_tables import ingest_table, land_all
from pipelines.ingest.notices import ExportWarning
from pipelines.ingest.resolved import FIRST
from pipelines.months.dimensions import sights
from pipelines.project import Project
from schemas.billing import FxRates, SubscriptionItems
from tests.frames import day, months, mrr_of
from transforms.visible import held, seen_on
from warehouse.errors import ExportError
from warehouse.folders import Folders
from warehouse.landed import landed_files

COLUMNS = (
    "subscription_id", "item_id", "valid_from", "account_id", "quantity", "unit_amount", "line_amount", "currency",
    "interval_unit", "started_on", "ended_on", "changed_at",
)  # fmt: skip
Files = Mapping[str, list[dict[str, Any]]]


def item(**said: Any) -> dict[str, Any]:
    """A row of a file: an item of account A, 100.00 EUR a month from 10 January 2024."""
    return {
        "subscription_id": "S1",
        "item_id": "I1",
        "account_id": "A",
        "unit_amount": 100_00,
        "currency": "EUR",
        "interval_unit": "month",
        "started_on": "2024-01-10",
        **said,
    }


TODAYS = {"form": "canonical", "folder": "finance", "files": {"costs": "costs.csv"}}
"""A file of today, so that days after the exports of items in these examples are covered by an export, too."""


class Billing:
    """A billing source in a folder."""

    def __init__(self, folder: Path, files: str = "items*.csv", as_of: str = "2024-06-30", **source: Any) -> None:
        self.folder = folder
        settings = {"form": "canonical", "folder": "billing", "files": {"subscription_items": files}, **source}
        self.configure(as_of, settings)

    def configure(self, as_of: str, source: dict[str, Any]) -> None:
        config = {
            "company": "Of items",
            "as_of": as_of,
            "first_month": "2024-01-01",
            "history_from": "2024-01-01",
            "reporting": {"currency": "EUR"},
            "sources": {"billing": source, "finance": TODAYS},
        }
        (self.folder / "company.yaml").write_text(yaml.safe_dump(config))

    def send(self, files: Files, without: tuple[str, ...] = ()) -> "Billing":
        """Files with the columns that their rows name."""
        for name in ("billing", "finance"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "finance" / "costs.csv").write_text(
            "month,category,amount,currency\n2024-01-01,support,100,EUR\n"
        )
        for name, rows in files.items():
            names = [c for c in COLUMNS if c not in without and any(c in row for row in rows)]
            lines = [",".join("" if row.get(c) is None else str(row[c]) for c in names) for row in rows]
            (self.folder / "billing" / name).write_text("\n".join([",".join(names), *lines]) + "\n")
        return self

    def ingest(self) -> pl.DataFrame:
        """The staged table after another run, as as_of knows it."""
        project = Project(self.folder / "company.yaml", self.folder / "data")
        with project.database.kept_open():
            _, as_of = land_all(project)
            for table in (*FIRST, "subscription_items"):
                ingest_table(project, table, as_of, "test", sights(project, as_of)(table))
        self.columns = project.exported().columns["subscription_items"]
        self.quarantined = project.database.read("quarantine")
        staged = project.staged("subscription_items")
        return held(seen_on(staged, SubscriptionItems, as_of, "UTC"), SubscriptionItems)

    def quietly(self) -> pl.DataFrame:
        """The same, with what it warns of in `told`."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            staged = self.ingest()
        self.told = [str(each.message) for each in caught if each.category is ExportWarning]
        return staged


def closings(staged: pl.DataFrame, last: str = "2024-06") -> dict[str, int]:
    """Closing MRR by month, over all accounts."""
    made = mrr_of(staged, FxRates.blank(), months("2024-01", last), dt.date(2099, 1, 1))
    summed = made.group_by("month").agg(pl.col("closing_cents").sum()).sort("month")
    return {f"{month:%Y-%m}": cents for month, cents in summed.rows() if cents}


class TestSeveralVersionsOfOneDay:
    morning = item(valid_from="2024-02-10", quantity=8, changed_at="2024-02-10T09:00:00Z")
    evening = item(valid_from="2024-02-10", quantity=6, changed_at="2024-02-10T18:30:00+01:00")
    first = item(valid_from="2024-01-10", quantity=5)

    def test_the_one_that_was_changed_last_speaks(self, tmp_path):
        staged = Billing(tmp_path).send({"items.csv": [self.first, self.evening, self.morning]}).quietly()
        assert closings(staged, "2024-03") == {"2024-01": 500_00, "2024-02": 600_00, "2024-03": 600_00}

    def test_without_the_instant_nobody_can_tell_and_none_counts(self, tmp_path):
        billing = Billing(tmp_path)
        untimed = [{**row, "changed_at": None} for row in (self.morning, self.evening)]
        staged = billing.send({"items.csv": [self.first, *untimed]}).quietly()
        assert closings(staged, "2024-03") == {"2024-01": 500_00, "2024-02": 500_00, "2024-03": 500_00}
        assert sorted(billing.quarantined["line"]) == [3, 4]


class TestPrices:
    def test_a_price_has_decimals_and_a_tiered_line_has_an_amount_of_its_own(self, tmp_path):
        # 10,000 calls at half a cent are 50.00; 15 users in a package of 90.00 a month.
        calls = item(quantity=10_000, unit_amount="0.5")
        package = item(subscription_id="S2", unit_amount=None, quantity=15, line_amount=90_00)
        staged = Billing(tmp_path).send({"items.csv": [calls, package]}).quietly()
        assert closings(staged, "2024-01") == {"2024-01": 140_00}

    def test_a_file_of_whole_lines_alone_needs_no_column_of_unit_prices(self, tmp_path):
        line = item(line_amount=90_00)
        staged = Billing(tmp_path).send({"items.csv": [line]}, without=("unit_amount",)).quietly()
        assert closings(staged, "2024-01") == {"2024-01": 90_00}

    def test_a_file_with_neither_is_refused_by_name(self, tmp_path):
        billing = Billing(tmp_path).send({"items.csv": [item()]}, without=("unit_amount",))
        with pytest.raises(ExportError, match=r"items\.csv: the column unit_amount or line_amount is missing"):
            billing.quietly()


class TestVersionsInSeveralFiles:
    """As of a source that sends what changed in a month, or a dump in pieces."""

    begun = item(valid_from="2024-01-10", unit_amount=10_00)
    dearer = item(valid_from="2024-06-15", unit_amount=15_00)
    between = item(valid_from="2024-04-15", unit_amount=12_00)
    told = {**dict.fromkeys(("2024-01", "2024-02", "2024-03"), 10_00), "2024-04": 12_00, "2024-05": 12_00}

    @pytest.mark.parametrize("apart", ["begun", "between", "dearer"])
    def test_which_version_is_the_first_is_seen_over_all_files(self, tmp_path, apart):
        """Whichever of the versions lies in a file of its own."""
        alone = getattr(self, apart)
        others = [each for each in (self.begun, self.between, self.dearer) if each is not alone]
        staged = Billing(tmp_path).send({"items_1.csv": others, "items_2.csv": [alone]}).quietly()
        assert closings(staged) == {**self.told, "2024-06": 15_00}

    def test_a_version_in_two_files_is_that_of_the_newer_one(self, tmp_path):
        old = {"items-2024-05-01.csv": [self.begun, self.between], "items-2024-06-20.csv": [self.dearer]}
        corrected = {**old, "items-2024-06-25.csv": [{**self.between, "unit_amount": 13_00}]}
        staged = Billing(tmp_path).send(corrected).quietly()
        assert closings(staged)["2024-05"] == 13_00
        assert not staged.select("subscription_id", "item_id", "valid_from").is_duplicated().any()

    def test_a_version_without_a_day_is_the_one_of_the_start_also_in_another_file(self, tmp_path):
        undated = {**self.begun, "valid_from": None, "unit_amount": 9_00}
        files = {"items-2024-05-01.csv": [self.begun, self.between], "items-2024-06-20.csv": [undated, self.dearer]}
        staged = Billing(tmp_path).send(files).quietly()
        assert closings(staged) == {**self.told, "2024-01": 9_00, "2024-02": 9_00, "2024-03": 9_00, "2024-06": 15_00}

    @pytest.mark.parametrize("ended_on", [None, "2024-08-01"])
    def test_a_version_that_a_newer_whole_dump_leaves_out_is_withdrawn(self, tmp_path, ended_on):
        """It repeats the first version, which didn't change but for the end of its item: no file of changes does."""
        newer = [{**version, "ended_on": ended_on} for version in (self.begun, self.dearer)]
        dumps = {"items-2024-06-20.csv": [self.begun, self.between, self.dearer], "items-2024-06-25.csv": newer}
        staged = Billing(tmp_path).send(dumps).quietly()
        assert closings(staged) == {**dict.fromkeys(self.told, 10_00), "2024-06": 15_00}

    def test_and_a_version_of_another_item_or_another_series_is_not(self, tmp_path):
        other = [item(item_id="I2", valid_from=since, unit_amount=1_00) for since in ("2024-01-10", "2024-03-01")]
        files = {"items-2024-06-20.csv": [self.begun, self.between, *other], "items-2024-06-25.csv": [self.begun]}
        files |= {"items_us-2024-06-26.csv": [other[0]]}
        staged = Billing(tmp_path).send(files).quietly()
        versions = sorted(staged.select("item_id", "valid_from").rows())
        assert versions == [("I1", day("2024-01-10")), ("I2", day("2024-01-10")), ("I2", day("2024-03-01"))]

    def test_a_change_that_only_a_later_export_of_the_present_shows_is_added(self, tmp_path):
        """The history was exported once, in May; since then the source sends the present."""
        present = {name: value for name, value in self.begun.items() if name != "valid_from"}
        billing = Billing(tmp_path).send({"items-2024-05-01.csv": [self.begun, self.between]})
        billing.send({"items-2024-06-16.csv": [{**present, "unit_amount": 15_00}]})
        staged = billing.quietly()
        assert closings(staged) == {**self.told, "2024-06": 15_00}
        assert any("newest export tells no versions" in notice for notice in billing.told)
        assert "valid_from" in billing.columns

    def test_a_file_that_tells_no_versions_any_more_takes_none_back(self, tmp_path):
        """The same file, sent again without the column."""
        billing = Billing(tmp_path, as_of="2024-12-31")
        billing.send({"items.csv": [self.begun, self.between]}).quietly()
        present = {name: value for name, value in self.between.items() if name != "valid_from"}
        staged = billing.send({"items.csv": [present]}).quietly()
        assert closings(staged, "2024-05") == self.told


class TestSnapshots:
    """Exports of the present, each of the day in its name."""

    def test_a_change_speaks_from_the_last_complete_day_before_the_export(self, tmp_path):
        """The export of 1 April shows what 31 March closed with."""
        one, three = item(quantity=1), item(quantity=3)
        files = {"items-2024-02-01.csv": [one], "items-2024-03-01.csv": [one], "items-2024-04-01.csv": [three]}
        staged = Billing(tmp_path).send(files).quietly()
        assert closings(staged, "2024-04") == {
            "2024-01": 100_00,
            "2024-02": 100_00,
            "2024-03": 300_00,
            "2024-04": 300_00,
        }

    def test_a_change_that_the_newest_export_shows_is_seen_on_the_day_that_this_export_speaks_for(self, tmp_path):
        files = {"items-2024-03-10.csv": [item()], "items-2024-04-01.csv": [item(quantity=2)]}
        staged = Billing(tmp_path, as_of="2024-03-31").send(files).quietly()
        assert closings(staged, "2024-03")["2024-03"] == 200_00

    def test_two_pieces_of_one_day_are_one_snapshot_and_no_history(self, tmp_path):
        billing = Billing(tmp_path)
        billing.send({"items-a-2024-02-01.csv": [item()], "items-b-2024-02-01.csv": [item(subscription_id="S2")]})
        staged = billing.quietly()
        assert closings(staged, "2024-01") == {"2024-01": 200_00}
        assert "valid_from" not in billing.columns
        assert staged["valid_from"].null_count() == 2
        billing.send({"items-a-2024-03-01.csv": [item()]}).quietly()
        assert "valid_from" in billing.columns


class TestWhatALaterSnapshotLeavesOut:
    both = [item(), item(subscription_id="S2", account_id="B", unit_amount=250_00, interval_unit="quarter")]
    ended = item(subscription_id="S3", ended_on="2024-01-31")
    first, later = "items-2024-02-01.csv", "items-2024-03-15.csv"

    def sent(self, folder: Path, **source: Any) -> Billing:
        return Billing(folder, **source).send({self.first: [*self.both, self.ended], self.later: [item(), self.ended]})

    def test_is_kept_with_a_warning_that_says_how_many_and_how_much(self, tmp_path):
        billing = self.sent(tmp_path)
        with pytest.warns(ExportWarning, match=r"^billing: 1 items .* leaves out, with 83\.33 EUR a month, are kept"):
            staged = billing.ingest()
        assert closings(staged, "2024-04")["2024-04"] == 183_33

    def test_ends_on_the_day_that_the_snapshot_speaks_for_where_the_source_says_so(self, tmp_path):
        billing = self.sent(tmp_path, vanished="ended")
        staged = billing.quietly()
        assert billing.told == []
        assert closings(staged, "2024-04") == {
            "2024-01": 183_33,
            "2024-02": 183_33,
            "2024-03": 100_00,
            "2024-04": 100_00,
        }
        assert staged.filter(subscription_id="S2")["ended_on"].to_list() == [day("2024-03-14")]

    def test_of_an_export_of_the_first_is_gone_at_the_end_of_the_month_before(self, tmp_path):
        billing = Billing(tmp_path, vanished="ended")
        staged = billing.send({self.first: self.both, "items-2024-04-01.csv": [item()]}).quietly()
        assert closings(staged, "2024-03")["2024-03"] == 100_00

    def test_and_had_ended_before_is_no_surprise(self, tmp_path):
        billing = Billing(tmp_path).send({self.first: [item(), self.ended], self.later: [item(), item(**ENDED_S4)]})
        staged = billing.quietly()
        assert billing.told == []
        assert staged.filter(subscription_id="S3")["ended_on"].to_list() == [day("2024-01-31")]

    def test_and_a_still_later_one_shows_again_never_ended(self, tmp_path):
        billing = self.sent(tmp_path, vanished="ended").send({"items-2024-05-01.csv": [*self.both, self.ended]})
        assert closings(billing.ingest(), "2024-05")["2024-05"] == 183_33

    def test_is_not_what_another_file_of_the_source_shows_that_did_not_change(self, tmp_path):
        """One file a region; that of the second didn't change and is not landed again."""
        billing = Billing(tmp_path, vanished="ended")
        billing.send({"items_eu-2024-02-01.csv": [self.both[0]], "items_us-2024-02-01.csv": [self.both[1]]})
        staged = billing.send({"items_eu-2024-03-01.csv": [item(quantity=2)]}).quietly()
        assert closings(staged, "2024-03")["2024-03"] == 283_33


ENDED_S4 = {"subscription_id": "S4", "ended_on": "2024-01-20"}


class TestARowThatIsRejected:
    """It is in the export: what it said nobody knows, but nothing ends and nothing is withdrawn for it."""

    both = TestWhatALaterSnapshotLeavesOut.both
    first, later, last = "items-2024-02-01.csv", "items-2024-03-15.csv", "items-2024-05-01.csv"
    begun, between, dearer = (
        TestVersionsInSeveralFiles.begun,
        TestVersionsInSeveralFiles.between,
        TestVersionsInSeveralFiles.dearer,
    )
    told = {**TestVersionsInSeveralFiles.told, "2024-06": 15_00}

    def test_is_not_left_out_of_its_snapshot(self, tmp_path):
        wrong = [{**self.both[1], "quantity": -1}]
        billing = Billing(tmp_path, vanished="ended").send({self.first: self.both, self.later: [item(), *wrong]})
        staged = billing.quietly()
        assert closings(staged, "2024-04") == dict.fromkeys(("2024-01", "2024-02", "2024-03", "2024-04"), 183_33)
        assert billing.told == [
            "billing: 1 rows of subscription items were rejected (billing/items-2024-03-15.csv, line 3); what earlier "
            "files told of these items stays, and none of them ends or loses a version for it; mend those rows"
        ]

    def test_is_not_left_out_where_two_rows_contradict_each_other(self, tmp_path):
        two = [self.both[1], {**self.both[1], "unit_amount": 1}]
        billing = Billing(tmp_path, vanished="ended").send({self.first: self.both, self.later: [item(), *two]})
        assert closings(billing.quietly(), "2024-03")["2024-03"] == 183_33

    @pytest.mark.parametrize(
        "lost",
        [
            {"item_id": " "},
            {"subscription_id": None},
            {"item_id": None, "quantity": "abc"},
            {"item_id": " I1", "quantity": "abc"},
            {"subscription_id": "NULL", "started_on": "x"},
        ],
    )
    def test_of_which_nobody_can_tell_the_item_lets_none_of_its_snapshot_end(self, tmp_path, lost):
        files = {self.first: self.both, self.later: [item(), {**self.both[1], **lost}]}
        assert closings(Billing(tmp_path, vanished="ended").send(files).quietly(), "2024-03")["2024-03"] == 183_33

    def test_and_another_row_that_is_left_out_ends(self, tmp_path):
        third = item(subscription_id="S3", unit_amount=1_00)
        wrong = [{**self.both[1], "quantity": -1}]
        files = {self.first: [*self.both, third], self.later: [item(), *wrong]}
        staged = Billing(tmp_path, vanished="ended").send(files).quietly()
        assert staged.filter(subscription_id="S3")["ended_on"].to_list() == [day("2024-03-14")]
        assert staged.filter(subscription_id="S2")["ended_on"].to_list() == [None]

    @pytest.mark.parametrize("shown", [True, False])
    def test_is_as_its_mended_snapshot_says(self, tmp_path, shown):
        wrong = [{**self.both[1], "quantity": -1}]
        billing = Billing(tmp_path, vanished="ended").send({self.first: self.both, self.later: [item(), *wrong]})
        billing.quietly()
        staged = billing.send({self.last: self.both if shown else [item()]}).quietly()
        assert staged.filter(subscription_id="S2")["ended_on"].to_list() == [None if shown else day("2024-04-30")]

    @pytest.mark.parametrize("names", [("items-2024-06-20.csv", "items-2024-06-25.csv"), ("items.csv", "items.csv")])
    def test_is_no_version_that_a_newer_dump_withdraws(self, tmp_path, names):
        billing = Billing(tmp_path, as_of="2024-06-30" if names[0] != names[1] else "2024-12-31")
        billing.send({names[0]: [self.begun, self.between, self.dearer]}).quietly()
        wrong = {**self.between, "quantity": -1}
        staged = billing.send({names[1]: [self.begun, wrong, self.dearer]}).quietly()
        assert closings(staged) == self.told
        staged = billing.send({names[1]: [self.begun, self.dearer, item(valid_from="2024-06-16")]}).quietly()
        assert closings(staged) == {**dict.fromkeys(self.told, 10_00), "2024-06": 100_00}

    def test_stays_though_the_dump_that_told_of_it_is_sent_no_more(self, tmp_path):
        """Vendors that keep the newest dump take the older one away."""
        second = item(subscription_id="S2", valid_from="2024-01-10")
        first, later, last = "items-2024-06-20.csv", "items-2024-06-25.csv", "items-2024-06-27.csv"
        billing = Billing(tmp_path).send({first: [self.begun, self.between, self.dearer, second]})
        whole = closings(billing.quietly())
        wrong = [{**each, "quantity": -1} for each in (self.between, second)]
        for name, before in ((later, first), (last, later)):
            (tmp_path / "billing" / before).unlink()
            staged = billing.send({name: [self.begun, wrong[0], self.dearer, wrong[1]]}).quietly()
            assert closings(staged) == whole
        (tmp_path / "billing" / last).unlink()
        staged = billing.send({"items-2024-06-28.csv": [self.begun, self.dearer]}).quietly()
        assert closings(staged) == {**dict.fromkeys(self.told, 10_00), "2024-06": 15_00}

    @pytest.mark.parametrize("wrong", [{"interval_unit": "eon"}, {"interval_unit": "eon", "item_id": None}])
    def test_of_a_first_dump_leaves_what_snapshots_showed(self, tmp_path, wrong):
        billing = Billing(tmp_path)
        billing.send({"items-2024-02-01.csv": [item()], "items-2024-04-01.csv": [item(quantity=2)]}).quietly()
        dump = [item(valid_from="2024-01-10"), item(valid_from="2024-03-31", quantity=2)]
        staged = billing.send({"items-2024-06-20.csv": [{**dump[0], **wrong}, dump[1]]}).quietly()
        told = {
            "2024-01": 100_00,
            "2024-02": 100_00,
            **dict.fromkeys(("2024-03", "2024-04", "2024-05", "2024-06"), 200_00),
        }
        assert closings(staged) == told
        assert closings(billing.send({"items-2024-06-25.csv": dump}).quietly()) == told

    def test_is_no_header_that_stands_again(self, tmp_path):
        """Nothing but headers is no row, and a header among rows is none that an item could be in."""
        billing = Billing(tmp_path, vanished="ended").send({self.first: self.both}).send({self.later: [item()]})
        path = tmp_path / "billing" / self.later
        header, row = path.read_text().splitlines()
        path.write_text(f"{header}\n{header}\n{row}\n")
        staged = billing.quietly()
        assert staged.filter(subscription_id="S2")["ended_on"].to_list() == [day("2024-03-14")]
        assert billing.told == []
        path.write_text(f"{header}\n{header}\n")
        with pytest.raises(ExportError, match="there is no row below the header"):
            billing.ingest()

    def test_keeps_no_version_of_another_item(self, tmp_path):
        other = [item(item_id="I2", valid_from=since, unit_amount=1_00) for since in ("2024-01-10", "2024-03-01")]
        wrong = {**self.dearer, "quantity": -1}
        dumps = {
            "items-2024-06-20.csv": [self.begun, self.dearer, *other],
            "items-2024-06-25.csv": [self.begun, wrong, other[0]],
        }
        staged = Billing(tmp_path).send(dumps).quietly()
        versions = sorted(staged.select("item_id", "valid_from").rows())
        assert versions == [("I1", day("2024-01-10")), ("I1", day("2024-06-15")), ("I2", day("2024-01-10"))]


class TestAFileAtWhichTheProgramFails:
    """Of an export of items that nobody could read nothing is in the history, whatever it was that went wrong."""

    def fail(self, monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
        """Whenever a row of S9 is looked at."""
        whole = pipelines.ingest.raw_rows.validate

        def validating(rows: pl.DataFrame, *others: Any) -> Any:
            if "S9" in rows["subscription_id"]:
                raise fault
            return whole(rows, *others)

        monkeypatch.setattr(pipelines.ingest.raw_rows, "validate", validating)

    @pytest.mark.parametrize("fault", [KeyError("S9"), pl.exceptions.PanicException("S9")], ids=["fault", "panic"])
    def test_is_told_and_hinders_no_later_run_once_it_is_mended(self, tmp_path, monkeypatch, fault):
        self.fail(monkeypatch, fault)
        billing = Billing(tmp_path).send({"items-2024-02-01.csv": [item()]})
        billing.quietly()
        billing.send({"items-2024-03-01.csv": [item(subscription_id="S9")]})
        with pytest.raises(ExportError, match=f"^billing/items-2024-03-01.csv: .* {type(fault).__name__}, .*fault of"):
            billing.ingest()
        (listed,) = [file for file in landed_files(Folders(tmp_path / "data")) if file.problem]
        assert listed.name == "billing/items-2024-03-01.csv" and "S9" not in listed.problem
        staged = billing.send({"items-2024-03-01.csv": [item(quantity=2)]}).quietly()
        assert closings(staged, "2024-02") == {"2024-01": 100_00, "2024-02": 200_00}

    def test_is_not_what_the_machine_failed_at(self, tmp_path, monkeypatch):
        """It may be read the next time; left out of the history it would be missing without a word."""
        self.fail(monkeypatch, OSError(5, "Input/output error"))
        billing = Billing(tmp_path).send({"items-2024-03-01.csv": [item(subscription_id="S9")]})
        with pytest.raises(OSError, match="Input"):
            billing.ingest()
        assert not [file for file in landed_files(Folders(tmp_path / "data")) if file.problem]


class TestAnExportWithoutAnEndedItem:
    def test_is_warned_about(self, tmp_path):
        with pytest.warns(ExportWarning, match="^billing: none of 1 subscription items has ended"):
            Billing(tmp_path).send({"items.csv": [item()]}).ingest()

    def test_is_no_surprise_where_one_has_ended_or_the_source_leaves_them_out(self, tmp_path):
        for name, source, items in (("one", {}, [item(), item(**ENDED_S4)]), ("two", {"vanished": "ended"}, [item()])):
            (tmp_path / name).mkdir()
            billing = Billing(tmp_path / name, **source).send({"items.csv": items})
            billing.quietly()
            assert billing.told == []


class TestVersionsThatTellDifferentEnds:
    """A table of what was known when: each version tells the end that was known then."""

    begun = item(valid_from="2024-01-10", ended_on=None)
    in_time = item(valid_from="2024-03-20", ended_on="2024-03-28")
    late = item(valid_from="2024-04-03", ended_on="2024-03-28")

    @pytest.mark.parametrize("last", ["in_time", "late"])
    def test_the_item_ends_when_the_last_version_says_so(self, tmp_path, last):
        """Also where it was told only in the month after."""
        staged = Billing(tmp_path).send({"items.csv": [self.begun, getattr(self, last)]}).quietly()
        assert closings(staged) == {"2024-01": 100_00, "2024-02": 100_00}

    def test_an_end_that_was_taken_back_is_none(self, tmp_path):
        back = item(valid_from="2024-03-25", ended_on=None)
        staged = Billing(tmp_path).send({"items.csv": [self.begun, self.in_time, back]}).quietly()
        assert closings(staged)["2024-06"] == 100_00

    def test_a_version_after_as_of_ends_nothing_yet(self, tmp_path):
        staged = Billing(tmp_path, as_of="2024-03-31").send({"items.csv": [self.begun, self.late]}).quietly()
        assert closings(staged, "2024-03")["2024-03"] == 100_00

    def test_a_warning_counts_such_items(self, tmp_path):
        other = [item(item_id="I2", valid_from=since, ended_on="2024-05-01") for since in ("2024-01-10", "2024-02-10")]
        moved = [
            item(item_id="I3", valid_from=s, started_on=s, ended_on="2024-05-01") for s in ("2024-01-10", "2024-02-05")
        ]
        billing = Billing(tmp_path).send({"items.csv": [self.begun, self.late, *other, *moved]})
        billing.quietly()
        assert [notice.partition(" whose")[0] for notice in billing.told] == ["billing: 2 items"]
