"""Mixpanel: what its events mean, whoever wrote them down.

A property stands within the event's `properties`, or beside its name, where a `$` that its name begins with is left
out; which one names the account is for the config to say.

Exports have an event as often as it came in. Mixpanel knows it again by its name, its time, its user and its
`$insert_id`, and so does its id here: a hash of these. The user is the one that it was sent with, as a user who logs in
later gets another id for it; and the time counts in whole seconds, as exports have them unless they are asked for more.
What is sent again may say other things, as what was wrong is mended so: what came in last counts.

Times of projects from before 2023 are not in UTC: they are what a clock in the project's zone showed, told as if that
were UTC. Fivetran and Airbyte pass them on so.

Sources: Mixpanel's pages on the raw export, on deduplication, on merged ids and on JSON pipelines; dbt's package of
Fivetran's tables, and Fivetran's page on time zones; the code and the records of Airbyte's connector.
"""

from collections.abc import Mapping
from hashlib import blake2b

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.config import ZoneName
from schemas.contract import column
from schemas.customers import Export
from schemas.form import EPOCH, EPOCH_MS, Cleaning, Filled, Told
from schemas.support import Instant
from schemas.vendor import Kind, Vendor
from transforms.clean.properties import is_in_domains, one_of_each, whole_number

Frames = Mapping[str, pl.DataFrame]
USER, EMAIL = "$user_id", "$email"
ID, RESOLVED = "event_id", "mappings.resolved_distinct_id"
BETWEEN = "\x1f"
"""Parts what an id is made of: no text has it."""


class MixpanelEvents(Export):
    """One row per event, as often as it came in.

    Where users are merged, `distinct_id` is the id that they have now, and another column the one that was sent.
    """

    event: str = column("What a user did", spelled={"fivetran": "name", "warehouse": ("event_name", "mp_event_name")})
    time: Instant = column(  # type: ignore[valid-type]
        "When it happened, by the clock of the project's zone", spelled={"api": "properties.time"}
    )
    distinct_id: str = column(
        "User, or device before a login", optional=True, personal="id", spelled={"api": "properties.distinct_id"}
    )
    distinct_id_before_identity: str = column(
        "The same as it was sent",
        optional=True,
        personal="id",
        spelled={
            "api": "properties.$distinct_id_before_identity",
            "warehouse": ("distinct_id_before_identity", "mp_distinct_id_before_identity"),
        },
    )
    insert_id: str = column(
        "What its sender knows it by",
        optional=True,
        spelled={"api": "properties.$insert_id", "warehouse": ("insert_id", "mp_insert_id")},
    )
    mp_processing_time_ms: str = column(
        "When it came in, in milliseconds since 1970",
        optional=True,
        spelled={"api": "properties.mp_processing_time_ms"},
    )


class MixpanelMappings(Export):
    """One row per id that was merged with others, with the one that stands for them all."""

    distinct_id: str = column("An id of a user", personal="id")
    resolved_distinct_id: str = column("The id of the user now", personal="id")

    class Config:
        unique = ["distinct_id"]


