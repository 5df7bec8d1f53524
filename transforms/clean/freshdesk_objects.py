"""Freshdesk's objects, in the words of its API, and the columns of the CSV that people download.

Sources: Freshdesk's API reference; the streams of Airbyte's connector and the tables of dlt's; headers of exported CSV
files. The columns of these that tell hours (`First response time (in hrs)`, `Resolution time (in hrs)`) count only
those in which the office is open, in one of two spellings: none is read.
"""

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant

Spelled = dict[str, str | tuple[str, ...]]
OF_OBJECTS: Spelled = {"api": (), "airbyte": (), "dlt": ()}
"""Of what only people are shown."""


def shown(*titles: str) -> Spelled:
    """The titles of a column in the CSV, each in small letters or capitals: helpdesks differ in that."""
    cases = [each for title in titles for each in (title, title.title(), title.lower(), title.upper())]
    return {"dashboard": tuple(dict.fromkeys(cases))}


class FreshdeskTickets(Export):
    """One row per ticket.

    Its `stats` are there where the API was asked for them. Whether it `is_escalated` there tells that an agreed time
    has passed, which is no escalation, and is not read.
    """

    id: str = column("Ticket", spelled=shown("Ticket ID"))
    status: str = column("2 to 5, or a greater number of the helpdesk's own; people are told its label",
                         spelled=shown("Status"))  # fmt: skip
    created_at: Instant = column("When it was created", spelled=shown("Created time"))  # type: ignore[valid-type]
    company_id: str = column("Company of the requester; people are told its name", optional=True,
                             spelled=shown("Company name", "Company"))  # fmt: skip
    requester_id: str = column("Person who asked", optional=True, personal="id", spelled=shown("Contact ID"))
    type: str = column("What it is about, by the helpdesk's own list", optional=True, spelled=shown("Type"))
    source: str = column("Number of where it came in; people are told its label", optional=True,
                         spelled=shown("Source"))  # fmt: skip
    priority: str = column("1 to 4; people are told its label", optional=True, spelled=shown("Priority"))
    spam: bool = column("Whether it is spam", optional=True)
    deleted: bool = column("Whether it was deleted", optional=True)
    tags: str = column("Its tags in one text, parted by commas", optional=True,
                       spelled={**OF_OBJECTS, **shown("Tags")})  # fmt: skip
    outbound_count: pl.Int64 = column("Public replies of agents", optional=True,
                                      spelled={**OF_OBJECTS, **shown("Agent interactions")})  # fmt: skip
    survey_results: str = column("The answer to its survey, by the label", optional=True,
                                 spelled={**OF_OBJECTS, **shown("Survey results", "Survey result")})  # fmt: skip
    stats__first_responded_at: Instant = column(  # type: ignore[valid-type]
        "First public reply of an agent", optional=True, spelled=shown("Initial response time")
    )
    stats__agent_responded_at: Instant = column(  # type: ignore[valid-type]
        "Last public reply of an agent", optional=True
    )
    stats__resolved_at: Instant = column(  # type: ignore[valid-type]
        "When it was last resolved", optional=True, spelled=shown("Resolved time")
    )
    stats__closed_at: Instant = column(  # type: ignore[valid-type]
        "When it was last closed", optional=True, spelled=shown("Closed time")
    )
    stats__reopened_at: Instant = column("When it was last reopened", optional=True)  # type: ignore[valid-type]
    stats__status_updated_at: Instant = column(  # type: ignore[valid-type]
        "When its status last changed", optional=True
    )

    class Config:
        unique = ["id"]


class FreshdeskTicketTags(Export):
    """One row per tag of a ticket."""

    ticket_id: str = column("Its ticket", optional=True, of_parent="id")
    value: str = column("Tag")


class FreshdeskConversations(Export):
    """One row per reply or note on a ticket; what the ticket was opened with is none of them."""

    id: str = column("Reply or note")
    ticket_id: str = column("Its ticket")
    incoming: bool = column("Whether a customer wrote it", optional=True)
    private: bool = column("Whether only agents see it", optional=True)
    created_at: Instant = column("When it was written", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class FreshdeskSatisfactionRatings(Export):
    """One row per answer to the survey of a ticket."""

    id: str = column("Answer")
    ticket_id: str = column("Its ticket", optional=True)
    created_at: Instant = column("When it was given", optional=True)  # type: ignore[valid-type]
    ratings__default_question: str = column("103 to -103", optional=True)

    class Config:
        unique = ["id"]


class FreshdeskContacts(Export):
    """One row per person who asks."""

    id: str = column("Person", personal="id")
    company_id: str = column("Company of the person", optional=True)

    class Config:
        unique = ["id"]


class FreshdeskCompanies(Export):
    """One row per company; of the CSV, which tells companies only by their tickets, one per ticket."""

    id: str = column("Company; of the CSV its name", null=True, spelled=shown("Company name", "Company"))
    ticket_id: str = column("Ticket that tells of it", optional=True, spelled={**OF_OBJECTS, **shown("Ticket ID")})
    name: str = column("Name", optional=True, spelled=shown("Company name", "Company"))
    domains_shown: str = column("Its domains in one text, parted by commas", optional=True,
                                spelled={**OF_OBJECTS, **shown("Company domains")})  # fmt: skip

    class Config:
        unique = ["id", "ticket_id"]


class FreshdeskCompanyDomains(Export):
    """One row per domain of a company: addresses in it are of its people."""

    company_id: str = column("Its company", optional=True, of_parent="id")
    value: str = column("Domain")
    index: pl.Int64 = column("Its place among them", optional=True,
                             spelled={"api": (), "airbyte": (), "dlt": "_dlt_list_idx"})  # fmt: skip
