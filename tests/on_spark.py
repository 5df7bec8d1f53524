"""Spark on this machine, for the tests that `make test-spark` runs; other runs know nothing of it."""

import os
from typing import Any

import polars as pl

from schemas.config import Engine
from transforms.engine import Events

IS_ON = os.environ.get("EVENTS_ENGINE") == "spark"
ENGINE: dict[str, Any] = {
    "kind": "spark",
    "spark": "local[2]",
    "settings": {
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC",
    },
}
"""Two cores, and little planning and compiling: the tests ask much of few rows."""


def session(time_zone: str) -> Any:
    from warehouse.spark.session import spark_session

    return spark_session(Engine(**ENGINE), time_zone)


def on_engine(events: pl.DataFrame, time_zone: str) -> Events:
    """The events where the tests' engine wants them: Polars' as they are, Spark's with instants of a zone."""
    if not IS_ON:
        return events
    import narwhals as nw

    instants = [name for name, dtype in events.schema.items() if isinstance(dtype, pl.Datetime)]
    zoned = events.with_columns(pl.col(instants).dt.replace_time_zone("UTC"))
    return nw.from_native(session(time_zone).createDataFrame(zoned.to_arrow()))
