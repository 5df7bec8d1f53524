"""Salesforce's opportunities: which are renewals, what became of them, and why some were lost."""

import polars as pl

from schemas.form import Filled, Told
from transforms.clean.money import by_month
from transforms.clean.salesforce_ids import records, whole_id
from transforms.clean.salesforce_options import Frames, SalesforceOptions, amount_of, day_of, options_of

WON, LOST = "Closed Won", "Closed Lost"
"""What every org begins with as stages; it may call them otherwise."""


def renewals(of: Frames, told: Told) -> Filled:
    """The opportunities that the config calls renewals, but for those that were deleted."""
    options = options_of(told)
    rows = _terms(of, options)
    currency = pl.coalesce(pl.col("currency_iso_code").str.to_uppercase(), pl.lit(options.currency))
    new_months = pl.coalesce("new_months", pl.lit(options.term_months or 1, pl.Int64))
    is_renewed = pl.col("outcome") == "renewed"
    return Filled(
        rows,
        {
            "renewal_id": pl.col("id"),
            "account_id": pl.col("account_id"),
            "term_started_on": pl.col("begun"),
            "term_ended_on": pl.col("due_on"),
            # Of an open one it is the day on which somebody hopes for it.
            "renewed_on": pl.when(is_renewed).then(day_of(pl.col("close_date"), options)),
            "outcome": pl.col("outcome"),
            **_prior(currency, options),
            "renewed_mrr_amount": pl.when(is_renewed).then(by_month(pl.col("amount"), currency, new_months)),
            "currency": currency,
        },
    )


def churn_events(of: Frames, told: Told) -> Filled:
    """The renewals that were lost and say why: on the day on which the term was due."""
    options = options_of(told)
    rows = _terms(of, options).filter(outcome="lost")
    said = {"reason": "loss_reason", "comment": "loss_comment"}
    why = {name: pl.col(column) for name, column in said.items() if column in rows.columns}
    is_told = pl.any_horizontal(told_of.is_not_null() for told_of in why.values()) if why else pl.lit(value=False)
    return Filled(
        rows.filter(is_told),
        {
            "churn_event_id": pl.col("id"),
            "account_id": pl.col("account_id"),
            "churned_on": pl.coalesce(pl.col("due_on"), day_of(pl.col("close_date"), options)),
            **why,
        },
    )


def _terms(of: Frames, options: SalesforceOptions) -> pl.DataFrame:
    """The renewals, each with its contract, the days on which the term began and is due, and what became of it."""
    opportunities = records(of["opportunities"]).filter(~pl.col("is_deleted").fill_null(value=False))
    contract = whole_id(pl.col("renewed_contract")) if options.contract_field else pl.col("contract_id")
    months = options.term_months or 1
    return (
        opportunities.with_columns(contract=contract)
        .join(
            records(of["record_types"]),
            left_on="record_type_id",
            right_on="record_types.id",
            how="left",
            maintain_order="left",
        )
        .filter(_is_renewal(options))
        .join(records(of["contracts"]), left_on="contract", right_on="contracts.id", how="left", maintain_order="left")
        .with_columns(
            contract_due=day_of(pl.col("contracts.end_date"), options).dt.offset_by("1d"),
            contract_begun=day_of(pl.col("contracts.start_date"), options),
        )
        .with_columns(due_on=_due(options), outcome=_outcome(options), new_months=_new_months(options))
        .with_columns(
            # The days of a contract are those of its own term; another due day ends another term.
            begun=pl.when(pl.col("due_on") == pl.col("contract_due"))
            .then(pl.coalesce("contract_begun", pl.col("due_on").dt.offset_by(f"-{months}mo")))
            .otherwise(pl.col("due_on").dt.offset_by(f"-{months}mo"))
        )
    )


def _is_renewal(options: SalesforceOptions) -> pl.Expr:
    """Whether the config says so; without it no opportunity is one."""
    said = list[pl.Expr]()
    if options.renewal_types:
        said.append(pl.col("type").is_in(options.renewal_types))
    if options.renewal_record_types:
        named = [pl.col("record_type_name"), pl.col("record_types.name"), pl.col("record_types.developer_name")]
        ids = [pl.select(whole_id(pl.lit(name))).item() for name in options.renewal_record_types]
        said.append(
            pl.any_horizontal(
                pl.col("record_type_id").is_in(ids), *(name.is_in(options.renewal_record_types) for name in named)
            )
        )
    return pl.all_horizontal(said).fill_null(value=False) if said else pl.lit(value=False)


def _due(options: SalesforceOptions) -> pl.Expr:
    """The first day after the term: as a column of the org's own tells it, else the contract, else as it closes.

    What that column spells otherwise than as a day is none, and nothing else stands for it.
    """
    closes = day_of(pl.col("close_date"), options)
    ways = [pl.col("contract_due"), *([closes] if options.due_at_close else [])]
    if not options.due_field:
        return pl.coalesce(ways)
    own = day_of(pl.col("due"), options).dt.offset_by("1d" if options.due_is_last_day else "0d")
    return pl.when(pl.col("due").is_null()).then(pl.coalesce(ways)).otherwise(own)


def _outcome(options: SalesforceOptions) -> pl.Expr:
    """What became of an opportunity: as it says itself, else by its stage. NULL where nothing tells."""
    renewed, lost, is_open, stage = pl.lit("renewed"), pl.lit("lost"), pl.lit("open"), pl.col("stage_name")
    itself = (
        pl.when("is_won")
        .then(renewed)
        .when(pl.col("is_closed") & ~pl.col("is_won"))
        .then(lost)
        .when(~pl.col("is_closed"))
        .then(is_open)
    )
    tells_all = bool(options.won_stages and options.lost_stages)
    by_stage = (
        pl.when(stage.is_in([*options.won_stages, WON]))
        .then(renewed)
        .when(stage.is_in([*options.lost_stages, LOST]))
        .then(lost)
        .when(pl.lit(tells_all) & stage.is_not_null())
        .then(is_open)
    )
    return pl.coalesce(itself, by_stage)


def _new_months(options: SalesforceOptions) -> pl.Expr:
    """The months of the new term, where a column of the org's own tells them."""
    if not options.term_months_field:
        return pl.lit(None, pl.Int64)
    whole = pl.col("term").str.extract(r"^([1-9]\d{0,3})(?:\.0+)?$")
    return whole.cast(pl.Int64, strict=False)


def _prior(currency: pl.Expr, options: SalesforceOptions) -> dict[str, pl.Expr]:
    """What the term that is due was worth by month; no column of it where the config does not say what tells it."""
    months = pl.lit(options.term_months or 1, pl.Int64)
    ways = list[pl.Expr]()
    if options.prior_amount_field:
        ways.append(by_month(amount_of(pl.col("prior_amount")), currency, months))
    if options.contract_amount_field:
        of_contract = pl.coalesce("contracts.contract_term", months)
        ways.append(by_month(amount_of(pl.col("contracts.amount")), currency, of_contract))
    if options.amount_is_prior:
        ways.append(by_month(pl.col("amount"), currency, pl.coalesce("new_months", months)))
    return {"mrr_amount": pl.coalesce(ways)} if ways else {}
