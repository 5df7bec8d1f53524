"""The one config: what a company says of itself, its sources and its definitions."""

import datetime as dt
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from schemas.currencies import CODES
from schemas.customers import Account
from schemas.segments import SegmentName
from schemas.settings import (
    Count,
    CurrencyCode,
    Day,
    Days,
    FilePatterns,
    FolderName,
    Month,
    Number,
    Score,
    Share,
    SourceName,
    Text,
    Whole,
)
from schemas.tables import CANONICAL, LARGE


class Settings(BaseModel):
    """A section of the config; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@cache
def _zones() -> set[str]:
    """All time zones, for which the machine's folders of them are read."""
    return available_timezones()


NO_ZONES = frozenset({"Factory", "localtime"})
"""Names in the database of time zones that are none: what they mean differs from machine to machine."""


def _known_zone(name: str) -> str:
    if name not in _zones() - NO_ZONES:
        raise ValueError("expected an IANA time zone, like Europe/Berlin")
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]

Headline = Literal["mrr", "nrr", "grr", "churn_rate", "clv", "health_score", "csat", "fcr"]
"""The metrics that a month is judged by at first sight."""


def _check_each_once(what: str, names: Iterable[object]) -> None:
    """Of two with one name nobody can tell which is meant."""
    places: dict[object, int] = {}
    for place, name in enumerate(names, start=1):
        if name in places:
            raise ValueError(f"{what} {places[name]} and {place} are for the same; expected one")
        places[name] = place


class Source(Settings):
    """One system that sends exports."""

    form: str = Field(description="The form of its files: canonical, a vendor's name, or another that is listed")
    written_by: str | None = Field(None, description="Who wrote a vendor's objects into the files")
    folder: FolderName = Field(
        "",
        description="Folder of its files, from the config's own folder, or an address: s3://, gs://, az://, https://, "
        "sftp://",
    )
    files: dict[str, FilePatterns] = Field(
        default_factory=dict, description="File or pattern of each of the form's tables"
    )
    vanished: Literal["kept", "ended"] = Field(
        "kept",
        description="What becomes of a subscription item that an earlier snapshot showed and a later one leaves out: "
        "it is kept, with a warning, or it ended on the day that the later one speaks for",
    )
    crm: str | None = Field(
        None,
        description="Source whose account ids its rows name; default: its own, if it exports accounts, or found by id",
    )
    time_zone: ZoneName | None = Field(
        None, description="Zone of times in its files that name none, where these are not in UTC"
    )
    separator: Literal[",", ";", "\t", "|"] | None = Field(None, description="Sign between values of its CSV files")
    encoding: Literal["utf-8", "utf-16", "iso-8859-1", "windows-1252"] = Field(
        "utf-8", description="Encoding of text in its CSV files"
    )
    decimal: Literal[".", ","] = Field(".", description="Sign before decimals in its CSV files")
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        None, description="Sign between groups of three digits in numbers of its CSV files, as in 1,234.50"
    )
    has_footer: bool = Field(
        default=False, description="Whether its CSV files end with an empty line and words that are no rows"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="What only a source of this vendor has")

    @model_validator(mode="after")
    def _check_signs(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError("thousands: expected another sign than that of decimal")
        return self

    @property
    def written(self) -> str:
        """The form with its writer, as forms are listed."""
        return f"{self.form}/{self.written_by}" if self.written_by else self.form


class Reporting(Settings):
    """The currency and the clock that the numbers speak in."""

    currency: CurrencyCode = Field(
        description="Currency that money is told in, as its ISO 4217 code",
        json_schema_extra={"enum": [*CODES]},
    )
    time_zone: ZoneName = Field(
        default="UTC", description="IANA time zone in which days and months begin, like Europe/Berlin"
    )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)


class MilestoneStep(Settings):
    """One milestone of a customer's way to value, in order."""

    name: Text = Field(description="As exports call it")
    within_days: Days = Field(description="Deadline, in days after the first paying day")
    is_value: bool = Field(default=False, description="Whether reaching it means the customer has value")
    from_event: str | None = Field(None, description="Usage event that marks it, where no export gives it")


IdentityRule = Literal["crm_id", "domain", "name"]
FREE_MAIL = """
126.com 163.com aol.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hotmail.co.uk
hotmail.com hotmail.de hotmail.fr hotmail.it icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru me.com
msn.com orange.fr outlook.com outlook.de pm.me posteo.de proton.me protonmail.com qq.com rediffmail.com t-online.de
web.de yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.com yandex.ru zoho.com
"""


