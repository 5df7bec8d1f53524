"""Amplitude: what its events mean, whoever wrote them down.

Files are parted by when events were uploaded, and an event counts when it happened: an app that was long without a
network sends what is months old. Who is no known user yet is a person of Amplitude's all the same, with an id of its
own.

Groups are lists, as a user may be in several of one type. What Amplitude notes by itself (page views, clicks, sessions,
identify calls) is no use of a feature.

Sources: Amplitude's pages on its Export API and its export to S3; dbt's package of Fivetran's tables; the schema and
the records of Airbyte's connector.
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
from transforms.clean.properties import is_in_domains, one_of_each, whole_number
from transforms.template import filled

Frames = Mapping[str, pl.DataFrame]
OWN = ("[Amplitude]", "$")
"""How names of Amplitude's own events begin."""
SESSION_ENDS = ("session_end", "[Amplitude] Session End", "[Amplitude] End Session")
OF_SESSIONS = ("session_start", "session_end")
"""Events of Amplitude's own that do not begin so."""
PLACES = ("groups", "group_properties", "user_properties", "event_properties")
"""Objects in which a company's own names are."""


class AmplitudeEvents(Export):
    """One row per event; in files of several exports it may stand more than once.

    `event_time` is the device's time, set right by that of the servers. A session is known by when it began, by the
    clock of the device, in milliseconds since 1970; -1 is none.
    """

    uuid: str = column("Event", optional=True)
    insert_id: str = column(
        "What its sender knows it by", optional=True, spelled={"api": "$insert_id", "airbyte": "$insert_id"}
    )
    event_type: str = column("What a user did")
    event_time: Instant = column("When it happened")  # type: ignore[valid-type]
    client_event_time: str = column("The same by the clock of the device, which may show anything", optional=True)
    session_id: str = column("Session", optional=True)
    user_id: str = column("User, as the company names them", optional=True, personal="id")
    amplitude_id: str = column("Person, known or not", optional=True, personal="id")


class AmplitudeOptions(BaseModel):
    """What the config may say of a source of Amplitude's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    account: str = Field(
        "groups.company", description="Where an event names its account, as groups.company or user_properties.org_id"
    )
    first_account: bool = Field(
        False, description="Whether an event of several accounts is the first one's; else it is of no known account"
    )
    own_events: tuple[str, ...] = Field(
        (), description="Events that Amplitude notes by itself and that count all the same, as [Amplitude] Page Viewed"
    )
    sessions: bool = Field(
        False, description="Whether the end of a session is an event that took as long as the session did"
    )
    seconds: str | None = Field(
        None, description="Where an event has the seconds it took, as event_properties.duration"
    )
    errors: str | None = Field(None, description="Where an event has the number of its errors, named as `seconds` is")
    internal_domains: tuple[str, ...] = Field(
        (),
        description="Domains of our own addresses: who has one as id, or as user_properties.email, is one of our own",
    )

    @field_validator("account", "seconds", "errors")
    @classmethod
    def _is_in_an_object(cls, where: str | None) -> str | None:
        if where is not None and not re.fullmatch(rf"({'|'.join(PLACES)})\..+", where):
            raise ValueError(f"expected a name in one of {', '.join(PLACES)}, as {PLACES[0]}.company")
        return where


def asked(options: AmplitudeOptions) -> dict[str, dict[str, str]]:
    """The properties that tell what the config asks for."""
    named = {name: getattr(options, name) for name in ("account", "seconds", "errors")}
    named["address"] = "user_properties.email" if options.internal_domains else None
    return {"events": {name: where for name, where in named.items() if where}}


def usage_events(of: Frames, told: Told) -> Filled:
    """The events that the company sends, and those of Amplitude's own that the config asks for."""
    options: AmplitudeOptions = told.options
    name = pl.col("event_type")
    is_own = name.str.starts_with(OWN[0]) | name.str.starts_with(OWN[1]) | name.is_in(OF_SESSIONS)
    listed = (*options.own_events, *(SESSION_ENDS if options.sessions else ()))
    rows = of["events"].filter(~is_own | name.is_in(listed))
    seconds = [
        *([_seconds_of_session()] if options.sessions else []),
        *([whole_number("seconds")] if options.seconds else []),
    ]
    return Filled(
        rows.with_columns(one_of_each(rows["account"], first=options.first_account)),
        {
            "event_id": pl.coalesce("uuid", "insert_id"),
            "account_id": pl.col("account"),
            "user_id": pl.coalesce("user_id", filled("amp:{}", "amplitude_id")),
            "name": name,
            "occurred_at": pl.col("event_time"),
            **({"seconds": pl.coalesce(seconds)} if seconds else {}),
            **({"errors": whole_number("errors")} if options.errors else {}),
            **({"is_internal": _is_internal(options)} if options.internal_domains else {}),
        },
    )


def _is_internal(options: AmplitudeOptions) -> pl.Expr:
    """Whether the user has an address of ours; an id may be one."""
    as_id = pl.when(pl.col("user_id").str.contains("@", literal=True)).then("user_id")
    return is_in_domains(pl.coalesce("address", as_id), options.internal_domains)


def _seconds_of_session() -> pl.Expr:
    """From a session's beginning to its end, both by the clock of the device; none of what is in no session."""
    began = pl.col("session_id").cast(pl.Int64, strict=False)
    shown = pl.col("client_event_time").str.replace("T", " ", literal=True).str.replace(r"(Z|\+00:00)$", "")
    ended = shown.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ms", strict=False)
    lasted = ended.dt.epoch("ms") - began
    is_end = pl.col("event_type").is_in(SESSION_ENDS) & (began > 0) & (lasted >= 0)
    return pl.when(is_end).then((lasted / 1000).round().cast(pl.Int64))


HOUR = "[0-9]*_[0-9]*-[0-9]*-[0-9]*_*"
"""What a file is called: by the project's number, and the day and the hour of the upload."""

VENDOR = Vendor(
    name="amplitude",
    title="Amplitude (product events)",
    kinds={
        "events": Kind(
            AmplitudeEvents,
            {"api": (HOUR, f"[0-9]*/{HOUR}", "events", "export"), "fivetran": "event", "airbyte": "events"},
        )
    },
    clean={"usage_events": Cleaning(usage_events, ("events",), by_part=True)},
    writers=("api", "fivetran", "airbyte"),
    instants=(*PLAIN, *ISO),
    options=AmplitudeOptions,
    asked=asked,
)
