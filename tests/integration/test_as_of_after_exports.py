"""An as_of after every export: what it says is believed, and no later month is called final."""

from pathlib import Path

import pytest
import yaml

from pipelines.ingest.notices import ExportWarning
from tests.integration.small_company import SmallCompany

HEADER = "subscription_id,item_id,account_id,unit_amount,currency,interval_unit,started_on\n"
ONE = "S1,I1,A,1000,EUR,month,2024-01-05\n"
OTHER = "S2,I1,B,1000,EUR,month,2024-01-05\n"


def company(folder: Path, **exports: str) -> SmallCompany:
    (folder / "billing").mkdir()
    for day, rows in exports.items():
        (folder / "billing" / f"items-{day.strip('_').replace('_', '-')}.csv").write_text(HEADER + rows)
    source = {"form": "canonical", "folder": "billing", "files": {"subscription_items": "items-*.csv"}}
    config = {
        "company": "Of snapshots",
        "as_of": "2024-04-30",
        "first_month": "2024-02-01",
        "history_from": "2024-02-01",
        "reporting": {"currency": "EUR"},
        "sources": {"billing": {**source, "vanished": "ended"}},
    }
    (folder / "company.yaml").write_text(yaml.safe_dump(config))
    made = SmallCompany(folder)
    made.data.mkdir()
    return made


def mrr(of: SmallCompany) -> list[tuple[object, ...]]:
    rows = of.project().database.read("metric_month", where={"metric": ["mrr"], "dimension": ["all"]}).sort("month")
    return [(f"{month:%Y-%m}", value, told) for month, value, told in rows["month", "value", "is_provisional"].rows()]


def test_months_that_end_after_the_newest_export_stay_provisional_until_one_tells_of_them(tmp_path: Path) -> None:
    """S2 is left out from 15 March on; of the days after it nobody has told anything before the export of 1 May."""
    made = company(tmp_path, _2024_02_10=ONE + OTHER, _2024_03_15=ONE)
    with pytest.warns(ExportWarning, match=r"^as_of 2024-04-30 is after every export, .* is of 2024-03-15; values of"):
        made.run()
    assert mrr(made) == [("2024-02", 2000, False), ("2024-03", 1000, True), ("2024-04", 1000, True)]
    (tmp_path / "billing" / "items-2024-05-01.csv").write_text(HEADER + ONE)
    made.ingest()
    assert {entry.month.month for entry in made.stale() if entry.table == "mrr"} == {3, 4}
    made.mend()
    assert mrr(made) == [("2024-02", 2000, False), ("2024-03", 1000, False), ("2024-04", 1000, False)]
