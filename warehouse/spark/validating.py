"""Files that Spark validates where they lie: right rows are kept by month, and wrong ones with their reasons."""

from collections.abc import Collection, Mapping

from pyspark.sql import functions as f

from schemas.form import Formats
from warehouse.errors import ExportError
from warehouse.landed import LandedFile
from warehouse.spark.event_lake import ROWS, WRONG, EventLake
from warehouse.spark.file_rows import TEXT, Rows, columns_of, file_key, opened, parted, schema_of
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
    schemas = {a: schema_of(lake.session, a, file, lake.contract, formats) for a, file in files.items()}
    for file in files.values():
        lake.drop(file)
    # Files of one schema are one scan: Spark compiles what is asked of each scan anew.
    for schema in {schema.json(): schema for schema in schemas.values()}.values():
        alike = {address: file for address, file in files.items() if schemas[address] == schema}
        rows = opened(lake.session, alike, schema, lake.contract, formats)
        try:
            _keep(lake, *parted(rows, lake.contract, formats, faults))
        except Exception as fault:
            raise _unreadable(lake, alike, fault) from fault
    columns = {file: columns_of(schemas[address]) for address, file in files.items()}
    loaded, wrong = lake.counts(ROWS, files.values()), lake.counts(WRONG, files.values())
    for file in files.values():
        right, rejected = loaded.get(file_key(file), 0), wrong.get(file_key(file), 0)
        if rejected > MOST_REJECTED:
            raise ExportError(
                f"{file.name}: {rejected:,} of its rows break their contract, more than the {MOST_REJECTED:,} that are "
                "told one by one; export it anew, in the canonical form"
            )
        lake.note(file, right + rejected, right, columns[file])


def _keep(lake: EventLake, right: Rows, wrong: Rows, meaning: list[tuple[str, str]]) -> None:
    month = f.date_format(f.trunc(f.to_date(lake.contract.dated_by()[0]), "MM"), "yyyy-MM-dd")
    dated = right.withColumn("month", month)
    dated.write.partitionBy("file_key", "month").mode("append").parquet(f"{lake.root}/{ROWS}")
    words = f.array(*(f.lit("\t".join(each)) for each in meaning))
    texts = [f.col(f"`{TEXT}{name}`").alias(name) for name in lake.texts]
    told = f.transform("reasons", lambda number: words[number]).alias("reasons")
    rejected = wrong.select("file_key", "export_line", told, *texts)
    rejected.write.partitionBy("file_key").mode("append").parquet(f"{lake.root}/{WRONG}")


def _unreadable(lake: EventLake, files: Mapping[str, LandedFile], fault: Exception) -> Exception:
    """Which of the files Spark fails at, if it is one of them that it fails at."""
    for address, file in files.items():
        try:
            lake.session.read.parquet(address).write.format("noop").mode("overwrite").save()
        except Exception as its:  # whatever the reader raises, the file cannot be used
            kind = type(its).__name__
            return ExportError(f"{file.name}: not a readable Parquet file ({kind}); export it anew")
    return fault
