"""A landed file's rows: read, validated and cleaned to canonical ones, every row accounted for."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from pipelines.ingest.agreement import refuse_contradictory
from pipelines.ingest.sources import VERSIONS, formats_of
from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Cleaning, Filled, Form, Told
from schemas.tables import CANONICAL
from schemas.writer import MARKS
from transforms.clean.repeats import repeated, spoken
from transforms.clean.skew import without_skew
from transforms.clean.written import Telling, objects
from warehouse.csv_file import HEADER_AGAIN
from warehouse.errors import ExportError, WarehouseError
from warehouse.landed import LandedFile, landed_files, note_problem
from warehouse.landing import check_whole
from warehouse.reading import PROVENANCE, REJECTS, FileRows, Kind, Texts, read_kinds, read_parts, texts_at
from warehouse.validation import AT, validate

Hold = Callable[[str, pl.DataFrame, int, pl.Series | None], None]
"""Takes canonical rows of a source, with the run of their writer that they are of, and when each came in."""


@dataclass(frozen=True)
class Gathered:
    """Canonical rows from some files, before accounts are resolved, and what became of every row that was read."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    raw: pl.DataFrame
    """The text of every row that was rejected."""
    files: tuple[tuple[object, ...], ...] = ()
    """Rows of `export_file`."""
    columns: frozenset[str] = frozenset()
    """Columns that any of the files exports."""
    partly: frozenset[str] = frozenset()
    """Those of them that not every source exports."""
    notices: tuple[str, ...] = ()
    """What a person should know of rows that keep their contract."""
    nothing: Mapping[str, int] = field(default_factory=dict)
    """By source the rows that are right and tell nothing of the table, as the tests of a billing system."""
    rejected: pl.DataFrame | None = None
    """Of a file of a history: the keys of its rejected rows; None where nobody can tell them all."""


@dataclass(frozen=True)
class RawRows:
    """A landed file's rows under its raw contract."""

    file: LandedFile
    read: int
    good: pl.DataFrame
    rejects: pl.DataFrame
    text: pl.DataFrame
    """Of every row that is rejected."""
    text_at: Texts
    """The text of rows that are rejected later, by their lines."""
    columns: frozenset[str]
    skewed: pl.DataFrame
    """Where the good rows are in which clocks disagreed."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """What the file calls columns, where it does not call them as the contract does."""
    of_lists: bool = False
    """Whether its rows are elements of lists, and what is counted is the records that have these."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but headers."""
        return self.read == self.rejects.filter(reason=HEADER_AGAIN)["export_line"].n_unique()


def together(contract: type[Contract], found: Iterable[Gathered]) -> Gathered:
    """What several files say, as one."""
    found = list(found)
    return Gathered(
        pl.concat([contract.blank(), *(one.rows for one in found)]),
        pl.concat(
            [pl.DataFrame(schema={**REJECTS, "export_source": pl.String}), *(one.rejects for one in found)],
            how="diagonal",
        ),
        pl.concat([pl.DataFrame(), *(one.raw for one in found)], how="diagonal"),
        tuple(file for one in found for file in one.files),
        frozenset().union(*(one.columns for one in found)),
        notices=tuple(notice for one in found for notice in one.notices),
        nothing={
            source: sum(one.nothing.get(source, 0) for one in found)
            for source in dict.fromkeys(name for one in found for name in one.nothing)
        },
    )


def read_landed(project: Project, form: Form, file: LandedFile, *, speaks: bool = True) -> RawRows:
    """A landed copy's rows; why it cannot be read is noted in the list of landed files.

    A file that no longer speaks may have columns that the config no longer names, and lack those that it names only
    now: segments come and go.

    Raises:
        ExportError: the file cannot be used as a whole.
        DamagedError: the copy is not what was landed.
    """
    path, kind = check_whole(file, project.folders), kind_of(project, form, file.raw_table, speaks=speaks)
    with noted(project, file):
        formats = formats_of(project, file.source)
        (found,) = read_kinds(path, file.name, file.source, file.exported_at, [kind], formats)
        return valid(project, kind.contract, _typed(file, kind, found, text_reader(project, form, file)))


