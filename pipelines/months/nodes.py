"""The graph of what is built by month: every table and metric asset, and the windows in which it reads the others.

Made from the declarations beside the functions, and read by the lineage, the runs and Dagster alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.months.readers import (
    UNPARTITIONED,
    Reader,
    chosen,
    made_by,
    numbers,
    read_at_hand,
    read_tables,
    resolved,
)
from schemas.config import Config
from transforms.catalogue import CATALOGUE, DIMENSION_TABLES, MONTHLY_TABLES, metric_assets
from transforms.declaration import ALL, METRIC_TABLES, THE_MONTH, History, Months, Window, depth, window_of
from transforms.metrics.definition import Metric

ALWAYS_ASKED = ("segments", "minimums", "dim_month")
"""What the roll-up of every metric reads beside its parts."""

BEGINNING = History()
"""How far a metric that needs a history looks for the first that was paid."""


@dataclass(frozen=True)
class Node:
    """A table by month, or a metric asset: who makes it, and what a month of it is made from."""

    name: str
    readers: tuple[Reader, ...]
    windows: dict[str, frozenset[Window]]
    """Tables and metric assets it reads, each with its windows, resolved."""
    at_hand: frozenset[str]
    """Names of what its functions are given beside tables."""
    provisional_days: int
    metrics: tuple[Metric, ...] = ()
    """The metrics of an asset."""
    needs: tuple[str, ...] = ()
    """Tables and columns whose being exported or not decides whether its metrics can be known."""
    code: tuple[str, ...] = field(default=())
    """The definitions that make it, as references of `warehouse.code`."""

    @property
    def is_metrics(self) -> bool:
        """Whether it is a metric asset."""
        return bool(self.metrics)


def nodes(config: Config) -> tuple[Node, ...]:
    """Every table and metric asset by month, in the order in which they can be built."""
    found = [_table(name, config) for name in MONTHLY_TABLES]
    found += [_asset(name, members, config) for name, members in metric_assets().items()]
    return tuple(_ordered(found))


def whole_nodes(config: Config) -> tuple[Node, ...]:
    """The dimensions without months."""
    readers = {name: Reader(table.function, table.reads) for name, table in DIMENSION_TABLES.items()}
    return tuple(_node(name, (reader,), config) for name, reader in readers.items())


def _table(name: str, config: Config) -> Node:
    table = MONTHLY_TABLES[name]
    reader = Reader(table.function, table.reads, table.provisional_days, chosen(table.metrics, config), table.shared)
    return _node(name, (reader,), config)


def _asset(name: str, members: list[Metric], config: Config) -> Node:
    own = {metric.name for metric in members}
    readers = [Reader(metric.function, metric.reads, metric.provisional_days) for metric in members]
    asking = [Reader(metric.unknown_when, {}) for metric in members if metric.unknown_when]
    others = [n for metric in members for n in (*metric.operands, *metric.beside) if n not in own]
    month: frozenset[Window] = frozenset({THE_MONTH})
    windows = {CATALOGUE[name].asset: month for name in others if name in CATALOGUE}
    windows["dim_account_month"] = month
    for metric in members:
        for table in metric.observed:
            window = resolved(window_of(table, metric.reads), config)
            windows[table] = windows.get(table, frozenset()) | {window}
    needs = {need for m in members for need in (*m.needs, *getattr(m, "without", ()), *m.basis_without)}
    also = {*ALWAYS_ASKED, *(n for n in others if n not in CATALOGUE)}
    if any(metric.history_months for metric in members):
        windows["dim_account"] = windows.get("dim_account", frozenset()) | {BEGINNING}
    return _node(name, (*readers, *asking), config, windows, also, tuple(members), tuple(sorted(needs)))


def _node(
    name: str,
    readers: tuple[Reader, ...],
    config: Config,
    windows: dict[str, frozenset[Window]] | None = None,
    also: Iterable[str] = (),
    metrics: tuple[Metric, ...] = (),
    needs: tuple[str, ...] = (),
) -> Node:
    """A node of everything that its readers read, through intermediate results too."""
    found = dict(windows or {})
    at_hand, code = set(also), set[str]()
    for reader in readers:
        for table, window in read_tables(reader):
            found[table] = found.get(table, frozenset()) | {resolved(window, config)}
        at_hand |= set(read_at_hand(reader.function))
        code |= set(made_by(reader.function))
        for metric in reader.metrics:
            window = resolved(next((reader.reads[n] for n in METRIC_TABLES if n in reader.reads), THE_MONTH), config)
            found[metric.asset] = found.get(metric.asset, frozenset()) | {window}
    days = max((depth(reader.provisional_days, config) or 0 for reader in readers), default=0)
    return Node(name, readers, found, frozenset(at_hand), days, metrics, needs, tuple(sorted(code)))


def offsets(windows: Iterable[Window]) -> tuple[int | None, int]:
    """The deepest look back (ALL: to the beginning) and ahead of some resolved windows on a table by month."""
    pairs = [numbers(window) for window in windows if isinstance(window, Months)]
    backs = [back for back, _ in pairs]
    deepest = ALL if None in backs else max((back for back in backs if back is not None), default=0)
    return deepest, max((ahead for _, ahead in pairs), default=0)


def _ordered(found: list[Node]) -> list[Node]:
    """The nodes, each after those it is made from.

    Raises:
        ValueError: some are made from each other.
    """
    names, done, out, left = {node.name for node in found}, set[str](), list[Node](), list(found)
    while left:
        ready = [n for n in left if all(t in done or t in UNPARTITIONED or t not in names for t in n.windows)]
        if not ready:
            raise ValueError(f"tables are made from each other: {', '.join(node.name for node in left)}")
        out += ready
        done |= {node.name for node in ready}
        left = [node for node in left if node not in ready]
    return out
