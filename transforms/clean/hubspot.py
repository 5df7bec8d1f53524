"""HubSpot (CRM and tickets): what its objects mean, whoever wrote them down.

Sources: HubSpot's API reference (deals, pipelines, associations, tickets); what dbt_hubspot decided.
"""

import polars as pl

from schemas.form import EPOCH_MS, Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.calendar import local_day
from transforms.clean import hubspot_objects as hubspot
from transforms.clean.hubspot_deals import renewals
from transforms.clean.hubspot_options import HubspotOptions, asked, options_of, segment_column
from transforms.clean.hubspot_related import Frames, companies_of, is_there, staged
from transforms.clean.linking import domain_of


def accounts(of: Frames, told: Told) -> Filled:
    """The companies."""
    rows = (
        of["companies"]
        .filter(is_there())
        .join(of["owners"], left_on="hubspot_owner_id", right_on="owners.id", how="left", maintain_order="left")
    )
    named = pl.concat_str(["owners.first_name", "owners.last_name"], separator=" ", ignore_nulls=True)
    owner = pl.coalesce("owner_name", named.str.strip_chars())
    return Filled(
        rows,
        {
            "account_id": pl.col("id"),
            "account_name": pl.col("name"),
            "industry": pl.col("industry"),
            "country": pl.col("country"),
            "size": pl.col("numberofemployees").str.replace(r"\.0+$", ""),
            # Who has no name is shown by an address, which is none of ours to keep.
            "csm_owner": pl.when((owner != "") & ~owner.str.contains("@", literal=True)).then(owner),
            "signup_on": local_day(pl.coalesce("closedate", "createdate"), told.time_zone),
            **{name: pl.col(segment_column(name)) for name in options_of(told).segments},
        },
    )


def identities(of: Frames, told: Told) -> Filled:
    """The companies, by domain and name; which account of the CRM they are they say themselves."""
    return Filled(
        of["companies"].filter(is_there()),
        {
            "customer_id": pl.col("id"),
            "domain": domain_of(pl.col("domain")),
            "name": pl.col("name"),
        },
    )


def tickets(of: Frames, told: Told) -> Filled:
    """The tickets; how often they were answered or opened again is told nowhere."""
    rows = staged(of["tickets"].filter(is_there()), of, "ticket", "hs_pipeline", "hs_pipeline_stage").join(
        companies_of(of, "ticket"), left_on="id", right_on="record", how="left", maintain_order="left"
    )
    is_closed = _is_closed(options_of(told), tells_closing=rows["closed_date"].null_count() < rows.height)
    return Filled(
        rows,
        {
            "ticket_id": pl.col("id"),
            "account_id": pl.col("company"),
            "topic": pl.col("hs_ticket_category"),
            "channel": pl.col("source_type").str.to_lowercase(),
            "priority": pl.col("hs_ticket_priority").str.to_lowercase(),
            "status": pl.when(is_closed).then(pl.lit("closed")).when(~is_closed).then(pl.lit("open")),
            "created_at": pl.col("createdate"),
            "first_replied_at": pl.col("first_agent_reply_date"),
            "last_solved_at": pl.col("closed_date"),
        },
    )


def _is_closed(options: HubspotOptions, *, tells_closing: bool) -> pl.Expr:
    """Whether a ticket is closed: by its stage, else by what the config says of stages, else by when it was closed.

    `tells_closing`: some tickets have such a day, so that one without is not closed. NULL where nothing tells.
    """
    state = pl.col("ticket_stages.ticket_state").str.to_uppercase()
    by_state = pl.when(state.is_in(["OPEN", "CLOSED"])).then(state == "CLOSED")
    names, said = pl.col("hs_pipeline_stage", "ticket_stages.label"), options.closed_ticket_stages
    by_name = pl.when(pl.lit(bool(said)) & pl.col("hs_pipeline_stage").is_not_null()).then(
        pl.any_horizontal(names.is_in(said)).fill_null(value=False)
    )
    by_day = pl.when(pl.lit(tells_closing)).then(pl.col("closed_date").is_not_null())
    return pl.coalesce("ticket_stages.is_closed", by_state, by_name, by_day)


def _everywhere(name: str, **others: str | tuple[str, ...]) -> dict[str, str | tuple[str, ...]]:
    """The table of a kind, by whoever writes it."""
    return {"airbyte": name, "dlt": name, "api": name, **others}


