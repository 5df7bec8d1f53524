"""Segment, and RudderStack, which has the same specification: what their calls mean, whoever wrote them down.

A call tells of whom it is, and only of which account if the client says so with each (`context.groupId`). Else the
config says which property names the account, or that the group which the user was last put in is meant. An event of
which none of these tells the account is one of no known account, and counts under `(unknown)`.

A time that lies more than a day after the call was received is a wrong clock's: the event happened when it was received
at the latest, and this is when it counts.

Sources: Segment's specification and its pages on raw logs in S3 and on schemas of warehouses; RudderStack's.
"""

from collections.abc import Callable, Mapping
from functools import partial

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.form import Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.clean import segment_objects as segment
from transforms.clean.linking import domain_of
from transforms.clean.properties import is_in_domains, whole_number

Frames = Mapping[str, pl.DataFrame]
MOST_AHEAD = pl.duration(days=1)
"""A clock may be in another zone; one that is further ahead is wrong."""
ROW, GROUP = "row?", "group_of_user"
"""The first is no name of a column."""


class SegmentOptions(BaseModel):
    """What the config may say of a source of Segment's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    account: str | None = Field(
        None,
        min_length=1,
        description="Where an event names its account if its context names no group: properties.workspace_id in raw "
        "logs, the column workspace_id in tables",
    )
    last_group: bool = Field(
        False, description="Whether an event that names no account is of the group that its user was last put in"
    )
    seconds: str | None = Field(
        None, min_length=1, description="Where an event has the seconds it took, named as `account` is"
    )
    errors: str | None = Field(
        None, min_length=1, description="Where an event has the number of its errors, named as `account` is"
    )
    page_views: bool = Field(False, description="Whether calls of pages and screens are events, as `Viewed Pricing`")
    internal_domains: tuple[str, ...] = Field(
        (), description="Domains of our own addresses: who has one in a call, or as a user, is one of our own"
    )
    crm_id: str | None = Field(
        None, min_length=1, description="Column of the table of groups that has the group's account in the CRM"
    )


def asked(options: SegmentOptions) -> dict[str, dict[str, str]]:
    """The columns that only this company has."""
    named = {name: getattr(options, name) for name in ("account", "seconds", "errors")}
    calls = {name: where for name, where in named.items() if where}
    return {"calls": calls, "groups": {"crm_id": options.crm_id} if options.crm_id else {}}


def usage_events(of: Frames, told: Told) -> Filled:
    """The track calls, and those of pages and screens if the config says so; other calls are no use of the product."""
    options: SegmentOptions = told.options
    kind = pl.col("type").str.to_lowercase()
    is_track = pl.coalesce(kind == "track", pl.col("event").is_not_null())
    is_view = pl.coalesce(kind.is_in(["page", "screen"]), pl.col("event").is_null())
    calls = of["calls"].with_columns(happened_at=_happened_at("timestamp", "received_at"))
    rows = calls.filter(is_track | is_view if options.page_views else is_track)
    if options.last_group:
        rows = _with_group_of_user(rows, of["groups"], options)
    ours = _is_internal(of, options)
    return Filled(
        rows,
        {
            "event_id": pl.col("id"),
            "account_id": pl.coalesce(*_accounts(options), *([GROUP] if options.last_group else [])),
            "user_id": pl.col("user"),
            "name": pl.when(is_view).then("Viewed " + pl.col("name")).otherwise("event"),
            "occurred_at": pl.col("happened_at"),
            **{name: whole_number(name) for name in ("seconds", "errors") if getattr(options, name)},
            **({} if ours is None else {"is_internal": ours}),
        },
    )


def _happened_at(timestamp: str, received_at: str) -> pl.Expr:
    """When a call was made: at the time it tells, unless that of its receipt tells that its clock was wrong."""
    is_wrong = pl.col(timestamp) > pl.col(received_at) + MOST_AHEAD
    return pl.when(is_wrong).then(received_at).otherwise(timestamp)


def _accounts(options: SegmentOptions) -> list[str]:
    """The columns in which a call itself may name the account."""
    return ["context__group", *(["account"] if options.account else [])]


def _with_group_of_user(rows: pl.DataFrame, groups: pl.DataFrame, options: SegmentOptions) -> pl.DataFrame:
    """The calls with the group that their users were last put in, at that time or before.

    Of two group calls of one time that with the greater id counts, so that no order of files makes a difference.
    """
    numbered = rows.with_row_index(ROW)
    nameless = numbered.filter(pl.coalesce(*_accounts(options)).is_null() & pl.col("user").is_not_null())
    put = groups.select(
        "groups.id",
        user="groups.user",
        happened_at=_happened_at("groups.timestamp", "groups.received_at"),
        **{GROUP: "groups.group"},
    )
    in_order = put.drop_nulls(["user", GROUP]).sort("happened_at", "groups.id").drop("groups.id")
    last = (
        nameless.select(ROW, "user", "happened_at")
        .sort("happened_at")
        .join_asof(in_order, on="happened_at", by="user", strategy="backward", check_sortedness=False)
    )
    return numbered.join(last.select(ROW, GROUP), on=ROW, how="left", maintain_order="left").drop(ROW)


def _is_internal(of: Frames, options: SegmentOptions) -> pl.Expr | None:
    """Whether the user has an address of ours; of whom no address is known nobody can tell."""
    if not options.internal_domains:
        return None
    domains = options.internal_domains
    ours = of["users"].filter(is_in_domains(pl.col("users.email"), domains))["users.id"].unique()
    address = pl.coalesce(
        "context__traits__email", pl.when(pl.col("user").str.contains("@", literal=True)).then("user")
    )
    is_ours = pl.when(pl.col("user").is_in(ours.implode())).then(statement=True)
    return pl.coalesce(is_ours, is_in_domains(address, domains))


def gathers(told: Told) -> dict[str, Callable[[pl.DataFrame], pl.DataFrame]]:
    """What calls of any file tell of those in others, where the config asks for it."""
    options: SegmentOptions = told.options
    found: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {}
    if options.last_group:
        found["groups"] = _group_calls
    if options.internal_domains:
        found["users"] = partial(_our_users, options=options)
    return found


def _group_calls(calls: pl.DataFrame) -> pl.DataFrame:
    return calls.filter(pl.col("type") == "group").select("id", "timestamp", "received_at", "user", "group")


def _our_users(calls: pl.DataFrame, options: SegmentOptions) -> pl.DataFrame:
    is_ours = is_in_domains(pl.col("traits__email"), options.internal_domains)
    own = calls.filter((pl.col("type") == "identify") & is_ours)
    return own.select(id="user", email="traits__email").drop_nulls("id").unique("id")


def identities(of: Frames, told: Told) -> Filled:
    """The groups, with what the last call told that told it."""
    options: SegmentOptions = told.options
    names = ["name", "website", *(["crm_id"] if options.crm_id else [])]
    told_at = _happened_at("timestamp", "received_at")
    in_order = of["groups"].drop_nulls("group").sort(told_at, "id")
    last = in_order.with_columns(pl.col(names).forward_fill().over("group"))
    return Filled(
        last.unique("group", keep="last", maintain_order=True),
        {
            "customer_id": pl.col("group"),
            **({"crm_id": pl.col("crm_id")} if options.crm_id else {}),
            "domain": domain_of(pl.col("website")),
            "name": pl.col("name"),
        },
    )


DAY = "1" + "[0-9]" * 12
"""The folder of what was received on a day: its beginning, in milliseconds since 1970."""

VENDOR = Vendor(
    name="segment",
    title="Segment and RudderStack (product events)",
    kinds={
        "calls": Kind(
            segment.SegmentCalls,
            {
                "api": ("segment-logs/*/*", "rudder-logs/*/*", DAY, "calls"),
                "warehouse": ("tracks", "pages", "screens"),
            },
        ),
        "groups": Kind(segment.SegmentGroups, {"warehouse": "groups"}),
        "users": Kind(segment.SegmentUsers, {"warehouse": "users"}),
    },
    clean={
        "identities": Cleaning(identities, ("groups",)),
        "usage_events": Cleaning(usage_events, ("calls",), ("groups", "users"), by_part=True, gathers=gathers),
    },
    writers=("api", "warehouse"),
    instants=ISO,
    options=SegmentOptions,
    asked=asked,
)
