"""What a function reads, said once beside it: of each input, how far a month looks.

    @monthly(fct_usage_account_month=Months(back=3))
    def account_alert(fct_usage_account_month, milestones, dim_month, alerts): ...

A parameter names a table, a section of the config, or one of the few things in `AT_HAND`. Of a table that is not named
in the decorator a month reads itself: the rows dated in it; of a history (subscriptions, accounts) what was known by
its last day. From the declaration come the rows that the function is given, the fingerprint of what it was given, and
the lineage that Dagster shows: there is no other list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from inspect import signature
from typing import TypeVar

import polars as pl

from schemas.config import Config, Settings
from schemas.contract import Contract
from schemas.tables import CANONICAL, FACTS, SUMS, WHOLE
from transforms.refusals import DeclarationError

ALL: None = None
"""A depth: to the beginning."""
Depth = int | Callable[..., int] | None
"""A number of months or days; or a function of sections of the config that gives it."""


@dataclass(frozen=True)
class Months:
    """The rows of the months from `back` before (ALL: of every month before) through `ahead` after.

    Of a canonical table the rows that are dated in them by the column `by`, instead of by the table's own day: what was
    held in a month, say, however much later it was due.

    `earlier`: the first month that is computed also shows what is dated so many months before it (ALL: whenever).
    """

    back: Depth = 0
    ahead: Depth = 0
    by: str | None = None
    earlier: Depth = 0


@dataclass(frozen=True)
class History:
    """What was known by the last day of the month, or of the month `ahead` months after it.

    Rows that begin later are not there, and of the others what happened later is empty. Planned days are seen `plans`
    months further: those of an end or a term that lies near ahead. Of what belongs to the thing and not to its version
    (an item's end) the last version's word is seen, whenever it was told; `as_told`: each version's own.
    """

    ahead: Depth = 0
    plans: Depth = 0
    as_told: bool = False


@dataclass(frozen=True)
class Whole:
    """Every row, whatever its day; `provenance`: with the columns that say where a row came from."""

    provenance: bool = False


Window = Months | History | Whole
Made = TypeVar("Made", bound=Callable[..., object])
Reads = Mapping[str, Window]

THE_MONTH = Months()
SO_FAR = Months(back=ALL)
"""All rows to the end of the month."""
FILED = Months(earlier=ALL)
"""The month's own rows; for a fact, which is kept however long before the first computed month it was filed."""

READABLE = {*CANONICAL, *WHOLE, *FACTS, *SUMS, "dim_account_month"}
"""The tables that a parameter may name."""
METRIC_TABLES = {"metric_month", "metric_account_month"}
"""Values and parts of the metrics that a table's `metrics` chooses."""
SECTIONS = {
    name
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
}
"""The sections of the config that a parameter may name."""
CALENDARS = {"dim_month", "gross_margin"}
"""What is at hand by month."""
AT_HAND = {
    "dim_month": "the months, to as_of",
    "gross_margin": "month, gross_margin: the share that the config gives",
    "computed_from": "the first computed month, if it is asked for: with it goes what was filed earlier; else None",
    "as_of": "the day the data speaks for; of a month that is over, the last day on which passing days may change it",
    "currency": "the reporting currency",
    "time_zone": "the reporting time zone",
    "segments": "the columns of accounts to slice by",
    "exported": "what the sources export",
    "secret": "the key that persons' ids are hashed with",
    "metrics": "the metrics that the table chose",
}
"""What a parameter may name beside tables and sections of the config."""


@cache
def parameters(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of a function's parameters."""
    return tuple(signature(function).parameters)


def check_declaration(function: Callable[..., object], reads: Reads, also: frozenset[str] = frozenset()) -> None:
    """Every parameter names something that can be given, and every declared window something that is read.

    Raises:
        DeclarationError: naming function and parameter, and what comes nearest.
    """
    where = f"{function.__module__}.{function.__name__}"
    known = READABLE | METRIC_TABLES | SECTIONS | AT_HAND.keys() | INTERMEDIATES.keys()
    names = parameters(function)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"; {near[0]} comes nearest" if near else ""
            raise DeclarationError(
                f"{where}: the parameter {name} names no table, no section of the config, and none of "
                f"{', '.join(AT_HAND)}{meant}"
            )
    for name, window in reads.items():
        if name not in {*names, *also}:
            raise DeclarationError(f"{where} declares how far it reads {name}, which is none of its parameters")
        _check_window(f"{where}: {name}", name, window)


def _check_window(where: str, name: str, window: Window) -> None:
    """A window can be met: it is of the table's kind, and its depths are numbers or ask for sections of the config."""
    if name in {*CANONICAL, *WHOLE}:
        window_of(name, {name: window})
    elif not isinstance(window, Months):
        raise DeclarationError(f"{where} is read by months; expected Months(…), not {window}")
    elif name in INTERMEDIATES and window.back != 0:
        raise DeclarationError(f"{where} is made once for all; its own inputs say how far back it reads, not {window}")
    elif name not in {*READABLE, *METRIC_TABLES, *INTERMEDIATES, *CALENDARS}:
        raise DeclarationError(f"{where} has no months, and so no window")
    if isinstance(window, Months):
        _check_days(where, CANONICAL.get(name), window)
    for depth in (value for field, value in vars(window).items() if field != "by"):
        if callable(depth):
            if unknown := sorted(set(parameters(depth)) - SECTIONS):
                raise DeclarationError(f"{where}: its depth asks for {', '.join(unknown)}, no section of the config")
        elif isinstance(depth, int) and depth < 0:
            raise DeclarationError(f"{where}: a depth is not below 0, as in {window}")


def _check_days(where: str, contract: type[Contract] | None, window: Months) -> None:
    """Only what is exported has days of its own, and may be of months before the first."""
    by = window.by
    if by is not None and (contract is None or not contract.dtypes().get(by, pl.Null()).is_temporal()):
        raise DeclarationError(f"{where} has no days of its own under {by}")
    if window.earlier != 0 and contract is None:
        raise DeclarationError(f"{where} is made by month, and so from the first one on")


def window_of(name: str, reads: Reads) -> Window:
    """How far a table is read: as declared, or the month itself."""
    contract = {**CANONICAL, **WHOLE}.get(name)
    history = contract is not None and contract.cumulative()
    declared = reads.get(name)
    if declared is None:
        return History() if history else THE_MONTH
    if history and isinstance(declared, Months):
        raise DeclarationError(f"{name} is a history; expected History(…) or Whole(), not {declared}")
    return declared


@dataclass(frozen=True)
class MonthlyTable:
    """A table by month: the function that makes it, how far it reads, and until when passing days change it."""

    function: Callable[..., pl.DataFrame]
    reads: Reads
    provisional_days: Depth = 0
    """Days after month end until passing days change nothing any more."""
    metrics: Callable[..., bool] | None = None
    """Whether it reads a metric, under a config, if it takes metrics' values or parts."""
    shared: str | None = None
    """The table of which an account's rows make that account's rows alone: it may be given a share of the accounts."""

    @property
    def name(self) -> str:
        """Table, contract, asset and function share one name."""
        return self.function.__name__


@dataclass(frozen=True)
class Intermediate:
    """What several functions need and no one publishes: made once for all that read the same of it."""

    function: Callable[..., object]
    reads: Reads


INTERMEDIATES: dict[str, Intermediate] = {}
"""Every intermediate result, by name."""


def intermediate(**reads: Window) -> Callable[[Made], Made]:
    """Register a function as the maker of an intermediate result, which a parameter of that name is given.

    Who reads it `Months(ahead=n)` is given what is made of inputs that reach n months further.
    """

    def register(function: Made) -> Made:
        INTERMEDIATES[function.__name__] = Intermediate(function, reads)
        return function

    return register


TABLES: dict[str, MonthlyTable] = {}
"""Every table by month, by name; importing `transforms.catalogue` fills it."""
WHOLE_TABLES: dict[str, MonthlyTable] = {}
"""The dimensions that have no months."""


def monthly(
    *,
    provisional_days: Depth = 0,
    metrics: Callable[..., bool] | None = None,
    shared: str | None = None,
    **reads: Window,
) -> Callable[[Callable[..., pl.DataFrame]], Callable[..., pl.DataFrame]]:
    """Register a function as the maker of the table by month that it is named after; the keywords are its windows.

    `shared`: the table that it may be given in shares of the accounts, as what it makes of an account needs of that
    table no other account's rows; what it makes is in the order of its grain.
    """

    def register(function: Callable[..., pl.DataFrame]) -> Callable[..., pl.DataFrame]:
        TABLES[function.__name__] = MonthlyTable(function, reads, provisional_days, metrics, shared)
        return function

    return register


def whole(function: Callable[..., pl.DataFrame]) -> Callable[..., pl.DataFrame]:
    """Register a function as the maker of a dimension without months: it reads everything, and where it came from."""
    reads = {name: Whole(provenance=True) for name in parameters(function) if name in CANONICAL}
    WHOLE_TABLES[function.__name__] = MonthlyTable(function, reads)
    return function


def depth(declared: Depth, config: Config) -> int | None:
    """A declared number of months or days under a config."""
    if callable(declared):
        return declared(**{name: getattr(config, name) for name in parameters(declared)})
    return declared
