"""What each source fills, as its files show before they are read: canonical columns, and so metrics."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

import polars as pl

from pipelines.ingest.cleaned import filled
from pipelines.ingest.kept import exported_on
from pipelines.ingest.raw_rows import raw_contract
from pipelines.ingest.sources import VERSIONS, form_of, formats_of
from pipelines.project import Project
from schemas.customers import Export
from schemas.form import Form
from schemas.tables import CANONICAL
from schemas.writer import MARKS
from transforms.catalogue import CATALOGUE
from transforms.clean.written import example_of
from transforms.exported import Exported
from transforms.metrics.definition import Derived, Metric
from transforms.metrics.roll_up import effective_expression
from warehouse.errors import WarehouseError
from warehouse.reading import columns_in
from warehouse.sent import SourceFile

Filling = Mapping[str, frozenset[str]]
"""By canonical table the columns that a source fills."""
SCORES = {"tickets": "satisfaction_score", "survey_responses": "score"}
"""By canonical table its column with answers."""


def filling(project: Project, files: Iterable[SourceFile]) -> dict[str, Filling]:
    """By source what it fills; a file that cannot be read has no columns."""
    headers: dict[tuple[str, str], set[str]] = {}
    exported: dict[tuple[str, str], set[dt.date]] = {}
    for file in files:
        form = form_of(project, file.source)
        contract, places = raw_contract(project, form, file.raw_table), form.raw[file.raw_table].places
        found = headers.setdefault((file.source, file.raw_table), set())
        exported.setdefault((file.source, file.raw_table), set()).add(exported_on(file, project.config.reporting.zone))
        try:
            found |= set(columns_in(file.path, file.name, contract, formats_of(project, file.source), places))
        except (WarehouseError, ArithmeticError, UnicodeError, pl.exceptions.PolarsError):
            continue  # what is wrong with it is told where files are looked at
    told = {}
    for source in project.config.sources:
        columns = {raw: frozenset(names) for (of, raw), names in headers.items() if of == source}
        snapshots = {raw for (of, raw), days in exported.items() if of == source and len(days) > 1}
        told[source] = _of_source(project, source, form_of(project, source), columns, snapshots)
    return told


def _of_source(
    project: Project, source: str, form: Form, columns: Mapping[str, frozenset[str]], snapshots: Collection[str]
) -> Filling:
    """`snapshots`: its raw tables whose files show more than one day, and so what changed between."""
    found = {}
    for table in CANONICAL:
        cleaning = form.clean.get(table)
        if cleaning is None or not cleaning.is_told(project.options(source)):
            continue
        # A table without any column is of files that cannot be read, or of pages without an object.
        if any(raw not in columns for raw in cleaning.raw) or not columns[cleaning.raw[0]]:
            continue
        if form.writer is not None:
            examples = _examples(form, columns)
            names = filled(project, table, form, source, examples, columns, of_examples=True)[0].columns
        elif form.exact_header:
            names = list(columns[cleaning.raw[0]])
        else:
            names = cleaning.function(*(form.raw[raw].contract.blank() for raw in cleaning.raw)).columns
        changes = {VERSIONS[table].since} if table in VERSIONS and cleaning.raw[0] in snapshots else set()
        found[table] = (frozenset(names) | changes) - set(Export.dtypes())
    return found


def _examples(form: Form, columns: Mapping[str, frozenset[str]]) -> dict[str, pl.DataFrame]:
    """Of each kind of object one that has what the files have; they all name each other."""
    found = {}
    for raw, names in columns.items():
        dtypes = {name: of for name, of in form.raw[raw].contract.dtypes().items() if name not in MARKS}
        found[raw] = example_of(dtypes, dtypes.keys() - names - set(Export.dtypes()))
    return found


def together(fillings: Iterable[Filling]) -> Exported:
    """What all sources fill together."""
    columns: dict[str, frozenset[str]] = {}
    for filling_of in fillings:
        for table, names in filling_of.items():
            columns[table] = columns.get(table, frozenset()) | names
    return Exported(columns)


def unread_scales(project: Project, source: str, tables: Filling) -> list[tuple[float, float]]:
    """The scales of a source's CSAT answers of which the config does not say which answers are positive."""
    known = {each.scale for each in project.config.feedback.csat}
    found = [
        scale
        for table, score in SCORES.items()
        if score in tables.get(table, ())
        for scale in form_of(project, source).clean[table].scales_told(project.options(source))
    ]
    return [scale for scale in dict.fromkeys(found) if scale not in known]


def unknowable(exported: Exported) -> dict[str, str]:
    """By metric the first table or column that it cannot be known without and no source exports."""
    found = {name: lacking for name, metric in CATALOGUE.items() if (lacking := _lacking(metric, exported))}
    return dict(sorted(found.items()))


def _lacking(metric: Metric, exported: Exported) -> str | None:
    own = next((need for need in metric.needs if exported.missing([need])), None)
    if own or not isinstance(metric, Derived):
        return own
    names = pl.sql_expr(effective_expression(metric, exported)).meta.root_names()
    operands = (CATALOGUE[name] for name in names if name in CATALOGUE)
    return next((lacking for operand in operands if (lacking := _lacking(operand, exported))), None)
