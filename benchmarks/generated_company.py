"""A company of any size, drawn: so many customers over so many months, with their events, in the canonical form.

The same sizes give the same files. Prices are such that no cent is ever rounded, and every dollar is half a euro; what
MRR must come out at the end is told by plain arithmetic over the drawn subscriptions.
"""

import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from numpy.random import Generator
from numpy.typing import NDArray

from transforms.calendar import add_months, months_between
from transforms.template import filled

LAST = dt.date(2026, 10, 1)
AS_OF = dt.date(2026, 10, 31)
TICKETS, ANSWERS, ACTIVITIES = 20, 5, 4
"""So many of each per customer, over three years."""
LEAVING = 0.012
"""Share of the customers that leave in a month."""
DAYS = 28
"""What happens in a month happens on one of its first days, as many as every month has."""
SOURCES = {
    "crm": ("accounts", "renewals", "churn_events", "csm_activities", "milestones"),
    "billing": ("subscription_items", "invoices"),
    "support": ("tickets",),
    "product": ("usage_events",),
    "surveys": ("survey_responses",),
    "finance": ("costs", "fx_rates"),
}
BY_MONTH = "usage_events"
"""The table that is exported month by month, as events are."""
SIZES, PLACES = ("1-50", "51-200", "201-1000", "1000+"), ("Americas", "APAC", "EMEA")
COUNTRIES = {"Americas": "US", "APAC": "JP", "EMEA": "DE"}
INDUSTRIES = ("Education", "Finance", "Health", "Manufacturing", "Media", "Public sector", "Retail", "Software")
FEATURES = ("boards", "dashboards", "exports", "integrations", "reports", "search")
DOLLAR = "0.5"


