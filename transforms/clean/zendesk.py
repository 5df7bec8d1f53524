"""Zendesk Support: what its objects mean, whoever wrote them down.

Ratings are told on the scale 0 to 1: a good one is 1, a bad one 0. Which answers of a scale are positive is for the
company's config to say, so it needs a line for this one: `feedback: {csat: [{scale: [0, 1], positive: [1, 1]}]}`.

Sources: Zendesk's API reference (tickets, ticket metrics, satisfaction ratings) and its help on exports; what
dbt_zendesk decided where there are no metrics.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.form import Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.clean import zendesk_objects as zendesk
from transforms.clean.zendesk_history import answer, last_answers, replies, statuses

Frames = Mapping[str, pl.DataFrame]
TYPE = "type"
MERGED = "closed_by_merge"
"""Tag that Zendesk gives to a ticket that was merged into another."""
KINDS_OF_FIELD = ("list", "txt", "int", "dec", "flag")
"""What the CSV adds to the title of a custom field, in brackets."""
BAD, GOOD = 0.0, 1.0
SIGNS = r'[^\s,"\[\]]+'
"""A tag, wherever tags are parted by blanks or commas, or are a list in JSON."""


class ZendeskOptions(BaseModel):
    """What the config may say of a source of Zendesk's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: str = Field(
        TYPE,
        min_length=1,
        description="What a ticket is about: the id or the title of a custom field, or a column of the files",
    )
    escalated_tags: tuple[str, ...] = Field((), description="Tags of tickets that were escalated")
    escalated_priorities: tuple[str, ...] = Field((), description="Priorities of tickets that were escalated")
    external_id_is_crm_id: bool = Field(
        False, description="Whether the external_id of an organization is its account in the CRM"
    )


def asked(options: ZendeskOptions) -> dict[str, dict[str, str]]:
    """The columns in which the topic may stand: custom fields go by other names with each writer."""
    if options.topic == TYPE:
        return {}
    title, words = options.topic, re.sub(r"[^a-z0-9]+", "_", options.topic.lower()).strip("_")
    return {
        "tickets": {
            "custom_fields": "custom_fields",
            "topic": title,
            "topic_in_words": words,
            "topic_custom": f"custom_{words}",
            **{f"topic_{kind}": f"{title} [{kind}]" for kind in KINDS_OF_FIELD},
        }
    }


def tickets(of: Frames, told: Told) -> Filled:
    """The tickets that were not deleted, with what became of them.

    Their metrics tell that; where there are none, their comments and the history of their fields. What none of these
    tells of a ticket is unknown: of tickets that were archived long ago there may be no metrics.
    """
    options: ZendeskOptions = told.options
    rows = _with_all_told(of).with_columns(
        status=_word("status").replace({"on-hold": "hold", "on hold": "hold"}),
        priority=_word("priority"),
        type=_word("type"),
    )
    replied_after = pl.coalesce(
        pl.duration(seconds=_metric("reply_time_in_seconds__calendar")),
        pl.duration(minutes=_metric("reply_time_in_minutes__calendar")),
    )
    score = pl.coalesce(
        answer("satisfaction_rating__score"), answer("satisfaction_ratings.score"), answer("history.score")
    )
    is_rated = score.is_not_null()
    escalated = _is_escalated(of, options)
    return Filled(
        rows.filter(pl.col("status") != "deleted"),
        {
            "ticket_id": pl.col("id"),
            "account_id": pl.coalesce("organization_id", "users.organization_id"),
            "requester_id": pl.col("requester_id"),
            "topic": _topic(of, options),
            "channel": pl.col("via__channel"),
            "priority": pl.col("priority"),
            "status": pl.col("status"),
            "created_at": pl.col("created_at"),
            "first_replied_at": pl.coalesce(pl.col("created_at") + replied_after, "comments.first_replied_at"),
            "last_solved_at": pl.coalesce(_metric("solved_at"), "history.last_solved_at"),
            "public_agent_replies": pl.coalesce(_metric("replies"), "comments.replies"),
            "reopens": pl.coalesce(_metric("reopens"), "history.reopens"),
            "is_merged": _is_merged(of),
            **({} if escalated is None else {"is_escalated": escalated}),
            "satisfaction_score": score,
            "scale_min": pl.when(is_rated).then(BAD),
            "scale_max": pl.when(is_rated).then(GOOD),
            "satisfaction_at": pl.when(is_rated).then(
                pl.coalesce("satisfaction_ratings.updated_at", "history.answered_at")
            ),
        },
    )