class MixpanelOptions(BaseModel):
    """What the config may say of a source of Mixpanel's; properties are named as the project has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    account: str = Field("company_id", min_length=1, description="Property that names the account, as a group key does")
    first_account: bool = Field(
        False, description="Whether an event of several accounts is the first one's; else it is of no known account"
    )
    user: str | None = Field(
        None, min_length=1, description="Property that names the user; default: $user_id, or else distinct_id"
    )
    project_time_zone: ZoneName = Field(
        "UTC", description="Zone of the project, if it is from before 2023: its events have times of this zone"
    )
    own_events: tuple[str, ...] = Field(
        (), description="Events that Mixpanel notes by itself and that count all the same, as $mp_web_page_view"
    )
    seconds: str | None = Field(None, min_length=1, description="Property that has the seconds an event took")
    errors: str | None = Field(None, min_length=1, description="Property that has the number of an event's errors")
    internal_domains: tuple[str, ...] = Field(
        (), description="Domains of our own addresses: who has one as $email, or as id, is one of our own"
    )


def asked(options: MixpanelOptions) -> dict[str, dict[str, str]]:
    """The properties that tell what the config asks for, each where it may stand."""
    named = {name: getattr(options, name) for name in ("account", "seconds", "errors")}
    named["user"] = options.user or USER
    named["address"] = EMAIL if options.internal_domains else None
    places = dict[str, str]()
    for name, where in named.items():
        if where:
            places |= {name: f"properties.{where}", _beside(name): where.removeprefix("$")}
    return {"events": places}


def _beside(name: str) -> str:
    return f"{name}_beside"


def usage_events(of: Frames, told: Told) -> Filled:
    """The events that the company sends, and those of Mixpanel's own that the config lists."""
    options: MixpanelOptions = told.options
    name = pl.col("event")
    counts = of["events"].filter(~name.str.starts_with("$") | name.is_in(options.own_events))
    rows = _with_users(_with_ids(_with_plain_properties(counts, options)), of["mappings"])
    user = _user(options)
    columns = {
        ID: pl.col(ID),
        "account_id": pl.coalesce(*_property("account")),
        "user_id": user,
        "name": name,
        "occurred_at": _in_utc(pl.col("time"), options.project_time_zone),
        **{
            each: pl.coalesce(whole_number(place) for place in _property(each))
            for each in ("seconds", "errors")
            if getattr(options, each)
        },
    }
    if options.internal_domains:
        as_id = pl.when(user.str.contains("@", literal=True)).then(user)
        columns["is_internal"] = is_in_domains(pl.coalesce(*_property("address"), as_id), options.internal_domains)
    return Filled(rows, columns)


def _property(name: str) -> tuple[str, str]:
    return name, _beside(name)


def _with_plain_properties(rows: pl.DataFrame, options: MixpanelOptions) -> pl.DataFrame:
    """The rows with one account each, and none where a writer puts Python's word for none."""
    beside = [name for name in rows.columns if name.endswith(_beside(""))]
    plain = rows.with_columns(pl.when(pl.col(name) != "None").then(name) for name in beside)
    return plain.with_columns(one_of_each(plain[place], first=options.first_account) for place in _property("account"))


def _with_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the ids by which an event is known again."""
    sent_by = pl.coalesce("distinct_id_before_identity", "distinct_id")
    second = pl.col("time").dt.epoch("s").cast(pl.String)
    parts = [pl.col("event"), second, sent_by, pl.col("insert_id")]
    texts = rows.select(pl.concat_str([part.fill_null("") for part in parts], separator=BETWEEN)).to_series()
    digests = [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
    return rows.with_columns(pl.Series(ID, digests, dtype=pl.String))


def _with_users(rows: pl.DataFrame, mappings: pl.DataFrame) -> pl.DataFrame:
    """The rows with the ids that now stand for those that they have, where a pipeline tells them."""
    known = mappings.select(RESOLVED, distinct_id="mappings.distinct_id")
    return rows.join(known, on="distinct_id", how="left", maintain_order="left")


def _user(options: MixpanelOptions) -> pl.Expr:
    """Who the user is: by a property that the config names, as Mixpanel knows them now, or as they were known then.

    What Mixpanel knows goes before its own `$user_id`, which of merged ids is not always the one that stands for all.
    """
    named = [*_property("user")]
    return pl.coalesce(*([*named, RESOLVED] if options.user else [RESOLVED, *named]), "distinct_id")


def _in_utc(time: pl.Expr, zone: str) -> pl.Expr:
    """What a clock of the zone showed, in UTC; an hour that it showed twice is the first of the two."""
    if zone == "UTC":
        return time
    local = time.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


DEEPEST = 4
"""Folders below that of a pipeline's table, as year, month, day and one more."""
PIPELINE = tuple("mp_master_event" + "/*" * depth for depth in range(DEEPEST + 1))

VENDOR = Vendor(
    name="mixpanel",
    title="Mixpanel (product events)",
    kinds={
        "events": Kind(
            MixpanelEvents,
            {"api": ("export", "events"), "fivetran": "event", "airbyte": "export", "warehouse": PIPELINE},
        ),
        "mappings": Kind(
            MixpanelMappings, {"warehouse": ("mp_identity_mappings_data_view", "mp_identity_mappings_data")}
        ),
    },
    clean={
        "usage_events": Cleaning(
            usage_events, ("events",), ("mappings",), by_part=True, came_in="mp_processing_time_ms"
        )
    },
    writers=("api", "fivetran", "airbyte", "warehouse"),
    instants=(EPOCH, EPOCH_MS),
    options=MixpanelOptions,
    asked=asked,
)