def read_by_part(project: Project, form: Form, files: Sequence[LandedFile]) -> Iterator[RawRows]:
    """The rows of the kinds that one landed copy holds, part by part, of which no more than one needs to be in memory.

    Each value is spelled as it should be. Rows that have one key may be in two parts: whoever asks looks for them, and
    sees whether the rows are `valid`.

    Raises:
        ExportError, DamagedError: as `read_landed`.
    """
    try:
        yield from _parts(project, form, files)
    except (OSError, MemoryError):  # of the machine, not of the file
        raise
    except (Exception, pl.exceptions.PanicException):
        # Which of several kinds is at fault is told, and noted, where each is read by itself.
        for file in files if len(files) > 1 else ():
            with noted(project, file):
                deque(_parts(project, form, [file]), maxlen=0)
        with noted(project, *files):
            raise


def _parts(project: Project, form: Form, files: Sequence[LandedFile]) -> Iterator[RawRows]:
    one, kinds = files[0], [kind_of(project, form, file.raw_table) for file in files]
    path, formats = check_whole(one, project.folders), formats_of(project, one.source)
    for place, found, text_at in read_parts(path, one.name, one.source, one.exported_at, kinds, formats):
        yield _typed(files[place], kinds[place], found, text_at)


def read_valid_parts(project: Project, form: Form, files: Sequence[LandedFile]) -> Iterator[RawRows]:
    """The same, of contracts that let rows have one key: those that are valid."""
    for rows in read_by_part(project, form, files):
        with noted(project, rows.file):
            found = valid(project, raw_contract(project, form, rows.file.raw_table), rows)
        yield found


def read_at_once(project: Project, form: Form, files: Sequence[LandedFile]) -> list[RawRows]:
    """The rows of several kinds that one landed copy holds; each is what `read_landed` gives.

    Raises:
        ExportError, DamagedError: as `read_landed`.
    """
    one, kinds = files[0], [kind_of(project, form, file.raw_table) for file in files]
    path, formats = check_whole(one, project.folders), formats_of(project, one.source)
    try:
        found = read_kinds(path, one.name, one.source, one.exported_at, kinds, formats)
    except (OSError, MemoryError):  # of the machine, not of the file
        raise
    except (Exception, pl.exceptions.PanicException):
        # Which of them is at fault is told, and noted, where each is read by itself.
        return [read_landed(project, form, file) for file in files]
    made = []
    for file, kind, rows in zip(files, kinds, found, strict=True):
        with noted(project, file):
            made.append(valid(project, kind.contract, _typed(file, kind, rows, text_reader(project, form, file))))
    return made


def kind_of(project: Project, form: Form, raw_table: str, *, speaks: bool = True) -> Kind:
    """What is to be read of the files of a raw table."""
    contract = raw_contract(project, form, raw_table, speaks=speaks)
    return Kind(contract, form.raw[raw_table].places, form.exact_header and speaks)


def _typed(file: LandedFile, kind: Kind, found: FileRows, text_at: Texts) -> RawRows:
    """The rows in which each value is spelled as it should be, before anything else is asked of them."""
    settled, skewed = _settled(found.rows, kind.contract)
    rejects = as_spelled(found.rejects, found.spelled)
    told = (found.text, text_at, found.columns, skewed, found.spelled, kind.of_lists)
    return RawRows(file, found.rows_read, settled, rejects, *told)


def valid(project: Project, contract: type[Contract], rows: RawRows) -> RawRows:
    """Those of a file's rows that satisfy the contract, and what is wrong with all others."""
    good, wrong = validate(rows.good, contract, project.config.sources)
    text = pl.concat([rows.text, rows.text_at(wrong["export_line"])], how="diagonal") if wrong.height else rows.text
    rejects = pl.concat([rows.rejects, as_spelled(wrong, rows.spelled)])
    if rows.of_lists:
        # What is wrong with an element is wrong with its record: nobody counts half a subscription.
        good = good.join(rejects, on=AT, how="anti", maintain_order="left")
    return replace(rows, good=good, rejects=rejects, text=text)


