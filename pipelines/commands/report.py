"""What `make run` tells: what it took, what it built, and the last month's headlines."""

import time

import duckdb
import polars as pl

from pipelines.commands.unreached import left_out_in_all
from pipelines.months.plan import Stretch
from pipelines.project import Project
from pipelines.publish.coverage import told_of_lacking
from pipelines.publish.limits import HEADLINES, Move
from pipelines.stopwatch import OWN_WORK
from schemas.metrics import DimMetric
from schemas.operations import WARNED, ExportFile, LeftOut, MetricRestatement, Quarantine
from warehouse.pasted import make
from warehouse.rejected import NAMED, rejected_in_all
from warehouse.versions import current_version


class Report:
    """Tells of a run, as it goes."""

    def __init__(self, project: Project, started: float) -> None:
        self.project, self.started = project, started
        self.loading = 0.0

    def loaded(self) -> None:
        """Definitions are loaded."""
        self.loading = time.perf_counter() - self.started
        self._say(f"{self.project.config.company}: {self.project.config_path} → {self.project.data_dir}")

    def failed(self, failures: list[str]) -> int:
        """A run failed; what was published before stays."""
        for failure in failures:
            self._say(f"error: {failure}")
        version = current_version(self.project.folders)
        self._say(f"Nothing was published; readers keep version {version}." if version else "Nothing was published.")
        return 1

    def finished(self, stretches: list[Stretch], *, fresh: bool) -> None:
        """The whole went well."""
        self._exports()
        self._built(stretches)
        version = current_version(self.project.folders)
        told = "published" if fresh else "nothing new to publish; readers have"
        self._say(f"  {told} version {version}: {self.project.folders.published_database}")
        if fresh:
            self._restated(version)
        for line in told_of_lacking(self.project):
            self._say(f"  warning: {line}")
        self._headlines()
        self._backtest()
        self._spent()

    def unfinished(self, asked: Stretch, left: Stretch) -> None:
        """The months that were asked for are built; others that readers have, or will have, are not."""
        self._exports()
        self._built([asked])
        self._say(f"  nothing published, as not all is of one lineage yet: {make('run', MONTHS=left.told())}")
        self._spent()

    def _exports(self) -> None:
        files = self.project.database.read(ExportFile.table())
        # A file that tells of several kinds of things is one file, and its rows are there once.
        each = files.group_by("source", "file").agg(pl.col("rows_read", "rows_quarantined").max())
        read, rejected_rows = int(each["rows_read"].sum()), int(each["rows_quarantined"].sum())
        self._say(
            f"  {each.height} files: {read:,} rows read, {read - rejected_rows:,} loaded, {rejected_rows:,} quarantined"
        )
        if rejected := rejected_in_all(self.project.database.read(Quarantine.table())):
            self._say(f"  quarantined: {rejected}")
        for name, told in WARNED.items():
            if count := files[name].sum():
                self._say(f"  warning: {count:,} rows {told}")
        if line := left_out_in_all(self.project.database.read(LeftOut.table())):
            self._say(f"  left out: {line}")

    def _built(self, stretches: list[Stretch]) -> None:
        built = ", ".join(stretch.told(" to ") for stretch in stretches)
        self._say(f"  months built: {built or 'none, nothing was stale'}")

    def _restated(self, version: int | None) -> None:
        """Which values of closed months readers now have another of, and why."""
        rows = self.project.database.read(MetricRestatement.table(), where={"version": [version]})
        if rows.is_empty():
            return
        units = dict(self.project.database.read(DimMetric.table()).select("metric", "unit").iter_rows())
        currency = self.project.config.reporting.currency
        is_headline = pl.col("metric").is_in(HEADLINES)
        whole = rows.filter(dimension="all").sort(is_headline, "month", "metric", descending=[True, False, False])
        values = whole.select("metric", "month", "old_value", "new_value").head(NAMED)
        told = [
            str(Move(metric, month, units.get(metric, ""), old, new, currency))
            for metric, month, old, new in values.iter_rows()
        ]
        more = [f"and {rows.height - len(told):,} more in metric_restatement"] if rows.height > len(told) else []
        self._say(f"  restated, as of {rows['cause'][0]}: {'; '.join([*told, *more])}")

    def _spent(self) -> None:
        total = time.perf_counter() - self.started
        rest = total - self.loading - OWN_WORK.total
        self._say(
            f"  {total:.1f} s: {OWN_WORK.total:.1f} own work, {rest:.1f} orchestrating (Dagster's event log), "
            f"{self.loading:.1f} importing"
        )

    def _headlines(self) -> None:
        with duckdb.connect(str(self.project.folders.published_database), read_only=True) as connection:
            rows = connection.execute(
                "SELECT metric, month, amount, unit, null_reason FROM metric_readable "
                "WHERE dimension = 'all' AND month = (SELECT max(month) FROM dim_month WHERE NOT is_provisional) "
                "AND list_contains(?, metric)",
                [list(HEADLINES)],
            ).fetchall()
        currency = self.project.config.reporting.currency
        told = {
            metric: f"NULL ({reason})"
            if amount is None
            else f"{amount:,.2f} {currency if unit == 'currency' else unit}"
            for metric, _, amount, unit, reason in rows
        }
        if rows:
            self._say(
                f"  {rows[0][1]:%Y-%m}: " + ", ".join(f"{name} {told[name]}" for name in HEADLINES if name in told)
            )

    def _backtest(self) -> None:
        """What the health score was worth, as far as that is known by now."""
        with duckdb.connect(str(self.project.folders.published_database), read_only=True) as connection:
            rows = connection.execute(
                "SELECT scored_month, auc, auc_low, auc_high, events, accounts FROM health_backtest "
                "ORDER BY auc IS NULL, month DESC LIMIT 1"
            ).fetchall()
        for month, auc, low, high, events, accounts in rows:
            worth = "unknown, too few left" if auc is None else f"AUC {auc:.2f} ({low:.2f}–{high:.2f})"
            self._say(f"  health of {month:%Y-%m} three months later: {worth}, {events} of {accounts} accounts left")

    def _say(self, text: str) -> None:
        print(text, flush=True)
