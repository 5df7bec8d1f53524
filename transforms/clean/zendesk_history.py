"""What became of tickets, where Zendesk's metrics are missing: from their comments and the history of their fields."""

import polars as pl

AGENTS = ["agent", "admin"]
SYSTEM = "-1"
"""Who writes what nobody wrote: Zendesk itself."""
DONE, UNDONE = ["solved", "closed"], ["new", "open", "pending", "hold", "on-hold"]
"""States; the history calls that on hold by either name."""


def answer(column: str) -> pl.Expr:
    """A rating as a number: 1 is good, 0 is bad, with a comment or without; that it was (not) asked for is none."""
    said = pl.col(column).str.to_lowercase()
    is_good, is_bad = (said.str.contains(rf"^{word}(_?with_?comment)?$") for word in ("good", "bad"))
    return pl.when(is_good).then(1.0).when(is_bad).then(0.0)


def last_answers(ratings: pl.DataFrame, ticket: str, score: str, at: str) -> pl.DataFrame:
    """By ticket the last rating that is an answer, and when it was given."""
    answered = ratings.filter(answer(score).is_not_null()).sort(at, maintain_order=True)
    return answered.select(ticket, score, at).unique(ticket, keep="last", maintain_order=True)


def replies(comments: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """By ticket the public comments of agents, and when the first was written.

    The comment that a ticket was opened with replies to nobody, even if an agent wrote it. Where a public comment is of
    somebody whose role is not known, nobody can tell how many there are. Roles are those of today.
    """
    author, ticket, at = "ticket_comments.author_id", "ticket_comments.ticket_id", "ticket_comments.created_at"
    roles = users.select(author="users.id", role="users.role")
    is_agent = pl.col("role").is_in(AGENTS)
    ordered = (
        comments.join(roles, left_on=author, right_on="author", how="left", maintain_order="left")
        .with_columns(number=pl.col("ticket_comments.id").cast(pl.Int64, strict=False))
        .sort(ticket, at, "number")
    )
    reply = ordered.with_columns(
        is_reply=pl.col("ticket_comments.public")
        & (pl.int_range(pl.len()).over(ticket) > 0)
        & pl.when(pl.col(author) != SYSTEM).then(is_agent).otherwise(pl.lit(value=False)),
    )
    is_known = pl.col("is_reply").is_not_null().all()
    first = pl.col(at).filter("is_reply").min()
    is_first = ~pl.col(at).filter(pl.col("is_reply").is_null()).min().le(first).fill_null(value=False)
    by_ticket = reply.group_by(ticket, maintain_order=True).agg(
        pl.when(is_first).then(first).alias("comments.first_replied_at"),
        pl.when(is_known).then(pl.col("is_reply").sum().cast(pl.Int64)).alias("comments.replies"),
    )
    return by_ticket.rename({ticket: "comments.ticket_id"})


def statuses(history: pl.DataFrame) -> pl.DataFrame:
    """By ticket when it was last solved, how often what was done was not, and its last rating that is an answer."""
    ticket, at, value = (f"ticket_field_history.{name}" for name in ("ticket_id", "updated", "value"))
    field = pl.col("ticket_field_history.field_name")
    states = history.filter((field == "status") & pl.col(value).is_not_null()).sort(ticket, at)
    was_done = pl.col(value).shift().over(ticket).is_in(DONE).fill_null(value=False)
    told = (
        states.with_columns(is_reopened=was_done & pl.col(value).is_in(UNDONE))
        .group_by(ticket, maintain_order=True)
        .agg(
            pl.col(at).filter(pl.col(value) == "solved").max().alias("history.last_solved_at"),
            pl.col("is_reopened").sum().cast(pl.Int64).alias("history.reopens"),
        )
    )
    rated = last_answers(history.filter(field == "satisfaction_score"), ticket, value, at)
    answered = rated.rename({value: "history.score", at: "history.answered_at"})
    return told.join(answered, on=ticket, how="full", coalesce=True).rename({ticket: "history.ticket_id"})
