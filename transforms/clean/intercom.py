"""Intercom: what its conversations mean, whoever wrote them down.

Ratings are told on the scale 1 to 5. Which of them are positive is for the company's config to say.

Sources: Intercom's OpenAPI description (conversation, conversation statistics, conversation rating); what dbt_intercom
decided where there are no statistics. Its tickets are another object, and are not read.
"""

import re
from collections.abc import Mapping

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.form import EPOCH, Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from transforms.clean import intercom_objects as intercom
from transforms.clean.intercom_parts import BEGAN, ID, PERSONS, VERSION, contact_replies, last_versions, outcomes
from transforms.clean.linking import domain_of

Frames = Mapping[str, pl.DataFrame]
TAGS, TOPICS = "tags", "topics"
TAG, TOPIC = "conversation_tags.name", "conversation_topics.name"
BY_CUSTOMER = "customer_initiated"
LEAST, MOST = 1.0, 5.0


class IntercomOptions(BaseModel):
    """What the config may say of a source of Intercom's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: str = Field(
        default=TAGS,
        min_length=1,
        description="What a conversation is about: its `tags`, the `topics` that Intercom found, or a custom attribute "
        "by its name",
    )
    escalated_tags: tuple[str, ...] = Field(default=(), description="Tags of conversations that were escalated")
    also_if_replied: tuple[str, ...] = Field(
        default=(),
        description="How conversations began (`source.delivered_as`, like admin_initiated) that are tickets as soon as "
        "a customer wrote in them; those that a customer began always are",
    )
    crm_id: str | None = Field(
        default=None,
        description="Column of companies with the CRM's account id, like company_id or custom_attributes.crm_id",
    )


def asked(options: IntercomOptions) -> dict[str, dict[str, str]]:
    """The columns that only this workspace has: a custom attribute goes by other names with each writer."""
    columns: dict[str, dict[str, str]] = {}
    if options.topic not in {TAGS, TOPICS}:
        name, words = options.topic, re.sub(r"[^a-z0-9]+", "_", options.topic.lower()).strip("_")
        columns["conversations"] = {
            "topic": f"custom_attributes.{name}",
            "topic_custom": f"custom_{words}",
            "topic_nested": f"custom_attributes__{words}",
        }
    if options.crm_id:
        columns["companies"] = {"crm_id": options.crm_id}
    return columns


def options_of(told: Told) -> IntercomOptions:
    """What the config says; of a source of which it says nothing, nothing."""
    return told.options if isinstance(told.options, IntercomOptions) else IntercomOptions()


def tickets(of: Frames, told: Told) -> Filled:
    """The conversations that customers began, with what became of them.

    What a company sends out is a conversation, too, be it to thousands; it is none that anybody asked, and at most what
    a customer answers to it is a ticket, from then on. Statistics tell the outcome; where there are none, the parts. Of
    a conversation the parts that came last may be all that is there, and then nobody knows how many there were before.
    """
    options = options_of(told)
    rows = _conversations(of, options)
    rating = pl.col("conversation_rating__rating")
    is_rated = rating.is_not_null()
    # Of what the company began they count also what was before the customer's answer.
    reopens = pl.when("is_by_customer").then("statistics__count_reopens")
    closed_at = pl.when(pl.col("is_by_customer") | (pl.col("statistics__last_close_at") >= pl.col(BEGAN))).then(
        "statistics__last_close_at"
    )
    is_whole = (pl.col("conversation_parts__total_count") <= pl.col("parts.number")).fill_null(value=True)
    nobody = pl.when(pl.col("conversation_parts__total_count") == 0).then(pl.lit(0, pl.Int64))
    return Filled(
        rows,
        {
            "ticket_id": pl.col("id"),
            "account_id": pl.col("company.id"),
            "requester_id": pl.col("requester_id"),
            "topic": _topic(of, options),
            "channel": pl.col("source__type"),
            "priority": pl.col("priority"),
            "status": pl.col("state").replace({"snoozed": "hold"}),
            "created_at": pl.col(BEGAN),
            "first_replied_at": pl.coalesce(
                "statistics__first_admin_reply_at", pl.when(is_whole).then("parts.first_replied_at")
            ),
            "last_solved_at": pl.coalesce(closed_at, "parts.last_closed_at"),
            "public_agent_replies": pl.coalesce(pl.when(is_whole).then("parts.replies"), nobody),
            "reopens": pl.coalesce(reopens, pl.when(is_whole).then("parts.reopens"), nobody),
            **_escalated(of, options.escalated_tags),
            "satisfaction_score": rating,
            "scale_min": pl.when(is_rated).then(LEAST),
            "scale_max": pl.when(is_rated).then(MOST),
            "satisfaction_at": pl.when(is_rated).then("conversation_rating__updated_at"),
        },
    )


def _conversations(of: Frames, options: IntercomOptions) -> pl.DataFrame:
    """The conversations that are tickets, each with what other objects tell of it."""
    parts = last_versions(of["conversation_parts"], "conversation_parts.id", VERSION)
    by = pl.col("source__delivered_as")
    told = (
        last_versions(of["conversations"], "id", "version_from")
        .join(contact_replies(parts), left_on="id", right_on="parts.of", how="left", maintain_order="left")
        .with_columns(
            is_by_customer=pl.when(by.is_null())
            .then(pl.col("source__author__type").is_in(PERSONS))
            .otherwise(by == BY_CUSTOMER)
            .fill_null(value=False),
            replied_at=pl.coalesce(
                "first_contact_reply__created_at", "statistics__first_contact_reply_at", "parts.first_contact_reply_at"
            ),
        )
        .with_columns(
            pl.when("is_by_customer")
            .then("created_at")
            .when(by.is_in(options.also_if_replied))
            .then("replied_at")
            .alias(BEGAN)
        )
        .filter(pl.col(BEGAN).is_not_null())
    )
    outcome = outcomes(parts, told.select(pl.col("id").alias(ID), BEGAN))
    told = told.join(outcome, left_on="id", right_on="outcome.of", how="left", maintain_order="left")
    named = _names(of["conversation_topics"], TOPIC) if options.topic == TOPICS else _names(_tags(of), _tag_name(of))
    told = _with_requesters(told, of).join(named, left_on="id", right_on="named.of", how="left", maintain_order="left")
    return told.join(_companies(of), left_on="requester_id", right_on="company.of", how="left", maintain_order="left")


def _with_requesters(conversations: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """Each conversation with who asked: the only customer's person in it; of several who wrote its first message."""
    name = "conversation_contacts.contact_id"
    people = (
        of["conversation_contacts"]
        .group_by("conversation_contacts.conversation_id", maintain_order=True)
        .agg(pl.col(name).unique(maintain_order=True).alias("people"))
    )
    author = pl.when(pl.col("source__author__type").is_in(PERSONS)).then("source__author__id")
    is_known = pl.col("people").is_null() | pl.col("people").list.contains(author)
    return conversations.join(
        people, left_on="id", right_on="conversation_contacts.conversation_id", how="left", maintain_order="left"
    ).with_columns(
        requester_id=pl.when(pl.col("people").list.len() == 1)
        .then(pl.col("people").list.first())
        .when(is_known)
        .then(author)
    )


