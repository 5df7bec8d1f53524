"""Large files of vendors, as ours reads them and DuckDB alone, as ratios within one run.

`python -m benchmarks.vendor_files`; ROWS=5000000 says how many. Ours is strict: what is landed is hashed, each value is
spelled as its form says, and each rejected row is kept with its line. DuckDB makes a table of the file, with the types
that it finds by itself.
"""

import datetime as dt
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from benchmarks.children import child
from pipelines.ingest.canonical_tables import FIRST, ingest_table, land_all
from pipelines.ingest.kept_rows import read_files
from pipelines.ingest.sources import form_of
from pipelines.months.dimensions import sights
from pipelines.project import Project
from schemas.tables import CANONICAL

BEGIN = dt.datetime.fromisoformat("2025-01-01")
INVOICES = "id,Customer,Date (UTC),Due Date (UTC),Finalized At (UTC),Paid At (UTC),Total,Tax,Currency,Status,Number\n"


def calls(rows: int) -> Iterator[str]:
    """Segment's calls."""
    for n in range(rows):
        moment = f"{(BEGIN + dt.timedelta(seconds=9 * n)).isoformat()}.000Z"
        times = dict.fromkeys(("originalTimestamp", "receivedAt", "sentAt", "timestamp"), moment)
        page = {"path": "/reports/weekly", "title": "Weekly report", "url": "https://app.example/reports/weekly"}
        context = {
            "groupId": f"acct_{n % 3_000}",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "page": page,
        }
        who = {"anonymousId": f"{n:032x}", "userId": f"user_{n % 40_000}", "messageId": f"ajs-next-{n:032x}"}
        what = {"type": "track", "event": f"Report {n % 5}", "properties": {"format": "pdf", "rows": n % 5_000}}
        yield json.dumps({**who, **what, **times, "context": context, "integrations": {}, "version": 2}) + "\n"


def downloaded_invoices(rows: int) -> Iterator[str]:
    """Stripe's invoices as people download them."""
    yield INVOICES
    for n in range(rows):
        day = f"{BEGIN + dt.timedelta(seconds=9 * n):%Y-%m-%d %H:%M}"
        yield f"in_{n:016},cus_{n % 50_000},{day},,{day},{day},{n % 900 + 10}.{n % 100:02},0.00,eur,paid,AB12-{n:07}\n"


def invoices(rows: int) -> Iterator[str]:
    """Stripe's invoices as its API gives them, each with a line: three kinds of objects in one file."""
    interval = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    for n in range(rows):
        moment, cents = 1_735_689_600 + 9 * n, n % 90_000 + 1_000
        price = {"id": "price_1", "product": "prod_1", "unit_amount": cents, "currency": "eur", "recurring": interval}
        line = {"id": f"il_{n:016}", "amount": cents, "currency": "eur", "invoice": f"in_{n:016}", "quantity": 1,
                "subscription": f"sub_{n % 50_000}", "subscription_item": f"si_{n % 50_000}", "type": "subscription",
                "proration": False, "period": {"start": moment, "end": moment + 2_592_000}, "price": price}  # fmt: skip
        made = {"id": f"in_{n:016}", "customer": f"cus_{n % 50_000}", "status": "paid", "currency": "eur"}
        sums = {"total": cents, "tax": 0, "total_excluding_tax": cents, "created": moment, "livemode": True}
        paid = {"status_transitions": {"finalized_at": moment, "paid_at": moment + 60}, "number": f"AB12-{n:07}"}
        lines = {"object": "list", "data": [line], "has_more": False}
        yield json.dumps({**made, **sums, **paid, "object": "invoice", "lines": lines}) + "\n"


@dataclass(frozen=True)
class Sent:
    """A file of many rows: what is in it, whose it is, and the canonical table that it fills."""

    rows: Callable[[int], Iterator[str]]
    form: str
    written_by: str
    table: str
    name: str


FILES = {
    "Segment's calls, JSON lines": Sent(calls, "segment", "api", "usage_events", "calls.jsonl"),
    "Stripe's invoices, CSV": Sent(downloaded_invoices, "stripe", "dashboard", "invoices", "invoices.csv"),
    "Stripe's invoices, JSON lines": Sent(invoices, "stripe", "api", "invoices", "invoices.jsonl"),
}
READ, DUCKDB, WHOLE = "landed and read", "DuckDB's read", "up to staged rows"


def write(sent: Sent, folder: Path, rows: int) -> None:
    """The file, and a config for it."""
    (folder / "sent").mkdir()
    with (folder / "sent" / sent.name).open("w", encoding="utf-8") as file:
        file.writelines(sent.rows(rows))
    source = {"folder": "sent", "form": sent.form, "written_by": sent.written_by}
    reporting = {"currency": "EUR", "time_zone": "Europe/Berlin"}
    days = {"as_of": "2026-10-31", "first_month": "2025-01-01", "history_from": "2025-01-01"}
    told = {"company": "Large", **days, "reporting": reporting, "sources": {"it": source}}
    (folder / "company.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")


def case(which: str, sent: Sent, folder: Path) -> float:
    """CPU seconds of one way to read the file."""
    if which == DUCKDB:
        path, begun = folder / "sent" / sent.name, time.process_time()
        reader = "read_csv" if path.suffix == ".csv" else "read_json"
        with duckdb.connect(str(folder / "read.duckdb")) as connection:
            connection.execute(f"CREATE OR REPLACE TABLE read AS SELECT * FROM {reader}('{path}')")
        return time.process_time() - begun
    warnings.simplefilter("ignore")
    os.environ |= {"CONFIG": str(folder / "company.yaml"), "DATA_DIR": str(folder / which.replace(" ", "_"))}
    project = Project.from_environment()
    begun = time.process_time()
    with project.database.kept_open():
        files, as_of = land_all(project)
        if which == WHOLE:
            sight = sights(project, as_of)
            for table in CANONICAL:
                if table in {*FIRST, sent.table}:
                    ingest_table(project, table, as_of, "bench", sight(table))
        else:
            form = form_of(project, "it")
            kinds = form.clean[sent.table].reads
            read_files(project, sent.table, form, {kind: [f for f in files if f.raw_table == kind] for kind in kinds})
    return time.process_time() - begun


def main() -> None:
    """Print CPU seconds, ratios and peaks."""
    if sys.argv[1:]:
        which, name, folder = sys.argv[1:]
        print(case(which, FILES[name], Path(folder)))
        return
    rows = int(os.environ.get("ROWS", "1000000"))
    print(f"{rows:,} rows, CPU seconds, times DuckDB's read, and peak memory in GB")
    for name, sent in FILES.items():
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            write(sent, Path(folder), rows)
            alone = None
            for which in (DUCKDB, READ, WHOLE):
                took = child([sys.executable, "-m", "benchmarks.vendor_files", which, name, folder])
                seconds = float(took.said)
                alone = alone or seconds
                print(f"  {name:32} {which:20} {seconds:7.1f} {seconds / alone:5.1f} {took.gigabytes:6.2f}", flush=True)


if __name__ == "__main__":
    main()
