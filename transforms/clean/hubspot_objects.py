"""HubSpot's objects, in the words of its API.

Sources: HubSpot's API reference (objects, properties, associations, pipelines); the headers of its exports; the tables
of dbt_hubspot, source-hubspot and dlt's HubSpot source.
"""

from typing import Any

import polars as pl

from schemas.bounds import MOST_MONEY
from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant
from transforms.clean.money import Amount

LOST_DIGITS = "1.2E+10 and 370312712714.0 are what a spreadsheet makes of one; export it anew, and open it nowhere"
RECORD: dict[str, Any] = {"str_matches": r"^\d{1,18}$", "expected": f"the digits of an id: {LOST_DIGITS}"}
RECORDS: dict[str, Any] = {
    "str_matches": r"^\s*\d{1,18}(\s*;\s*\d{1,18})*\s*;?\s*$",
    "expected": f"the digits of ids, parted by semicolons: {LOST_DIGITS}",
}


def _of(name: str, description: str, *, shown: str | None = None, fivetran: str | None = None, **rules: Any) -> Any:  # noqa: ANN401 - as of column
    """A property: Fivetran and Airbyte put a word before its name, and people see its label (`shown`)."""
    spelled: dict[str, str | tuple[str, ...]] = {
        "fivetran": fivetran or f"property_{name}",
        "airbyte": (f"properties_{name}", f"properties.{name}"),
        "api": f"properties.{name}",
        **({"dashboard": shown} if shown else {}),
    }
    return column(description, optional=True, spelled=spelled, **rules)


def _deleted() -> Any:  # noqa: ANN401 - as of column
    return column("Whether it was deleted", optional=True, spelled={"airbyte": "archived", "api": "archived"})


class HubspotCompanies(Export):
    """One row per company."""

    id: str = column("Company", spelled={"dashboard": "Record ID"}, **RECORD)
    is_deleted: bool = _deleted()
    name: str = _of("name", "What it is called", shown="Company name")
    domain: str = _of("domain", "Domain of its site", shown="Company Domain Name")
    industry: str = _of("industry", "Industry", shown="Industry")
    country: str = _of("country", "Country", shown="Country/Region")
    numberofemployees: str = _of("numberofemployees", "People who work there", shown="Number of Employees")
    hubspot_owner_id: str = _of("hubspot_owner_id", "Who of our staff is in charge")
    owner_name: str = column("The same by name", optional=True, personal="id", spelled={"dashboard": "Company owner"})
    createdate: Instant = _of("createdate", "When the record was made", shown="Create Date")  # type: ignore[valid-type]
    closedate: Instant = _of("closedate", "When it became a customer", shown="Close Date")  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class HubspotOwners(Export):
    """One row per person of our staff who may be in charge of records; addresses are not read."""

    id: str = column("Owner", spelled={"fivetran": "owner_id"})
    first_name: str = column("First name", optional=True, personal="id",
                             spelled={"airbyte": "firstName", "api": "firstName"})  # fmt: skip
    last_name: str = column("Last name", optional=True, personal="id",
                            spelled={"airbyte": "lastName", "api": "lastName"})  # fmt: skip

    class Config:
        unique = ["id"]