def _with_all_told(of: Frames) -> pl.DataFrame:
    """Each ticket with what other objects tell of it."""
    ratings = last_answers(
        of["satisfaction_ratings"],
        "satisfaction_ratings.ticket_id",
        "satisfaction_ratings.score",
        "satisfaction_ratings.updated_at",
    )
    told = of["tickets"].join(
        of["users"], left_on="requester_id", right_on="users.id", how="left", maintain_order="left"
    )
    for beside, key in (
        (of["ticket_metrics"], "ticket_metrics.ticket_id"),
        (ratings, "satisfaction_ratings.ticket_id"),
        (replies(of["ticket_comments"], of["users"]), "comments.ticket_id"),
        (statuses(of["ticket_field_history"]), "history.ticket_id"),
    ):
        told = told.join(beside, left_on="id", right_on=key, how="left", maintain_order="left")
    return told


def _word(column: str) -> pl.Expr:
    """A word of a list, as the API spells it; people are shown `-` for none."""
    word = pl.col(column).str.to_lowercase()
    return pl.when(word != "-").then(word)


def _metric(name: str) -> pl.Expr:
    return pl.coalesce(f"metric_set__{name}", f"ticket_metrics.{name}")


def _topic(of: Frames, options: ZendeskOptions) -> pl.Expr:
    """The value of the field that the config names, of several its values; by default the type."""
    if options.topic == TYPE:
        return pl.col("type")
    fields = of["ticket_fields"]
    titled = fields.filter(pl.col("ticket_fields.title") == options.topic)["ticket_fields.id"]
    ids = [field for field in (options.topic, *titled) if re.fullmatch("[0-9]+", field)]
    of_ids = [pl.col("custom_fields").str.json_path_match(f"$[?(@.id=={field})].value") for field in ids]
    value = pl.coalesce(*of_ids, *(name for name in asked(options)["tickets"] if name != "custom_fields"))
    return pl.when(value.str.starts_with("[")).then(value.str.extract_all(SIGNS).list.join(", ")).otherwise(value)


def _is_escalated(of: Frames, options: ZendeskOptions) -> pl.Expr | None:
    """Whether the ticket has one of the signs that the config names; without any nobody can tell."""
    told = []
    if options.escalated_tags:
        told.append(_is_tagged(of, options.escalated_tags))
    if options.escalated_priorities:
        high = [priority.lower() for priority in options.escalated_priorities]
        # A ticket without a priority has none of these, if tickets are given any.
        is_high = pl.col("priority").is_in(high).fill_null(value=False)
        told.append(pl.when(pl.col("priority").is_not_null().any()).then(is_high))
    return pl.any_horizontal(told) if told else None


def _is_merged(of: Frames) -> pl.Expr:
    """Whether the ticket was merged into another: its tag says so, or the ticket into which it was."""
    merged = of["tickets"]["merged_ticket_ids"].drop_nulls().str.extract_all("[0-9]+").explode(empty_as_null=False)
    is_listed = pl.when(pl.col("merged_ticket_ids").is_not_null().any()).then(pl.col("id").is_in(merged.implode()))
    is_tagged = _is_tagged(of, [MERGED])
    return pl.coalesce(is_tagged | is_listed, is_tagged, is_listed)


def _is_tagged(of: Frames, tags: Sequence[str]) -> pl.Expr:
    """Whether the ticket has one of these tags; unknown where no ticket has any tag."""
    in_text = of["tickets"].select(ticket_id="id", tag=pl.col("tags").str.extract_all(SIGNS))
    of_tickets = pl.concat(
        [
            of["ticket_tags"].select(ticket_id="ticket_tags.ticket_id", tag="ticket_tags.value"),
            in_text.explode("tag", empty_as_null=False, keep_nulls=False),
        ]
    )
    tagged = of_tickets.filter(pl.col("tag").is_in([tag.lower() for tag in tags]))["ticket_id"].unique()
    is_told = pl.col("tags").is_not_null().any() | pl.lit(not of_tickets.is_empty())
    return pl.when(is_told).then(pl.col("id").is_in(tagged.implode()))


