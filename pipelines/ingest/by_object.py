"""Objects, of which each is cleaned without the others: of a large table some are in memory at a time.

Rows of one object may stand in any file, and in any part of one. So they are parted by a hash of its key as they are
read, and wait on disk; then each share of the objects comes with all its rows.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

import polars as pl

from pipelines.ingest.accounting import Gathered, Hold, accounted, of_beside, together
from pipelines.ingest.agreement import refuse
from pipelines.ingest.cleaned import conforming, exported, made_of, without
from pipelines.ingest.kept_rows import read_files, read_parts_of
from pipelines.ingest.raw_rows import (
    RawRows,
    as_spelled,
    noted,
    raw_contract,
    read_by_part,
    text_reader,
    those_that_count,
)
from pipelines.project import Project
from schemas.form import Form
from schemas.keys import is_repeated
from schemas.writer import MARKS
from transforms.clean.repeats import contradictory, spoken
from transforms.clean.written import Telling, generation, objects
from warehouse.landed import LandedFile
from warehouse.reading import REJECTS
from warehouse.spill import Spill
from warehouse.validation import AT, validate

BUCKET = "bucket?"
"""No name of a column, which may be any word."""
BUCKETS = 64
AT_ONCE = 1 << 18
"""So many rows are cleaned together, if their objects allow it."""


def clean_by_object(
    project: Project, table: str, form: Form, of: Mapping[str, list[LandedFile]], hold: Hold
) -> tuple[Gathered, dict[str, list[RawRows]]]:
    """What `clean` makes of the files of each raw table, but for its rows, which `hold` takes; and what was read.

    Raises:
        ExportError: a file cannot be used as a whole, or two contradict each other.
    """
    keys = {name: key for name, key in _keys(form, table).items() if of[name]}
    others = read_files(project, table, form, {name: of[name] for name in form.clean[table].reads if name not in keys})
    newest, columns = those_that_count(project, form, others)
    with closing(_Reading(project, table, form, keys)) as reading:
        reading.read({name: of[name] for name in keys})
        cleaning = _Cleaning(reading, newest, hold)
        for groups in reading.shares():
            cleaning.clean(groups)
        reading.refuse_contradictory()
    files = {name: [one.ended(project, form) for one in reading.files.values() if one.name == name] for name in keys}
    columns |= {name: frozenset().union(*(rows.columns for rows in each)) for name, each in files.items()}
    first, raw = form.clean[table].raw[0], {**{name: each for name, each in files.items() if each}, **others}
    names = exported(form, table, cleaning.tellings, columns) if cleaning.tellings else columns[first]
    told = _accounted(project, table, form, raw, reading)
    return replace(told, columns=names, nothing={of[first][0].source: cleaning.nothing}), raw


def _keys(form: Form, table: str) -> dict[str, tuple[str, ...]]:
    """By raw table, of which rows of one object are found by their key, the columns that have it.

    Of the first, and of lists of its objects whose elements name their object; what is named by a row is not.
    """
    first = form.clean[table].raw[0]
    key = tuple(name for name in form.raw[first].contract.grain() if name not in MARKS)
    found = {first: key}
    for name in form.clean[table].beside:
        raw = form.raw.get(name)
        if not key or raw is None or raw.parent != first:
            continue
        own = {column.of_parent: column.name for column in raw.contract.fields() if column.of_parent}
        if set(key) <= own.keys() and (raw.in_parent or "row_parent" not in raw.contract.dtypes()):
            found[name] = tuple(own[column] for column in key)
    return found


@dataclass
class _File:
    """A file of which all is known but its rows, as its parts are read and its objects cleaned."""

    rows: RawRows
    later: list[pl.DataFrame] = field(default_factory=list)
    """Rejects of rows of which each value was spelled as it should be; their text is in no memory."""
    loaded: int = 0
    skewed: int = 0

    @property
    def name(self) -> str:
        """Its raw table."""
        return self.rows.file.raw_table

    def take(self, part: RawRows) -> None:
        """Know what another part of it tells."""
        known = self.rows
        self.rows = replace(
            known,
            read=known.read + part.read,
            rejects=pl.concat([known.rejects, part.rejects]),
            text=pl.concat([known.text, part.text], how="diagonal"),
            columns=known.columns | part.columns,
            skewed=pl.concat([known.skewed, part.skewed]),
        )

    def ended(self, project: Project, form: Form) -> RawRows:
        """All that was rejected of it, with its text."""
        late = pl.concat([pl.DataFrame(schema=REJECTS), *self.later])
        texts = [self.rows.text]
        if late.height:
            texts.append(text_reader(project, form, self.rows.file)(late["export_line"]))
        rejects = pl.concat([late, self.rows.rejects])
        return replace(self.rows, rejects=rejects, text=pl.concat(texts, how="diagonal"))

    def counts(self, table: str, rejects: pl.DataFrame) -> tuple[object, ...]:
        """The row of `export_file`."""
        file, read, lost = self.rows.file, self.rows.read, rejects.select(AT).unique().height
        of = (file.source, table, file.raw_table, file.name, file.sha256, file.bytes)
        loaded = read - lost if self.rows.of_lists else self.loaded
        return *of, read, loaded, lost, 0, self.skewed, file.exported_at, file.landed_at


class _Reading:
    """The rows of raw tables that are parted by their object, on their way."""

    def __init__(self, project: Project, table: str, form: Form, keys: Mapping[str, tuple[str, ...]]) -> None:
        self.project, self.table, self.form, self.keys = project, table, form, keys
        self.source = ""
        self.files: dict[LandedFile, _File] = {}
        self._spills = {name: Spill[int](project.folders, f"{table}.{name}", BUCKET) for name in keys}
        self._generations: dict[str, set[int]] = {name: set() for name in keys}
        self._last: dict[str, int] = {}
        self._contradictory: dict[str, list[pl.DataFrame]] = {name: [] for name in keys}

    def read(self, of: Mapping[str, list[LandedFile]]) -> None:
        """Read all files, part by part."""
        self.source = of[self.form.clean[self.table].raw[0]][0].source
        for part in read_parts_of(self.project, self.table, self.form, of, read_by_part):
            name, rows = part.file.raw_table, part.good
            empty = replace(part, good=rows.clear(), text_at=_no_text)
            if (known := self.files.get(part.file)) is None:
                self.files[part.file] = _File(empty)
            else:
                known.take(empty)
            if "row_generation" in rows.columns:
                self._generations[name].update(rows.select(generation().unique()).to_series())
            self._spills[name].add(rows.with_columns(_bucket(self.keys[name])))
        for name, found in self._generations.items():
            # A list that stands in its object is of the run of this one, and comes and goes with it.
            if found and not self.form.raw[name].in_parent:
                self._last[name] = self._last_generation(name, sorted(found))

    def _last_generation(self, name: str, found: list[int]) -> int:
        """The last run of the writer that has a row that satisfies the contract: what is rejected begins nothing anew.

        Rows of several runs have several keys, so that those of a run are seen to be right without the others.
        """
        while found[1:]:
            for group in self._spills[name].groups():
                typed = self._typed(name, [group]).filter(generation() == found[-1])
                if typed.height and any(right.height for right, _ in self._validated(name, typed)):
                    return found[-1]
            found.pop()
        return found[0]

    def shares(self) -> list[list[int]]:
        """Groups of rows that are looked at together; one at least."""
        found, rows = list[list[int]]([[]]), 0
        for group in sorted({group for spill in self._spills.values() for group in spill.heights}, key=str):
            more = sum(spill.heights.get(group, 0) for spill in self._spills.values())
            if rows and rows + more > AT_ONCE:
                found.append([])
                rows = 0
            found[-1].append(group)
            rows += more
        return found

    def of(self, name: str) -> dict[str, _File]:
        """The files of a raw table, by their names."""
        return {file.name: one for file, one in self.files.items() if file.raw_table == name}

    def good(self, name: str, groups: list[int]) -> pl.DataFrame:
        """Of the groups' rows of a raw table those that satisfy its contract."""
        contract = raw_contract(self.project, self.form, name)
        own, good = self.of(name), list[pl.DataFrame]()
        for right, wrong in self._validated(name, self._typed(name, groups)):
            good.append(right)
            for (file,), rejects in wrong.partition_by("export_file", as_dict=True).items():
                own[file].later.append(as_spelled(rejects, own[file].rows.spelled))
        found = pl.concat(good)
        of_lists = [each for one in own.values() if one.rows.of_lists for each in (one.rows.rejects, *one.later)]
        if of_lists:
            # What is wrong with an element is wrong with its record.
            found = found.join(pl.concat(of_lists), on=AT, how="anti", maintain_order="left")
        self._contradictory[name].append(contradictory(found, contract))
        return found

    def _typed(self, name: str, groups: list[int]) -> pl.DataFrame:
        """The groups' rows of a raw table in which each value is spelled as it should be."""
        rows = self._spills[name].of(groups)
        return rows.drop(BUCKET) if rows.width else raw_contract(self.project, self.form, name).blank()

    def _validated(self, name: str, typed: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """The rows that satisfy the contract, and the rejects, of a file after the other where it matters.

        Raises:
            ExportError: a file cannot be used, or the program fails at it.
        """
        contract, own = raw_contract(self.project, self.form, name), self.of(name)
        # Keys are once in a file; mostly all are once, and then files need not be looked at one by one.
        by_file = bool(contract.grain()) and contract.repeats() is None and is_repeated(typed, contract.grain())
        if not by_file:
            try:
                whole = validate(typed, contract, self.project.config.sources)
            except (OSError, MemoryError):  # of the machine, not of a file
                raise
            except (Exception, pl.exceptions.PanicException):
                # At which file is told, and noted, where each is looked at by itself.
                if typed.is_empty():
                    raise
            else:
                yield whole
                return
        for (file,), of_file in typed.partition_by("export_file", as_dict=True, maintain_order=True).items():
            with noted(self.project, own[file].rows.file):
                found = validate(of_file, contract, self.project.config.sources)
            yield found

    def those_that_count(self, name: str, good: pl.DataFrame) -> pl.DataFrame:
        """Of rows of a raw table those of the last run of their writer, of each object the newest."""
        rows = good.filter(generation() == self._last[name]) if name in self._last else good
        return spoken(rows, raw_contract(self.project, self.form, name))

    def refuse_contradictory(self) -> None:
        """Raise ExportError if two files contradict each other."""
        for name, found in self._contradictory.items():
            refuse(pl.concat(found), raw_contract(self.project, self.form, name))

    def close(self) -> None:
        """Give up the rows."""
        for spill in self._spills.values():
            spill.clear()


class _Cleaning:
    """What becomes of the objects, a share after the other."""

    def __init__(self, reading: _Reading, newest: Mapping[str, pl.DataFrame], hold: Hold) -> None:
        self._reading, self._hold = reading, hold
        form, table = reading.form, reading.table
        self._first = form.clean[table].raw[0]
        # What is named by the row of an object waits for it; all else is the same beside each.
        self._lists = {name: rows for name, rows in newest.items() if form.raw[name].parent in reading.keys}
        self._beside = objects({name: rows for name, rows in newest.items() if name not in self._lists}, form)
        self.tellings: list[Telling] = []
        """Nothing of files that have the canonical columns."""
        self.nothing = 0
        """Objects that tell nothing of the table."""

    def clean(self, groups: list[int]) -> None:
        """Clean the objects of some groups of rows."""
        reading = self._reading
        good = {name: reading.good(name, groups) for name in reading.keys}
        late, skewed = self._canonical({name: reading.those_that_count(name, rows) for name, rows in good.items()})
        own = reading.of(self._first)
        for (file,), rejects in late.partition_by("export_file", as_dict=True).items():
            own[file].later.append(rejects)
        loaded = good[self._first].join(late, on=AT, how="anti") if late.height else good[self._first]
        where = pl.concat([skewed, *(one.rows.skewed for one in own.values())])
        in_skew = loaded.join(where, on=AT, how="semi") if where.height else loaded.clear()
        for file, number in in_skew["export_file"].value_counts().iter_rows():
            own[file].skewed += number
        for name, rows in {**good, self._first: loaded}.items():
            of = reading.of(name)
            for file, number in rows["export_file"].value_counts().iter_rows():
                of[file].loaded += number

    def _canonical(self, newest: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Have the canonical rows held; the rejects, and where clocks disagreed, that show in these only."""
        project, table, form = self._reading.project, self._reading.table, self._reading.form
        source = self._reading.source
        if form.exact_header:
            # The raw contract is the canonical one: the rows satisfy it already.
            self._hold(source, newest[self._first], 0, None)
            return pl.DataFrame(schema=REJECTS), pl.DataFrame(schema=REJECTS).select(AT)
        there = {**self._beside, **objects({**self._lists, **newest}, form)}
        made, wrong, telling = made_of(project, table, form, source, there)
        right, broken, skewed = conforming(project, table, form, without(made, wrong))
        self.tellings.append(telling)
        self.nothing += there[self._first].height - made.height
        self._hold(source, right, 0, None)
        return pl.concat([wrong, broken]), skewed


def _accounted(
    project: Project, table: str, form: Form, raw: Mapping[str, list[RawRows]], reading: _Reading
) -> Gathered:
    """What became of the rows of each file that is counted with this table."""
    contract, found = project.contracts[table], list[Gathered]()
    for rows in [*raw[form.clean[table].raw[0]], *accounted(project, table, form, raw)]:
        if (file := reading.files.get(rows.file)) is None:
            found.append(of_beside(rows, table, contract))
            continue
        text = rows.text.with_columns(export_file=pl.lit(rows.file.name))
        found.append(Gathered(contract.blank(), rows.rejects, text, (file.counts(table, rows.rejects),)))
    return together(contract, found)


def _bucket(key: tuple[str, ...]) -> pl.Expr:
    """The group of a row: one for all rows of an object."""
    # What a list calls its object may be of another type than what the object calls itself.
    of = (
        pl.struct(pl.col(name).cast(pl.String).alias(str(n)) for n, name in enumerate(key))
        if key
        else pl.col("export_line")
    )
    return (of.hash(seed=7) % BUCKETS).cast(pl.Int64).alias(BUCKET)


def _no_text(_: pl.Series) -> pl.DataFrame:
    """Of a part that is no longer in memory: what is in it is asked of its file."""
    return pl.DataFrame(schema={"export_line": pl.Int64})