@dataclass(frozen=True)
class GeneratedCompany:
    """So many customers over the months to October 2026."""

    customers: int
    months: int = 36
    events: int = 200
    """Usage events per customer, over three years."""

    @cached_property
    def first(self) -> dt.date:
        """The first month."""
        return add_months(LAST, 1 - self.months)

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """One row per customer: when it starts and ends (month and day as numbers), and what it pays a month."""
        draw, count = self._draw(1), self.customers
        begun = np.where(draw.random(count) < 0.5, 0, draw.integers(0, self.months, count))
        ended = begun + draw.geometric(LEAVING, count)
        return pl.DataFrame(
            {
                "account_id": np.arange(count),
                "begun": begun,
                "ended": np.where(ended < self.months, ended, self.months + 1),
                "first_day": draw.integers(1, DAYS + 1, count),
                "last_day": draw.integers(1, DAYS + 1, count),
                "is_yearly": draw.random(count) < 0.3,
                "is_dollar": draw.random(count) < 0.2,
                "seats": draw.integers(1, 40, count),
                "price_cents": 200 * draw.integers(5, 30, count),
                "upgraded": draw.integers(0, 3 * self.months, count),
                "place": draw.integers(0, 3, count),
                "size": draw.integers(0, 4, count),
                "industry": draw.integers(0, 8, count),
            }
        ).with_columns(
            filled("A{}", pl.col("account_id").cast(pl.String).str.zfill(7)),
            until=pl.min_horizontal("ended", pl.lit(self.months)),
        )

    def closing_cents(self) -> int:
        """MRR at the end of the last month, in euro cents."""
        paying = self.accounts.filter(pl.col("ended") > self.months)
        seats = pl.col("seats") + _grown().cast(pl.Int64)
        euros = pl.when("is_dollar").then(pl.col("price_cents") // 2).otherwise("price_cents")
        return int(paying.select((seats * euros).sum()).item())

    def write(self, folder: Path) -> None:
        """Write the exports and a config for them into an empty folder."""
        whole = {
            "accounts": self._accounts(),
            "subscription_items": self.items(),
            "invoices": self._invoices(),
            "renewals": self._renewals(),
            "churn_events": self._churn_events(),
            "csm_activities": self._activities(),
            "milestones": self._milestones(),
            "tickets": self._tickets(),
            "survey_responses": self._answers(),
            "costs": self._costs(),
            "fx_rates": self._rates(),
        }
        for source, tables in SOURCES.items():
            place = folder / "company" / source
            place.mkdir(parents=True)
            for table in tables:
                if table == BY_MONTH:
                    self._write_events(place)
                else:
                    whole[table].write_csv(place / f"{table}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
        (folder / "company.yaml").write_text(yaml.safe_dump(self._config(), sort_keys=False))

    def _config(self) -> dict[str, object]:
        files = {
            table: f"{table}-*.csv" if table == BY_MONTH else f"{table}.csv" for s in SOURCES.values() for table in s
        }
        return {
            "company": "Generated",
            "as_of": AS_OF,
            "first_month": self.first,
            "history_from": self.first,
            "reporting": {"currency": "EUR", "time_zone": "Europe/Berlin"},
            "segments": ["industry", "country", "region", "size"],
            "sources": {
                source: {
                    "form": "canonical",
                    "folder": f"company/{source}",
                    "files": {table: files[table] for table in tables},
                }
                for source, tables in SOURCES.items()
            },
            "onboarding": {
                "milestones": [
                    {"name": "kickoff", "within_days": 14},
                    {"name": "first_report", "within_days": 60, "is_value": True},
                ]
            },
            "finance": {"gross_margin": [{"month": dt.date(2020, 1, 1), "share": 0.8}]},
        }

    def _draw(self, table: int) -> Generator:
        """Chance of a table's own, so that what is drawn of one does not move another."""
        return np.random.default_rng([table, self.customers, self.months])

    def _day(self, month: pl.Expr, day: pl.Expr) -> pl.Expr:
        """A date, of the number of its month and its day."""
        since = self.first.year * 12 + self.first.month - 1 + month
        return pl.date(since // 12, since % 12 + 1, day)

    def _somewhere(self, table: int, count: int) -> tuple[Generator, pl.DataFrame]:
        """So many moments at which a customer was one: its account, month and day, in order of time."""
        draw = self._draw(table)
        picked = self.accounts[self._weighted(draw, count)]
        # In the month in which a customer leaves it may be gone by the day; through the one before it was there.
        at = pl.col("begun") + ((pl.col("until") - pl.col("begun")) * pl.Series(draw.random(count))).floor().cast(
            pl.Int64
        )
        moments = picked.with_columns(at=at, day=pl.Series(draw.integers(1, DAYS + 1, count)))
        begun = pl.when(pl.col("at") == pl.col("begun")).then("first_day").otherwise(1)
        return draw, moments.with_columns(pl.max_horizontal("day", begun)).sort("at", "day", maintain_order=True)

    def _weighted(self, draw: Generator, count: int) -> NDArray[np.int64]:
        """Rows of the accounts, the longer a customer the oftener."""
        months = (self.accounts["until"] - self.accounts["begun"]).to_numpy()
        return np.searchsorted(np.cumsum(months), draw.integers(0, months.sum(), count), side="right")

    def _moment(self, draw: Generator, count: int) -> pl.Expr:
        """The moments' instants, in working hours."""
        seconds = pl.Series(draw.integers(8 * 3600, 18 * 3600, count)).cast(pl.Int64)
        return self._day(pl.col("at"), pl.col("day")).cast(pl.Datetime("us")) + pl.duration(seconds=seconds)

    def _accounts(self) -> pl.DataFrame:
        return self.accounts.select(
            "account_id",
            account_name=filled("Customer {}", "account_id"),
            industry=_named("industry", INDUSTRIES),
            country=_named("place", [COUNTRIES[place] for place in PLACES]),
            region=_named("place", PLACES),
            size=_named("size", SIZES),
            csm_owner=pl.lit("Kim"),
            signup_on=self._day(pl.col("begun"), pl.col("first_day")),
            is_internal=pl.lit("false"),
        )

    def items(self) -> pl.DataFrame:
        """The subscriptions' items, with a version for each seat more."""
        started = self._day(pl.col("begun"), pl.col("first_day"))
        first = self.accounts.with_columns(valid_from=started, more=pl.lit(0))
        grown = self.accounts.filter(_grown()).with_columns(
            valid_from=self._day(pl.col("upgraded"), pl.lit(DAYS)), more=pl.lit(1)
        )
        return pl.concat([first, grown]).select(
            filled("S{}", "account_id").alias("subscription_id"),
            pl.lit("I1").alias("item_id"),
            "valid_from",
            "account_id",
            pl.lit("Pro").alias("plan"),
            quantity=pl.col("seats") + pl.col("more"),
            seats=pl.col("seats") + pl.col("more"),
            unit_amount=pl.col("price_cents") * pl.when("is_yearly").then(12).otherwise(1),
            currency=_currency(),
            interval_unit=pl.when("is_yearly").then(pl.lit("year")).otherwise(pl.lit("month")),
            interval_count=1,
            is_trial=pl.lit("false"),
            is_metered=pl.lit("false"),
            started_on=started,
            ended_on=pl.when(self._left()).then(self._day(pl.col("ended"), pl.col("last_day"))),
            cancel_requested_on=pl.lit(None, pl.String),
        )

    def _left(self) -> pl.Expr:
        return pl.col("ended") < self.months

    def _turns(self) -> pl.DataFrame:
        """One row per account and month in which it is billed."""
        months = self.accounts.with_columns(at=pl.int_ranges("begun", "until")).explode("at", empty_as_null=False)
        return months.filter(~pl.col("is_yearly") | ((pl.col("at") - pl.col("begun")) % 12 == 0))

    def _invoices(self) -> pl.DataFrame:
        billed = self._turns().sort("at", "account_id")
        issued = self._day(pl.col("at"), pl.col("first_day"))
        taken = pl.Series(self._draw(2).integers(0, 45, billed.height)).cast(pl.Int64)
        rows = billed.with_row_index("number").with_columns(
            issued_on=issued, due_on=issued + pl.duration(days=30), paid=issued + pl.duration(days=taken)
        )
        is_paid = pl.col("paid") <= AS_OF
        return rows.select(
            filled("N{}", pl.col("number").cast(pl.String).str.zfill(9)).alias("invoice_id"),
            "account_id",
            "issued_on",
            "due_on",
            pl.when(is_paid).then("paid").alias("paid_on"),
            pl.when(is_paid).then(pl.lit("paid")).otherwise(pl.lit("open")).alias("status"),
            (pl.col("price_cents") * pl.col("seats") * pl.when("is_yearly").then(12).otherwise(1)).alias("amount"),
            _currency().alias("currency"),
        )

    def _renewals(self) -> pl.DataFrame:
        terms = self._turns().filter("is_yearly").sort("at", "account_id")
        ended = self._day(pl.col("at") + 12, pl.col("first_day"))
        goes_on = pl.col("ended") > pl.col("at") + 12
        return terms.with_row_index("number").select(
            filled("R{}", pl.col("number").cast(pl.String).str.zfill(8)).alias("renewal_id"),
            "account_id",
            term_started_on=self._day(pl.col("at"), pl.col("first_day")),
            term_ended_on=ended,
            renewed_on=pl.when((ended <= AS_OF) & goes_on).then(ended),
            outcome=pl.when(ended > AS_OF)
            .then(pl.lit("open"))
            .when(goes_on)
            .then(pl.lit("renewed"))
            .otherwise(pl.lit("lost")),
            mrr_amount=pl.col("price_cents") * pl.col("seats"),
            currency=_currency(),
        )

    def _churn_events(self) -> pl.DataFrame:
        return self.accounts.filter(self._left()).select(
            filled("X{}", "account_id").alias("churn_event_id"),
            "account_id",
            self._day(pl.col("ended"), pl.col("last_day")).alias("churned_on"),
            pl.lit("price").alias("reason"),
        )

    def _milestones(self) -> pl.DataFrame:
        draw = self._draw(3)
        signed = self._day(pl.col("begun"), pl.col("first_day"))
        rows = [
            self.accounts.select(
                "account_id",
                milestone=pl.lit(name),
                reached_on=signed + pl.duration(days=pl.Series(draw.integers(1, days, self.customers)).cast(pl.Int64)),
            )
            for name, days in (("kickoff", 20), ("first_report", 90))
        ]
        return pl.concat(rows).filter(pl.col("reached_on") <= AS_OF)

    def _per_customer(self, times: int) -> int:
        return self.customers * times * self.months // 36

    def _activities(self) -> pl.DataFrame:
        count = self._per_customer(ACTIVITIES)
        draw, moments = self._somewhere(4, count)
        words = pl.Series(["red", "orange", "yellow", "light_green", "green"])
        held = self._day(pl.col("at"), pl.col("day"))
        is_review = pl.Series(draw.random(count) < 0.4)
        return moments.with_row_index("number").select(
            filled("C{}", pl.col("number").cast(pl.String).str.zfill(8)).alias("activity_id"),
            "account_id",
            kind=pl.when(is_review).then(pl.lit("review")).otherwise(pl.lit("sentiment")),
            due_on=pl.when(is_review).then(held),
            held_on=held,
            executive_present=pl.when(is_review).then(pl.lit("true")),
            csm_thumb=pl.when(is_review).then(pl.lit("up")),
            customer_thumb=pl.when(is_review).then(pl.lit("up")),
            rating=pl.when(~is_review).then(words[draw.integers(0, 5, count)]),
        )

    def _tickets(self) -> pl.DataFrame:
        count = self._per_customer(TICKETS)
        draw, moments = self._somewhere(5, count)
        hours = pl.Series(draw.gamma(2.0, 20.0, count)).cast(pl.Int64)
        rated = pl.Series(draw.random(count) < 0.3)
        topics = pl.Series(["login", "billing", "export", "speed", "setup"])
        is_solved = pl.col("solved") <= dt.datetime.combine(AS_OF, dt.time(23))
        rows = moments.with_columns(created_at=self._moment(draw, count)).with_columns(
            solved=pl.col("created_at") + pl.duration(hours=hours + 1)
        )
        return rows.with_row_index("number").select(
            filled("T{}", pl.col("number").cast(pl.String).str.zfill(9)).alias("ticket_id"),
            "account_id",
            requester_id=filled("r{}-{}", "account_id", pl.Series(draw.integers(0, 4, count))),
            topic=topics[draw.integers(0, 5, count)],
            channel=pl.lit("mail"),
            priority=pl.lit("normal"),
            status=pl.when(is_solved).then(pl.lit("solved")).otherwise(pl.lit("open")),
            created_at=pl.col("created_at"),
            first_replied_at=pl.when(is_solved).then(pl.col("created_at") + pl.duration(minutes=30)),
            last_solved_at=pl.when(is_solved).then("solved"),
            public_agent_replies=pl.Series(draw.integers(1, 5, count)),
            reopens=pl.Series((draw.random(count) < 0.1).astype(int)),
            is_escalated=pl.Series(draw.random(count) < 0.05),
            is_merged=pl.lit("false"),
            is_spam=pl.lit("false"),
            satisfaction_score=pl.when(rated).then(pl.Series(draw.integers(1, 6, count))),
            scale_min=pl.when(rated).then(1),
            scale_max=pl.when(rated).then(5),
        )

    def _answers(self) -> pl.DataFrame:
        count = self._per_customer(ANSWERS)
        draw, moments = self._somewhere(6, count)
        kind = pl.Series(draw.integers(0, 3, count))
        low, high = np.array([0, 1, 1])[kind], np.array([10, 5, 7])[kind]
        answered = pl.Series(draw.random(count) < 0.6)
        score = pl.Series(low + (draw.random(count) * (high - low + 1)).astype(int))
        rows = moments.with_columns(sent_at=self._moment(draw, count))
        responded = pl.col("sent_at") + pl.duration(hours=pl.Series(draw.integers(1, 72, count)).cast(pl.Int64))
        told = answered & (responded <= dt.datetime.combine(AS_OF, dt.time(23)))
        comment = pl.Series(draw.random(count) < 0.1)
        return rows.with_row_index("number").select(
            filled("Q{}", pl.col("number").cast(pl.String).str.zfill(9)).alias("response_id"),
            "account_id",
            respondent_id=filled("u{}-{}", "account_id", pl.Series(draw.integers(0, 5, count))),
            kind=pl.Series(["nps", "csat", "ces"])[kind],
            score=pl.when(told).then(score),
            scale_min=pl.when(told).then(pl.Series(low)),
            scale_max=pl.when(told).then(pl.Series(high)),
            direction=pl.lit(None, pl.String),
            comment=pl.when(told & comment).then(pl.lit("Exports of our reports are slow")),
            sent_at="sent_at",
            responded_at=pl.when(told).then(responded),
        )

    def _write_events(self, place: Path) -> None:
        """Usage events, a file a month."""
        count = self._per_customer(self.events)
        draw, moments = self._somewhere(7, count)
        moments = moments.select("account_id", "at", "day").with_columns(
            number=pl.int_range(pl.len()), user=pl.Series(draw.integers(0, 5, count)).cast(pl.Int8)
        )
        for (at,), part in moments.partition_by("at", as_dict=True, maintain_order=True).items():
            month, size = add_months(self.first, int(str(at))), part.height
            part.select(
                filled("E{}", pl.col("number").cast(pl.String).str.zfill(9)).alias("event_id"),
                "account_id",
                user_id=filled("u{}-{}", "account_id", "user"),
                name=pl.Series(FEATURES)[draw.integers(0, len(FEATURES), size)],
                occurred_at=self._moment(draw, size),
                seconds=pl.Series(draw.integers(5, 1800, size)),
                event_count=pl.Series(draw.integers(1, 12, size)),
                errors=pl.Series((draw.random(size) < 0.03).astype(int)),
                is_internal=pl.lit("false"),
            ).write_csv(place / f"{BY_MONTH}-{month:%Y-%m}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")

    def _costs(self) -> pl.DataFrame:
        rows = [
            (month, category, 1_000 * self.customers, "EUR")
            for month in months_between(self.first, LAST)
            for category in ("customer_success", "support")
        ]
        return pl.DataFrame(rows, ["month", "category", "amount", "currency"], orient="row")

    def _rates(self) -> pl.DataFrame:
        months = months_between(add_months(self.first, -1), LAST)
        return pl.DataFrame({"month": months, "currency": "USD", "rate": DOLLAR})


def one_more_event(folder: Path) -> None:
    """The last usage events are exported again, with one more."""
    path = max((folder / "company").rglob(f"{BY_MONTH}*.csv"))
    last = path.read_text().splitlines()[-1]
    with path.open("a") as file:
        file.write(f"more-{last}\n")


def _grown() -> pl.Expr:
    """Whether a customer takes one more seat, in a month between those in which it comes and goes, until LAST."""
    return pl.col("upgraded").is_between(pl.col("begun") + 1, pl.col("until") - 1)


def _named(column: str, names: Sequence[str]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def _currency() -> pl.Expr:
    return pl.when("is_dollar").then(pl.lit("USD")).otherwise(pl.lit("EUR"))


if __name__ == "__main__":
    # Of so many customers, months and events of each, into a folder; what MRR must come out is said.
    drawn = GeneratedCompany(*(int(size) for size in sys.argv[1:4]))
    drawn.write(Path(sys.argv[4]))
    print(drawn.closing_cents())
