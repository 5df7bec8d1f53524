"""Dagster's own home, in the data folder: history for the UI, telemetry off, one run at a time."""

import hashlib
import os
from pathlib import Path

from pipelines.project import Project

DAGSTER_YAML = """\
# Written by this project; edit freely, it is not written again.
nux:
  enabled: false
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
# Dagster's own files, kept open between events; below DAGSTER_HOME.
event_log_storage:
  module: pipelines.orchestration.event_log
  class: PooledEventLog
  config:
    base_dir: history/runs
"""
FORMER = {"dd6df6cac91981cc"}
"""What this project wrote before, by hash: replaced where nobody has edited it."""
BATCH = "1000"
"""Events about partitions that Dagster writes together."""


def dagster_home(project: Project) -> Path:
    """Make DAGSTER_HOME ready, and tell this process."""
    home = (project.data_dir / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = home / "dagster.yaml"
    if not settings.exists() or _fingerprint(settings.read_text()) in FORMER:
        settings.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", BATCH)
    return home


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
