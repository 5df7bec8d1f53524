"""PostHog: what its events mean, whoever wrote them down.

A project's group types are numbered as they were first sent, so which number is the company's is for the config to say.
What PostHog notes by itself ($pageview, $autocapture, $feature_flag_called, and what becomes of its surveys) is no use
of a feature, and often most of all events.

Sources: PostHog's pages on batch exports, with what their code writes; the stream of Airbyte's connector.
"""

import re
from collections.abc import Mapping

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.contract import column
from schemas.customers import Export
from schemas.form import Cleaning, Filled, Told
from schemas.support import Instant
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO, PLAIN
from transforms.clean.properties import is_in_domains, whole_number

Frames = Mapping[str, pl.DataFrame]
OF_SURVEYS = ("survey shown", "survey sent", "survey dismissed")
"""Events of PostHog's own that do not begin with `$`."""
ADDRESSES = ("address", "address_of_person")


class PosthogEvents(Export):
    """One row per event; it may be written more than once.

    A person's id is that of the day on which the event came in: where persons are merged later, old events keep theirs.
    """

    uuid: str = column("Event", spelled={"airbyte": "id"})
    event: str = column("Its name")
    timestamp: Instant = column("When it happened")  # type: ignore[valid-type]
    distinct_id: str = column("What the client calls the user", optional=True, personal="id")
    person_id: str = column("Person that PostHog takes the user for", optional=True, personal="id")


class PosthogOptions(BaseModel):
    """What the config may say of a source of PostHog's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    group: str = Field(
        "$group_0",
        description="Type of the groups that are accounts: $group_0 to $group_4, or $groups.company by its name",
    )
    own_events: tuple[str, ...] = Field(
        (), description="Events that PostHog notes by itself and that count all the same, as $pageview"
    )
    seconds: str | None = Field(None, min_length=1, description="Property that has the seconds an event took")
    errors: str | None = Field(None, min_length=1, description="Property that has the number of an event's errors")
    internal_domains: tuple[str, ...] = Field(
        (), description="Domains of our own addresses: a person who has one is one of our own"
    )

    @field_validator("group")
    @classmethod
    def _is_a_type(cls, group: str) -> str:
        if not re.fullmatch(r"\$group_[0-4]|\$groups\.[^.]+", group):
            raise ValueError("expected $group_0 to $group_4, or $groups. with the name of a type")
        return group


def asked(options: PosthogOptions) -> dict[str, dict[str, str]]:
    """The properties that tell what the config asks for."""
    named = {"account": options.group, "seconds": options.seconds, "errors": options.errors}
    properties = {name: f"properties.{where}" for name, where in named.items() if where}
    persons = ("person_properties.email", "person.properties.email")
    addresses = dict(zip(ADDRESSES, persons, strict=True)) if options.internal_domains else {}
    return {"events": properties | addresses}


def usage_events(of: Frames, told: Told) -> Filled:
    """The events that the company sends, and those of PostHog's own that the config lists."""
    options: PosthogOptions = told.options
    name = pl.col("event")
    is_own = name.str.starts_with("$") | name.is_in(OF_SURVEYS)
    ours = options.internal_domains
    return Filled(
        of["events"].filter(~is_own | name.is_in(options.own_events)),
        {
            "event_id": pl.col("uuid"),
            "account_id": pl.col("account"),
            "user_id": pl.coalesce("person_id", "distinct_id"),
            "name": name,
            "occurred_at": pl.col("timestamp"),
            **{name: whole_number(name) for name in ("seconds", "errors") if getattr(options, name)},
            **({"is_internal": is_in_domains(pl.coalesce(ADDRESSES), ours)} if ours else {}),
        },
    )


DEEPEST = 4
"""Folders below that of the events, as one each for year, month, day and hour."""
FOLDERS = ("events", "[0-9][0-9][0-9][0-9]*")
"""Where an export's files may lie: in a folder of the table, or beginning with a year, as their names do, too."""
BATCHES = tuple(first + "/*" * depth for first in FOLDERS for depth in range(DEEPEST + 1))

VENDOR = Vendor(
    name="posthog",
    title="PostHog (product events)",
    kinds={"events": Kind(PosthogEvents, {"api": BATCHES, "warehouse": "events", "airbyte": "events"})},
    clean={"usage_events": Cleaning(usage_events, ("events",), by_part=True)},
    writers=("api", "warehouse", "airbyte"),
    instants=(*ISO, *PLAIN),  # ClickHouse, where the events are, spells them plainly
    options=PosthogOptions,
    asked=asked,
)