def as_spelled(rejects: pl.DataFrame, spelled: Mapping[str, str]) -> pl.DataFrame:
    """The rejects with columns as their file calls them."""
    return rejects.with_columns(pl.col("column_name").replace(spelled)) if spelled else rejects


def text_reader(project: Project, form: Form, file: LandedFile) -> Texts:
    """Reads the text of rows again, by their lines."""
    contract, table = raw_contract(project, form, file.raw_table), form.raw[file.raw_table]
    path, formats = file.path(project.folders), formats_of(project, file.source)
    return partial(texts_at, path, file.name, contract, formats, places=table.places)


@contextmanager
def noted(project: Project, *files: LandedFile) -> Iterator[None]:
    """Why a file cannot be used is noted in the list of landed files, whatever goes wrong within the block.

    `files`: it, once for each kind of rows that is read of it.

    Raises:
        ExportError: it cannot be used; also where the program fails at it: no file may stop all later runs.
    """
    try:
        yield
    except (OSError, MemoryError):  # of the machine, not of the file
        raise
    except ExportError as fault:
        _note(project, files, str(fault))
        raise
    except WarehouseError:
        raise
    except (Exception, pl.exceptions.PanicException) as fault:
        said = (
            f"{files[0].name}: reading it ended in {type(fault).__name__}, which is a fault of the program, to be "
            "reported with this line; export the file in another way"
        )
        _note(project, files, said)
        raise ExportError(said) from fault


def _note(project: Project, files: Iterable[LandedFile], said: str) -> None:
    for file in files:
        note_problem(project.folders, file, said)


