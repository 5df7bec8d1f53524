"""What the bench writes: the page, and the few lines of it in the README."""

import pytest

from benchmarks import dbt_peer
from benchmarks.children import ROOT
from benchmarks.measured import Case, Measured
from benchmarks.page import BEGIN, END, EXAMPLE, HEADLINES, PAGE, README, headlines, page, with_headlines

CASES = {
    "read": Case({"DuckDB reads the files": 2.0}, 0.1),
    "facts": Case({"facts in plain SQL": 3.0}, 0.2),
    "dbt": Case({"dbt": 7.0}, 0.25, 150),
    "all": Case({"land": 1.0, "publish": 4.0, "one month again": 2.0, "one more event arriving": 1.5}, 0.5, 100),
    "run": Case({"run": 9.0}, 0.75),
}
COMPANY = Measured(1_200, CASES)
MADE = page({EXAMPLE: COMPANY, "30 customers": COMPANY}, {"months": {12: COMPANY}}, 30)


def cells(row: str, text: str = MADE) -> list[str]:
    """The cells of the first row of that name."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} |"))
    return line.split(" | ")[1:]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("land", "0.5"),
        ("**all of it**", "**2.5**"),
        ("with Dagster and its history", "4.5"),
        ("facts alone in plain SQL", "1.5"),
        ("a dbt-duckdb project for MRR, usage and retention", "3.5"),
        ("one month again, of all of it", "40%"),
        ("CPU seconds", "5.0"),
        ("of the dbt-duckdb project", "7.0"),
        ("peak memory, GB", "0.50"),
        ("of the dbt-duckdb project, GB", "0.25"),
    ],
)
def test_the_page_tells_multiples_of_reading_and_shares_of_all_of_it(row, expected):
    assert cells(row) == [expected, f"{expected} |"]


def test_the_page_says_how_far_the_peers_mrr_of_the_example_is_from_ours():
    assert "150% of ours" in MADE


def test_the_readmes_table_has_the_pages_own_lines():
    told = headlines(MADE).splitlines()
    assert len(told) == 2 + len(HEADLINES)
    assert all(line in MADE.splitlines() for line in told)


def test_of_the_readme_only_what_is_between_the_marks_is_written_anew():
    before = f"# One\n\n{BEGIN}\n| old |\n{END}\n\ntwo\n"
    after = with_headlines(before, MADE)
    assert after == f"# One\n\n{BEGIN}\n{headlines(MADE)}\n{END}\n\ntwo\n"
    assert with_headlines(after, MADE) == after


def test_the_readme_and_the_page_agree():
    readme = README.read_text(encoding="utf-8")
    assert with_headlines(readme, PAGE.read_text(encoding="utf-8")) == readme


def test_where_dbt_is_not_installed_the_bench_names_what_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(dbt_peer, "DBT", tmp_path / "dbt")
    with pytest.raises(SystemExit, match=r"make \.venv/dbt/\.installed"):
        dbt_peer.check_installed()
    assert "dbt := .venv/dbt/.installed\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
