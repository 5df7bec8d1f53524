"""Events in the lake: validated rows by version of a file and by month, beside where they came from."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import polars as pl
from pyspark.sql import functions as f

from schemas.contract import Contract
from warehouse.errors import DamagedError
from warehouse.landed import LandedFile
from warehouse.pasted import make
from warehouse.reading import REJECTS
from warehouse.spark.file_rows import Rows, file_key
from warehouse.stores import store_of

ROWS, WRONG, AGAIN, DONE = "rows", "rejected", "again", "files"


@dataclass(frozen=True)
class Validated:
    """What was found in a version of a file."""

    read: int
    loaded: int
    columns: tuple[str, ...]
    bytes: int
    """Size of what is kept of it."""


class EventLake:
    """The events of one canonical table, which Spark keeps in a folder of its own.

    rows/file_key=…/month=…: right rows, under the ids that sources write; rejected/file_key=…: the others with their
    text; again/…: of a set of files the rows of which another one counts; files/….json: which versions are done.
    """

    def __init__(self, start: Callable[[], Any], root: str, contract: type[Contract]) -> None:
        self._start, self.root, self.contract = start, root, contract
        self.store, self.path = store_of(root)

    @cached_property
    def session(self) -> Any:  # noqa: ANN401 - a classic session, or one of Connect
        """Spark's session, started when it is first needed: to look whether all is there needs none."""
        return self._start()

    def lost(self, file: LandedFile) -> str:
        """What is to be told of a version of a file that is not whole."""
        return f"what Spark keeps of {file.name} is gone, or not whole"

    def validated(self, files: Iterable[LandedFile]) -> dict[LandedFile, Validated]:
        """What was found in versions of files; of those that are validated, and of which all is there that was kept."""
        wanted = {self._done(file): file for file in files}
        there = set(self.store.find(f"{self.path}/{DONE}")) & wanted.keys() if wanted else set()
        told = self.store.cat(sorted(there), on_error="omit") if there else {}
        sizes, found = self._sizes(), dict[LandedFile, Validated]()
        for path, text in told.items():
            try:
                of = json.loads(text)
                validated = Validated(of["read"], of["loaded"], tuple(of["columns"]), of["bytes"])
            except (ValueError, KeyError, TypeError):
                continue
            if validated.bytes == sizes.get(file_key(wanted[path]), 0):
                found[wanted[path]] = validated
        return found

    def _sizes(self) -> dict[str, int]:
        """Bytes of what is kept of each version of a file, by `file_key`; stores are asked for all of them at once."""
        found: dict[str, int] = {}
        for what in (ROWS, WRONG):
            for path, told in self.store.find(f"{self.path}/{what}", detail=True).items():
                key = path.partition("/file_key=")[2].partition("/")[0]
                found[key] = found.get(key, 0) + told["size"]
        return found

    @cached_property
    def texts(self) -> list[str]:
        """The columns of which a rejected row keeps its text."""
        return [name for name in self.contract.dtypes() if not name.startswith("export")]

    def counts(self, what: str, files: Iterable[LandedFile]) -> dict[str, int]:
        """The rows that are kept of versions of files, by `file_key`."""
        kept = self._kept(what, [file_key(file) for file in files])
        told = [] if kept is None else kept.groupBy("file_key").count().collect()
        return {row["file_key"]: row["count"] for row in told}

    def _kept(self, what: str, keys: Sequence[str]) -> Rows | None:
        """What is kept of versions of files; None where nothing is."""
        if not any(self.store.exists(f"{self.path}/{what}/file_key={key}") for key in keys):
            return None
        return self.session.read.parquet(f"{self.root}/{what}").filter(f.col("file_key").isin(list(keys)))

    def rows(self, files: Iterable[LandedFile], first: str | None = None, last: str | None = None) -> nw.LazyFrame[Any]:
        """The right rows of versions of files, of the months (as 2026-05-01) from the first through the last.

        Raises:
            DamagedError: what is kept of a version is not whole; to read the rest would publish the loss.
        """
        files = set(files)
        if lost := files - self.validated(files).keys():
            raise DamagedError(f"{self.lost(min(lost, key=str))}: {make('run')} validates it again")
        kept = self._kept(ROWS, [file_key(file) for file in files])
        if kept is None:
            return self._lazy(self.session.createDataFrame(self.contract.blank().to_arrow()))
        if first is not None:
            kept = kept.filter(f.col("month") >= first)
        if last is not None:
            kept = kept.filter(f.col("month") <= last)
        return self._lazy(kept.select(*self.contract.dtypes()))

    def _lazy(self, rows: Rows) -> nw.LazyFrame[Any]:
        frame: nw.LazyFrame[Any] = nw.from_native(rows)
        return frame

    def rejected(self, files: Iterable[LandedFile]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What is wrong with the rejected rows of versions of files, a row a reason; and the text of these rows."""
        by_key = {file_key(file): file for file in files}
        names = pl.DataFrame(
            [(key, file.source, file.name) for key, file in by_key.items()],
            {"file_key": pl.String, "export_source": pl.String, "export_file": pl.String},
            orient="row",
        )
        kept = self._kept(WRONG, list(by_key))
        schema = pl.Schema({"file_key": pl.String(), "export_line": pl.Int64(), "reasons": pl.List(pl.String)})
        told = pl.DataFrame(schema=schema | dict.fromkeys(self.texts, pl.String()))
        if kept is not None:
            told = pl.DataFrame(pl.from_arrow(kept.toArrow())).select(told.columns)
        told = told.join(names, on="file_key").sort("export_source", "export_file", "export_line")
        parts = pl.col("reasons").str.split("\t")
        rejects = told.explode("reasons").with_columns(
            column_name=parts.list.get(0).replace("", None), reason=parts.list.get(1)
        )
        where = ["export_source", "export_file", "export_line"]
        return rejects.select("export_source", *REJECTS), told.select(*where, *self.texts)

    def keep_again(self, name: str, again: nw.LazyFrame[Any]) -> None:
        """Keep the rows of which another one counts, of a set of files."""
        again.to_native().write.mode("overwrite").parquet(f"{self.root}/{AGAIN}/{name}")
        folder = f"{self.path}/{AGAIN}/{name}"
        self.store.pipe_file(f"{folder}.json", json.dumps(self.store.du(folder)).encode())

    def has_again(self, name: str) -> bool:
        """Whether these rows are kept, and all of them are there."""
        folder = f"{self.path}/{AGAIN}/{name}"
        try:
            return bool(json.loads(self.store.cat_file(f"{folder}.json")) == self.store.du(folder))
        except (FileNotFoundError, ValueError):
            return False

    def again(self, name: str) -> nw.LazyFrame[Any]:
        """These rows.

        Raises:
            DamagedError: they are not kept.
        """
        if not self.has_again(name):
            raise DamagedError(f"the list of events that were sent again is gone: {make('run')} makes it again")
        return self._lazy(self.session.read.parquet(f"{self.root}/{AGAIN}/{name}"))

    def with_content(self, rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The rows with a hash of what each says (`content`), to be added up."""
        said = [name for name in self.contract.followed() if name != "exported_at"]
        hashed = f.xxhash64(*(f.col(name) for name in said)).cast("decimal(20, 0)")
        return self._lazy(rows.to_native().withColumn("content", hashed))

    def drop_others(self, files: Iterable[LandedFile], again: str) -> None:
        """Keep nothing of versions that do not speak, and nothing that other code, or for another zone, validated."""
        above, _, own = self.path.rpartition("/")
        self._drop_from(above, {own})
        keys = {file_key(file) for file in files}
        for what in (ROWS, WRONG):
            self._drop_from(f"{self.path}/{what}", {f"file_key={key}" for key in keys} | {"_SUCCESS", "._SUCCESS.crc"})
        self._drop_from(f"{self.path}/{DONE}", {f"{key}.json" for key in keys})
        self._drop_from(f"{self.path}/{AGAIN}", {again, f"{again}.json"})

    def _drop_from(self, folder: str, wanted: Collection[str]) -> None:
        if self.store.isdir(folder):
            for path in self.store.ls(folder, detail=False):
                if path.rstrip("/").rpartition("/")[2] not in wanted:
                    self.store.rm(path, recursive=True)

    def drop(self, file: LandedFile) -> None:
        """Keep nothing of a version of a file."""
        for path in (self._done(file), *(f"{self.path}/{what}/file_key={file_key(file)}" for what in (ROWS, WRONG))):
            if self.store.exists(path):
                self.store.rm(path, recursive=True)

    def _done(self, file: LandedFile) -> str:
        return f"{self.path}/{DONE}/{file_key(file)}.json"

    def note(self, found: Mapping[LandedFile, tuple[int, int, Sequence[str]]]) -> None:
        """Say that versions of files are validated: their rows read and loaded, and columns.

        From now on what is kept of them counts.
        """
        sizes = self._sizes()
        self.store.makedirs(f"{self.path}/{DONE}", exist_ok=True)
        for file, (read, loaded, columns) in found.items():
            size = sizes.get(file_key(file), 0)
            done = {"read": read, "loaded": loaded, "columns": list(columns), "bytes": size}
            self.store.pipe_file(self._done(file), json.dumps(done).encode())