def _settled(rows: pl.DataFrame, contract: type[Contract]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with one time where clocks disagree a little, and where these are."""
    settled = without_skew(rows, contract.clocks())
    return settled.drop("is_skewed"), settled.filter("is_skewed").select(AT)


def raw_contract(project: Project, form: Form, raw_table: str, *, speaks: bool = True) -> type[Contract]:
    """The raw file's contract; the canonical accounts also have the segments of the config."""
    contract = form.raw[raw_table].contract
    extra = project.config.extra_segments
    if raw_table == "accounts" and form.exact_header:
        return with_columns(contract, extra, SEGMENT, optional=not speaks)
    return contract


def those_that_count(
    project: Project, form: Form, raw: Mapping[str, list[RawRows]]
) -> tuple[dict[str, pl.DataFrame], dict[str, frozenset[str]]]:
    """Of each raw table the rows that count, and the columns that any of its files has.

    Raises:
        ExportError: two files contradict each other.
    """
    newest = dict[str, pl.DataFrame]()
    for name, files in raw.items():
        contract = raw_contract(project, form, name)
        good = pl.concat([contract.blank(), *(rows.good for rows in files)])
        refuse_contradictory(good, contract)
        newest[name] = spoken(good, contract)
    return newest, {name: frozenset().union(*(rows.columns for rows in files)) for name, files in raw.items()}


def clean(project: Project, table: str, form: Form, raw: Mapping[str, list[RawRows]]) -> Gathered:
    """Canonical rows that satisfy their contract, of the files of each raw table that are there.

    The rows of the first raw table are those accounted for, and of those that also become rows of the canonical one;
    and those of others that no table has as its first.
    """
    contract, zone = project.contracts[table], project.config.reporting.time_zone
    cleaning = form.clean[table]
    first = cleaning.raw[0]
    mains = [rows for name in (first, *cleaning.also) for rows in raw.get(name, [])]
    raw_contracts = {name: raw_contract(project, form, name) for name in raw}
    good = {
        name: pl.concat([raw_contracts[name].blank(), *(rows.good for rows in files)]) for name, files in raw.items()
    }
    for name, rows in good.items():
        refuse_contradictory(rows, raw_contracts[name])
    newest = {name: spoken(rows, raw_contracts[name]) for name, rows in good.items()}
    cleaned, wrong, silent = _made(project, table, form, raw, newest)
    skewed = pl.concat([rows.skewed for rows in mains])
    # Where the first of an id counts, and all count, none is there again; to look once more takes as long.
    is_once = (raw_contracts[first].repeats() or ("",))[0] == "first" and newest[first].height == good[first].height
    again = repeated(good[first].clear() if is_once else good[first], raw_contracts[first], zone).select(AT)
    if form.exact_header:
        # The raw contract is the canonical one: the rows satisfy it already.
        columns = frozenset().union(*(rows.columns for rows in raw[first]))
        canonical, late = contract.shaped(cleaned), pl.DataFrame(schema=REJECTS)
    else:
        columns = frozenset(cleaned.columns) - set(PROVENANCE)
        right, late, also = conforming(project, table, form, cleaned)
        late = pl.concat([wrong, late])
        canonical = spoken(right, contract) if contract.repeats() else right
        again, skewed = pl.concat([again, repeated(right, contract, zone).select(AT)]), pl.concat([skewed, also])
    source = raw[first][0].file.source
    beside = accounted(project, table, form, raw)
    texts = [texts_of(rows, late).with_columns(export_file=pl.lit(rows.file.name)) for rows in mains]
    texts += [rows.text.with_columns(export_file=pl.lit(rows.file.name)) for rows in beside]
    nothing = late.clear().select(AT)
    return Gathered(
        canonical,
        pl.concat([late, *(rows.rejects for rows in [*mains, *beside])]),
        pl.concat(texts, how="diagonal"),
        (
            *(counts_of(rows, table, late, again, skewed) for rows in mains),
            *(counts_of(rows, table, late.clear(), nothing, nothing) for rows in beside),
        ),
        columns,
        nothing={source: silent},
    )


def _made(
    project: Project, table: str, form: Form, raw: Mapping[str, list[RawRows]], newest: Mapping[str, pl.DataFrame]
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The canonical columns that the source fills, of the rows that count; the rejects of those that can't be known.

    And how many tell nothing of the table.
    """
    cleaning = form.clean[table]
    if form.writer is None:
        made: pl.DataFrame = cleaning.function(*(newest[name] for name in cleaning.raw))
        return made, pl.DataFrame(schema=REJECTS), 0
    there, first = objects(newest, form), cleaning.raw[0]
    columns = {name: frozenset().union(*(rows.columns for rows in files)) for name, files in raw.items()}
    rows, wrong = filled(project, table, form, raw[first][0].file.source, there, columns)
    right = without(rows, wrong)
    if table in VERSIONS:
        return right, wrong, _silent(form, cleaning, there, rows)
    mains = [there[name] for name in (first, *cleaning.also) if name in there]
    places = form.raw[first].places
    if places and (places.rows or places.elements):  # elements of one record tell of it together
        told = pl.concat([main.select(AT) for main in mains]).unique().height
        return right, wrong, told - rows.select(AT).unique().height
    return right, wrong, sum(main.height for main in mains) - rows.height


def without(rows: pl.DataFrame, wrong: pl.DataFrame) -> pl.DataFrame:
    """The rows but those that stand where something is wrong: nobody counts half an object."""
    return rows.join(wrong, on=AT, how="anti", maintain_order="left") if wrong.height else rows


def _silent(form: Form, cleaning: Cleaning, there: Mapping[str, pl.DataFrame], rows: pl.DataFrame) -> int:
    """So many objects of the first raw table of which no row tells: neither of a version of them, nor of an element.

    Versions and the elements of lists are several rows of one object, in whatever files they stand: it is counted once.
    What else has rows in the table, as lines of invoices beside items, is no object of it.
    """
    first, contract = cleaning.raw[0], form.raw[cleaning.raw[0]].contract
    # What dates a version names no object.
    key = [name for name in contract.grain() if name not in MARKS and not contract.dtypes()[name].is_temporal()]
    if not key:
        return there[first].join(rows, on=AT, how="anti").height
    found = [there[first].join(rows, on=AT, how="semi").select(key)]
    for name in cleaning.also:
        if name not in there or form.raw[name].parent != first:
            continue
        own = {field.of_parent: field.name for field in form.raw[name].contract.fields() if field.of_parent}
        if own.keys() == {*key}:
            found.append(there[name].join(rows, on=AT, how="semi").select(**own))
    return there[first].select(key).unique().join(pl.concat(found), on=key, how="anti").height


def filled(
    project: Project,
    table: str,
    form: Form,
    source: str,
    there: Mapping[str, pl.DataFrame],
    columns: Mapping[str, frozenset[str]],
    *,
    of_examples: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The canonical columns that a vendor's objects fill, and the rejects of rows of which something can't be known.

    `columns` are those that the files have, by raw table. `of_examples`: the objects are none of the source's, but such
    as may be there.
    """
    rows, rejects, telling = made_of(project, table, form, source, there, of_examples=of_examples)
    return rows.drop(telling.not_told(absent(form, table, columns), of_examples=of_examples)), rejects


def blank_of(form: Form, raw_table: str) -> pl.DataFrame:
    """The columns that the objects of a raw table may have, be it one that the form's writer does not write."""
    return (form.lacking.get(raw_table) or form.raw[raw_table].contract).blank().drop(MARKS, strict=False)


def absent(form: Form, table: str, columns: Mapping[str, frozenset[str]]) -> set[str]:
    """The columns of objects that are in no file, as a cleaning function calls them; `columns` as of `filled`."""
    cleaning, found = form.clean[table], set[str]()
    for name in cleaning.reads:
        prefix = "" if name == cleaning.raw[0] else f"{name}."
        own = columns.get(name, frozenset()) | set(PROVENANCE)
        found |= {prefix + column for column in blank_of(form, name).columns if column not in own}
    return found


def exported(
    form: Form, table: str, tellings: Sequence[Telling], columns: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """The canonical columns that files export, some of whose rows tell these each; `columns` as of `filled`."""
    whole = tellings[0]
    for telling in tellings[1:]:
        whole = whole.and_also(telling)
    return frozenset(whole.columns) - set(whole.not_told(absent(form, table, columns))) - set(PROVENANCE)


def made_of(
    project: Project,
    table: str,
    form: Form,
    source: str,
    there: Mapping[str, pl.DataFrame],
    *,
    of_examples: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame, Telling]:
    """The same, with all columns that the vendor's function names, and what they tell."""
    cleaning, of = form.clean[table], dict[str, pl.DataFrame]()
    for name in cleaning.reads:
        prefix = "" if name == cleaning.raw[0] else f"{name}."
        frame = there[name] if name in there else blank_of(form, name)
        of[name] = frame.rename({column: prefix + column for column in frame.columns})
    reporting = project.config.reporting
    said = Told(reporting.time_zone, reporting.currency, project.options(source))
    if cleaning.unmet and not of_examples and (fault := cleaning.unmet(of, said)):
        raise ExportError(f"{source}: {fault}")
    told: Filled = cleaning.function(of, said)
    rows = told.rows.select(*PROVENANCE, **told.columns)
    sent = {column for frame in of.values() for column in frame.columns}
    nothing = pl.DataFrame(schema=REJECTS)
    wrong = [
        told.rows.select(*AT, column_name=pl.lit(name), reason=words).drop_nulls("reason").select(REJECTS.keys())
        for name, words in told.wrong.items()
    ]
    rejects = pl.concat([nothing, *wrong]).unique(maintain_order=True)
    return rows, rejects, Telling.of(told, rows, sent)


def conforming(
    project: Project, table: str, form: Form, cleaned: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The rows that keep the canonical contract, the rejects of all others, and where clocks disagreed.

    Raises:
        ExportError: there are columns that the table does not have.
    """
    contract = project.contracts[table]
    if unknown := sorted(set(cleaned.columns) - set(contract.dtypes())):
        raise ExportError(f"the form {form.name} gives {table} {', '.join(unknown)}, which are no columns of it")
    shaped, beyond = _shaped(cleaned, contract)
    settled, skewed = _settled(shaped, contract)
    right, late = validate(settled, contract, project.config.sources)
    return right, pl.concat([beyond, late]), skewed


def _shaped(cleaned: pl.DataFrame, contract: type[Contract]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows as the contract's types, and the rejects of those with a number that the type doesn't hold."""
    try:
        return contract.shaped(cleaned), pl.DataFrame(schema=REJECTS)
    except pl.exceptions.InvalidOperationError:
        dtypes = {name: contract.dtypes()[name] for name in cleaned.columns}
        fitting = cleaned.with_columns(pl.col(name).cast(dtype, strict=False) for name, dtype in dtypes.items())
    rejects = [
        cleaned.filter(cleaned[name].is_not_null() & fitting[name].is_null()).select(
            *AT, column_name=pl.lit(name), reason=pl.lit(f"expected a value that fits {dtype}")
        )
        for name, dtype in dtypes.items()
    ]
    told = pl.concat(rejects).select(REJECTS.keys())
    return contract.shaped(fitting.join(told, on=AT, how="anti", maintain_order="left")), told


def accounted(project: Project, table: str, form: Form, raw: Mapping[str, list[RawRows]]) -> list[RawRows]:
    """The files beside those of the first raw table whose rows are counted with this table."""
    source = raw[form.clean[table].raw[0]][0].file.source
    kinds = (
        {file.raw_table for file in landed_files(project.folders) if file.source == source} if form.writer else set()
    )
    others = [name for name in _accounted(form, table, kinds) if name not in form.clean[table].also]
    return [rows for name in others for rows in raw.get(name, [])]


def _accounted(form: Form, table: str, kinds: Collection[str]) -> list[str]:
    """The raw tables whose rows are counted here, too.

    Those that the table needs; and those that only stand beside others everywhere, and first beside those of this one.
    `kinds`: the raw tables that the source has ever sent; of a table that needs others nothing is made.
    """
    filled_ones = {name: cleaning for name, cleaning in form.clean.items() if set(cleaning.raw) <= {*kinds}}
    mains = {name for cleaning in filled_ones.values() for name in (cleaning.raw[0], *cleaning.also)}
    _, *needed = form.clean[table].raw

    def is_read_first(name: str) -> bool:
        readers = (each for each in CANONICAL if each in filled_ones and name in filled_ones[each].reads)
        return next(readers, None) == table

    beside = [name for name in form.raw if name not in {*mains, *needed} and is_read_first(name)]
    return [*(needed if form.writer else ()), *beside]


def of_beside(rows: RawRows, table: str, contract: type[Contract]) -> Gathered:
    """What became of the rows of a file that only tells more of others."""
    nothing = rows.rejects.clear()
    text = rows.text.with_columns(export_file=pl.lit(rows.file.name))
    counts = counts_of(rows, table, nothing, nothing.select(AT), nothing.select(AT))
    return Gathered(contract.blank(), rows.rejects, text, (counts,))


def texts_of(rows: RawRows, late: pl.DataFrame) -> pl.DataFrame:
    """The text of a file's rejected rows, with those of its canonical rows that were rejected late."""
    lines = late.filter(export_file=rows.file.name)["export_line"]
    return pl.concat([rows.text, rows.text_at(lines)], how="diagonal") if lines.len() else rows.text


def counts_of(
    rows: RawRows, table: str, late: pl.DataFrame, again: pl.DataFrame, skewed: pl.DataFrame
) -> tuple[object, ...]:
    """The row of `export_file`: every row read is loaded or rejected; the audit holds the counts against each other."""
    file = rows.file
    of_file = late.filter(pl.col("export_file") == file.name)
    lost = pl.concat([rows.rejects, of_file]).select(AT).unique().height
    # Mostly none is among these, and nothing is looked for then.
    loaded = (rows.good.join(of_file, on=AT, how="anti") if of_file.height else rows.good).select(AT)
    told = [loaded.join(where, on=AT, how="semi").height if where.height else 0 for where in (again, skewed)]
    counts = (rows.read, rows.read - lost if rows.of_lists else loaded.height, lost, *told)
    of = (file.source, table, file.raw_table, file.name, file.sha256, file.bytes)
    return *of, *counts, file.exported_at, file.landed_at
