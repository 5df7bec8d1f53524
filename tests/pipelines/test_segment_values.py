"""A segment of too many values is refused when the accounts are known, before anything else is read for them."""

import pytest

from pipelines.project import Project
from schemas.operations import Ingest
from tests.integration.small_company import ONE_MONTH, SmallCompany, exports, small_company
from warehouse.errors import ConfigError, WarehouseError

TOLD = r"company\.yaml: segments\.2: this column of accounts has 12 values, more than the 10 of segment_values; take it"

ROWS = [{**row, "tier": f"t{n}", "is_internal": None} for n, row in enumerate(exports()["accounts"])]


@pytest.fixture
def company(tmp_path) -> SmallCompany:
    """One of which each account has a tier of its own."""
    made = small_company(tmp_path / "company", **ONE_MONTH, segment_values=10)
    made.export("accounts", ROWS)
    return made


def problems(project: Project) -> dict[str, str | None]:
    return dict(project.database.read(Ingest.table()).select("table_name", "problem").iter_rows())


def test_accounts_with_a_value_too_many_are_not_staged_and_no_table_after_them_is(company):
    with pytest.raises(ConfigError, match=TOLD):
        company.ingest()
    told = problems(company.project())
    assert told.keys() == {"identities", "account_links", "accounts"}
    assert "segments.2" in str(told["accounts"])
    assert company.project().staged("accounts").is_empty()
    with pytest.raises(WarehouseError):
        company.publish()


@pytest.mark.parametrize(
    ("settings", "without"),
    [({"segment_values": 12}, ()), ({"segment_values": 10, "segments": ["region", "size"]}, ("tier",))],
)
def test_a_run_goes_on_when_more_values_are_allowed_or_the_segment_is_taken_out(settings, without, company):
    with pytest.raises(ConfigError, match=TOLD):
        company.ingest()
    company.configure(**ONE_MONTH, **settings)
    company.export("accounts", ROWS, without=without)
    company.ingest()
    told = problems(company.project())
    assert "metric_month" not in told and set(told.values()) == {None}
    assert company.project().staged("accounts")["account_id"].n_unique() == 12


def test_accounts_that_were_allowed_are_refused_when_the_config_allows_fewer_values(company):
    company.configure(**ONE_MONTH, segment_values=12)
    company.ingest()
    company.configure(**ONE_MONTH, segment_values=10)
    with pytest.raises(ConfigError, match=TOLD):
        company.ingest()
