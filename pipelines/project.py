"""The project at hand: its config, its data folder, its working database."""

import datetime as dt
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from schemas.catalogue import CANONICAL, PUBLISHED
from schemas.config import Config
from schemas.contract import Contract, with_columns
from schemas.operations import ContentMonth, Ingest
from transforms.calendar import calendar, month_of, months_between
from transforms.metrics.roll_up import Exported
from warehouse.configuration import LoadedConfig, load_config
from warehouse.database import WorkingDatabase
from warehouse.errors import StaleError
from warehouse.folders import Folders

SEGMENTED = ("accounts", "dim_account", "dim_account_month")
SEGMENT = "Segment of the config: {name}"


@dataclass(frozen=True)
class Project:
    """A config with a data folder; everything a run needs to know of where it is."""

    config_path: Path
    data_dir: Path

    @classmethod
    def from_environment(cls) -> "Project":
        """As CONFIG and DATA_DIR say."""
        return cls(
            Path(os.environ.get("CONFIG") or "customer_success.yaml"), Path(os.environ.get("DATA_DIR") or "data")
        )

    @cached_property
    def loaded(self) -> LoadedConfig:
        """The config with its file."""
        return load_config(self.config_path)

    def check(self) -> None:
        """Raise ConfigError if the config is faulty, before anything heavy is loaded."""
        _ = self.loaded

    @property
    def config(self) -> Config:
        """The config."""
        return self.loaded.config

    @cached_property
    def folders(self) -> Folders:
        """The data folder."""
        return Folders(self.data_dir)

    @cached_property
    def contracts(self) -> dict[str, type[Contract]]:
        """Every table's contract, with the segment columns of this config."""
        contracts = {**CANONICAL, **PUBLISHED}
        extra = self.config.extra_segments
        return {
            name: with_columns(c, extra, SEGMENT) if name in SEGMENTED and extra else c for name, c in contracts.items()
        }

    @cached_property
    def database(self) -> WorkingDatabase:
        """The working database, with its tables created."""
        self.folders.root.mkdir(parents=True, exist_ok=True)
        database = WorkingDatabase(
            self.folders.working_database, {n: c for n, c in self.contracts.items() if n in PUBLISHED}
        )
        database.prepare()
        return database

    def ingested(self) -> pl.DataFrame:
        """How the last ingest of each canonical table went.

        Raises:
            StaleError: nothing was ever ingested.
        """
        rows = self.database.read(Ingest.table())
        if rows.is_empty():
            raise StaleError("nothing is ingested yet; run `make run`, or materialize the ingest job")
        return rows

    def as_of(self) -> dt.date:
        """The day the data speaks for, as the last ingest resolved it."""
        day: dt.date = self.ingested()["as_of"].max()  # type: ignore[assignment]
        return day

    def months(self, as_of: dt.date) -> list[dt.date]:
        """The months that are built: from the config's first through that of as_of."""
        return months_between(self.config.first_built_month, month_of(as_of))

    def calendar(self, months: list[dt.date], as_of: dt.date) -> pl.DataFrame:
        """`dim_month` of some months."""
        return calendar(months, as_of, self.config)

    def exported(self) -> Exported:
        """What the sources export, and where the data begins."""
        rows = self.ingested().filter(pl.col("exported_columns").is_not_null())
        columns = {
            table: frozenset(names.split(","))
            for table, names in rows.select("table_name", "exported_columns").iter_rows()
        }
        paid = self.database.read("dim_account")["first_paid_on"].min()
        return Exported(columns, month_of(paid) if isinstance(paid, dt.date) else None)

    def content(self) -> pl.DataFrame:
        """Content fingerprints of the unpartitioned tables by month."""
        return self.database.read(ContentMonth.table())
