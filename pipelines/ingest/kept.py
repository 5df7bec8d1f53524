"""What was made of a history's older files, kept so that a run reads only what came since.

It is used only while nothing of what it was made from changed: those files, in that order, the config and the code.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import polars as pl

from pipelines.ingest.accounting import Gathered
from pipelines.ingest.sources import VERSIONS, ingest_code
from pipelines.project import Project
from schemas.contract import Contract
from schemas.operations import ExportFile
from transforms.clean.folding import Folded, Versioning, unfolded
from warehouse.kept import drop_kept, read_kept, write_kept
from warehouse.landed import LandedFile
from warehouse.lineage import digest
from warehouse.reading import REJECTS
from warehouse.sent import SourceFile

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SERIES = "series?"
"""No name of a column, which may be any word."""


def series_of(file: LandedFile) -> str:
    """A file's name without the day in it."""
    return _DAY.sub("", file.name)


def exported_on(file: LandedFile | SourceFile, zone: dt.tzinfo) -> dt.date:
    """The day on which a file was exported, where the company is."""
    return file.exported_at.replace(tzinfo=dt.UTC).astimezone(zone).date()


@dataclass(frozen=True)
class Seen:
    """A landed file of a history, and what a run makes of it before it reads it."""

    file: LandedFile
    speaks: bool
    """Whether it is the last copy of a file that the config points at."""
    is_sent: bool
    """Whether the config points at a file of its name."""
    speaks_for: dt.date
    """The last complete day before the export."""
    beside: tuple[LandedFile, ...] = ()
    """Files of other kinds that tell more of its rows, as they were then."""
    parts_of: str = ""
    """What the files together are parts of; empty: each shows all there is by itself."""
    columns: frozenset[str] | None = None
    """The columns that it has; None: nobody has read it yet, or nobody could."""

    @classmethod
    def all_of(
        cls,
        project: Project,
        landed: Iterable[LandedFile],
        now: Iterable[LandedFile],
        beside: Callable[[LandedFile, Callable[[LandedFile], bool]], Iterable[LandedFile]] = lambda *_: (),
        others: Iterable[LandedFile] = (),
        *,
        appends: bool = False,
    ) -> list[Self]:
        """The landed files, oldest first, where `now` are those that speak.

        A day on which a file of another kind came (`others`) is one for which the file beside it speaks anew. `beside`
        gives of a file those beside it, among such as were there by a day. `appends`: the files are parts; those of a
        day and of all days before it show together what there is, beside the last of them.
        """
        speaking, zone = frozenset(now), project.config.reporting.zone
        sent = {file.name for file in speaking}

        def day(file: LandedFile) -> dt.date:
            return exported_on(file, zone) - dt.timedelta(days=1)

        ordered = sorted(landed, key=lambda file: (file.exported_at, file.landed_at))
        came, found = sorted({day(file) for file in others}), list[Self]()
        if appends and ordered:
            days = sorted({*map(day, ordered), *(each for each in came if each > day(ordered[0]))})
            for each in days:
                parts = list({file.name: file for file in ordered if day(file) <= each}.values())
                with_it = (*parts[:-1], *beside(parts[-1], lambda other, until=each: day(other) <= until))  # type: ignore[misc]
                speaks = parts[-1] in speaking and each == days[-1]
                found.append(cls(parts[-1], speaks, parts[-1].name in sent, each, with_it, parts[-1].raw_table))
            return found
        next_day: dict[str, dt.date] = {}
        until_day: list[dt.date | None] = []
        for file in reversed(ordered):
            until_day.append(next_day.get(series_of(file)))
            next_day[series_of(file)] = day(file)
        for file, following in zip(ordered, reversed(until_day), strict=True):
            later = [each for each in came if day(file) < each and (following is None or each < following)]
            days = [day(file), *later]
            for each in days:
                with_it = tuple(beside(file, lambda other, until=each: day(other) <= until))  # type: ignore[misc]
                speaks = file in speaking and each == days[-1]
                found.append(cls(file, speaks, file.name in sent, each, with_it))
        return sorted(found, key=lambda one: (one.speaks_for, one.file.exported_at, one.file.landed_at))

    @property
    def series(self) -> str:
        """Its name without the day in it: the newest file of a series shows all there is."""
        return self.parts_of or series_of(self.file)

    def entry(self) -> list[str]:
        """What must be the same for what was made of it to hold."""
        file = self.file
        whose = [each.sha256 for each in self.beside]
        when = [str(file.exported_at), str(file.landed_at), str(self.speaks_for)]
        return [*file.key, file.sha256, *when, f"{self.speaks}{self.is_sent}", *whose]


