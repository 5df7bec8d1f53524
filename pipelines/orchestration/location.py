"""What Dagster loads."""

import dagster as dg

from pipelines.orchestration.automation import automation
from pipelines.orchestration.exports import ingest_assets
from pipelines.orchestration.monthly import monthly_assets
from pipelines.orchestration.publication import publish_assets
from pipelines.orchestration.resources import WarehouseResource
from pipelines.orchestration.shown_assets import shown_specs
from pipelines.project import Project


def definitions(project: Project) -> dg.Definitions:
    """Assets, jobs, schedule, sensors and the resource of a project."""
    ingest, monthly = ingest_assets(project), monthly_assets(project)
    publish = publish_assets(project, monthly)
    started = automation(project, ingest, monthly, publish)
    return dg.Definitions(
        assets=[*ingest, *monthly, *publish, *shown_specs()],
        jobs=started.jobs,
        schedules=started.schedules,
        sensors=started.sensors,
        resources={
            "warehouse": WarehouseResource(
                config_path=str(project.config_path), data_dir=str(project.data_dir), beside=project.beside
            )
        },
        executor=dg.in_process_executor,
    )
