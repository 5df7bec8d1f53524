"""The project at hand: its config, its data folder, its working database."""

import datetime as dt
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ValidationError

from schemas.config import Config
from schemas.contract import Contract, with_columns
from schemas.form import Form
from schemas.operations import ContentMonth, ExportFile, Ingest
from schemas.tables import CANONICAL, PUBLISHED, SUMS, WHOLE
from schemas.vendor import with_asked
from transforms.calendar import month_of, months_between
from transforms.clean.vendors import FORMS
from transforms.exported import Exported
from warehouse.configuration import LoadedConfig, load_config
from warehouse.database import WorkingDatabase
from warehouse.errors import ConfigError, StaleError
from warehouse.folders import Folders
from warehouse.lake import lake_files
from warehouse.landed import LandedFile
from warehouse.pasted import make
from warehouse.staging import Share, read_firsts, read_staged, read_staged_parts
from warehouse.upkeep import prepare

SEGMENTED = ("accounts", "dim_account", "account_version", "dim_account_month")
SEGMENT = "Segment of the config: {name}"


@dataclass(frozen=True)
class Project:
    """A config with a data folder; everything a run needs to know of where it is."""

    config_path: Path
    data_dir: Path
    beside: str = ""
    """Where everything is made anew from the landed files, beside what is in use; empty: in its place."""

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

    @cached_property
    def lake(self) -> dict[str, LandedFile]:
        """The files that are read where they lie, by address, as they are when they are first asked for."""
        return lake_files(self.loaded, FORMS)

    @cached_property
    def forms(self) -> dict[str, Form]:
        """By source the form of its files, with the columns that the config asks for."""
        sources = self.config.sources
        known = {name: FORMS[source.written] for name, source in sources.items() if source.written in FORMS}
        return {name: self._form(name, form) for name, form in known.items()}

    def _form(self, source: str, form: Form) -> Form:
        options = self.options(source)
        if form.made_by is None:
            return with_asked(form, options)
        try:
            return form.made_by(form, options, self.config.sources[source].files)
        except ValueError as fault:
            raise ConfigError(f"{self.config_path}: sources.{source}: {fault}") from None

    def options(self, source: str) -> BaseModel | None:
        """What the config says that only a source of this vendor has.

        Raises:
            ConfigError: the vendor has no such options.
        """
        said = self.config.sources[source]
        form = FORMS.get(said.written)
        if form is None or form.options is None:
            if said.options:
                raise ConfigError(f"{self.config_path}: sources.{source}.options: files of {said.form} have none")
            return None
        try:
            return form.options.model_validate(said.options)
        except ValidationError as faults:
            fault = faults.errors()[0]
            place = ".".join(map(str, ("sources", source, "options", *fault["loc"])))
            expected = ", ".join(form.options.model_fields)
            raise ConfigError(f"{self.config_path}: {place}: {fault['msg']}; expected some of {expected}") from None

    def anew(self) -> "Project":
        """The same project, read again."""
        return Project(self.config_path, self.data_dir, self.beside)

    def check(self) -> None:
        """Raise ConfigError if the config or DATA_DIR is faulty, before anything heavy is loaded."""
        if re.search(r"\?|%[0-9A-Fa-f]{2}", str(self.data_dir.absolute())):
            # Dagster's databases are opened by an address, in which these mean something else.
            raise ConfigError("DATA_DIR: expected a folder whose path holds no ? and no % before two digits")
        for source in self.config.sources:
            self.options(source)

    @property
    def config(self) -> Config:
        """The config."""
        return self.loaded.config

    @cached_property
    def folders(self) -> Folders:
        """The data folder."""
        return Folders(self.data_dir, self.beside)

    @cached_property
    def contracts(self) -> dict[str, type[Contract]]:
        """Every table's contract, with the segment columns of this config."""
        contracts = {**CANONICAL, **PUBLISHED, **WHOLE, **SUMS}
        extra = self.config.extra_segments
        return {
            name: with_columns(c, extra, SEGMENT) if name in SEGMENTED and extra else c for name, c in contracts.items()
        }

    @cached_property
    def database(self) -> WorkingDatabase:
        """The working database; its tables are created when it is first used."""
        self.folders.made.mkdir(parents=True, exist_ok=True)
        contracts = {n: c for n, c in self.contracts.items() if n not in CANONICAL}
        return WorkingDatabase(self.folders.working_database, contracts, prepare)

    def ingested(self) -> pl.DataFrame:
        """How the last ingest of each canonical table went.

        Raises:
            StaleError: nothing was ever ingested.
        """
        rows = self.database.read(Ingest.table())
        if rows.is_empty():
            raise StaleError(f"nothing is ingested yet; materialize the ingest job, or: {make('run')}")
        return rows

    def staged(
        self, table: str, months: tuple[dt.date | None, dt.date] | None = None, share: Share | None = None
    ) -> pl.DataFrame:
        """A canonical table as its last ingest staged it, all or (where it is staged by month) of some months.

        Of a `share` of the accounts, or of all.

        Raises:
            StaleError: it was never staged.
            DamagedError: its file is not what was staged.
        """
        return read_staged(self.folders, table, self.contracts[table], self._staged_hash(table), months, share)

    def staged_parts(self, table: str) -> Iterator[pl.DataFrame]:
        """The same, all of it, month by month where it is staged so.

        Raises:
            StaleError, DamagedError: as `staged`.
        """
        return read_staged_parts(self.folders, table, self.contracts[table], self._staged_hash(table))

    def firsts(self, table: str) -> pl.DataFrame:
        """Of a large table the rows among which the first of each kind is found as among all.

        Raises:
            StaleError: it was never staged.
            DamagedError: its file is not what was staged.
        """
        if self.config.in_place(table):
            return self.staged(table)  # nothing else of it is staged
        return read_firsts(self.folders, table, self.contracts[table], self._staged_hash(table))

    def _staged_hash(self, table: str) -> str:
        sha256 = self.staged_hashes().get(table)
        if sha256 is None:
            raise StaleError(f"{table} is not staged yet: {make('run')}")
        return sha256

    def staged_hashes(self) -> dict[str, str]:
        """Of each table that is staged the SHA-256 by which it is known."""
        rows = self.database.read(Ingest.table()).select("table_name", "staged_sha256")
        return {name: sha256 for name, sha256 in rows.iter_rows() if sha256 is not None}

    def as_of(self) -> dt.date:
        """The day the data speaks for, as the last ingest resolved it."""
        exports = self.ingested().filter(pl.col("table_name").is_in(list(CANONICAL)))
        day: dt.date = exports["as_of"].max()  # type: ignore[assignment]
        return day

    def newest(self) -> dt.date:
        """The day of the newest export, in the reporting time zone; none yet: the day before all others."""
        last: dt.datetime | None = self.database.read(ExportFile.table())["exported_at"].max()  # type: ignore[assignment]
        if last is None:
            return dt.date.min
        return last.replace(tzinfo=dt.UTC).astimezone(self.config.reporting.zone).date()

    def months(self, as_of: dt.date) -> list[dt.date]:
        """The months that are built: from the config's first through that of as_of."""
        return months_between(self.config.first_built_month, month_of(as_of))

    def exported(self) -> Exported:
        """What the sources export."""
        rows = self.ingested().filter(pl.col("exported_columns").is_not_null())
        told = list(rows.select("table_name", "exported_columns", "partly_exported").iter_rows())
        columns = {table: frozenset(names.split(",")) for table, names, _ in told}
        partly = {f"{table}.{name}" for table, _, names in told if names for name in names.split(",")}
        return Exported(columns, frozenset(partly))

    def content(self) -> pl.DataFrame:
        """What months see of the tables without months, in fingerprints."""
        return self.database.read(ContentMonth.table())
