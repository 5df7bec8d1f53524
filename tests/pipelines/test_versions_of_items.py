"""Versions of subscription items, from the files as they are sent to the staged table and the MRR that it makes."""

import datetime as dt
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.ingest.canonical_tables import ingest_table, land_all
from pipelines.months.dimensions import sights
from pipelines.project import Project
from schemas.billing import FxRates, SubscriptionItems
from tests.frames import day, months, mrr_of
from transforms.visible import seen_on
from warehouse.errors import ExportError
from warehouse.staging import read_staged

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
            "sources": {"billing": source},
        }
        (self.folder / "company.yaml").write_text(yaml.safe_dump(config))

    def send(self, files: Files, without: tuple[str, ...] = ()) -> "Billing":
        """Files with the columns that their rows name."""
        (self.folder / "billing").mkdir(exist_ok=True)
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
            for table in ("accounts", "account_links", "subscription_items"):
                ingest_table(project, table, as_of, "test", sights(project, as_of)(table))
        self.columns = project.exported().columns["subscription_items"]
        self.quarantined = project.database.read("quarantine")
        staged = read_staged(project.folders, "subscription_items", SubscriptionItems)
        return seen_on(staged, SubscriptionItems, as_of, "UTC")

    def quietly(self) -> pl.DataFrame:
        """The same, whatever it warns of."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.ingest()


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