def _seen(name: str) -> tuple[str, ...]:
    """What people call the file of a view: by what is in it, or as HubSpot does."""
    return (name, f"*all-{name}")


VENDOR = Vendor(
    name="hubspot",
    title="HubSpot (CRM and tickets)",
    kinds={
        "companies": Kind(
            hubspot.HubspotCompanies, _everywhere("companies", fivetran="company", dashboard=_seen("companies"))
        ),
        "owners": Kind(hubspot.HubspotOwners, _everywhere("owners", fivetran="owner")),
        "deals": Kind(hubspot.HubspotDeals, _everywhere("deals", fivetran="deal", dashboard=_seen("deals"))),
        "archived_deals": Kind(hubspot.HubspotArchivedDeals, {"airbyte": "deals_archived"}),
        "deal_companies": Kind(hubspot.HubspotDealCompanies, {"fivetran": "deal_company"}),
        "deal_lists": Kind(hubspot.HubspotListedCompanies, {"dlt": "deals__companies"}, ("deals", "companies")),
        "deal_associations": Kind(hubspot.HubspotAssociations, {}, ("deals", "associations.companies.results")),
        "company_deals": Kind(hubspot.HubspotListedDeals, {"dlt": "companies__deals"}, ("companies", "deals")),
        "deal_pipelines": Kind(
            hubspot.HubspotPipelines, _everywhere("deal_pipelines", fivetran="deal_pipeline", dlt="pipelines_deals")
        ),
        "deal_stages": Kind(
            hubspot.HubspotDealStages,
            {"fivetran": "deal_pipeline_stage", "dlt": "pipelines_deals__stages"},
            ("deal_pipelines", "stages"),
        ),
        "stages_of_deals": Kind(hubspot.HubspotStagesOfDeals, {"fivetran": "deal_stage", "dlt": "stages_timing_deals"}),
        "merged_deals": Kind(
            hubspot.HubspotMergedDeals,
            {"fivetran": "merged_deal", "dlt": "deals__hs_merged_object_ids"},
            ("deals", "hs_merged_object_ids"),
        ),
        "tickets": Kind(hubspot.HubspotTickets, _everywhere("tickets", fivetran="ticket", dashboard=_seen("tickets"))),
        "ticket_companies": Kind(hubspot.HubspotTicketCompanies, {"fivetran": "ticket_company"}),
        "ticket_lists": Kind(hubspot.HubspotListedCompanies, {"dlt": "tickets__companies"}, ("tickets", "companies")),
        "ticket_associations": Kind(hubspot.HubspotAssociations, {}, ("tickets", "associations.companies.results")),
        "company_tickets": Kind(hubspot.HubspotListedTickets, {"dlt": "companies__tickets"}, ("companies", "tickets")),
        "ticket_pipelines": Kind(
            hubspot.HubspotPipelines,
            _everywhere("ticket_pipelines", fivetran="ticket_pipeline", dlt="pipelines_tickets"),
        ),
        "ticket_stages": Kind(
            hubspot.HubspotTicketStages,
            {"fivetran": "ticket_pipeline_stage", "dlt": "pipelines_tickets__stages"},
            ("ticket_pipelines", "stages"),
        ),
    },
    clean={
        "accounts": Cleaning(accounts, ("companies",), ("owners",)),
        "identities": Cleaning(identities, ("companies",)),
        "renewals": Cleaning(
            renewals,
            ("deals",),
            (
                "companies",
                "deal_companies",
                "deal_lists",
                "deal_associations",
                "company_deals",
                "deal_pipelines",
                "deal_stages",
                "stages_of_deals",
                "merged_deals",
                "archived_deals",
            ),
            asks_for=("renewal_pipeline", "renewal_deal_type"),
        ),
        "tickets": Cleaning(
            tickets,
            ("tickets",),
            (
                "companies",
                "ticket_companies",
                "ticket_lists",
                "ticket_associations",
                "company_tickets",
                "ticket_pipelines",
                "ticket_stages",
            ),
        ),
    },
    writers=("fivetran", "airbyte", "dlt", "api", "dashboard"),
    instants=(*ISO, EPOCH_MS),
    pages=("results",),
    is_crm=True,
    options=HubspotOptions,
    asked=asked,
)
