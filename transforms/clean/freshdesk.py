"""Freshdesk: what its tickets mean, whoever wrote them down.

Ratings are told on the scale 1 to 7, from extremely unhappy to extremely happy. Which of them are positive is for the
company's config to say.

Sources: Freshdesk's API reference (tickets, conversations, satisfaction ratings); what its export of tickets says.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.form import Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.clean import freshdesk_objects as freshdesk
from transforms.clean.linking import domain_of

Frames = Mapping[str, pl.DataFrame]
Status = Literal["new", "open", "pending", "hold", "solved", "closed"]
TYPE = "type"
STATUSES = {"2": "open", "3": "pending", "4": "solved", "5": "closed", "resolved": "solved"}
OF_ANYBODY = ("open", "pending", "closed")
"""Labels that say the status themselves."""
FIRST_OWN = 6
"""The number of the first status that a helpdesk gives itself."""
PRIORITIES = {"1": "low", "2": "medium", "3": "high", "4": "urgent"}
SOURCES = {"1": "email", "2": "portal", "3": "phone", "7": "chat", "9": "feedback widget", "10": "outbound email"}
ANSWERS = {
    "103": 7.0,
    "102": 6.0,
    "101": 5.0,
    "100": 4.0,
    "-101": 3.0,
    "-102": 2.0,
    "-103": 1.0,
    "extremely happy": 7.0,
    "very happy": 6.0,
    "happy": 5.0,
    "neutral": 4.0,
    "unhappy": 3.0,
    "very unhappy": 2.0,
    "extremely unhappy": 1.0,
}
LEAST, MOST = 1.0, 7.0
ANSWER, ANSWER_OF, ANSWERED_AT = (
    f"satisfaction_ratings.{name}" for name in ("ratings__default_question", "ticket_id", "created_at")
)


class FreshdeskOptions(BaseModel):
    """What the config may say of a source of Freshdesk's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: str = Field(
        default=TYPE,
        min_length=1,
        description="What a ticket is about: its `type`, or a field of the helpdesk's own, by its name (cf_reason) or "
        "its title in the CSV",
    )
    statuses: dict[str, Status] = Field(
        default_factory=dict,
        description="What the helpdesk's own statuses mean, by number or by label; one that is not named is on hold",
    )
    escalated_tags: tuple[str, ...] = Field(default=(), description="Tags of tickets that were escalated")
    escalated_priorities: tuple[str, ...] = Field(default=(), description="Priorities of tickets that were escalated")
    crm_id: str | None = Field(
        default=None,
        description="Column of companies with the CRM's account id, like custom_fields.cf_crm_id, or its title in the "
        "CSV",
    )


def asked(options: FreshdeskOptions) -> dict[str, dict[str, str]]:
    """The columns that only this helpdesk has: a field of its own goes by other names with each writer."""
    columns: dict[str, dict[str, str]] = {}
    if options.topic != TYPE:
        name = options.topic
        columns["tickets"] = {
            "topic": f"custom_fields.{name}",
            "topic_nested": f"custom_fields__{name}",
            "topic_shown": name,
        }
    if options.crm_id:
        columns["companies"] = {"crm_id": options.crm_id}
    return columns


def options_of(told: Told) -> FreshdeskOptions:
    """What the config says; of a source of which it says nothing, nothing."""
    return told.options if isinstance(told.options, FreshdeskOptions) else FreshdeskOptions()