class HubspotDeals(Export):
    """One row per deal."""

    id: str = column("Deal", spelled={"fivetran": "deal_id", "dashboard": "Record ID"}, **RECORD)
    is_deleted: bool = _deleted()
    pipeline: str = _of("pipeline", "Its pipeline: the id, or what people call it", shown="Pipeline",
                        fivetran="deal_pipeline_id")  # fmt: skip
    dealstage: str = _of("dealstage", "Its stage: the id within the pipeline, or what people call it",
                         shown="Deal Stage", fivetran="deal_pipeline_stage_id")  # fmt: skip
    dealtype: str = _of("dealtype", "New or existing business, or a type of the portal's own", shown="Deal Type")
    amount: Amount = _of("amount", "What the term is worth, in whole units", shown="Amount", ge=-MOST_MONEY,  # type: ignore[valid-type]
                         le=MOST_MONEY)  # fmt: skip
    deal_currency_code: str = _of("deal_currency_code", "Currency of the amount", shown="Currency")
    createdate: Instant = _of("createdate", "When it was made", shown="Create Date")  # type: ignore[valid-type]
    closedate: Instant = _of("closedate", "When it was won or lost, or is expected to be", shown="Close Date")  # type: ignore[valid-type]
    hs_is_closed: bool = _of("hs_is_closed", "Whether it is won or lost", shown="Is Deal Closed?")
    hs_is_closed_won: bool = _of("hs_is_closed_won", "Whether it is won", shown="Is Closed Won")
    hs_merged_object_ids: str = _of("hs_merged_object_ids", "Deals that were merged into it, parted by semicolons")
    hs_primary_associated_company: str = _of("hs_primary_associated_company", "Its primary company, as a number")
    associated_primary: str = column("Its primary company", optional=True,
                                     spelled={"dashboard": "Associated Company IDs (Primary)"}, **RECORDS)  # fmt: skip
    associated: str = column("All its companies", optional=True,
                             spelled={"dashboard": "Associated Company IDs"}, **RECORDS)  # fmt: skip

    class Config:
        unique = ["id"]


class HubspotArchivedDeals(Export):
    """One row per deal that was deleted, where these are written apart from the others."""

    id: str = column("Deal", **RECORD)

    class Config:
        unique = ["id"]


class HubspotDealCompanies(Export):
    """One row per deal, company and way in which they belong together."""

    record: str = column("Deal", spelled={"fivetran": "deal_id"}, **RECORD)
    company: str = column("Company", spelled={"fivetran": "company_id"}, **RECORD)
    type_id: str = column("How they belong together, as HubSpot numbers it", optional=True)
    category: str = column("Whose the number is: HubSpot's, or the portal's own", optional=True)

    class Config:
        unique = ["record", "company", "type_id", "category"]


class HubspotTicketCompanies(Export):
    """One row per ticket, company and way in which they belong together."""

    record: str = column("Ticket", spelled={"fivetran": "ticket_id"}, **RECORD)
    company: str = column("Company", spelled={"fivetran": "company_id"}, **RECORD)
    type_id: str = column("How they belong together, as HubSpot numbers it", optional=True)
    category: str = column("Whose the number is: HubSpot's, or the portal's own", optional=True)

    class Config:
        unique = ["record", "company", "type_id", "category"]


class HubspotListedCompanies(Export):
    """One row per company in the list of a deal or a ticket; one may stand there once for each way to belong to it."""

    record: str = column("Deal or ticket", optional=True, of_parent="id", spelled={"dlt": "value"}, **RECORD)
    value: str = column("Company", optional=True, refers=True, spelled={"dlt": "companies_id"}, **RECORD)


class HubspotAssociations(Export):
    """One row per company that the API names of a deal or a ticket, and way in which they belong together."""

    record: str = column("Deal or ticket", optional=True, of_parent="id", **RECORD)
    company: str = column("Company", optional=True, spelled={"api": "id"}, **RECORD)
    type: str = column("How they belong together, in HubSpot's words", optional=True)


class HubspotListedDeals(Export):
    """One row per deal in the list of a company."""

    company: str = column("Company", optional=True, of_parent="id", spelled={"dlt": "value"}, **RECORD)
    record: str = column("Deal", optional=True, spelled={"dlt": "deals_id"}, **RECORD)


class HubspotListedTickets(Export):
    """One row per ticket in the list of a company."""

    company: str = column("Company", optional=True, of_parent="id", spelled={"dlt": "value"}, **RECORD)
    record: str = column("Ticket", optional=True, spelled={"dlt": "tickets_id"}, **RECORD)


class HubspotPipelines(Export):
    """One row per pipeline of deals or tickets."""

    id: str = column("Pipeline", spelled={"fivetran": "pipeline_id", "airbyte": ("pipelineId", "id")})
    label: str = column("What people call it", optional=True)

    class Config:
        unique = ["id"]


STAGE: dict[str, str | tuple[str, ...]] = {"fivetran": "stage_id", "airbyte": ("stageId", "id")}


