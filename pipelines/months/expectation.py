"""What every month of every table must be made from, as things are now: part by part, from the windows of its node."""

import datetime as dt
import json
from collections.abc import Mapping

from pipelines.ingest.sources import ingest_code
from pipelines.months.content import Content
from pipelines.months.makers import dimension_code, node_code
from pipelines.months.nodes import Node, nodes, offsets
from pipelines.months.readers import UNPARTITIONED, Reader, until
from pipelines.months.store import inputs_of
from pipelines.project import Project
from schemas.tables import CANONICAL
from transforms.calendar import add_months
from transforms.catalogue import DIMENSION_TABLES
from transforms.declaration import ALL, THE_MONTH
from transforms.exported import Exported
from warehouse.lineage import READING, digest

Made = dict[str, str]
"""A part of what a month is made from → its fingerprint."""
CALENDAR = {"dim_month", "as_of", "computed_from"}
"""What of that a function is given is told otherwise: by `as_of`, and by what the first month shows of earlier ones."""


def expected(project: Project, as_of: dt.date) -> dict[tuple[str, dt.date], Made]:
    """For each table and month, what it must be made from."""
    return Expectation(project, as_of).all()


class Expectation:
    """What months must be made from, under the config, the code and the exports as they are."""

    def __init__(self, project: Project, as_of: dt.date) -> None:
        self.project, self.as_of = project, as_of
        self.inputs = inputs_of(project, as_of)
        self.months = list(self.inputs.months)
        self.content = Content(project.content())
        self.known: dict[tuple[str, dt.date], str] = {}
        self.reading = {table: ingest_code(project, table) for table in CANONICAL}
        self.reading |= {name: digest(dimension_code(name), self.reading) for name in DIMENSION_TABLES}

    def all(self) -> dict[tuple[str, dt.date], Made]:
        """Every node's months, in the order in which they are built."""
        found: dict[tuple[str, dt.date], Made] = {}
        shifted = {month: _Shifted(month) for month in self.months}
        for node in nodes(self.project.config):
            always = {"code": node_code(node), "config": self._config(node), "reach": _reach(node)}
            running = {table: self._running(table) for table in node.windows if table not in UNPARTITIONED}
            for position, month in enumerate(self.months):
                day = until(self.as_of, month, node.provisional_days)
                made = always | {"as_of": str(day)}
                if node.metrics:
                    made["told until"] = str(min(day, self.inputs.newest))
                made |= self._by_month(node, month)
                for table in node.windows:
                    if table in UNPARTITIONED:
                        made[table] = self._shown(node, table, month, shifted[month])
                        made[f"{READING}{table}"] = self.reading[table]
                    else:
                        made[table] = self._built(node, table, position, running[table])
                found[node.name, month] = made
                self.known[node.name, month] = digest(made)
        return found

    def _by_month(self, node: Node, month: dt.date) -> Made:
        """What the node's functions are given of the calendar beyond the month itself, and of margins."""
        wider = [reader for reader in node.readers if reader.reads.get("dim_month", THE_MONTH) != THE_MONTH]
        months = [self.inputs.frame("dim_month", reader, [month])["month"].to_list() for reader in wider]
        made = {"gross margin": digest(self._margins(node, month))} if "gross_margin" in node.at_hand else {}
        return made | ({"months": digest(months)} if wider else {})

    def _margins(self, node: Node, month: dt.date) -> list[list[tuple[object, ...]]]:
        readers = [*node.readers, *([Reader(node.readers[0].function, {})] if node.metrics else [])]
        return [self.inputs.frame("gross_margin", reader, [month]).rows() for reader in readers]

    def _config(self, node: Node) -> str:
        """What the node's functions are given that is neither rows nor days."""
        first = [self.months[0]]
        told: dict[str, object] = {}
        for name in sorted(node.at_hand - CALENDAR - {"metrics", "gross_margin"}):
            value = self.inputs.at_hand(name, node.readers[0], first)
            told[name] = _told(value)
        if node.metrics:
            told["needs"] = _told(self.inputs.exported.only(node.needs))
            told["final after"] = sorted((m.name, m.days(self.project.config)) for m in node.metrics)
        return digest(told)

    def _shown(self, node: Node, table: str, month: dt.date, shifted: Mapping[int, dt.date]) -> str:
        windows = sorted(node.windows[table], key=str)
        return digest([self.content.shown(table, window, month, shifted) for window in windows])

    def _built(self, node: Node, table: str, position: int, running: list[str]) -> str:
        back, ahead = offsets(node.windows[table])
        end = min(position + ahead, len(self.months) - 1)
        if back is ALL:
            return running[end]
        window = self.months[max(position - back, 0) : end + 1]
        return digest([self.known.get((table, month), "") for month in window])

    def _running(self, table: str) -> list[str]:
        total, out = "", []
        for month in self.months:
            total = digest(total, self.known.get((table, month), ""))
            out.append(total)
        return out


def _reach(node: Node) -> str:
    """How far a node reads, and until when passing days change it."""
    windows = [(table, sorted(map(str, shown))) for table, shown in sorted(node.windows.items())]
    return digest(windows, node.provisional_days)


class _Shifted(dict[int, dt.date]):
    """Months by their distance from one."""

    def __init__(self, month: dt.date) -> None:
        super().__init__()
        self.month = month

    def __missing__(self, distance: int) -> dt.date:
        self[distance] = add_months(self.month, distance)
        return self[distance]


def _told(value: object) -> object:
    """A value as it is hashed."""
    if isinstance(value, Exported):
        return [sorted((table, sorted(columns)) for table, columns in value.columns.items()), sorted(value.partly)]
    if isinstance(value, bytes):
        return digest(value.hex())
    dump = getattr(value, "model_dump", None)
    return json.loads(json.dumps(dump(mode="json") if dump else value, default=str))
