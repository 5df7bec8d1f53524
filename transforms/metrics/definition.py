"""What a metric is: a function that returns parts, under a decorator that says how parts become values.

    @Ratio(unit="share", better="lower", signal="lagging", perspective="customer", over_time="mean_rate",
           independent=True)
    def churn_rate(fct_mrr_account_month):
        \"\"\"Accounts with opening and no closing MRR / accounts with opening MRR.\"\"\"
        return parts(fct_mrr_account_month, numerator=..., denominator=...)

The function's name is the metric's id, its docstring the definition, its parameters what it reads (see
`transforms.declaration`). The decorator is one of four kinds, `Sum`, `Ratio`, `Median` and `Derived`, each with its own
options; families share options by `functools.partial`. There is no other list of metrics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import getdoc
from typing import ClassVar, Literal

import polars as pl

from schemas.config import Config
from transforms.declaration import Depth, Reads, depth
from transforms.sums import exact_sum

Unit = Literal["share", "cents", "points", "score", "ratio", "count", "users", "minutes", "hours", "days", "months"]
RollUp = Literal["sum", "ratio", "median", "derived"]
PartsFunction = Callable[..., pl.DataFrame]
Function = Callable[..., pl.DataFrame | None]
"""Returns the parts; the function of a median or a derived metric only carries its definition."""
UnknownWhen = Callable[..., str | None]


@dataclass(frozen=True)
class Observations:
    """The single observations of a median: a table's column, in the month that another of its columns names."""

    table: str
    value: str
    month: str


def _unbound() -> None:
    """The function of a definition that decorates none yet."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What every metric says of itself; used through its four kinds."""

    unit: Unit
    better: Literal["higher", "lower", "none"]
    signal: Literal["leading", "lagging"]
    perspective: Literal["financial", "customer", "process", "product"]
    over_time: Literal["flow", "stock", "mean_rate", "none"]
    """`flow`: sum the months' parts; `stock`: the last month; `mean_rate`: pool the months' parts; `none`."""
    title: str = ""
    """For people; by default made of the name."""
    asset: str = ""
    """The asset that carries it, where it is a companion of another metric."""
    reads: Reads = field(default_factory=dict)
    """How far it reads of its inputs, where that is not the month itself."""
    provisional_days: Depth = 0
    """Days after month end until the value is final."""
    needs: tuple[str, ...] = ()
    """Tables (`tickets`) or columns (`tickets.reopens`) it cannot be known without."""
    known_where: str | None = None
    """Column of dim_account_month that says for which accounts it can be known, where not every source exports a need.

    Where some source doesn't it is `not_exported` for the company, and for every segment with an account of the others.
    """
    unknown_when: UnknownWhen | None = None
    """Tells from exports and config why it cannot be known, or None, where `needs` is too simple."""
    history_months: int = 0
    """Months by which the data must begin earlier, or it is `insufficient_history`."""
    null_with: str | None = None
    """A metric whose NULL makes this one NULL with the same reason."""
    basis: str | None = None
    """What the value is made from, where the definition leaves a choice."""
    basis_without: Mapping[str, str] = field(default_factory=dict)
    """What it is made from instead where a table is not exported."""
    function: Function = _unbound

    rollup: ClassVar[RollUp]

    def __call__(self, function: Function) -> Function:
        """Register a function as the definition of the metric it is named after."""
        name, module = function.__name__, function.__module__
        if name in REGISTRY and REGISTRY[name].module != module:
            raise ValueError(f"the metric {name} is defined twice: {REGISTRY[name].module}, {module}")
        if not getdoc(function):
            raise ValueError(f"the metric {name} has no docstring to define it")
        title = self.title or name.replace("_", " ").capitalize()
        bound = replace(self, function=function, title=title, asset=self.asset or name)
        REGISTRY[name] = bound
        return function

    @property
    def name(self) -> str:
        """The metric's id."""
        return self.function.__name__

    @property
    def module(self) -> str:
        """The module that defines it."""
        return self.function.__module__

    @property
    def definition(self) -> str:
        """What it is, in words; `{section.key}` stands for what the config says there."""
        return " ".join((getdoc(self.function) or "").split())

    def defined(self, config: Config) -> str:
        """The definition under a config."""
        return self.definition.format_map({name: getattr(config, name) for name in type(config).model_fields})

    def days(self, config: Config) -> int:
        """Days after month end until the value is final, under a config."""
        return depth(self.provisional_days, config) or 0

    @property
    def operands(self) -> tuple[str, ...]:
        """Names in its expressions: metrics, or `gross_margin`."""
        return ()

    @property
    def beside(self) -> tuple[str, ...]:
        """Metrics whose rows its own are held beside."""
        return tuple(filter(None, (self.null_with, getattr(self, "items_of", None))))

    @property
    def observed(self) -> frozenset[str]:
        """The table of its observations."""
        return frozenset()


