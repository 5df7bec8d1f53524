"""Files that Spark validates where they lie: right rows are kept by month, and wrong ones with their reasons."""

from collections.abc import Collection, Mapping

from pyspark.sql import functions as f

from schemas.form import Formats
from warehouse.errors import ExportError
from warehouse.landed import LandedFile
from warehouse.spark.event_lake import ROWS, WRONG, EventLake
from warehouse.spark.file_rows import TEXT, Rows, file_key, opened, parted
from warehouse.spark.layout import Layout, layout_of
from warehouse.spark.value_rules import value_faults
from warehouse.wording import Fault, text_faults

AT_ONCE = 50
"""So many files are validated by one job."""
MOST_REJECTED = 1_000_000
"""Rejected rows of a file; with more it is no export of this form, and they would not fit the machine that asks."""


def validate(lake: EventLake, files: Mapping[str, LandedFile], formats: Formats, sources: Collection[str]) -> None:
    """Read files where they lie and keep their right rows by month, and the wrong ones with what is wrong.

    Raises:
        ExportError: a file cannot be used as a whole.
    """
    faults = [*text_faults(lake.contract, sources), *value_faults(lake.contract)]
    listed = list(files.items())
    for start in range(0, len(listed), AT_ONCE):
        _validate(lake, dict(listed[start : start + AT_ONCE]), formats, faults)


def _validate(lake: EventLake, files: Mapping[str, LandedFile], formats: Formats, faults: list[Fault]) -> None:
    layouts = {a: layout_of(lake.session, a, file, lake.contract, formats) for a, file in files.items()}
    for file in files.values():
        lake.drop(file)
    # Files of one layout are one scan: Spark compiles what is asked of each scan anew.
    for layout in dict.fromkeys(layouts.values()):
        alike = {address: file for address, file in files.items() if layouts[address] == layout}
        rows = opened(lake.session, alike, layout, lake.contract, formats)
        try:
            _keep(lake, *parted(rows, lake.contract, formats, faults))
        except Exception as fault:
            raise _unreadable(lake, alike, layout, fault) from fault
    columns = {file: layouts[address].header for address, file in files.items()}
    loaded, wrong = lake.counts(ROWS, files.values()), lake.counts(WRONG, files.values())
    found = {}
    for file in files.values():
        right, rejected = loaded.get(file_key(file), 0), wrong.get(file_key(file), 0)
        if rejected > MOST_REJECTED:
            raise ExportError(
                f"{file.name}: {rejected:,} of its rows break their contract, more than the {MOST_REJECTED:,} that are "
                "told one by one; export it anew, in the canonical form"
            )
        found[file] = (right + rejected, right, columns[file])
    lake.note(found)


def _keep(lake: EventLake, right: Rows, wrong: Rows, meaning: list[tuple[str, str]]) -> None:
    month = f.date_format(f.trunc(f.to_date(lake.contract.dated_by()[0]), "MM"), "yyyy-MM-dd")
    dated = right.withColumn("month", month)
    dated.write.partitionBy("file_key", "month").mode("append").parquet(f"{lake.root}/{ROWS}")
    words = f.array(*(f.lit("\t".join(each)) for each in meaning))
    texts = [f.col(f"`{TEXT}{name}`").alias(name) for name in lake.texts]
    told = f.transform("reasons", lambda number: words[number]).alias("reasons")
    rejected = wrong.select("file_key", "export_line", told, *texts)
    rejected.write.partitionBy("file_key").mode("append").parquet(f"{lake.root}/{WRONG}")


def _unreadable(lake: EventLake, files: Mapping[str, LandedFile], layout: Layout, fault: Exception) -> Exception:
    """Which of the files Spark fails at, if it is one of them that it fails at."""
    reader = lake.session.read
    for address, file in files.items():
        try:
            rows = reader.parquet(address) if layout.is_parquet else reader.text(address)
            rows.write.format("noop").mode("overwrite").save()
        except Exception as its:  # whatever the reader raises, the file cannot be used
            kind = "Parquet file" if layout.is_parquet else "text"
            return ExportError(f"{file.name}: not a readable {kind} ({type(its).__name__}); export it anew")
    return fault