class HubspotDealStages(Export):
    """One row per stage of a pipeline of deals; pipelines may have stages of one id."""

    pipeline: str = column("Its pipeline", optional=True, of_parent="id", spelled={"fivetran": "pipeline_id"})
    id: str = column("Stage", spelled=STAGE)
    label: str = column("What people call it", optional=True)
    closed_won: bool = column("Whether deals in it are won", optional=True)
    is_closed: bool = column(
        "Whether deals in it are won or lost",
        optional=True,
        spelled={"airbyte": "metadata.isClosed", "api": "metadata.isClosed", "dlt": "metadata__is_closed"},
    )
    probability: pl.Float64 = column(
        "How likely deals in it are won",
        optional=True,
        spelled={"airbyte": "metadata.probability", "api": "metadata.probability", "dlt": "metadata__probability"},
    )

    class Config:
        unique = ["pipeline", "id"]


class HubspotStagesOfDeals(Export):
    """One row per deal and time at which it entered a stage."""

    record: str = column("Deal", spelled={"fivetran": "deal_id", "dlt": "id"}, **RECORD)
    stage: str = column("Stage", spelled={"fivetran": "value"})
    entered_at: Instant = column(  # type: ignore[valid-type]
        "When the deal entered it",
        optional=True,
        spelled={"fivetran": "date_entered", "dlt": ("hs_date_enteredx", "hs_date_entered_")},
    )

    class Config:
        unique = ["record", "stage", "entered_at"]


class HubspotMergedDeals(Export):
    """One row per deal that was merged into another."""

    record: str = column("The deal that is left", optional=True, of_parent="id", spelled={"fivetran": "deal_id"})
    value: str = column("The deal that is no more", optional=True, spelled={"fivetran": "merged_deal_id"}, **RECORD)


class HubspotTickets(Export):
    """One row per ticket."""

    id: str = column("Ticket", spelled={"dashboard": ("Record ID", "Ticket ID")}, **RECORD)
    is_deleted: bool = _deleted()
    createdate: Instant = _of("createdate", "When it was made", shown="Create date")  # type: ignore[valid-type]
    closed_date: Instant = _of("closed_date", "When it was closed", shown="Close date")  # type: ignore[valid-type]
    first_agent_reply_date: Instant = _of(  # type: ignore[valid-type]
        "first_agent_reply_date", "When somebody of ours first answered", shown="First agent email response date"
    )
    hs_pipeline: str = _of("hs_pipeline", "Its pipeline: the id, or what people call it", shown="Pipeline")
    hs_pipeline_stage: str = _of("hs_pipeline_stage", "Its stage: the id within the pipeline, or what people call it",
                                 shown="Ticket status")  # fmt: skip
    hs_ticket_category: str = _of("hs_ticket_category", "What it is about", shown="Category")
    hs_ticket_priority: str = _of("hs_ticket_priority", "Priority", shown="Priority")
    source_type: str = _of("source_type", "Where it came in", shown="Source")
    hs_primary_company_id: str = _of("hs_primary_company_id", "Its primary company, as a number")
    associated_primary: str = column("Its primary company", optional=True,
                                     spelled={"dashboard": "Associated Company IDs (Primary)"}, **RECORDS)  # fmt: skip
    associated: str = column("All its companies", optional=True,
                             spelled={"dashboard": "Associated Company IDs"}, **RECORDS)  # fmt: skip

    class Config:
        unique = ["id"]


class HubspotTicketStages(Export):
    """One row per stage of a pipeline of tickets; pipelines may have stages of one id."""

    pipeline: str = column("Its pipeline", optional=True, of_parent="id", spelled={"fivetran": "pipeline_id"})
    id: str = column("Stage", spelled=STAGE)
    label: str = column("What people call it", optional=True)
    ticket_state: str = column(
        "OPEN or CLOSED",
        optional=True,
        spelled={"airbyte": "metadata.ticketState", "api": "metadata.ticketState", "dlt": "metadata__ticket_state"},
    )
    is_closed: bool = column(
        "Whether tickets in it are closed",
        optional=True,
        spelled={"airbyte": "metadata.isClosed", "api": "metadata.isClosed", "dlt": "metadata__is_closed"},
    )

    class Config:
        unique = ["pipeline", "id"]
