"""A history: as the export tells it itself, or folded from all landed snapshots, oldest first.

What was made of the days before the newest one is kept, so that a run reads what is new only.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import narwhals as nw
import polars as pl

from pipelines.ingest.accounting import Gathered, together
from pipelines.ingest.agreement import refuse_contradictory_versions
from pipelines.ingest.cleaned import clean
from pipelines.ingest.former_form import FormerFormError, of_former_form
from pipelines.ingest.kept import Kept, Seen, keep, kept_of, keyed, series_of
from pipelines.ingest.kept_rows import of_one_copy
from pipelines.ingest.notices import notices_on_items, notices_on_rejected_items
from pipelines.ingest.raw_rows import RawRows, noted, read_at_once, read_landed
from pipelines.ingest.sources import VERSIONS, versioning
from pipelines.ingest.without_rows import refuse_nobody
from pipelines.project import Project
from schemas.form import Form
from transforms.clean.folding import Folded, Snapshot, Versioning, unfolded
from transforms.clean.snapshots import earliest_known, fold, of_days
from transforms.clean.versions import ITEM, told_together, told_versions, with_different_ends, with_rejected
from warehouse.errors import DamagedError, ExportError
from warehouse.landed import LandedFile, landed_files, note_read
from warehouse.landing import check_whole
from warehouse.pasted import make
from warehouse.rejected import of_rows
from warehouse.validation import AGAIN, AT
from warehouse.wording import text_faults

Read = list[tuple[Seen, Gathered]]
"""Files that could be read, and what they say; of one that could not, nothing."""


def history(project: Project, table: str, source: str, form: Form, files: list[LandedFile]) -> Gathered:
    """The rows with their versions, and what became of every row of the files that speak.

    Raises:
        ExportError: a file that speaks, or was part of the history before, cannot be used as a whole.
        DamagedError: a landed copy is not what was landed.
    """
    first = form.clean[table].raw[0]
    now = [file for file in files if (file.source, file.raw_table) == (source, first)]
    landed = [file for file in landed_files(project.folders) if file.source == source]
    others = [file for file in landed if file.raw_table in form.clean[table].reads and file.raw_table != first]
    # What lies in the very files of the first kind comes when these do.
    apart = [file for file in others if form.raw[file.raw_table].files != form.raw[first].files]
    appends = form.writer is not None and form.writer.appends
    beside = partial(_beside, form, table, others, appends=appends)
    mains = [file for file in landed if file.raw_table == first]
    ordered = Seen.all_of(project, mains, now, beside, apart, appends=appends)
    nothing, key = Kept.nothing(project.contracts[table], VERSIONS[table]), keyed(project, table, source)
    kept = kept_of(project, table, source, key, ordered) or nothing
    for one in kept.files:
        if one.columns is not None:
            check_whole(one.file, project.folders)
    read = _read(project, table, form, ordered[len(kept.files) :], now)
    if not kept.goes_on_with(one for one, _ in read) or (kept.files and _tells_former_days(table, read)):
        kept, read = nothing, _read(project, table, form, ordered, now)
    newest = max((one.speaks_for for one in ordered), default=dt.date.min)
    early = [each for each in read if each[0].speaks_for < newest]
    before = _extended(project, table, source, kept, early)
    late = [each for each in read if each[0].speaks_for >= newest]
    if before.goes_on_with(one for one, _ in late) and not _tells_former_days(table, late):
        if early:
            keep(project, table, source, key, before)
        whole = _extended(project, table, source, before, late)
    else:
        whole = _extended(project, table, source, kept, read)
    return _accounts(project, whole) if table == "accounts" else _items(project, source, whole)


def _tells_former_days(table: str, read: Read) -> bool:
    """Whether files tell of days before their own, so that what was made of those cannot simply go on."""
    since = VERSIONS[table].since
    return table == "accounts" and any(says.rows[since].count() for _, says in read)


def _read(project: Project, table: str, form: Form, files: list[Seen], speaking: list[LandedFile]) -> Read:
    """What the files say; `speaking` are all that speak."""
    found, known = [], dict[LandedFile, RawRows]()
    for one in files:
        says = _shown_by(project, table, form, one, speaking, known)
        if says is None:
            found.append((one, Gathered(project.contracts[table].blank(), pl.DataFrame(), pl.DataFrame())))
        else:
            found.append((replace(one, columns=says.columns), says))
    could = [one for one, _ in found if one.columns is not None]
    note_read(project.folders, dict.fromkeys(file for one in could for file in (one.file, *one.beside)))
    return found


def _beside(
    form: Form,
    table: str,
    others: list[LandedFile],
    file: LandedFile,
    is_there: Callable[[LandedFile], bool],
    *,
    appends: bool,
) -> list[LandedFile]:
    """The files of other kinds that tell more of a file's rows: of each name the last there was, or else the first.

    What lies in the very file is told by this copy of it.
    """
    found = []
    for raw in form.clean[table].reads[1:]:
        of_kind = [other for other in others if other.raw_table == raw]
        if not appends and raw in form.raw and form.raw[raw].files == form.raw[file.raw_table].files:
            found += [other for other in of_kind if (other.name, other.sha256) == (file.name, file.sha256)][-1:]
            continue
        ordered = sorted(of_kind, key=lambda other: (other.exported_at, other.landed_at))
        # Of files that differ by the day in their names the newest shows all there is, unless they are parts.
        there = {other.name if appends else series_of(other): other for other in ordered if is_there(other)}
        found += there.values() or ordered[:1]
    return found


def _shown_by(
    project: Project,
    table: str,
    form: Form,
    one: Seen,
    speaking: list[LandedFile],
    known: dict[LandedFile, RawRows],
) -> Gathered | None:
    """What a landed file says; None if nobody could ever read it and it no longer speaks: it is in no history.

    `known` are files beside others that were read already.

    Raises:
        ExportError: the file cannot be used as a whole, and speaks, or was part of the history before.
        DamagedError: the copy is not what was landed.
    """
    file = one.file
    try:
        rows = _rows_in(project, table, form, one, known)
        raw = {file.raw_table: [rows]}
        for other in one.beside:
            known[other] = known.get(other) or _read_copy(project, table, form, other)
            raw.setdefault(other.raw_table, []).append(known[other])
        # A part may be empty: what there is, all of them say together.
        if not (form.writer and form.writer.appends) or all(part.is_empty for part in raw[file.raw_table]):
            refuse_nobody(project, table, rows, speaking)
        with noted(project, file):
            says = clean(project, table, form, raw)
        return replace(says, rejected=_rejected(project, table, form, says, one.file.source))
    except FormerFormError:
        raise
    except ExportError as fault:
        if one.speaks:
            raise
        if file.read_at is None:
            return None
        raise ExportError(
            f"{file.told()} was read before and cannot be now: {fault}; bring back the config or the code that read "
            f"it, or give up what only it tells: {make('forget', FILE=file.sha256[:12])}"
        ) from None
    except DamagedError:
        if one.speaks or file.read_at or not file.problem:
            raise
        return None


def _rows_in(project: Project, table: str, form: Form, one: Seen, known: dict[LandedFile, RawRows]) -> RawRows:
    """The rows of a file; what it holds of other kinds is read with it, and known then."""
    within = next(of for of in of_one_copy([one.file, *one.beside]) if one.file in of)
    if not one.speaks or len(within) == 1:
        return _read_copy(project, table, form, one.file, speaks=one.speaks)
    rows, *others = read_at_once(project, form, within)
    known.update(zip(within[1:], others, strict=True))
    return rows


def _read_copy(project: Project, table: str, form: Form, file: LandedFile, *, speaks: bool = True) -> RawRows:
    """A landed file's rows.

    Raises:
        FormerFormError: it was read as another form than the config now says of its source.
        ExportError: it cannot be used as a whole, for another reason.
    """
    try:
        return read_landed(project, form, file, speaks=speaks)
    except ExportError as fault:
        if told := of_former_form(project, table, form, file, str(fault)):
            raise told from None
        raise


def _rejected(project: Project, table: str, form: Form, says: Gathered, source: str) -> pl.DataFrame | None:
    """The keys of a file's rejected rows, as their text tells them; None where it doesn't, or in words of its own."""
    contract, key = project.contracts[table], VERSIONS[table].key
    rejects = of_rows(says.rejects)
    if rejects.is_empty():
        return says.rows.select(key).head(0)
    of_whole_row = pl.col("column_name").is_null() & (pl.col("reason") != AGAIN)
    if not form.exact_header or rejects.filter(of_whole_row).height:
        return None
    texts = says.raw.join(rejects, on=AT, how="semi").with_columns(export_source=pl.lit(source))
    wrong = [fault for name, _, fault in text_faults(contract, project.config.sources) if name in key]
    is_none = nw.any_horizontal(*(nw.col(name).is_null() for name in key), *wrong, ignore_nulls=True)
    return None if nw.from_native(texts).filter(is_none).shape[0] else texts.select(key).unique()


def _extended(project: Project, table: str, source: str, kept: Kept, read: Read) -> Kept:
    """What was kept, with what files say that came later."""
    contract = project.contracts[table]
    now = [says for one, says in read if one.speaks]
    speaking = _each_once(together(contract, [replace(kept.speaking, rows=contract.blank()), *now]))
    silent = {**kept.silent, **{one.series: says.nothing.get(source, 0) for one, says in read if one.speaks}}
    speaking = replace(speaking, nothing={source: sum(silent.values())})
    dated = [name for name in contract.grain() if name not in contract.versioned_by() or name in speaking.columns]
    refuse_contradictory_versions(speaking.rows, dated, table)
    if table == "subscription_items":
        seen = pl.concat([kept.speaking.rows, speaking.rows]).sort("ended_on", nulls_last=False, maintain_order=True)
        speaking = replace(speaking, rows=seen.unique(ITEM, keep="last", maintain_order=True))
    else:
        speaking = replace(speaking, rows=contract.blank())
    files = (*kept.files, *(one for one, _ in read))
    told, former = _told(kept, read, contract.blank())
    made = replace(kept, files=files, speaking=speaking, told=told, former=former, silent=silent)
    return replace(made, folded=_folded(project, table, source, kept, made, read))


def _each_once(says: Gathered) -> Gathered:
    """The same, of files that stand beside several only once."""
    files = {file[:4]: file for file in says.files}
    if len(files) == len(says.files):
        return says
    rejects, raw = says.rejects.unique(maintain_order=True), says.raw.unique(maintain_order=True)
    return replace(says, files=tuple(files.values()), rejects=rejects, raw=raw)


def _told(kept: Kept, read: Read, blank: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """By series the versions that the files tell which are sent: of each name the last copy that tells any.

    And those that all files told so far, sent or not: what they said of an item stays where a row of it is rejected.
    """
    last: dict[str, tuple[Seen, pl.DataFrame]] = {}
    told, former = dict(kept.told), dict(kept.former)
    shown = kept.folded.known
    for one, says in read:
        if kept.shows(one):
            shown = pl.concat([shown, says.rows.select(shown.columns)])
        if kept.since not in (one.columns or ()):
            continue
        before = former.get(one.series, blank)
        rows = with_rejected(before, says.rows, says.rejected, shown)
        # A file without a day in its name is sent again as a whole.
        is_whole = one.series == one.file.name or before.is_empty()
        former[one.series] = rows if is_whole else told_together(before, rows)
        if one.is_sent:
            last[one.file.name] = one, rows
    for one, rows in last.values():
        is_whole = one.series == one.file.name or one.series not in told
        told[one.series] = rows if is_whole else told_together(told[one.series], rows)
    return told, former


def _folded(project: Project, table: str, source: str, kept: Kept, made: Kept, read: Read) -> Folded:
    contract, by = project.contracts[table], versioning(project, table, source)
    ends = table == "subscription_items" and project.config.sources[source].vanished == "ended"
    snapshots = [
        (one, snapshot)
        for one, says in read
        if made.shows(one)
        for snapshot in of_days(
            Snapshot(one.speaks_for, one.series, says.rows, says.rejected, _beside_rejected(says, by)), by
        )
    ]
    if any(kept.shows(one) for one in kept.files):
        return fold(kept.folded, [snapshot for _, snapshot in snapshots], by, vanished_end=ends)
    told = told_versions(_rows_of(made, contract.blank())) if made.told else contract.blank()
    last = last_told(made)
    earlier = [_without(snapshot, told) for one, snapshot in snapshots if last and one.file.exported_at <= last]
    later = [snapshot for one, snapshot in snapshots if not last or one.file.exported_at > last]
    # What a file tells of an item's versions counts before what snapshots until then would make of them.
    before = fold(unfolded(contract.blank(), by.key), earlier, by, vanished_end=ends)
    start = unfolded(pl.concat([before.history, told]), by.key)
    return fold(start, later, by, vanished_end=ends)


def _beside_rejected(says: Gathered, by: Versioning) -> pl.DataFrame | None:
    """The keys of rows that stand in one record with rejected ones."""
    return says.rows.join(of_rows(says.rejects), on=AT, how="semi").select(by.key) if by.shares_life else None


def last_told(made: Kept) -> dt.datetime | None:
    """When the newest export was made that tells versions itself."""
    return max((one.file.exported_at for one in made.files if made.tells(one)), default=None)


def _rows_of(made: Kept, blank: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([blank, *made.told.values()])


def _without(snapshot: Snapshot, told: pl.DataFrame) -> Snapshot:
    return replace(snapshot, rows=snapshot.rows.join(told, on=ITEM, how="anti", maintain_order="left"))


def _accounts(project: Project, whole: Kept) -> Gathered:
    rows = whole.folded.history
    for name in project.config.extra_segments:
        lacking = [one.file.exported_at for one in whole.files if one.columns is not None and name not in one.columns]
        rows = earliest_known(rows, name, lacking)
    return replace(whole.speaking, rows=rows)


def _items(project: Project, source: str, whole: Kept) -> Gathered:
    """The versions of a source's items: those that files tell, and those that snapshots of the present show."""
    contract, by = project.contracts["subscription_items"], VERSIONS["subscription_items"]
    ends, rows, speaking = project.config.sources[source].vanished == "ended", whole.folded.history, whole.speaking
    shows, last = [one for one in whole.files if whole.shows(one)], last_told(whole)
    later = {one.speaks_for for one in shows if not last or one.file.exported_at > last}
    left_out = rows.join(whole.folded.left_out, on=ITEM, how="semi")
    newest = max((one.speaks_for for one in shows), default=dt.date.min)
    different = with_different_ends(_rows_of(whole, contract.blank()))
    notices = notices_on_items(source, speaking.rows, different, left_out, newest, ends=ends)
    if last and later:
        notices.append(
            f"{source}: its newest export tells no versions (valid_from), as an older one did; what it changes speaks "
            "from the day that it was exported for"
        )
    notices += notices_on_rejected_items(source, speaking.rejects)
    has_history = last is not None or len(later) > 1
    return replace(
        speaking,
        rows=rows if has_history else rows.with_columns(pl.lit(None, pl.Date).alias(by.since)),
        columns=speaking.columns | {by.since} if has_history else speaking.columns - {by.since},
        notices=tuple(notices),
    )
