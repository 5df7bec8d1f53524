"""What a metric is: a function that returns parts, and the decorator that turns it into its definition.

    @metric(unit="share", better="lower", signal="lagging", perspective="customer",
            rollup="ratio", over_time="mean_rate", independent=True)
    def churn_rate(fct_mrr_account_month):
        \"\"\"Accounts with opening and no closing MRR / accounts with opening MRR.\"\"\"
        return parts(fct_mrr_account_month, numerator=..., denominator=...)

The function's name is the metric's id, its docstring the definition, its parameters the tables it reads (and, by the
name of a section, the config). Everything else is in the decorator; there is no other list of metrics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import getdoc, signature
from typing import Literal, cast

import polars as pl

Unit = Literal["share", "cents", "points", "score", "ratio", "count", "users", "minutes", "hours", "days", "months"]
Better = Literal["higher", "lower", "none"]
Signal = Literal["leading", "lagging"]
Perspective = Literal["financial", "customer", "process", "product"]
RollUp = Literal["sum", "ratio", "median", "derived"]
OverTime = Literal["flow", "stock", "mean_rate", "none"]
PartsFunction = Callable[..., pl.DataFrame | None]
"""Returns the parts; the function of a median or a derived metric only carries its definition."""
UnknownWhen = Callable[..., str | None]
ALL: None = None
"""A look-back to the beginning."""


@dataclass(frozen=True)
class Observations:
    """The single observations of a median: a fact's column, in the month that another of its columns names."""

    table: str
    value: str
    month: str


@dataclass(frozen=True)
class Metric:
    """A metric's definition. See `metric` for what each field means."""

    name: str
    title: str
    definition: str
    function: PartsFunction
    unit: Unit
    better: Better
    signal: Signal
    perspective: Perspective
    rollup: RollUp
    over_time: OverTime
    asset: str
    module: str
    look_back: int | None
    look_ahead: int
    provisional_days: int
    minimum: str | None
    independent: bool
    items: bool
    company_only: bool
    needs: tuple[str, ...]
    history_months: int
    observations: Observations | None
    expression: str | None
    without: Mapping[str, str]
    basis: str | None
    null_with: str | None
    unknown_when: UnknownWhen | None
    when_empty: str
    scale: float

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the function's parameters: tables and sections of the config."""
        return tuple(signature(self.function).parameters)

    @property
    def parts_function(self) -> Callable[..., pl.DataFrame]:
        """The function, of a metric that has parts."""
        if self.rollup in {"median", "derived"}:
            raise ValueError(f"{self.name} has no parts")
        return cast("Callable[..., pl.DataFrame]", self.function)

    @property
    def operands(self) -> tuple[str, ...]:
        """Names in the expressions of a derived metric: metrics, or numbers of dim_month."""
        expressions = [self.expression, *self.without.values()] if self.expression else []
        return tuple(
            dict.fromkeys(name for text in expressions if text for name in pl.sql_expr(text).meta.root_names())
        )


REGISTRY: dict[str, Metric] = {}
"""Every metric by name, in the order of definition; importing `transforms.metrics.catalogue` fills it."""


