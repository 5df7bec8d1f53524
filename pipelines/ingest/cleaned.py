"""A landed file's rows cleaned to canonical ones, every row accounted for."""

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.ingest.accounting import Gathered, accounted, counts_of, texts_of
from pipelines.ingest.agreement import refuse_contradictory
from pipelines.ingest.raw_rows import RawRows, raw_contract, settled
from pipelines.ingest.sources import VERSIONS
from pipelines.project import Project
from schemas.contract import Contract
from schemas.form import Cleaning, Filled, Form, Told
from schemas.writer import MARKS
from transforms.clean.repeats import repeated, spoken
from transforms.clean.written import Telling, objects
from warehouse.errors import ExportError
from warehouse.reading import PROVENANCE, REJECTS
from warehouse.validation import AT, validate


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
    agreed, skewed = settled(shaped, contract)
    right, late = validate(agreed, contract, project.config.sources)
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
