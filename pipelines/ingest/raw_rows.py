"""A landed file's rows as it has them: read and validated, at once or part by part."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from pipelines.ingest.agreement import refuse_contradictory
from pipelines.ingest.sources import formats_of
from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Form
from transforms.clean.repeats import spoken
from transforms.clean.skew import without_skew
from warehouse.csv_file import HEADER_AGAIN
from warehouse.errors import ExportError, WarehouseError
from warehouse.landed import LandedFile, note_problem
from warehouse.landing import check_whole
from warehouse.reading import FileRows, Kind, Texts, read_kinds, read_parts, texts_at
from warehouse.validation import AT, validate


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
    rows, skewed = settled(found.rows, kind.contract)
    rejects = as_spelled(found.rejects, found.spelled)
    told = (found.text, text_at, found.columns, skewed, found.spelled, kind.of_lists)
    return RawRows(file, found.rows_read, rows, rejects, *told)


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


def settled(rows: pl.DataFrame, contract: type[Contract]) -> tuple[pl.DataFrame, pl.DataFrame]:
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