def metric(
    *,
    unit: Unit,
    better: Better,
    signal: Signal,
    perspective: Perspective,
    rollup: RollUp,
    over_time: OverTime,
    title: str | None = None,
    asset: str | None = None,
    look_back: int | None = 0,
    look_ahead: int = 0,
    provisional_days: int = 0,
    minimum: str | None = None,
    independent: bool = False,
    items: bool = False,
    company_only: bool = False,
    needs: tuple[str, ...] = (),
    history_months: int = 0,
    observations: Observations | None = None,
    expression: str | None = None,
    without: Mapping[str, str] | None = None,
    basis: str | None = None,
    null_with: str | None = None,
    unknown_when: UnknownWhen | None = None,
    when_empty: str = "zero_denominator",
    scale: float = 1,
) -> Callable[[PartsFunction], PartsFunction]:
    """Register a function as the definition of the metric it is named after.

    rollup: `sum` of numerators; `ratio` = scale × Σnumerator / Σdenominator; `median` of `observations`; `derived` from
        other metrics by `expression` (SQL over metric names and dim_month's numbers), or by `without[table]` where that
        table is not exported.
    over_time: `flow` (sum the months' parts), `stock` (last month), `mean_rate` (pool the months' parts), `none`.
    asset: the asset that carries it, where it is a companion of another metric.
    look_back: months of facts before the month (ALL: from the beginning); look_ahead: months after it.
    provisional_days: days after month end until the value is final.
    minimum: key of the config's minimums that the denominator must reach, or it is `insufficient_history`.
    independent: the numerator counts a subset of the denominator's independent units, so Wilson's interval holds.
    items: the denominator counts the items behind the value (tickets, responses); else accounts are counted.
    company_only: its parts lie under `(company)`; segments are NULL.
    needs: tables (`tickets`) or columns (`tickets.reopens`) it cannot be known without.
    history_months: months by which the data must begin earlier, or it is `insufficient_history`.
    null_with: a metric whose NULL makes this one NULL with the same reason.
    unknown_when: tells from exports and config why it cannot be known, or None, where `needs` is too simple.
    when_empty: the reason where no account has a part in the month at all.
    basis: what the value is made from, where the definition leaves a choice.
    """

    def register(function: PartsFunction) -> PartsFunction:
        name = function.__name__
        if name in REGISTRY and REGISTRY[name].module != function.__module__:
            raise ValueError(f"the metric {name} is defined twice: {REGISTRY[name].module}, {function.__module__}")
        definition = " ".join((getdoc(function) or "").split())
        if not definition:
            raise ValueError(f"the metric {name} has no docstring to define it")
        _check_shape(name, rollup, observations, expression)
        REGISTRY[name] = Metric(
            name=name,
            title=title or name.replace("_", " ").capitalize(),
            definition=definition,
            function=function,
            unit=unit,
            better=better,
            signal=signal,
            perspective=perspective,
            rollup=rollup,
            over_time=over_time,
            asset=asset or name,
            module=function.__module__,
            look_back=look_back,
            look_ahead=look_ahead,
            provisional_days=provisional_days,
            minimum=minimum,
            independent=independent,
            items=items,
            company_only=company_only,
            needs=needs,
            history_months=history_months,
            observations=observations,
            expression=expression,
            without=without or {},
            basis=basis,
            null_with=null_with,
            unknown_when=unknown_when,
            when_empty=when_empty,
            scale=scale,
        )
        return function

    return register


def _check_shape(name: str, rollup: RollUp, observations: Observations | None, expression: str | None) -> None:
    if (rollup == "median") != (observations is not None):
        raise ValueError(f"the metric {name}: a median, and only a median, names its observations")
    if (rollup == "derived") != (expression is not None):
        raise ValueError(f"the metric {name}: a derived metric, and only one, has an expression")


FRACTIONS = 2**40


def exact_sum(number: pl.Expr) -> pl.Expr:
    """Sum of numbers that does not depend on their order, as a sum of floats would: whole parts and fractions apart.

    Whole numbers are summed exactly; a fraction is taken to 2⁻⁴⁰.
    """
    whole = number.floor()
    fractions = ((number - whole) * FRACTIONS).round().cast(pl.Int64)
    return whole.cast(pl.Int64).sum().cast(pl.Float64) + fractions.sum().cast(pl.Float64) / FRACTIONS


def parts(frame: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr | None = None) -> pl.DataFrame:
    """Parts of a metric: the frame's rows summed by month and account, in whatever order they come."""
    below = None if denominator is None else exact_sum(denominator.cast(pl.Float64))
    summed = frame.group_by("month", "account_id").agg(
        numerator=exact_sum(numerator.cast(pl.Float64)),
        denominator=pl.lit(None, pl.Float64) if below is None else below,
    )
    empty = (pl.col("numerator") == 0) & (pl.col("denominator").fill_null(0) == 0)
    return summed.filter(~empty).sort("month", "account_id")