def identities(of: Frames, told: Told) -> Filled:
    """The organizations that were not deleted, each with its first domain.

    The CSV tells none: there it is that of the addresses of its requesters, if all are in one.
    """
    options: ZendeskOptions = told.options
    domains = of["organization_domains"].sort("organization_domains.index", maintain_order=True, nulls_last=True)
    first = domains.unique("organization_domains.organization_id", keep="first", maintain_order=True)
    domain = pl.col("requester_domain").str.to_lowercase()
    of_all = pl.when(domain.drop_nulls().n_unique().over("id") == 1).then(domain.max().over("id"))
    rows = (
        of["organizations"]
        .filter(pl.col("id").is_not_null() & pl.col("deleted_at").is_null())
        .with_columns(requester_domain=of_all)
        .unique("id", keep="first", maintain_order=True)
        .join(first, left_on="id", right_on="organization_domains.organization_id", how="left", maintain_order="left")
    )
    return Filled(
        rows,
        {
            "customer_id": pl.col("id"),
            **({"crm_id": pl.col("external_id")} if options.external_id_is_crm_id else {}),
            "domain": pl.coalesce(pl.col("organization_domains.value").str.to_lowercase(), "requester_domain"),
            "name": pl.col("name"),
        },
    )


def _streams(name: str, fivetran: str | None = None) -> dict[str, str | tuple[str, ...]]:
    """The table of a kind that connectors and the API call by one name."""
    tables: dict[str, str | tuple[str, ...]] = {"api": name, "airbyte": name, "dlt": name}
    return tables | ({"fivetran": fivetran} if fivetran else {})


EXPORTS = ("export", "tickets")
"""What people's CSV files are called: Zendesk names each `export`, its day and a number."""

VENDOR = Vendor(
    name="zendesk",
    title="Zendesk Support (tickets)",
    kinds={
        "tickets": Kind(
            zendesk.ZendeskTickets, {**_streams("tickets", "ticket"), "dashboard": EXPORTS}, wrapped="ticket"
        ),
        "ticket_metrics": Kind(zendesk.ZendeskTicketMetrics, _streams("ticket_metrics")),
        "satisfaction_ratings": Kind(zendesk.ZendeskSatisfactionRatings, _streams("satisfaction_ratings")),
        "ticket_tags": Kind(
            zendesk.ZendeskTicketTags, {"fivetran": "ticket_tag", "dlt": "tickets__tags"}, within=("tickets", "tags")
        ),
        "ticket_comments": Kind(
            zendesk.ZendeskTicketComments,
            {"fivetran": "ticket_comment", "airbyte": "ticket_comments"},
            within=("tickets", "comments"),
        ),
        "ticket_field_history": Kind(zendesk.ZendeskTicketFieldHistory, {"fivetran": "ticket_field_history"}),
        "ticket_fields": Kind(zendesk.ZendeskTicketFields, _streams("ticket_fields")),
        "users": Kind(zendesk.ZendeskUsers, _streams("users", "user"), wrapped="user"),
        "organizations": Kind(
            zendesk.ZendeskOrganizations,
            {**_streams("organizations", "organization"), "dashboard": EXPORTS},
            wrapped="organization",
        ),
        "organization_domains": Kind(
            zendesk.ZendeskOrganizationDomains,
            {"fivetran": "domain_name", "dlt": "organizations__domain_names"},
            within=("organizations", "domain_names"),
        ),
    },
    clean={
        "identities": Cleaning(identities, ("organizations",), ("organization_domains",)),
        "tickets": Cleaning(
            tickets,
            ("tickets",),
            (
                "ticket_metrics",
                "satisfaction_ratings",
                "ticket_tags",
                "ticket_comments",
                "ticket_field_history",
                "ticket_fields",
                "users",
            ),
            scales=((BAD, GOOD),),
        ),
    },
    writers=("fivetran", "airbyte", "dlt", "api", "dashboard"),
    instants=ISO,
    pages=("{table}",),
    options=ZendeskOptions,
    asked=asked,
)
