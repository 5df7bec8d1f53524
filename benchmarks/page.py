"""docs/performance.md, and the few lines of it that the README shows."""

from collections.abc import Mapping

from benchmarks.children import ROOT
from benchmarks.measured import Measured
from benchmarks.stages import BESIDE

PAGE = ROOT / "docs" / "performance.md"
EXAMPLE = "the example"
README = ROOT / "README.md"
BEGIN, END = "<!-- begin of what `make bench` measured -->", "<!-- end of what `make bench` measured -->"
WHOLE, DBT, PEAK = "**all of it**", "a dbt-duckdb project for MRR, usage and retention", "peak memory, GB"
SECONDS = "CPU seconds"
HEADLINES = (WHOLE, "with Dagster and its history", DBT, SECONDS, PEAK)
"""The rows that the README shows."""
INTRODUCTION = """# What a run costs as companies grow

Made by `make bench`: the example, and companies that are drawn (`benchmarks/generated_company.py`: 36 months
with 200 usage events a customer), from their CSV files to a published version, without Dagster.
CPU seconds as multiples of DuckDB's reading of the same files into tables, in one run."""
PEER = """The dbt-duckdb project (`benchmarks/dbt_project/`) makes MRR, its changes and usage by account and month,
churn rate, NRR and GRR by month, and tests the grain of these tables; it doesn't validate or quarantine rows, and has
no segments, trials by dates, pauses, discounts, lineage, further metrics, explanations or published versions.
Of drawn companies its MRR must be what the drawn items add up to, to the cent, as ours must."""


def page(companies: Mapping[str, Measured], grown: Mapping[str, Mapping[int, Measured]], growing: int) -> str:
    """The page: a table by stage with a column for each company, and of each kind of growth one from its first size."""
    lines = [INTRODUCTION, *by_stage(companies), "", PEER, _beside_ours(companies[EXAMPLE])]
    lines += ["", f"How it grows, with {growing:,} customers, as multiples of the first column:"]
    for title, each in grown.items():
        lines += growth(title, each)
    return "\n".join(lines) + "\n"


def _beside_ours(found: Measured) -> str:
    """How far the project's MRR is from ours."""
    ours, theirs = (found.cases[case].closing_cents or 0 for case in ("all", "dbt"))
    return f"Of the example, which has all of these, it makes the last month's MRR {theirs / ours:.0%} of ours."


def by_stage(companies: Mapping[str, Measured]) -> list[str]:
    """The table of ratios, a column for each company."""
    all_of = list(companies.values())
    lines = _table("", [f"{name}, {found.rows:,} rows" for name, found in companies.items()])

    def times(name: str, seconds: list[float], form: str = "{:.1f}") -> None:
        lines.append(_line(name, [form.format(own / found.read) for own, found in zip(seconds, all_of, strict=True)]))

    for stage in all_of[0].cases["all"].stages:
        if stage not in BESIDE:
            times(stage, [found.cases["all"].stages[stage] for found in all_of])
    times(WHOLE, [found.own for found in all_of], "**{:.1f}**")
    times("with Dagster and its history", [found.cases["run"].seconds for found in all_of])
    times("facts alone in plain SQL", [found.cases["facts"].seconds for found in all_of])
    times(DBT, [found.cases["dbt"].seconds for found in all_of])
    for stage in BESIDE:
        shares = [found.cases["all"].stages[stage] / found.own for found in all_of]
        lines.append(_line(f"{stage}, of all of it", [f"{share:.0%}" for share in shares]))
    lines.append(_line(SECONDS, [f"{found.own:.1f}" for found in all_of]))
    lines.append(_line("of DuckDB's reading", [f"{found.read:.2f}" for found in all_of]))
    lines.append(_line("of the dbt-duckdb project", [f"{found.cases['dbt'].seconds:.1f}" for found in all_of]))
    for name, case in ((PEAK, "all"), ("of the dbt-duckdb project, GB", "dbt")):
        lines.append(_line(name, [f"{found.cases[case].gigabytes:.2f}" for found in all_of]))
    return lines


def growth(title: str, companies: Mapping[int, Measured]) -> list[str]:
    """What each company costs, as a multiple of the first."""
    all_of = list(companies.values())
    first = all_of[0]
    lines = _table(title, [f"{number:,}" for number in companies])
    lines.append(_line("rows", [f"{found.rows / first.rows:.1f}" for found in all_of]))
    lines.append(_line("DuckDB's reading", [f"{found.read / first.read:.1f}" for found in all_of]))
    lines.append(_line("all of it", [f"{found.own / first.own:.1f}" for found in all_of]))
    return lines


def headlines(page: str) -> str:
    """The README's table: the header and some rows of the page's first one."""
    rows = [line for line in page.splitlines() if line.startswith("|")]
    named = {line.split(" | ")[0].removeprefix("| "): line for line in reversed(rows)}
    return "\n".join([*rows[:2], *(named[name] for name in HEADLINES)])


def with_headlines(readme: str, page: str) -> str:
    """The README with the page's headlines between the two marks."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{headlines(page)}\n{END}{after}"


def _table(title: str, columns: list[str]) -> list[str]:
    return ["", _line(title, columns), "|---|" + "---:|" * len(columns)]


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"