class Identity(Settings):
    """Which account of the CRM a customer of another source is, where no export tells it by account_links."""

    rules: tuple[IdentityRule, ...] = Field(
        default=("crm_id", "domain", "name"),
        description="Asked in this order: a field of the source with the CRM's id; the domain of a site or of e-mail "
        "addresses; the name without signs and words for what the company is by law",
    )
    free_mail_domains: tuple[Text, ...] = Field(
        default=tuple(FREE_MAIL.split()), description="Domains where anybody may have an address: they tell nothing"
    )

    coverage_floor: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Share of a source's rows, and of the MRR that it tells, under which a run warns that the CRM does "
        "not know whose they are (identity_coverage); 0: never",
    )

    @field_validator("rules")
    @classmethod
    def _once(cls, rules: tuple[IdentityRule, ...]) -> tuple[IdentityRule, ...]:
        _check_each_once("rules", rules)
        return rules


class Onboarding(Settings):
    """The milestones, in the order customers should reach them."""

    milestones: tuple[MilestoneStep, ...] = Field(default=(), description="In the order customers should reach them")

    @field_validator("milestones")
    @classmethod
    def _names(cls, steps: tuple[MilestoneStep, ...]) -> tuple[MilestoneStep, ...]:
        _check_each_once("milestones", (step.name for step in steps))
        return steps

    @property
    def value_milestones(self) -> list[str]:
        """Names of those that stand for value."""
        return [step.name for step in self.milestones if step.is_value]


class Scale(Settings):
    """The positive answers of a CSAT scale."""

    scale: tuple[Number, Number] = Field(description="Lowest and highest answer; a survey is read by its scale")
    positive: tuple[Number, Number] = Field(description="Lowest and highest of the answers that are positive")

    @model_validator(mode="after")
    def _right_way_up(self) -> Self:
        (lowest, highest), (low, high) = self.scale, self.positive
        if not lowest < highest:
            raise ValueError("expected scale: [lowest, highest]")
        if not lowest <= low <= high <= highest:
            raise ValueError("expected positive: [lowest, highest] of the positive answers, within the scale")
        return self


class Feedback(Settings):
    """How answers are read."""

    csat: tuple[Scale, ...] = Field(
        default=(
            Scale(scale=(1, 5), positive=(4, 5)),
            Scale(scale=(1, 10), positive=(6, 10)),
            Scale(scale=(1, 7), positive=(5, 7)),
        ),
        description="What counts as satisfied, for each scale that surveys use",
    )

    @field_validator("csat")
    @classmethod
    def _scales(cls, scales: tuple[Scale, ...]) -> tuple[Scale, ...]:
        _check_each_once("scales", (one.scale for one in scales))
        return scales


class Sentiment(Settings):
    """The words of a CSM's rating, from 1 (worst) to 5."""

    scores: dict[Text, Annotated[Number, Field(ge=1, le=5)]] = Field(
        default={"red": 1, "orange": 2, "yellow": 3, "light_green": 4, "green": 5},
        description="Each word of the exports with its score",
    )


class HealthInput(Settings):
    """One input of the health score: linear from 0 points at `zero_at` to 100 at `full_at`, clipped."""

    weight: Annotated[Number, Field(gt=0, le=1e6)] = Field(description="Its share of the score, against the others'")
    zero_at: Number = Field(description="Where it gives no points")
    full_at: Number = Field(description="Where it gives 100 points; below zero_at if less is better")

    @model_validator(mode="after")
    def _two_points(self) -> Self:
        if self.zero_at == self.full_at:
            raise ValueError("expected zero_at and full_at to differ")
        return self


InputName = Literal["usage_rate", "usage_trend", "tickets", "feedback", "payment", "sentiment", "milestones"]


class Health(Settings):
    """Inputs, weights and bands of the health score."""

    coverage: Share = Field(
        default=0.6, description="Share of the weights that must be known of an account to score it"
    )
    green_from: Score = Field(default=75, description="Score from which an account is green")
    yellow_from: Score = Field(default=50, description="Score from which it is yellow; below it is red")
    inputs: dict[InputName, HealthInput] = Field(
        default={
            "usage_rate": HealthInput(weight=25, zero_at=0, full_at=0.8),
            "usage_trend": HealthInput(weight=20, zero_at=0.5, full_at=1.0),
            "tickets": HealthInput(weight=10, zero_at=5, full_at=0),
            "feedback": HealthInput(weight=15, zero_at=0, full_at=1),
            "payment": HealthInput(weight=10, zero_at=0, full_at=1),
            "sentiment": HealthInput(weight=10, zero_at=1, full_at=5),
            "milestones": HealthInput(weight=10, zero_at=0, full_at=1),
        },
        min_length=1,
        description="What the score is made of; naming some leaves the others out",
    )

    @model_validator(mode="after")
    def _bands(self) -> Self:
        if not self.yellow_from < self.green_from:
            raise ValueError("expected yellow_from to be below green_from")
        return self


