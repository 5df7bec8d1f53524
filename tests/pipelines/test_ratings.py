"""A rating that the config gives no score may be any word, a person's name too: it is told by its place alone."""

from pathlib import Path

import pytest

from pipelines.ingest.notices import ExportWarning
from tests.integration.small_company import ONE_MONTH, exports, small_company


def test_a_rating_without_a_score_is_told_with_its_place_and_without_its_word(tmp_path: Path) -> None:
    company = small_company(tmp_path / "company", **ONE_MONTH)
    first, *others = exports()["csm_activities"]
    company.export("csm_activities", [{**first, "rating": "Schmidt"}, *others])
    with pytest.warns(ExportWarning, match="^csm_activities: ") as warned:
        company.ingest(["csm_activities"])
    assert [str(each.message) for each in warned if "csm_activities" in str(each.message)] == [
        "csm_activities: 1 rows have a rating that sentiment.scores in the config gives no score "
        "(crm/csm_activities.csv, line 2)"
    ]
