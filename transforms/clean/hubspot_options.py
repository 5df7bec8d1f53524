"""What the config may say of HubSpot's objects: what a portal's own pipelines, stages and properties mean."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.form import Told
from schemas.segments import SegmentName
from schemas.settings import CurrencyCode


class HubspotOptions(BaseModel):
    """What the config may say of a source of HubSpot's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    segments: dict[SegmentName, str] = Field(
        default_factory=dict, description="Segments of accounts, each with the column of companies that has it"
    )
    renewal_pipeline: str | None = Field(
        default=None, description="Pipeline whose deals are renewals, by its id or its name"
    )
    renewal_deal_type: str | None = Field(
        default=None,
        description="Type of the deals that are renewals, as the files spell it; with a pipeline, those of both",
    )
    term_months: int | None = Field(
        default=None, ge=1, le=120, description="Months that a renewed term lasts, and that the amount of a deal is for"
    )
    due_property: str | None = Field(
        default=None,
        description="Column of deals with the day on which the term is due; a deal without is due when it closes",
    )
    due_is_last_day: bool = Field(
        default=False, description="Whether that column has the last day of the term, and not the first after it"
    )
    won_stages: tuple[str, ...] = Field(default=(), description="Stages of won deals, where the files have no stages")
    lost_stages: tuple[str, ...] = Field(default=(), description="Stages of lost deals, where the files have no stages")
    closed_ticket_stages: tuple[str, ...] = Field(
        default=(), description="Stages of closed tickets, where the files have no stages"
    )
    currency: CurrencyCode | None = Field(
        default=None, description="Currency of deals that name none: that of the portal"
    )

    @model_validator(mode="after")
    def _tells_terms(self) -> Self:
        if (self.renewal_pipeline or self.renewal_deal_type) and self.term_months is None:
            raise ValueError("expected term_months beside what says which deals are renewals")
        return self


def options_of(told: Told) -> HubspotOptions:
    """What the config says; of a source of which it says nothing, nothing."""
    return told.options if isinstance(told.options, HubspotOptions) else HubspotOptions()


def asked(options: HubspotOptions) -> Mapping[str, Mapping[str, str]]:
    """The columns that only this portal has."""
    segments = {segment_column(name): column for name, column in options.segments.items()}
    return {"companies": segments, "deals": {"due": options.due_property} if options.due_property else {}}


def segment_column(name: str) -> str:
    """The column of companies that has a segment: never one that they have anyway."""
    return f"segment_{name}"