def tickets(of: Frames, told: Told) -> Filled:
    """The tickets that were not deleted, with what became of them.

    Their stats tell that, or the columns of the CSV; replies are counted from what was written. Of a ticket without
    stats nothing is known. They tell when it was last reopened, and not how often: once
    at least, which is all that metrics ask for.
    """
    options = options_of(told)
    rows = _with_all_told(of).filter(~pl.col("deleted").fill_null(value=False))
    score = pl.coalesce(_answer(ANSWER), _answer("survey_results"))
    is_rated = score.is_not_null()
    # Every ticket with stats has had a status, and no CSV tells since when.
    has_stats = pl.col("stats__status_updated_at").is_not_null()
    is_reopened = pl.col("stats__reopened_at").is_not_null()
    # Where replies are told, and the stats know of none, there is none; but a ticket with some may lack them.
    is_answered = pl.col("stats__first_responded_at").is_not_null() | pl.col("stats__agent_responded_at").is_not_null()
    nobody = pl.when(has_stats & ~is_answered & pl.lit(not of["conversations"].is_empty())).then(0)
    return Filled(
        rows,
        {
            "ticket_id": pl.col("id"),
            "account_id": pl.coalesce("company_id", "contacts.company_id"),
            "requester_id": pl.col("requester_id"),
            "topic": pl.col(TYPE) if options.topic == TYPE else pl.coalesce(*asked(options)["tickets"]),
            "channel": pl.col("source").str.to_lowercase().replace(SOURCES),
            "priority": _priority(),
            "status": _status(options),
            "created_at": pl.col("created_at"),
            "first_replied_at": pl.coalesce("stats__first_responded_at", "replies.first_at"),
            "last_solved_at": pl.coalesce("stats__resolved_at", "stats__closed_at"),
            "public_agent_replies": pl.coalesce("outbound_count", "replies.number", nobody),
            "reopens": pl.when(has_stats).then(is_reopened.cast(pl.Int64)),
            "is_spam": pl.col("spam"),
            **_escalated(of, options),
            "satisfaction_score": score,
            "scale_min": pl.when(is_rated).then(LEAST),
            "scale_max": pl.when(is_rated).then(MOST),
            "satisfaction_at": pl.when(is_rated).then(ANSWERED_AT),
        },
    )


def _with_all_told(of: Frames) -> pl.DataFrame:
    """Each ticket with what other objects tell of it."""
    given = of["satisfaction_ratings"].filter(_answer(ANSWER).is_not_null()).sort(ANSWERED_AT, maintain_order=True)
    last = given.unique(ANSWER_OF, keep="last", maintain_order=True).select(ANSWER_OF, ANSWER, ANSWERED_AT)
    told = of["tickets"].join(
        of["contacts"], left_on="requester_id", right_on="contacts.id", how="left", maintain_order="left"
    )
    for beside, key in (
        (last, ANSWER_OF),
        (_replies(of["conversations"]), "replies.of"),
    ):
        told = told.join(beside, left_on="id", right_on=key, how="left", maintain_order="left")
    return told


def _replies(conversations: pl.DataFrame) -> pl.DataFrame:
    """By ticket the public replies of agents, and when the first was written."""
    is_reply = ~pl.col("conversations.incoming") & ~pl.col("conversations.private")
    return (
        conversations.with_columns(is_reply=is_reply)
        .group_by("conversations.ticket_id", maintain_order=True)
        .agg(
            pl.col("conversations.created_at").filter(pl.col("is_reply")).min().alias("replies.first_at"),
            pl.when(pl.col("is_reply").is_not_null().all())
            .then(pl.col("is_reply").sum().cast(pl.Int64))
            .alias("replies.number"),
        )
        .rename({"conversations.ticket_id": "replies.of"})
    )


def _answer(column: str) -> pl.Expr:
    """A rating on the scale 1 to 7; NULL where it is none that Freshdesk gives."""
    return pl.col(column).str.to_lowercase().replace_strict(ANSWERS, default=None, return_dtype=pl.Float64)


def _priority() -> pl.Expr:
    return pl.col("priority").str.to_lowercase().replace(PRIORITIES)


def _status(options: FreshdeskOptions) -> pl.Expr:
    """The status in words: a number or label of the helpdesk's own is what the config says, or else on hold.

    A number that is none of these is kept, and is no status.
    """
    said = pl.col("status").str.to_lowercase()
    own = {name.lower(): status for name, status in options.statuses.items()}
    number = said.cast(pl.Int64, strict=False)
    is_own = pl.when(number.is_null()).then(~said.is_in([*OF_ANYBODY, *STATUSES])).otherwise(number >= FIRST_OWN)
    named = said.replace_strict(own, default=None, return_dtype=pl.String)
    return pl.when(named.is_not_null()).then(named).when(is_own).then(pl.lit("hold")).otherwise(said.replace(STATUSES))


