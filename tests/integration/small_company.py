"""A company of a dozen accounts as canonical exports in a folder, and the pipeline driven over it without Dagster.

Fifteen months to 2024-06-29, a day before its last month ends. What tests rely on is spelled out in `exports`; the rest
(usage, tickets, answers) is regular, so that every table has rows in every month.
"""

import csv
import datetime as dt
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from filelock import FileLock

from pipelines.ingest.canonical_tables import ingest_table, land_all
from pipelines.ingest.resolved import FIRST as FIRST_STAGED
from pipelines.months.build import MonthRun
from pipelines.months.dimensions import build_dimensions, sights
from pipelines.months.nodes import nodes
from pipelines.months.plan import stale_months
from pipelines.project import Project
from pipelines.publish.glossary import glossary
from pipelines.publish.release import audit_and_publish
from schemas.tables import CANONICAL, DIMENSIONS, EXPLANATIONS, FACTS, SUMS, VALUES
from tests.cores import as_a_user
from tests.integration.beginning import begin, of_nothing, stage_nothing
from transforms.calendar import contiguous, months_between
from warehouse.lineage import Stale
from warehouse.locking import run_lock

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, Any]
Tables = dict[str, list[Row]]
FIRST, LAST = dt.date(2023, 4, 1), dt.date(2024, 6, 1)
MONTHS = [dt.date(2023 + n // 12, n % 12 + 1, 1) for n in range(3, 18)]
RUN = "test"
SOURCES = {
    "crm": ("accounts", "identities", "account_links", "renewals", "churn_events", "csm_activities", "milestones"),
    "billing": ("subscription_items", "invoices"),
    "support": ("tickets",),
    "product": ("usage_events",),
    "surveys": ("survey_responses",),
    "finance": ("costs", "fx_rates"),
}
SETTINGS: dict[str, Any] = {
    "company": "Small",
    "as_of": "2024-06-29",
    "first_month": "2023-04-01",
    "history_from": "2023-04-01",
    "reporting": {"currency": "EUR", "time_zone": "Europe/Berlin"},
    "segments": ["region", "size", "tier"],
    "onboarding": {
        "milestones": [
            {"name": "kickoff", "within_days": 14},
            {"name": "first_report", "within_days": 60, "is_value": True},
        ]
    },
    "finance": {"gross_margin": [{"month": "2023-01-01", "share": 0.75}]},
    "minimums": {"churned_accounts": 2, "churned_accounts_for_prediction": 2},
    "health": {"coverage": 0.5},
}


# --- the exports ------------------------------------------------------------------------------------------------------


def exports() -> Tables:
    """A fresh copy of every table's rows."""
    return {
        "accounts": _accounts(),
        "identities": [{"customer_id": "A01", "crm_id": None, "domain": "a01.example", "name": "Alpha"}],
        "account_links": [{"source": "billing", "source_account_id": "cus_3", "account_id": "A03", "rule": "domain"}],
        "subscription_items": _items(),
        "invoices": _invoices(),
        "renewals": [
            _renewal("R1", "cus_3", "2023-04-01", "2024-04-01", "lost", None),
            _renewal("R2", "A04", "2023-05-01", "2024-05-01", "renewed", "2024-04-20"),
            _renewal("R3", "A01", "2023-06-15", "2024-06-15", "open", None),
            _renewal("R4", "A04", "2024-05-01", "2025-05-01", "open", None),
        ],
        "tickets": _tickets(),
        "survey_responses": _responses(),
        "usage_events": _events(),
        "milestones": [
            {"account_id": "A01", "milestone": "kickoff", "reached_on": "2023-04-10"},
            {"account_id": "A01", "milestone": "first_report", "reached_on": "2023-05-20"},
            {"account_id": "A06", "milestone": "kickoff", "reached_on": "2024-01-25"},
            {"account_id": "A06", "milestone": "first_report", "reached_on": "2024-03-02"},
            {"account_id": "A10", "milestone": "kickoff", "reached_on": "2024-03-04"},
        ],
        "csm_activities": _activities(),
        "churn_events": [
            {
                "churn_event_id": "X1",
                "account_id": "A11",
                "churned_on": "2024-01-10",
                "reason": "price",
                "comment": None,
            },
            {"churn_event_id": "X2", "account_id": "A03", "churned_on": "2024-04-01", "reason": None, "comment": None},
        ],
        "costs": [
            {"month": month, "category": category, "amount": 100_000 + 100 * number, "currency": "EUR"}
            for number, month in enumerate(MONTHS)
            for category in ("customer_success", "support")
        ],
        "fx_rates": [
            {"month": month, "currency": "USD", "rate": f"0.9{number % 5}5"}
            for number, month in enumerate([dt.date(2023, 3, 1), *MONTHS])
        ],
    }


def _accounts() -> list[Row]:
    places = ["EMEA", "Americas", "APAC"]
    sizes = ["1-50", None, "51-200", "1000+"]
    return [
        {
            "account_id": f"A{n:02d}",
            "account_name": f"Account {n}",
            "industry": "Retail",
            "country": "DE",
            "region": places[n % 3],
            "size": sizes[n % 4],
            "tier": "gold" if n % 2 else None,
            "csm_owner": "Kim",
            "signup_on": "2023-03-20",
            "is_internal": n == 12,
        }
        for n in range(1, 13)
    ]


def _item(number: int, account: str, amount: int, start: str, **others: Any) -> Row:
    return {
        "subscription_id": f"S{number}",
        "item_id": "I1",
        "valid_from": start,
        "account_id": account,
        "plan": "Pro",
        "quantity": 1,
        "seats": 4,
        "unit_amount": amount,
        "currency": "EUR",
        "interval_unit": "month",
        "interval_count": 1,
        "discount_amount": None,
        "discount_ends_on": None,
        "is_trial": False,
        "trial_started_on": None,
        "trial_ends_on": None,
        "is_metered": False,
        "started_on": start,
        "ended_on": None,
        "cancel_requested_on": None,
        "paused_from": None,
        "paused_until": None,
        **others,
    }


def _items() -> list[Row]:
    return [
        _item(1, "A01", 10_000, "2023-04-05"),
        _item(1, "A01", 15_000, "2023-04-05", valid_from="2024-03-10"),  # an upgrade
        _item(2, "A02", 5_000, "2023-04-05"),
        _item(2, "A02", 3_000, "2023-04-05", item_id="I2", ended_on="2024-02-15"),  # one item less
        _item(3, "cus_3", 120_000, "2023-04-01", interval_unit="year", ended_on="2024-04-01"),
        _item(4, "A04", 20_000, "2023-05-01", currency="USD"),
        _item(4, "A04", 1_200, "2023-10-01", item_id="I2", currency="USD", seats=2),  # one item more
        _item(5, "A05", 8_000, "2023-05-10", ended_on="2023-09-30"),
        _item(15, "A05", 9_000, "2024-02-20"),  # back
        _item(6, "A06", 4_000, "2024-01-05", trial_started_on="2024-01-05", trial_ends_on="2024-01-19"),
        _item(7, "A07", 6_000, "2023-06-01", cancel_requested_on="2024-05-20", ended_on="2024-07-15"),
        _item(8, "A08", 9_000, "2023-04-20", paused_from="2024-01-20", paused_until="2024-03-05"),
        _item(9, "A09", 7_000, "2023-07-01", discount_amount=2_000, discount_ends_on="2024-05-01"),
        _item(10, "A10", 5_500, "2024-03-01", seats=None),
        _item(11, "A11", 7_500, "2023-04-15", ended_on="2024-01-10"),
        _item(12, "A12", 99_900, "2023-04-01"),  # our own
        _item(13, "cus_9", 2_500, "2023-08-01"),  # unknown to the CRM
    ]


def _invoices() -> list[Row]:
    rows = []
    for account, amount in (("A01", 10_000), ("A02", 8_000), ("cus_9", 2_500), ("A07", 6_000)):
        for number, month in enumerate(MONTHS):
            paid_after = 10 if number % 4 else 40
            paid = month + dt.timedelta(days=paid_after)
            rows.append(
                {
                    "invoice_id": f"N-{account}-{month:%y%m}",
                    "account_id": account,
                    "issued_on": month,
                    "due_on": month + dt.timedelta(days=14),
                    "paid_on": paid if paid <= dt.date(2024, 6, 20) else None,
                    "status": "paid" if paid <= dt.date(2024, 6, 20) else "open",
                    "amount": amount,
                    "one_off_amount": 500 if number == 3 else None,
                    "refunded": 1_000 if number == 5 else None,
                    "currency": "EUR",
                }
            )
    return rows


def _renewal(key: str, account: str, started: str, ended: str, outcome: str, renewed_on: str | None) -> Row:
    return {
        "renewal_id": key,
        "account_id": account,
        "term_started_on": started,
        "term_ended_on": ended,
        "renewed_on": renewed_on,
        "outcome": outcome,
        "mrr_amount": 10_000,
        "renewed_mrr_amount": None,
        "currency": "EUR",
    }


def _tickets() -> list[Row]:
    rows = []
    for n in (1, 2, 4, 7, 9):
        for number, month in enumerate(MONTHS):
            created = dt.datetime(month.year, month.month, 2 + n, 9, 30)
            solved = created + dt.timedelta(hours=5 + 7 * n + number)
            rows.append(
                {
                    "ticket_id": f"T{n}-{month:%y%m}",
                    "account_id": f"A{n:02d}",
                    "requester_id": f"u{n}-1" if n != 2 else None,
                    "topic": "login" if number % 3 else None,
                    "channel": "mail",
                    "priority": "high",
                    "status": "open" if (n, number) == (7, 14) else "solved",
                    "created_at": created,
                    "first_replied_at": created + dt.timedelta(hours=1 + n),
                    "last_solved_at": None if (n, number) == (7, 14) else solved,
                    "public_agent_replies": 1 + (n + number) % 2,
                    "reopens": int((n + number) % 5 == 0),
                    "is_escalated": (n + number) % 4 == 0,
                    "is_merged": (n, number) == (4, 2),
                    "is_spam": (n, number) == (9, 3),
                    "satisfaction_score": 1 + (n + number) % 5 if number % 2 else None,
                    "scale_min": 1 if number % 2 else None,
                    "scale_max": 5 if number % 2 else None,
                    "satisfaction_at": None,
                }
            )
    return rows


def _responses() -> list[Row]:
    rows = []
    scales = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
    for n in (1, 2, 5, 8, 10):
        for number, month in enumerate(MONTHS):
            kind = ("nps", "csat", "ces")[(n + number) % 3]
            low, high = scales[kind]
            sent = dt.datetime(month.year, month.month, 3 + n, 12, 0)
            answered = (n + number) % 4 != 3
            rows.append(
                {
                    "response_id": f"Q{n}-{month:%y%m}",
                    "account_id": f"A{n:02d}" if n != 5 else None,
                    "respondent_id": f"u{n}-1" if n != 8 else None,
                    "ticket_id": f"T2-{month:%y%m}" if n == 5 and number % 2 else None,
                    "kind": kind,
                    "score": low + (n * 7 + number * 3) % (high - low + 1) if answered else None,
                    "scale_min": low if answered else None,
                    "scale_max": high if answered else None,
                    "direction": "low_is_good" if kind == "ces" and n == 2 else None,
                    "comment": "Ask jo.secret@example.org" if n == 1 and answered else None,
                    "sent_at": sent,
                    "responded_at": sent + dt.timedelta(days=2 + n) if answered else None,
                }
            )
    return rows


def _events() -> list[Row]:
    rows = []
    accounts = ("A01", "A02", "A04", "A06", "A07", "A09")
    for position, account in enumerate(accounts):
        for number, month in enumerate(MONTHS):
            for user in range(1 + (position + number) % 4):
                for step in range(2):
                    day = 3 + 5 * user + 9 * step
                    rows.append(
                        {
                            "event_id": f"E-{account}-{month:%y%m}-{user}-{step}",
                            "account_id": account,
                            "user_id": f"u{account[1:].lstrip('0')}-{user}",
                            "name": ("reports", "dashboards")[step],
                            "occurred_at": dt.datetime(month.year, month.month, day, 10, 0),
                            "seconds": 300 + 60 * user,
                            "event_count": 2 + step,
                            "errors": step,
                            "is_internal": user == 3,
                        }
                    )
    return rows


def _activities() -> list[Row]:
    words = ["red", "orange", "yellow", "light_green", "green"]
    rows = []
    for n in (1, 2, 4, 7, 9):
        for number, month in enumerate(MONTHS):
            if number % 2 == n % 2:
                rows.append(
                    {
                        "activity_id": f"C{n}-{month:%y%m}",
                        "account_id": f"A{n:02d}",
                        "kind": "sentiment",
                        "due_on": None,
                        "held_on": month + dt.timedelta(days=4 + n),
                        "executive_present": None,
                        "csm_thumb": None,
                        "customer_thumb": None,
                        "rating": words[(n + number) % 5],
                    }
                )
            elif number % 3 == 0:
                rows.append(
                    {
                        "activity_id": f"B{n}-{month:%y%m}",
                        "account_id": f"A{n:02d}",
                        "kind": "review",
                        "due_on": month + dt.timedelta(days=9),
                        "held_on": month + dt.timedelta(days=9 + n) if n != 4 else None,
                        "executive_present": n == 1,
                        "csm_thumb": "up" if n != 7 else "down",
                        "customer_thumb": "up",
                        "rating": None,
                    }
                )
    return rows


# --- the folder -------------------------------------------------------------------------------------------------------


def _spelled(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


@dataclass(frozen=True)
class SmallCompany:
    """A folder with exports, config and data."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "company.yaml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def project(self) -> Project:
        """The project as a new process would find it."""
        return Project(self.config, self.data)

    @property
    def environment(self) -> dict[str, str]:
        """For a subprocess."""
        told = {"CONFIG": str(self.config), "DATA_DIR": str(self.data), "DAGSTER_HOME": str(self.data / "dagster")}
        return {**as_a_user(), **told}

    def copy(self, folder: Path) -> "SmallCompany":
        """The same, elsewhere: files keep their times."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return SmallCompany(folder)

    # what it is made of

    def export(self, table: str, rows: list[Row], *, name: str = "", without: Iterable[str] = ()) -> Path:
        """Write a table's file, with the columns that its first row has."""
        source = next(source for source, tables in SOURCES.items() if table in tables)
        path = self.folder / source / (name or f"{table}.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = [column for column in rows[0] if column not in set(without)]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([_spelled(row[column]) for column in columns] for row in rows)
        return path

    def configure(self, *, files: dict[str, str] | None = None, without: Iterable[str] = (), **settings: Any) -> None:
        """Write the config: the usual settings and files, but for what is given; `without` tables."""
        sources: dict[str, Any] = {}
        for source, tables in SOURCES.items():
            named = {t: (files or {}).get(t, f"{t}.csv") for t in tables if t not in set(without)}
            if named:
                sources[source] = {"form": "canonical", "folder": source, "files": named}
        self.config.write_text(yaml.safe_dump({**SETTINGS, **settings, "sources": sources}, sort_keys=False))

    # what a run does

    def ingest(self, only: Iterable[str] | None = None, then: Callable[[Project], object] = lambda _: None) -> dt.date:
        """Land, validate, clean, stage; the dimensions that come of it, and the catalogue of metrics in words.

        `only`: stage these tables after those that say whose a row is, and make nothing of them. `then` is done while
        the working database is open: to open it once more takes as long as to read what a test asks it.
        """
        project, asked = self.project(), set(CANONICAL if only is None else only)
        is_new = begin(project)
        with run_lock(project.folders, "test"), project.database.kept_open():
            _, as_of = land_all(project)
            if is_new:
                stage_nothing(project)
            wanted = asked | (set(FIRST_STAGED) - of_nothing(project))
            sight = sights(project, as_of)
            for table in CANONICAL:
                if table in wanted:
                    ingest_table(project, table, as_of, RUN, sight(table))
            if only is None:
                build_dimensions(project)
                project.database.write_whole(glossary(project))
            then(project)
        return as_of

    def build(
        self,
        months: Iterable[dt.date] | None = None,
        only: Iterable[str] | None = None,
        shuffled: random.Random | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Make tables and metrics of the months (all), each table before those that read it.

        `shuffled`: the months of each table in pieces, in an order of their own.
        """
        project = self.project()
        with project.database.kept_open():
            run = MonthRun(project, RUN)
            wanted = sorted(months) if months is not None else project.months(run.as_of)
            named = None if only is None else set(only)
            for node in nodes(project.config):
                if named is not None and node.name not in named:
                    continue
                for piece in _pieces(wanted, shuffled) if shuffled else [wanted]:
                    run.build(node.name, piece)
                say(node.name)

    def stale(self) -> list[Stale]:
        """What a new process would find stale."""
        project = self.project()
        with project.database.kept_open():
            return stale_months(project)

    def mend(self, only: Iterable[str] | None = None) -> list[Stale]:
        """Build what is stale and nothing else, else a build from nothing would differ; all that was stale."""
        project = self.project()
        with project.database.kept_open():
            found, stale = stale_months(project), dict[str, list[dt.date]]()
            for entry in found:
                if only is None or entry.table in set(only):
                    stale.setdefault(entry.table, []).append(entry.month)
            run = MonthRun(project, RUN)
            for node in nodes(project.config):
                for first, last in contiguous(stale.get(node.name, [])):
                    run.build(node.name, months_between(first, last))
        return found

    def publish(self, accepted: str | None = None) -> int:
        """Audit and publish; the version."""
        project = self.project()
        with project.database.kept_open():
            return audit_and_publish(project, RUN, accepted)

    def run(self, only: Iterable[str] | None = None) -> None:
        """All of it (or of some tables), but the publish."""
        self.ingest()
        self.mend(only)

    def frames(
        self, names: Iterable[str] = (*DIMENSIONS, *FACTS, *VALUES, *SUMS, *EXPLANATIONS)
    ) -> dict[str, pl.DataFrame]:
        """Tables of the working database, ordered; metric_part by names, as numbers may differ between databases."""
        database = self.project().database
        with database.kept_open():
            found = {name: database.read(name) for name in names}
            metrics, accounts = database.read("metric_key"), database.read("account_key")
        if "metric_part" in found:
            named = found["metric_part"].join(metrics, on="metric_key").join(accounts, on="account_key")
            found["metric_part"] = named.drop("metric_key", "account_key")
        for name in {"dim_account", "dim_account_month"} & set(found):
            found[name] = found[name].drop("account_key")
        if "dim_metric" in found:
            found["dim_metric"] = found["dim_metric"].drop("metric_key")
        return {name: ordered(frame) for name, frame in found.items()}

    def value(self, metric: str, month: str, dimension: str = "all", segment: str = "all") -> tuple[Any, Any]:
        """A metric's value and null_reason."""
        rows = self.project().database.read("metric_month", where={"metric": [metric], "dimension": [dimension]})
        found = rows.filter((pl.col("month") == dt.date.fromisoformat(f"{month}-01")) & (pl.col("segment") == segment))
        value, reason = found.select("value", "null_reason").row(0)
        return value, reason

    # as a process of its own

    def command(
        self, *arguments: str, timeout: float = 300, answers: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """`python -m pipelines …`, to which a person answers so."""
        return subprocess.run(
            [sys.executable, "-m", "pipelines", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            input=answers,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def probe(self, code: str, timeout: float = 300) -> Any:
        """The JSON that a script prints last, in a process of its own in which Dagster knows this company."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in one order, whatever it was."""
    return frame.select(sorted(frame.columns)).sort(sorted(frame.columns), nulls_last=True)


def _pieces(months: list[dt.date], chance: random.Random) -> list[list[dt.date]]:
    cuts = sorted(chance.sample(range(1, len(months)), 3))
    pieces = [months[a:b] for a, b in zip([0, *cuts], [*cuts, len(months)], strict=True)]
    chance.shuffle(pieces)
    return pieces


def small_company(folder: Path, **settings: Any) -> SmallCompany:
    """The company in an empty folder, with nothing ingested."""
    company = SmallCompany(folder)
    folder.mkdir(parents=True, exist_ok=True)
    company.configure(**settings)
    for table, rows in exports().items():
        company.export(table, rows)
    # Persons' ids are hashed with a key of the data folder; one key makes two folders comparable.
    company.data.mkdir()
    key = company.data / "person_id.key"
    key.touch(mode=0o600)
    key.write_text("0123456789abcdef0123456789abcdef")
    return company


ONE_MONTH = {"first_month": "2024-06-01", "history_from": "2024-06-01"}
"""Settings of a company that computes its last month only."""


def published_once(factory: pytest.TempPathFactory, folder: Path, **settings: Any) -> SmallCompany:
    """In a folder of one's own a copy of the company with every month built, and version 1 published.

    It is made once per session, also with several workers (by a lock), and nobody works with what is copied.
    """
    base = factory.getbasetemp()
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    place = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / f"published-{name}"
    with FileLock(f"{place}.lock"):
        if not (place / "done").exists():
            shutil.rmtree(place, ignore_errors=True)
            company = small_company(place / "company", **settings)
            company.run()
            assert company.stale() == []
            assert company.publish() == 1
            (place / "done").touch()
        return SmallCompany(place / "company").copy(folder)
