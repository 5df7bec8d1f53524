"""An invoice that tells a day of payment beside another status than paid: the day counts, and a person is told."""

from pathlib import Path

import pytest

from pipelines.ingest.notices import ExportWarning
from tests.integration.small_company import ONE_MONTH, Row, SmallCompany, exports, small_company


def exported(folder: Path, **told: dict[str, object]) -> SmallCompany:
    """A company in which invoices of these numbers tell something else."""
    company, rows = small_company(folder, **ONE_MONTH), exports()["invoices"]
    others: dict[str, Row] = {number.replace("_", "-"): row for number, row in told.items()}
    company.export("invoices", [{**row, **others.get(row["invoice_id"], {})} for row in rows])
    return company


def test_is_told_with_its_place(tmp_path: Path) -> None:
    company = exported(tmp_path / "company", N_A01_2304={"status": "open"}, N_A01_2306={"status": "void"})
    with pytest.warns(ExportWarning, match="^invoices: ") as warned:
        company.ingest(["invoices"])
    assert [str(each.message) for each in warned if "invoices" in str(each.message)] == [
        "invoices: 2 rows tell paid_on, though status is not paid; where money is asked for, the day counts "
        "(billing/invoices.csv, line 2; billing/invoices.csv, line 4)"
    ]


def test_is_nothing_where_only_one_of_them_is_told(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    company = exported(
        tmp_path / "company", N_A01_2304={"status": "open", "paid_on": None}, N_A01_2305={"paid_on": None}
    )
    company.ingest(["invoices"])
    assert [str(each.message) for each in recwarn if "invoices" in str(each.message)] == []
