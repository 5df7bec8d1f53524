"""What became of Intercom's conversations, by their parts: for many there are no statistics, and none count replies."""

import polars as pl

AGENT = "admin"
"""Who a person of the company is as an author; an answer of Intercom's own is by a `bot`."""
PERSONS = ("user", "lead", "contact")
"""Who a customer's person is as an author."""
SAID = "comment"
ALSO_SAY = ("assignment", "assign_and_reopen", "close", "open")
"""Parts that change something, and are an answer, too, if they say something. A note is for teammates."""
CLOSED = "close"
REOPENED = ("open", "note_and_reopen", "assign_and_reopen")
ID, TYPE, AUTHOR = (
    "conversation_parts.conversation_id",
    "conversation_parts.part_type",
    "conversation_parts.author__type",
)
AT, BODY, VERSION = "conversation_parts.created_at", "conversation_parts.body", "conversation_parts.version_from"
BEGAN = "began_at"


def last_versions(rows: pl.DataFrame, key: str, version: str) -> pl.DataFrame:
    """Of each object its last version, where a history does not tell which is the present one."""
    return rows.sort(version, nulls_last=False, maintain_order=True).unique(key, keep="last", maintain_order=True)


def contact_replies(parts: pl.DataFrame) -> pl.DataFrame:
    """By conversation when a customer first wrote in it, and how many parts of it there are."""
    is_said = pl.col(AUTHOR).is_in(PERSONS) & pl.col(TYPE).is_in((SAID, *ALSO_SAY))
    return (
        parts.group_by(ID, maintain_order=True)
        .agg(
            pl.col(AT).filter(is_said).min().alias("parts.first_contact_reply_at"),
            pl.len().cast(pl.Int64).alias("parts.number"),
        )
        .rename({ID: "parts.of"})
    )


def outcomes(parts: pl.DataFrame, conversations: pl.DataFrame) -> pl.DataFrame:
    """By conversation the replies of teammates, its closes and its reopenings since it `began_at` as a ticket.

    What changes something is an answer only if it says something: where no file has what was said, nobody can tell, and
    a reply is known only before the first such part. Of a conversation that is opened without having been closed before
    nothing was reopened: so begins what a customer answers to a message of the company.
    """
    since = parts.join(conversations.select(ID, BEGAN), on=ID, how="inner", maintain_order="left").filter(
        pl.col(AT) >= pl.col(BEGAN)
    )
    is_told = parts[BODY].is_not_null().any()
    says = pl.col(BODY).is_not_null() if is_told else pl.lit(None, pl.Boolean)
    is_reply = (pl.col(AUTHOR) == AGENT) & pl.when(pl.col(TYPE).is_in(ALSO_SAY)).then(says).otherwise(
        pl.col(TYPE) == SAID
    )
    first = pl.col(AT).filter(pl.col("is_reply")).min()
    unsure = pl.col(AT).filter(pl.col("is_reply").is_null()).min()
    replies = (
        since.with_columns(is_reply=is_reply)
        .group_by(ID, maintain_order=True)
        .agg(
            pl.when((unsure > first) | unsure.is_null()).then(first).alias("parts.first_replied_at"),
            pl.when(unsure.is_null()).then(pl.col("is_reply").sum().cast(pl.Int64)).alias("parts.replies"),
            pl.col(AT).filter(pl.col(TYPE) == CLOSED).max().alias("parts.last_closed_at"),
        )
    )
    states = (
        since.filter(pl.col(TYPE).is_in((CLOSED, *REOPENED)))
        .with_columns(number=pl.col("conversation_parts.id").cast(pl.Int64, strict=False))
        .sort(ID, AT, "number")
    )
    was_closed = (pl.col(TYPE).shift().over(ID) == CLOSED).fill_null(value=False)
    reopens = (
        states.with_columns(is_reopened=was_closed & (pl.col(TYPE) != CLOSED))
        .group_by(ID, maintain_order=True)
        .agg(pl.col("is_reopened").sum().cast(pl.Int64).alias("parts.reopens"))
    )
    told = replies.join(reopens, on=ID, how="left", maintain_order="left")
    # A conversation with parts none of which closed it was never reopened.
    return told.with_columns(pl.col("parts.reopens").fill_null(0)).rename({ID: "outcome.of"})