def _escalated(of: Frames, options: FreshdeskOptions) -> dict[str, pl.Expr]:
    """Whether the ticket has one of the signs that the config names; without any nobody can tell."""
    signs = []
    if options.escalated_tags:
        signs.append(_is_tagged(of, options.escalated_tags))
    if options.escalated_priorities:
        is_high = _priority().is_in([priority.lower() for priority in options.escalated_priorities])
        signs.append(pl.when(pl.col("priority").is_not_null().any()).then(is_high.fill_null(value=False)))
    return {"is_escalated": pl.any_horizontal(signs)} if signs else {}


def _is_tagged(of: Frames, tags: Sequence[str]) -> pl.Expr:
    """Whether the ticket has one of these tags; unknown where no ticket has any tag."""
    in_text = of["tickets"].select(ticket_id="id", tag=pl.col("tags").str.split(","))
    of_tickets = pl.concat(
        [
            of["ticket_tags"].select(ticket_id="ticket_tags.ticket_id", tag="ticket_tags.value"),
            in_text.explode("tag", empty_as_null=False, keep_nulls=False),
        ]
    )
    is_named = pl.col("tag").str.strip_chars().str.to_lowercase().is_in([tag.lower() for tag in tags])
    tagged = of_tickets.filter(is_named)["ticket_id"].unique()
    is_told = pl.col("tags").is_not_null().any() | pl.lit(not of_tickets.is_empty())
    return pl.when(is_told).then(pl.col("id").is_in(tagged.implode()))


def identities(of: Frames, told: Told) -> Filled:
    """The companies, each with its first domain."""
    options = options_of(told)
    domains = of["company_domains"].sort("company_domains.index", maintain_order=True, nulls_last=True)
    first = domains.unique("company_domains.company_id", keep="first", maintain_order=True)
    rows = (
        of["companies"]
        .filter(pl.col("id").is_not_null())
        .sort("domains_shown", nulls_last=True, maintain_order=True)
        .unique("id", keep="first", maintain_order=True)
        .join(first, left_on="id", right_on="company_domains.company_id", how="left", maintain_order="left")
    )
    in_text = pl.col("domains_shown").str.split(",").list.first()
    return Filled(
        rows,
        {
            "customer_id": pl.col("id"),
            **({"crm_id": pl.col("crm_id")} if options.crm_id else {}),
            "domain": domain_of(pl.coalesce("company_domains.value", in_text)),
            "name": pl.col("name"),
        },
    )


def _streams(name: str, *others: str) -> dict[str, str | tuple[str, ...]]:
    """The table of a kind that connectors and the API call by one name."""
    return dict.fromkeys(("api", "airbyte", *others), name)


EXPORTS = "*tickets*.csv"
"""What people's CSV files are called."""

VENDOR = Vendor(
    name="freshdesk",
    title="Freshdesk (tickets)",
    kinds={
        "tickets": Kind(freshdesk.FreshdeskTickets, {**_streams("tickets", "dlt"), "dashboard": EXPORTS}),
        "ticket_tags": Kind(freshdesk.FreshdeskTicketTags, {"dlt": "tickets__tags"}, within=("tickets", "tags")),
        "conversations": Kind(freshdesk.FreshdeskConversations, _streams("conversations")),
        "satisfaction_ratings": Kind(freshdesk.FreshdeskSatisfactionRatings, _streams("satisfaction_ratings")),
        "contacts": Kind(freshdesk.FreshdeskContacts, _streams("contacts", "dlt")),
        "companies": Kind(freshdesk.FreshdeskCompanies, {**_streams("companies", "dlt"), "dashboard": EXPORTS}),
        "company_domains": Kind(
            freshdesk.FreshdeskCompanyDomains, {"dlt": "companies__domains"}, within=("companies", "domains")
        ),
    },
    clean={
        "identities": Cleaning(identities, ("companies",), ("company_domains",)),
        "tickets": Cleaning(
            tickets,
            ("tickets",),
            ("ticket_tags", "conversations", "satisfaction_ratings", "contacts"),
            scales=((LEAST, MOST),),
        ),
    },
    writers=("airbyte", "dlt", "api", "dashboard"),
    instants=ISO,
    options=FreshdeskOptions,
    asked=asked,
)
