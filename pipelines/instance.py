"""Dagster's own home, in the data folder: history for the UI, telemetry off, one run at a time."""

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
"""


def dagster_home(project: Project) -> Path:
    """Make DAGSTER_HOME ready, and tell this process."""
    home = (project.data_dir / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home)
    return home
