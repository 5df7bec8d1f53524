"""Where runs of `make run` say that they come from: the code location that workspace.yaml and `make dev` load.

Dagster lists a run under a job, and in its overview, only if the run names the location of that job.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

MODULE = "pipelines.definitions"
"""What Dagster loads. Its name is that of the location too, in workspace.yaml as in pyproject.toml."""


def origin_of(job: str) -> RemoteJobOrigin:
    """Where a job is defined, as Dagster's UI and daemon name it."""
    root = Path(__file__).parents[2]
    target = LoadableTargetOrigin(module_name=MODULE, working_directory=str(root))
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, MODULE)
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME).get_job_origin(job)


def name_origins(instance: dg.DagsterInstance) -> None:
    """Let every run that the instance creates from now on name its origin.

    Runs are created by `execute_in_process`, which takes no origin; it asks the instance for a run, and here the
    instance adds it.
    """
    create = instance.create_run_for_job

    def created(job_def: dg.JobDefinition, **more: Any) -> dg.DagsterRun:  # noqa: ANN401 - handed on as it is
        return create(job_def, remote_job_origin=origin_of(job_def.name), **more)

    instance.create_run_for_job = created  # type: ignore[method-assign,assignment]
