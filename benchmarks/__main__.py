"""`make bench`: all stages over companies of growing size, as ratios to DuckDB's reading of their files, in one run.

It writes docs/performance.md and the README's table; nothing here is a test. CUSTOMERS=1000,20000 names the sizes.
"""

import os
import sys

from benchmarks import dbt_peer
from benchmarks.children import child
from benchmarks.generated_company import GeneratedCompany
from benchmarks.measured import example, generated, measured
from benchmarks.page import EXAMPLE, PAGE, README, page, with_headlines

SIZES = "1000,20000"
GROWING = 2_000
"""Customers of the companies that show growth by months and by events."""
MONTHS, EVENTS = (12, 24, 36), (20, 200, 2_000)
TURNS = 2
"""Each case is measured so often, its fastest counts: cases take turns, as a machine is not always as fast."""
LARGE = 20_000
"""Companies of so many customers take one turn: of what runs for minutes the machine's moods are a small part."""


def main() -> None:
    """Measure, print and write; before it the account-months beside plain peers."""
    dbt_peer.check_installed()
    print(child([sys.executable, "-m", "benchmarks.account_months"]).said, flush=True)
    sizes = [int(customers) for customers in os.environ.get("CUSTOMERS", SIZES).split(",")]
    companies = {EXAMPLE: measured(example, TURNS)}
    for size in sizes:
        turns = 1 if size >= LARGE else TURNS
        companies[f"{size:,} customers"] = measured(generated(GeneratedCompany(size)), turns)
    grown = {
        "months": {n: measured(generated(GeneratedCompany(GROWING, months=n)), 1) for n in MONTHS},
        "usage events a customer": {n: measured(generated(GeneratedCompany(GROWING, events=n)), 1) for n in EVENTS},
    }
    text = page(companies, grown, GROWING)
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    README.write_text(with_headlines(README.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
