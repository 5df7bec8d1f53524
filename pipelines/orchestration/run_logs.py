"""What stays of runs in Dagster's history: logs of those that ended long ago are forgotten, what they made is not."""

import datetime as dt
from pathlib import Path

import dagster as dg

from pipelines.orchestration.event_log import PooledEventLog

INDEX = "index"
"""The database of what all runs made of each asset and month; each run's log is one beside it."""
STAY = (f"{INDEX}.db", ".db")
"""Databases that are no run's: that one, and the log of what is told in the UI without a run."""


def forget_old_logs(instance: dg.DagsterInstance, keep_days: int, now: dt.datetime) -> int:
    """Delete logs and output of ended runs to which nothing was written for so many days; how many runs' they were.

    The runs stay in the list, and of every asset and month what made it and when. Another event log than ours, as one
    on a server, has a retention of its own, and is left alone.
    """
    log = instance.event_log_storage
    # Dagster's own class would go on writing to files that are gone.
    if not isinstance(log, PooledEventLog):
        return 0
    before = (now - dt.timedelta(days=keep_days)).timestamp()
    folder, forgotten = Path(log.path_for_shard(INDEX)).parent, 0
    for path in sorted(folder.glob("*.db")):
        if path.name in STAY or path.stat().st_mtime >= before:
            continue
        run = instance.get_run_by_id(path.stem)
        if run is None or run.is_finished:
            for left in folder.glob(f"{path.name}*"):
                left.unlink()
            instance.compute_log_manager.delete_logs(prefix=[path.stem])
            forgotten += 1
    return forgotten
