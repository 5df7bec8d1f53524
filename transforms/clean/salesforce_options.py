"""What the config may say of Salesforce's objects: what an org's own types, stages and fields mean."""

import re
from collections.abc import Mapping
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.form import Told
from schemas.segments import SegmentName
from schemas.settings import CurrencyCode

Frames = Mapping[str, pl.DataFrame]
CSM = "csm"
OF_OPPORTUNITIES = {
    "due": "due_field",
    "term": "term_months_field",
    "renewed_contract": "contract_field",
    "prior_amount": "prior_amount_field",
    "loss_reason": "loss_reason_field",
    "loss_comment": "loss_comment_field",
}
"""By column of ours the option that names the org's own one."""


class SalesforceOptions(BaseModel):
    """What the config may say of a source of Salesforce's; columns are named as the files spell them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    segments: dict[SegmentName, str] = Field(
        default_factory=dict, description="Segments of accounts, each with the column of accounts that has it"
    )
    csm_field: str | None = Field(
        default=None,
        description="Column of accounts with the customer-success manager, by name or by a user's id; default: the "
        "owner",
    )
    renewal_types: tuple[str, ...] = Field(default=(), description="Types of the opportunities that are renewals")
    renewal_record_types: tuple[str, ...] = Field(
        default=(),
        description="Record types of the opportunities that are renewals, by name or id; with types, those of both",
    )
    term_months: int | None = Field(
        default=None, ge=1, le=120, description="Months that a term lasts, and that amounts are for"
    )
    term_months_field: str | None = Field(
        default=None, description="Column of opportunities with the months of the new term, where it is another"
    )
    due_field: str | None = Field(
        default=None, description="Column of opportunities with the day on which the term is due"
    )
    due_is_last_day: bool = Field(
        default=False, description="Whether that column has the last day of the term, and not the first after it"
    )
    contract_field: str | None = Field(
        default=None, description="Column of opportunities with the id of the contract that is due; default: ContractId"
    )
    due_at_close: bool = Field(
        default=False,
        description="Whether an opportunity of which nothing else tells the due day is due when it closes",
    )
    prior_amount_field: str | None = Field(
        default=None, description="Column of opportunities with what the term that is due was worth"
    )
    contract_amount_field: str | None = Field(
        default=None, description="Column of contracts with what the term was worth, where no opportunity tells it"
    )
    amount_is_prior: bool = Field(
        default=False, description="Whether the amount stands for the term that is due too, where nothing else tells it"
    )
    won_stages: tuple[str, ...] = Field(
        default=(), description="Stages of won opportunities, where the files do not tell which are won"
    )
    lost_stages: tuple[str, ...] = Field(
        default=(), description="Stages of lost opportunities, where the files do not tell which are closed"
    )
    loss_reason_field: str | None = Field(
        default=None, description="Column of opportunities with the reason why a renewal was lost"
    )
    loss_comment_field: str | None = Field(default=None, description="Column of opportunities with more words on that")
    review_types: tuple[str, ...] = Field(default=(), description="Types of events and tasks that are business reviews")
    review_subjects: tuple[str, ...] = Field(
        default=(), description="Words of which a business review has one in its subject, like QBR"
    )
    day_order: Literal["day_first", "month_first"] | None = Field(
        default=None, description="Order in which reports write days like 03/04/2026; else such a day is none"
    )
    currency: CurrencyCode | None = Field(
        default=None, description="Currency of amounts that name none: that of the org"
    )

    @model_validator(mode="after")
    def _tells_terms(self) -> Self:
        if (self.renewal_types or self.renewal_record_types) and self.term_months is None:
            raise ValueError("expected term_months beside what says which opportunities are renewals")
        if self.loss_reason_field and not (self.renewal_types or self.renewal_record_types):
            raise ValueError("expected beside loss_reason_field what says which opportunities are renewals")
        return self


def options_of(told: Told) -> SalesforceOptions:
    """What the config says; of a source of which it says nothing, nothing."""
    return told.options if isinstance(told.options, SalesforceOptions) else SalesforceOptions()


def asked(options: SalesforceOptions) -> Mapping[str, Mapping[str, str]]:
    """The columns that only this org has."""
    accounts = {segment_column(name): column for name, column in options.segments.items()}
    of_opportunities = {ours: getattr(options, option) for ours, option in OF_OPPORTUNITIES.items()}
    return {
        "accounts": accounts | ({CSM: options.csm_field} if options.csm_field else {}),
        "opportunities": {ours: named for ours, named in of_opportunities.items() if named},
        "contracts": {"amount": options.contract_amount_field} if options.contract_amount_field else {},
    }


def segment_column(name: str) -> str:
    """The column of accounts that has a segment: never one that they have anyway."""
    return f"segment_{name}"


def day_of(text: pl.Expr, options: SalesforceOptions) -> pl.Expr:
    """A day without a time, which is the one that is written; NULL where it is spelled in no known way.

    Some programs write its midnight, in UTC; that also as milliseconds since 1970, as the Bulk API gives it.
    """
    written = text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ]|$)").str.to_date("%Y-%m-%d", strict=False)
    number = pl.when(text.str.contains(r"^\d{11,13}$")).then(text).cast(pl.Int64, strict=False)
    return pl.coalesce(written, number.cast(pl.Datetime("ms")).dt.date(), _shown(text, options))


def _shown(text: pl.Expr, options: SalesforceOptions) -> pl.Expr:
    """A day as a report shows it, in the order that the config says."""
    parts = [text.str.extract(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$", group).cast(pl.Int32) for group in (1, 2, 3)]
    day, month = parts[:2] if options.day_order == "day_first" else reversed(parts[:2])
    spelled = pl.concat_str([parts[2], month, day], separator="-")
    return pl.when(pl.lit(options.day_order is not None)).then(spelled.str.to_date("%Y-%m-%d", strict=False))


def amount_of(text: pl.Expr) -> pl.Expr:
    """An amount in whole units that a column of the org's own has; NULL where it is no plain number."""
    return pl.when(text.str.contains(r"^-?\d{1,18}(\.\d+)?$")).then(text).cast(pl.Decimal(38, 12), strict=False)


def has_word(text: pl.Expr, words: tuple[str, ...]) -> pl.Expr:
    """Whether one of these words stands in a text, whatever their case."""
    return text.str.contains(rf"(?i)(^|\W)({'|'.join(re.escape(word) for word in words)})(\W|$)")
