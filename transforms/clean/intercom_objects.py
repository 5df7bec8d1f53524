"""Intercom's objects, in the words of its API.

Sources: Intercom's OpenAPI description (2.14); the streams of Airbyte's connector; the tables of Fivetran's, each of
which is a history.
"""

from typing import Any

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant

NO_HISTORY: dict[str, str | tuple[str, ...]] = {"api": (), "airbyte": (), "dlt": ()}
"""Of writers that keep only what an object is now."""
BY_ID: dict[str, str | tuple[str, ...]] = {"api": "id", "airbyte": "id", "dlt": "id"}
"""Of elements of a list, which have their own id and no name of what they are."""


def _version() -> Any:  # noqa: ANN401 - as of column
    spelled = {**NO_HISTORY, "fivetran": ("_fivetran_start", "updated_at")}
    return column("From when on a version of it held, where its history is kept", optional=True, spelled=spelled)


class IntercomConversations(Export):
    """One row per conversation, and per version of it where its history is kept.

    Its `statistics` may be missing as a whole. What they tell as a duration leaves the hours out in which the office is
    closed; only their instants and counts are read.
    """

    id: str = column("Conversation")
    version_from: Instant = _version()  # type: ignore[valid-type]
    created_at: Instant = column("When it began")  # type: ignore[valid-type]
    state: str = column("open, closed or snoozed")
    priority: str = column("priority or not_priority", optional=True)
    source__type: str = column("Where it began", optional=True)
    source__delivered_as: str = column("Who began it: a customer, or how the company did", null=True)
    source__author__type: str = column(
        "user, lead, contact, admin, bot or team", optional=True, spelled={"fivetran": "source_author_type"}
    )
    source__author__id: str = column(
        "Who wrote its first message", optional=True, personal="id", spelled={"fivetran": "source_author_id"}
    )
    first_contact_reply__created_at: Instant = column(  # type: ignore[valid-type]
        "When a customer first wrote in it", optional=True
    )
    statistics__first_contact_reply_at: Instant = column(  # type: ignore[valid-type]
        "The same, where there are statistics", optional=True
    )
    statistics__first_admin_reply_at: Instant = column(  # type: ignore[valid-type]
        "First reply of a teammate after that", optional=True
    )
    statistics__last_close_at: Instant = column("When it was last closed", optional=True)  # type: ignore[valid-type]
    statistics__count_reopens: pl.Int64 = column("Times it was reopened", optional=True)
    conversation_parts__total_count: pl.Int64 = column(
        "How many parts it has, of which those that came last may be there", optional=True
    )
    conversation_rating__rating: pl.Float64 = column(
        "1 to 5; none: it was asked for", optional=True, spelled={"fivetran": "conversation_rating_value"}
    )
    conversation_rating__updated_at: Instant = column(  # type: ignore[valid-type]
        "When the rating last changed; its `created_at` is when it was asked for", optional=True
    )

    class Config:
        unique = ["id", "version_from"]


class IntercomConversationParts(Export):
    """One row per part of a conversation after its first message, and per version of it where its history is kept."""

    id: str = column("Part")
    version_from: Instant = _version()  # type: ignore[valid-type]
    conversation_id: str = column("Its conversation", optional=True, of_parent="id")
    part_type: str = column("comment, note, assignment, close, open and others", optional=True)
    author__type: str = column("user, lead, contact, admin, bot or team", optional=True)
    body: str = column("What it says, of which only counts whether there is something", optional=True, personal="text")
    created_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id", "version_from"]


class IntercomConversationContacts(Export):
    """One row per customer's person in a conversation."""

    conversation_id: str = column("Its conversation", optional=True, of_parent="id")
    contact_id: str = column("Person", personal="id", spelled=BY_ID)


class IntercomConversationTags(Export):
    """One row per tag of a conversation."""

    conversation_id: str = column("Its conversation", optional=True, of_parent="id")
    tag_id: str = column("Tag", optional=True, spelled=BY_ID)
    name: str = column("Its name", optional=True)


class IntercomConversationTopics(Export):
    """One row per topic that Intercom found in a conversation."""

    conversation_id: str = column("Its conversation", optional=True, of_parent="id")
    name: str = column("Its name", optional=True)


class IntercomTags(Export):
    """One row per tag that there is."""

    id: str = column("Tag")
    name: str = column("Its name", optional=True)

    class Config:
        unique = ["id"]


class IntercomContacts(Export):
    """One row per person, be it a user or a lead."""

    id: str = column("Person", personal="id")

    class Config:
        unique = ["id"]


class IntercomContactCompanies(Export):
    """One row per company that a person is of; the API tells the first ten of a person."""

    contact_id: str = column("Person", optional=True, personal="id", of_parent="id")
    company_id: str = column("Company, by Intercom's own id", spelled=BY_ID)


class IntercomCompanies(Export):
    """One row per company, and per version of it where its history is kept.

    Its `id` is Intercom's, by which persons name it; its `company_id` is what the company itself calls it.
    """

    id: str = column("Company, by Intercom's own id")
    version_from: Instant = _version()  # type: ignore[valid-type]
    name: str = column("What it is called", optional=True)
    website: str = column("Its site", optional=True)

    class Config:
        unique = ["id", "version_from"]