def _companies(of: Frames) -> pl.DataFrame:
    """By person their company; of somebody of several nobody can tell for which of them they ask."""
    pairs = of["contact_companies"].select(
        pl.col("contact_companies.contact_id").alias("company.of"),
        pl.col("contact_companies.company_id").alias("company.id"),
    )
    is_one = pl.col("company.id").n_unique().over("company.of") == 1
    return pairs.filter(is_one).unique("company.of", keep="first", maintain_order=True)


def _tag_name(of: Frames) -> str:
    """Where the names of tags stand: with Fivetran in a table of their own."""
    return TAG if of["tags"].is_empty() else "tags.name"


def _tags(of: Frames) -> pl.DataFrame:
    """By conversation its tags with their names; one that was deleted has none."""
    name = _tag_name(of)
    tags = of["conversation_tags"].join(
        of["tags"], left_on="conversation_tags.tag_id", right_on="tags.id", how="left", maintain_order="left"
    )
    return tags.with_columns(pl.col(name).str.strip_chars()).filter(pl.col(name) != "")


def _names(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """By conversation the names in a list of it, in their order by name."""
    own = next(each for each in elements.columns if each.endswith(".conversation_id"))
    together = elements.drop_nulls(name).group_by(own, maintain_order=True)
    return together.agg(pl.col(name).unique().sort().str.join(", ")).rename({own: "named.of"})


def _topic(of: Frames, options: IntercomOptions) -> pl.Expr:
    if options.topic in {TAGS, TOPICS}:
        return pl.col(TOPIC if options.topic == TOPICS else _tag_name(of))
    return pl.coalesce(*asked(options)["conversations"])


def _escalated(of: Frames, tags: tuple[str, ...]) -> dict[str, pl.Expr]:
    """Whether the conversation has one of these tags; unknown where no conversation has any tag."""
    of_conversations = _tags(of)
    if not tags or of_conversations.is_empty():
        return {}
    is_named = pl.col(_tag_name(of)).str.to_lowercase().is_in([tag.lower() for tag in tags])
    tagged = of_conversations.filter(is_named)["conversation_tags.conversation_id"].unique()
    return {"is_escalated": pl.col("id").is_in(tagged.implode())}


def identities(of: Frames, told: Told) -> Filled:
    """The companies, each by Intercom's own id, which is what a person's company is called."""
    options = options_of(told)
    return Filled(
        last_versions(of["companies"], "id", "version_from"),
        {
            "customer_id": pl.col("id"),
            **({"crm_id": pl.col("crm_id")} if options.crm_id else {}),
            "domain": domain_of(pl.col("website")),
            "name": pl.col("name"),
        },
    )


def _streams(name: str, fivetran: str | None = None) -> dict[str, str | tuple[str, ...]]:
    """The table of a kind that connectors and the API call by one name."""
    tables: dict[str, str | tuple[str, ...]] = {"api": name, "airbyte": name, "dlt": name}
    return tables | ({"fivetran": fivetran} if fivetran else {})


VENDOR = Vendor(
    name="intercom",
    title="Intercom (conversations)",
    kinds={
        "conversations": Kind(intercom.IntercomConversations, _streams("conversations", "conversation_history")),
        "conversation_parts": Kind(
            intercom.IntercomConversationParts,
            {
                "fivetran": "conversation_part_history",
                "airbyte": "conversation_parts",
                "dlt": "conversations__conversation_parts__conversation_parts",
            },
            within=("conversations", "conversation_parts.conversation_parts"),
        ),
        "conversation_contacts": Kind(
            intercom.IntercomConversationContacts,
            {"fivetran": "conversation_contact_history", "dlt": "conversations__contacts__contacts"},
            within=("conversations", "contacts.contacts"),
        ),
        "conversation_tags": Kind(
            intercom.IntercomConversationTags,
            {"fivetran": "conversation_tag_history", "dlt": "conversations__tags__tags"},
            within=("conversations", "tags.tags"),
        ),
        "conversation_topics": Kind(
            intercom.IntercomConversationTopics,
            {"dlt": "conversations__topics__topics"},
            within=("conversations", "topics.topics"),
        ),
        "tags": Kind(intercom.IntercomTags, {"fivetran": "tag"}),
        "contacts": Kind(intercom.IntercomContacts, _streams("contacts")),
        "contact_companies": Kind(
            intercom.IntercomContactCompanies,
            {"fivetran": "contact_company_history", "dlt": "contacts__companies__data"},
            within=("contacts", "companies.data"),
        ),
        "companies": Kind(intercom.IntercomCompanies, _streams("companies", "company_history")),
    },
    clean={
        "identities": Cleaning(identities, ("companies",)),
        "tickets": Cleaning(
            tickets,
            ("conversations",),
            (
                "conversation_parts",
                "conversation_contacts",
                "conversation_tags",
                "conversation_topics",
                "tags",
                "contacts",
                "contact_companies",
            ),
            scales=((LEAST, MOST),),
        ),
    },
    writers=("fivetran", "airbyte", "dlt", "api"),
    instants=(EPOCH,),
    pages=("data", "{table}"),
    options=IntercomOptions,
    asked=asked,
)