class MarginFrom(Settings):
    """The gross margin from a month on."""

    month: Month = Field(description="First month it holds for")
    share: Share = Field(description="Gross margin as a share of revenue")


class Finance(Settings):
    """What the company knows of its costs."""

    gross_margin: tuple[MarginFrom, ...] = Field(
        default=(), description="Each holds until the next; none: CLV has no margin"
    )
    retention_cost_categories: tuple[Text, ...] = Field(
        default=("customer_success",), description="Categories of the costs that keep customers"
    )

    @field_validator("gross_margin")
    @classmethod
    def _margins(cls, margins: tuple[MarginFrom, ...]) -> tuple[MarginFrom, ...]:
        _check_each_once("margins", (margin.month for margin in margins))
        return margins


class Minimums(Settings):
    """Counts under which a value is `insufficient_history`."""

    churned_accounts: Count = Field(
        default=5, description="Churned accounts in 12 months that a customer's lifespan needs"
    )
    churned_accounts_for_prediction: Count = Field(
        default=30, description="Churned accounts that a fit for predicted CLV needs"
    )


class Prediction(Settings):
    """How far ahead a customer's value is predicted, and what later money is worth."""

    discount_rate: Annotated[Number, Field(ge=0, le=10)] = Field(
        default=0.10, description="Yearly rate by which money that comes later is worth less"
    )
    horizon_months: Annotated[Whole, Field(gt=0, le=600)] = Field(
        default=60, description="Months ahead that are predicted"
    )


class Privacy(Settings):
    """What of persons is published."""

    publish_comments: bool = Field(default=False, description="Free text, such as comments; else it is left out")
    publish_person_ids: bool = Field(default=False, description="Ids of persons as they are; else keyed hashes of them")


class Publishing(Settings):
    """What is kept of former publishes."""

    keep_versions: Count = Field(default=5, description="Versions that stay for a rollback, the newest included")


class History(Settings):
    """What is kept of former runs."""

    keep_logs_days: Count = Field(
        default=90, description="Days for which Dagster's history keeps the logs of runs that ended"
    )


class Engine(Settings):
    """What the steps run on that are as large as usage events; all others run on Polars."""

    kind: Literal["polars", "spark"] = Field(
        default="polars",
        description="polars: on this machine, of landed copies; spark: on Spark, of files that are read where they lie",
    )
    spark: Text | None = Field(
        default=None,
        description="Spark's master (local[2], spark://host:7077, yarn) or the address of a Spark Connect server "
        "(sc://host:15002); default: what spark-submit says",
    )
    staging: Text | None = Field(
        default=None,
        description="Folder or address (s3a://bucket/folder) in which Spark keeps validated events; default: events in "
        "DATA_DIR",
    )
    settings: dict[str, str] = Field(default_factory=dict, description="Settings of the Spark session, by name")

    @model_validator(mode="after")
    def _spark_has_more(self) -> Self:
        if self.kind != "spark" and (self.spark or self.staging or self.settings):
            raise ValueError("expected kind: spark, as spark, staging and settings are Spark's")
        return self


class QuarantineLimit(Settings):
    """The share of a file's rows that may be rejected; beyond it nothing is published.

    Nor where all that a table has of a closed month was rejected, unless its share is 1.
    """

    default: Share = Field(default=0.05, description="Share of the rows of a file")
    tables: dict[str, Share] = Field(
        default_factory=dict,
        description="Share by canonical table, where it is another",
        json_schema_extra={"propertyNames": {"enum": [*CANONICAL]}},
    )

    @field_validator("tables")
    @classmethod
    def _known_tables(cls, tables: dict[str, float]) -> dict[str, float]:
        if wrong := sorted(tables.keys() - CANONICAL.keys()):
            raise ValueError(f"{len(wrong)} of them are no canonical tables; expected some of {', '.join(CANONICAL)}")
        return tables

    def of(self, table: str) -> float:
        """The share of a table's files."""
        return self.tables.get(table, self.default)


