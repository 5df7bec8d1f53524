"""The session of Spark in which events are asked."""

from typing import Any

from pyspark.sql import SparkSession

from schemas.config import Engine
from warehouse.errors import ConfigError

REQUIRED = {
    "spark.sql.ansi.enabled": "false",  # a value that cannot be read is NULL, and its row rejected with its reason
    "spark.sql.caseSensitive": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # Spark has no instants of nanoseconds, which pandas writes
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",  # names of versions are text, months too
}
"""Settings on which the numbers depend; no config sets them otherwise."""
ZONE = "spark.sql.session.timeZone"
AT_START = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}


def spark_session(engine: Engine, time_zone: str) -> Any:  # noqa: ANN401 - a classic session, or one of Connect
    """The session: one of a Spark Connect server, of a master, or of what spark-submit says.

    Raises:
        ConfigError: Spark cannot be started or reached.
    """
    builder = SparkSession.builder.appName("customer success")
    if engine.spark and engine.spark.startswith("sc://"):
        builder = builder.remote(engine.spark)
    elif engine.spark:
        builder = builder.master(engine.spark)
    for name, value in (AT_START | engine.settings).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as fault:
        raise ConfigError(
            f"engine.spark: Spark cannot be started or reached ({type(fault).__name__}); it needs Java 17, and a "
            "server or master that answers"
        ) from fault
    if session.conf.get(ZONE) != time_zone:
        session = session.newSession()  # Narwhals asks a session once for its zone
    for name, value in (REQUIRED | {ZONE: time_zone}).items():
        session.conf.set(name, value)
    return session