@dataclass(frozen=True, kw_only=True)
class WithParts(Metric):
    """A metric that is made of parts per account."""

    @property
    def parts_function(self) -> PartsFunction:
        """The function, which returns them."""
        return self.function  # type: ignore[return-value] # what it returns is checked where it is called


@dataclass(frozen=True, kw_only=True)
class Sum(WithParts):
    """Σ numerators."""

    rollup: ClassVar[RollUp] = "sum"


@dataclass(frozen=True, kw_only=True)
class Ratio(WithParts):
    """scale × Σ numerators / Σ denominators."""

    rollup: ClassVar[RollUp] = "ratio"
    scale: float = 1
    minimum: str | None = None
    """Key of the config's minimums that the denominator must reach, or it is `insufficient_history`."""
    independent: bool = False
    """The numerator counts a subset of the denominator's independent units, so Wilson's interval holds."""
    items: bool = False
    """The denominator counts the items behind the value (tickets, responses); else accounts are counted."""
    items_of: str | None = None
    """A metric whose items are behind this one's value too, where its own denominator is their money."""
    company_only: bool = False
    """Its parts lie under `(company)`; segments are NULL."""
    when_empty: str = "zero_denominator"
    """The reason where no account has a part in the month at all."""


@dataclass(frozen=True, kw_only=True)
class Median(Metric):
    """The median of single observations; it has no parts."""

    rollup: ClassVar[RollUp] = "median"
    observations: Observations

    @property
    def observed(self) -> frozenset[str]:
        """The table of its observations."""
        return frozenset({self.observations.table})


@dataclass(frozen=True, kw_only=True)
class Derived(Metric):
    """An expression over the values of other metrics, in SQL; it has no parts."""

    rollup: ClassVar[RollUp] = "derived"
    expression: str
    without: Mapping[str, str] = field(default_factory=dict)
    """The expression to take instead where a table, or column, is not exported."""

    @property
    def operands(self) -> tuple[str, ...]:
        """Names in its expressions: metrics, or `gross_margin`."""
        texts = (self.expression, *self.without.values())
        return tuple(dict.fromkeys(name for text in texts for name in pl.sql_expr(text).meta.root_names()))


REGISTRY: dict[str, Metric] = {}
"""Every metric by name, in the order of definition; importing `transforms.catalogue` fills it."""


def parts(frame: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr | None = None) -> pl.DataFrame:
    """Parts of a metric: the frame's rows summed by month and account, in no order."""
    below = None if denominator is None else exact_sum(denominator.cast(pl.Float64))
    summed = frame.group_by("month", "account_id").agg(
        numerator=exact_sum(numerator.cast(pl.Float64)),
        denominator=pl.lit(None, pl.Float64) if below is None else below,
    )
    empty = (pl.col("numerator") == 0) & (pl.col("denominator").fill_null(0) == 0)
    return summed.filter(~empty)