class ChangeLimit(Settings):
    """By how much a closed month's headline value may move: a share by so much of the whole, others of themselves."""

    default: Share = Field(default=0.1, description="Share by which a value may move")
    metrics: dict[Headline, Share] = Field(default_factory=dict, description="Share by metric, where it is another")

    def of(self, metric: Headline) -> float:
        """The share of a metric."""
        return self.metrics.get(metric, self.default)


class Target(Settings):
    """What a metric should reach from a month on, until the next target of the metric."""

    metric: Text = Field(description="Metric, by its name in the dictionary")
    month: Month = Field(description="First month it holds for")
    target: Number = Field(description="In the unit of the metric: a share of 0.95, cents")
    owner: Text = Field(description="Who answers for it")
    review_on: Day = Field(description="Day on which it is looked at again")


class Alerts(Settings):
    """When an account asks for somebody to act."""

    renewal_within_days: Days = Field(default=90, description="Days ahead in which a term's end is near")
    usage_halved_share: Share = Field(
        default=0.5,
        description="Share of the active users of the three months before, at or under which usage has collapsed",
    )
    stalled_within_days: Days = Field(default=90, description="Later than so long after its deadline it is no news")


class Config(Settings):
    """The whole of customer_success.yaml."""

    company: str = Field(description="Name of the company, as runs tell it")
    as_of: Day | None = Field(None, description="Day the data speaks for; default: the last day all snapshots cover")
    first_month: Month = Field(description="First published month")
    history_from: Month | None = Field(None, description="First computed month; default: 12 months before first_month")
    reporting: Reporting
    segments: tuple[SegmentName, ...] = Field(default=(), max_length=100, description="Columns of accounts to slice by")
    segment_values: Count = Field(
        1000, description="Values that a segment may have at most; each is a slice of every metric"
    )
    sources: dict[SourceName, Source] = Field(
        min_length=1, description="The systems that send exports, each under a name of yours"
    )
    identity: Identity = Identity()
    onboarding: Onboarding = Onboarding()
    feedback: Feedback = Feedback()
    sentiment: Sentiment = Sentiment()
    health: Health = Health()
    finance: Finance = Finance()
    minimums: Minimums = Minimums()
    prediction: Prediction = Prediction()
    privacy: Privacy = Privacy()
    publishing: Publishing = Publishing()
    history: History = History()
    engine: Engine = Engine()
    quarantine_limit: QuarantineLimit = QuarantineLimit()
    change_limit: ChangeLimit = ChangeLimit()
    targets: tuple[Target, ...] = Field(default=(), description="What metrics should reach, for the scorecard")
    alerts: Alerts = Alerts()

    def in_place(self, table: str) -> bool:
        """Whether a table's files are read where they lie, and never copied."""
        return self.engine.kind == "spark" and table in LARGE

    @field_validator("segments")
    @classmethod
    def _segments_differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # DuckDB, and whoever reads a file of it, takes Region and region for one column.
        _check_each_once("segments", (name.casefold() for name in names))
        return names

    @field_validator("sources")
    @classmethod
    def _crms_are_sources(cls, sources: dict[SourceName, Source]) -> dict[SourceName, Source]:
        if wrong := [name for name, source in sources.items() if source.crm is not None and source.crm not in sources]:
            raise ValueError(f"expected one of the sources as crm of {', '.join(wrong)}")
        return sources

    @field_validator("targets")
    @classmethod
    def _one_target_a_month(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        _check_each_once("targets", ((target.metric, target.month) for target in targets))
        return targets

    @field_validator("first_month")
    @classmethod
    def _published_before_as_of(cls, month: dt.date, info: ValidationInfo) -> dt.date:
        as_of = info.data.get("as_of")
        if as_of and month > as_of:
            raise ValueError("expected first_month not to be after as_of")
        return month

    @field_validator("history_from")
    @classmethod
    def _computed_before_published(cls, month: dt.date | None, info: ValidationInfo) -> dt.date | None:
        first = info.data.get("first_month")
        if first and month and month > first:
            raise ValueError("expected history_from not to be after first_month")
        return month

    @property
    def first_built_month(self) -> dt.date:
        """The first month that is computed."""
        return self.history_from or self.first_month.replace(year=self.first_month.year - 1)

    @property
    def extra_segments(self) -> tuple[str, ...]:
        """Segments that are not columns of every account."""
        return tuple(name for name in self.segments if name not in Account.dtypes())