@dataclass(frozen=True)
class Kept:
    """What the files of a source made together."""

    files: tuple[Seen, ...]
    speaking: Gathered
    """What became of the rows of those that speak; of the rows only what notices ask for, of texts the rejected."""
    told: Mapping[str, pl.DataFrame]
    """By series: the versions that files tell themselves."""
    former: Mapping[str, pl.DataFrame]
    """By series: those that all files told so far, also such as are sent no more."""
    folded: Folded
    since: str
    """The column by which files tell versions; where a table's never do, none."""
    silent: Mapping[str, int] = field(default_factory=dict)
    """By series the objects that the newest file of it shows and that tell nothing of the table: each is there once."""

    @classmethod
    def nothing(cls, contract: type[Contract], by: Versioning) -> Self:
        """What no file made."""
        nothing = Gathered(contract.blank(), pl.DataFrame(schema={**REJECTS}), pl.DataFrame())
        since = by.since if contract.versioned_by() else ""
        return cls((), nothing, {}, {}, unfolded(contract.blank(), by.key), since)

    def tells(self, one: Seen) -> bool:
        """Whether the file tells versions itself, and is a word of what is sent."""
        return one.is_sent and self.since in (one.columns or ())

    def shows(self, one: Seen) -> bool:
        """Whether the file shows the present alone, which makes a version only beside what was shown before."""
        return one.columns is not None and self.since not in one.columns

    def goes_on_with(self, newer: Iterable[Seen]) -> bool:
        """Whether the newer files add to it: what tells versions would have come before what showed the present."""
        names = {one.file.name for one in newer if self.tells(one)}
        again = {one.file.name for one in self.files if self.tells(one) and one.series != one.file.name}
        return not names or not (names & again or any(self.shows(one) for one in self.files))


def keyed(project: Project, table: str, source: str) -> str:
    """What else a history is made from than its files."""
    config = project.config
    said = [config.sources[source].model_dump(), sorted(config.sources), config.segments, config.reporting.model_dump()]
    return digest(said, ingest_code(project, table))


def keep(project: Project, table: str, source: str, key: str, kept: Kept) -> None:
    """Keep it for the next run."""
    speaking, folded = kept.speaking, kept.folded
    told = {
        "key": key,
        "files": [one.entry() for one in kept.files],
        "columns": [None if one.columns is None else sorted(one.columns) for one in kept.files],
        "speaking": sorted(speaking.columns),
        "silent": dict(kept.silent),
        "until": folded.until and folded.until.isoformat(),
    }
    frames = {
        "rows": speaking.rows,
        "rejects": speaking.rejects,
        "raw": speaking.raw,
        "counts": pl.DataFrame(speaking.files, ExportFile.dtypes(), orient="row"),
        "told": _stacked(kept.told, folded.history),
        "former": _stacked(kept.former, folded.history),
        "history": folded.history,
        "known": folded.known,
        "shown": _stacked(folded.shown, folded.known),
        "torn": folded.torn,
    }
    write_kept(project.folders, f"{table}.{source}", told, frames)


def kept_of(project: Project, table: str, source: str, key: str, ordered: list[Seen]) -> Kept | None:
    """What was kept, if it was made of the first of these files, with this key."""
    found = read_kept(project.folders, f"{table}.{source}")
    files = ordered[: len(found[0]["files"])] if found else []
    if found is None or (found[0]["key"], found[0]["files"]) != (key, [one.entry() for one in files]):
        drop_kept(project.folders, f"{table}.{source}.")
        return None
    told, frames = found
    by, contract = VERSIONS[table], project.contracts[table]
    seen = (_with(one, columns) for one, columns in zip(files, told["columns"], strict=True))
    counts = tuple(frames["counts"].rows())
    speaking = Gathered(frames["rows"], frames["rejects"], frames["raw"], counts, frozenset(told["speaking"]))
    until = dt.date.fromisoformat(told["until"]) if told["until"] else None
    folded = Folded(frames["history"], frames["known"], _by_series(frames["shown"]), frames["torn"], until)
    since = by.since if contract.versioned_by() else ""
    versions, former = _by_series(frames["told"]), _by_series(frames["former"])
    return Kept(tuple(seen), speaking, versions, former, folded, since, told["silent"])


def _with(one: Seen, columns: list[str] | None) -> Seen:
    return replace(one, columns=None if columns is None else frozenset(columns))


def _stacked(frames: Mapping[str, pl.DataFrame], like: pl.DataFrame) -> pl.DataFrame:
    each = (frame.with_columns(pl.lit(series).alias(SERIES)) for series, frame in frames.items())
    return pl.concat([like.clear().with_columns(pl.lit("").alias(SERIES)), *each])


def _by_series(stacked: pl.DataFrame) -> dict[str, pl.DataFrame]:
    parts = stacked.partition_by(SERIES, as_dict=True, maintain_order=True)
    return {str(series): frame.drop(SERIES) for (series,), frame in parts.items()}
