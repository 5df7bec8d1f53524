"""HubSpot's deals: which are renewals, and what became of them."""

import polars as pl

from schemas.form import Filled, Told
from transforms.calendar import local_day
from transforms.clean.hubspot_options import HubspotOptions, options_of
from transforms.clean.hubspot_related import Frames, companies_of, is_there, staged
from transforms.clean.money import by_month

WON, LOST = ("closedwon",), ("closedlost",)
"""Ids of stages that every portal begins with; what people call them they may change."""


def renewals(of: Frames, told: Told) -> Filled:
    """The deals that the config calls renewals, each once: without those that were merged into another."""
    options, zone = options_of(told), told.time_zone
    gone = pl.concat([_merged(of), _archived(of)])
    deals = of["deals"].filter(is_there()).join(gone, on="id", how="anti", maintain_order="left")
    rows = (
        staged(deals, of, "deal", "pipeline", "dealstage")
        .filter(_is_renewal(options))
        .join(
            _entered(of), left_on=["id", "dealstage"], right_on=["record", "stage"], how="left", maintain_order="left"
        )
        .join(companies_of(of, "deal"), left_on="id", right_on="record", how="left", maintain_order="left")
        .with_columns(
            outcome=_outcome(options),
            due=_due(options, zone),
            currency=pl.coalesce(pl.col("deal_currency_code").str.to_uppercase(), pl.lit(options.currency)),
        )
    )
    months = options.term_months or 1
    return Filled(
        rows,
        {
            "renewal_id": pl.col("id"),
            "account_id": pl.col("company"),
            "term_started_on": pl.col("due").dt.offset_by(f"-{months}mo"),
            "term_ended_on": pl.col("due"),
            "renewed_on": pl.when(pl.col("outcome") == "renewed").then(
                local_day(pl.coalesce("entered_at", "closedate"), zone)
            ),
            "outcome": pl.col("outcome"),
            "mrr_amount": by_month(pl.col("amount"), pl.col("currency"), months),
            "currency": pl.col("currency"),
        },
    )


def _merged(of: Frames) -> pl.DataFrame:
    """The deals that are no more: each was merged into one that names it, or that a table names beside it."""
    named = of["deals"].select(into="id", id=pl.col("hs_merged_object_ids").str.extract_all(r"\d+")).explode("id")
    listed = of["merged_deals"].select(into="merged_deals.record", id="merged_deals.value")
    return pl.concat([named, listed]).filter(pl.col("id").ne_missing(pl.col("into"))).select("id")


def _archived(of: Frames) -> pl.DataFrame:
    """The deals that were deleted since they were last written with the others; a deal may come back."""
    deleted = of["archived_deals"].select(id="archived_deals.id", deleted_at="archived_deals.exported_at")
    both = of["deals"].join(deleted, on="id", how="inner")
    return both.filter(pl.col("deleted_at") >= pl.col("exported_at")).select("id")


def _is_renewal(options: HubspotOptions) -> pl.Expr:
    """Whether the config says so; without it no deal is one."""
    said = list[pl.Expr]()
    if options.renewal_pipeline is not None:
        said.append(pl.any_horizontal(pl.col("pipeline", "deal_pipelines.label") == options.renewal_pipeline))
    if options.renewal_deal_type is not None:
        said.append(pl.col("dealtype") == options.renewal_deal_type)
    return pl.all_horizontal(said).fill_null(value=False) if said else pl.lit(value=False)


def _outcome(options: HubspotOptions) -> pl.Expr:
    """What became of a deal: by its stage, else by what it says itself, else by what the config says of stages.

    Of a stage that is open the probability says nothing: portals have many of no likelihood. NULL where nothing tells.
    """
    won, closed, likely = (pl.col(f"deal_stages.{name}") for name in ("closed_won", "is_closed", "probability"))
    renewed, lost, is_open = pl.lit("renewed"), pl.lit("lost"), pl.lit("open")
    by_stage = (
        pl.when(won)
        .then(renewed)
        .when(~closed)
        .then(is_open)
        .when(closed & ~won)
        .then(lost)
        .when((likely >= 1) & won.is_null())
        .then(renewed)
        .when(likely <= 0)
        .then(lost)
        .when(closed.is_null() & likely.is_between(0, 1, closed="none"))
        .then(is_open)
    )
    itself = (
        pl.when("hs_is_closed_won")
        .then(renewed)
        .when(pl.col("hs_is_closed") & ~pl.col("hs_is_closed_won"))
        .then(lost)
        .when(~pl.col("hs_is_closed"))
        .then(is_open)
    )
    names = pl.col("dealstage", "deal_stages.label")
    tells_all = bool(options.won_stages and options.lost_stages)
    by_name = (
        pl.when(pl.any_horizontal(names.is_in([*options.won_stages, *WON])))
        .then(renewed)
        .when(pl.any_horizontal(names.is_in([*options.lost_stages, *LOST])))
        .then(lost)
        .when(pl.lit(tells_all) & pl.col("dealstage").is_not_null())
        .then(is_open)
    )
    return pl.coalesce(by_stage, itself, by_name)


def _entered(of: Frames) -> pl.DataFrame:
    """By deal and stage when it last entered it."""
    return (
        of["stages_of_deals"]
        .group_by(record="stages_of_deals.record", stage="stages_of_deals.stage")
        .agg(entered_at=pl.col("stages_of_deals.entered_at").max())
    )


def _due(options: HubspotOptions, zone: str) -> pl.Expr:
    """The first day after the term. A day is a midnight in UTC to HubSpot: it is the one that is written.

    What is written otherwise is no day, and is not taken for the one on which the deal closes.
    """
    closes = local_day(pl.col("closedate"), zone)
    if not options.due_property:
        return closes
    text = pl.col("due")
    day = text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ]|$)").str.to_date("%Y-%m-%d", strict=False)
    number = pl.when(text.str.contains(r"^\d{12,13}$")).then(text).cast(pl.Int64, strict=False)
    told = pl.coalesce(day, number.cast(pl.Datetime("ms")).dt.date())
    return pl.when(text.is_null()).then(closes).otherwise(told.dt.offset_by("1d" if options.due_is_last_day else "0d"))
