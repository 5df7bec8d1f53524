"""How customers are helped. Hours are calendar hours; merged and spam tickets are in nothing."""

from functools import partial

import polars as pl

from schemas.customers import UNKNOWN
from transforms.declaration import ALL, SO_FAR, Months
from transforms.metrics.definition import Median, Observations, Ratio, parts

SOLVED = "tickets.last_solved_at"
TICKET = ["source", "ticket_id"]
FOLLOW_UP = pl.duration(hours=168)

# A ticket is solved in one month only, so that the months' parts add up to those of any period; and it may have been
# created long before that month.
of_solved = partial(
    Ratio, signal="leading", perspective="process", over_time="flow", items=True, reads={"fct_ticket": SO_FAR}
)
median_hours = partial(
    Median,
    unit="hours",
    better="lower",
    signal="leading",
    perspective="process",
    over_time="none",
    reads={"fct_ticket": SO_FAR},
)


def solved(fct_ticket: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """The tickets that were last solved in one of the months, under that month.

    They are looked for among all tickets so far; what was solved in other months is none of what is asked.
    """
    months = dim_month.select("month")
    return fct_ticket.with_columns(month="solved_month").join(months, on="month", how="semi")


@of_solved(
    unit="share",
    better="higher",
    independent=True,
    reads={"fct_ticket": Months(back=ALL, ahead=1)},
    provisional_days=7,
    needs=(SOLVED, "tickets.public_agent_replies", "tickets.reopens"),
    title="First contact resolution",
)
def fcr(fct_ticket: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Tickets solved at first contact / tickets solved in the month.

    At first contact: at most one public agent reply, no reopening, and no new ticket of the same requester (of its
    account, if it names no requester) on the same topic (any, if it names none) created within 168 hours after. A
    ticket whose replies or reopens are empty is in neither.
    """
    replies, reopens = pl.col("public_agent_replies"), pl.col("reopens")
    asked = solved(fct_ticket, dim_month)
    known = asked.filter(replies.is_not_null() & reopens.is_not_null())
    at_once = known.filter((replies <= 1) & (reopens == 0))
    followed = followed_up(at_once, fct_ticket.filter("counts"))
    resolved = at_once.join(followed, on=TICKET, how="anti").select(*TICKET, resolved=pl.lit(1))
    return parts(
        known.join(resolved, on=TICKET, how="left"),
        pl.col("resolved").fill_null(0),
        pl.col("ticket_id").is_not_null(),
    )


def followed_up(tickets: pl.DataFrame, arrivals: pl.DataFrame) -> pl.DataFrame:
    """Ids of the solved `tickets` after which another of the `arrivals` came about the same, within the window."""
    if tickets.is_empty():
        return tickets.select(TICKET)
    followed = []
    solved_at = tickets["last_solved_at"]
    # What came before all of them, or long after, follows none.
    arrivals = arrivals.filter(pl.col("created_at").is_between(solved_at.min(), solved_at.max() + FOLLOW_UP))
    named = pl.col("requester_id").is_not_null()
    nameless = ~named & (pl.col("account_id") != UNKNOWN)
    for asking, person in ((named, ["source", "requester_id"]), (nameless, ["account_id"])):
        of_person = tickets.filter(asking)
        for keys in ([*person, "topic"], person):
            has_topic = pl.col("topic").is_not_null()
            about = of_person.filter(has_topic if "topic" in keys else ~has_topic)
            followed.append(_with_followers(about, arrivals, keys))
    return pl.concat(followed)


def _with_followers(tickets: pl.DataFrame, arrivals: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Ids of the `tickets` after which a ticket of the same `keys` came in [last_solved_at, + 168 hours).

    Counts of all arrivals before both ends are compared: a join of tickets with tickets would grow with the square of
    what one person, or one account, asks.
    """
    if tickets.is_empty():
        return tickets.select(TICKET)
    # Numbers stand for the keys, and what others asked is left out: most arrivals are of nobody who is looked at.
    asking = tickets.select(keys).unique().with_row_index("who")
    running = (
        arrivals.join(asking, on=keys)
        .group_by("who", "created_at")
        .len()
        .sort("who", "created_at")
        .select("who", arrived_at="created_at", arrived=pl.col("len").cast(pl.Int64).cum_sum().over("who"))
        .sort("arrived_at")
    )

    def arrived_before(rows: pl.DataFrame, end: pl.Expr, name: str) -> pl.DataFrame:
        return (
            rows.with_columns(end=end)
            .sort("end")
            .join_asof(
                running,
                left_on="end",
                right_on="arrived_at",
                by="who",
                allow_exact_matches=False,
                check_sortedness=False,
            )
            .with_columns(pl.col("arrived").fill_null(0).alias(name))
            .drop("end", "arrived", "arrived_at")
        )

    solved_at = pl.col("last_solved_at")
    told = tickets.select(*dict.fromkeys([*TICKET, *keys]), "created_at", "last_solved_at").join(asking, on=keys)
    both = arrived_before(arrived_before(told, solved_at, "before"), solved_at + FOLLOW_UP, "until")
    itself = (pl.col("created_at") >= solved_at).cast(pl.Int64)
    return both.filter(pl.col("until") - pl.col("before") - itself > 0).select(TICKET)


@of_solved(unit="hours", better="lower", needs=(SOLVED,), title="Average resolution time")
def art(fct_ticket: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Hours from creation to last solved, summed over the tickets solved in the month / those tickets."""
    return parts(solved(fct_ticket, dim_month), pl.col("resolution_hours"), pl.col("resolution_hours").is_not_null())


@median_hours(
    observations=Observations("fct_ticket", "resolution_hours", "solved_month"),
    needs=(SOLVED,),
    asset="art",
    title="Median resolution time",
)
def art_median() -> None:
    """Median of the hours from creation to last solved, over the tickets solved in the month.

    No medians of months make that of a longer period.
    """


@median_hours(
    observations=Observations("fct_ticket", "first_response_hours", "first_replied_month"),
    needs=("tickets.first_replied_at",),
)
def first_response_time() -> None:
    """Median of the hours from creation to the first public agent reply, over the tickets replied to in the month."""


@of_solved(unit="share", better="lower", independent=True, needs=(SOLVED, "tickets.is_escalated"))
def escalation_rate(fct_ticket: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Escalated tickets (empty: it was not) / tickets, of those solved in the month."""
    return parts(
        solved(fct_ticket, dim_month), pl.col("is_escalated").fill_null(value=False), pl.col("ticket_id").is_not_null()
    )


@of_solved(unit="share", better="lower", independent=True, needs=(SOLVED, "tickets.reopens"))
def reopen_rate(fct_ticket: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Tickets reopened at least once / tickets, of those solved in the month; empty reopens are in neither."""
    known = solved(fct_ticket, dim_month).filter(pl.col("reopens").is_not_null())
    return parts(known, pl.col("reopens") > 0, pl.col("ticket_id").is_not_null())


@Ratio(
    unit="count",
    better="lower",
    signal="leading",
    perspective="process",
    over_time="mean_rate",
    needs=("tickets", "subscription_items"),
)
def tickets_per_account(fct_ticket: pl.DataFrame, fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Tickets created in the month by accounts with opening or closing MRR / those accounts."""
    created = fct_ticket.filter("counts").group_by("month", "account_id").agg(tickets=pl.len())
    accounts = fct_mrr_account_month.filter((pl.col("opening_cents") > 0) | (pl.col("closing_cents") > 0))
    return parts(
        accounts.join(created, on=["month", "account_id"], how="left"),
        pl.col("tickets").fill_null(0),
        pl.col("account_id").is_not_null(),
    )
