"""What Dagster loads."""

import dagster as dg

from pipelines.automation import INGEST, JOBS, MONTHLY, PUBLISH, SCHEDULES, SENSORS
from pipelines.partitions import PROJECT
from pipelines.resources import WarehouseResource

defs = dg.Definitions(
    assets=[*INGEST, *MONTHLY, *PUBLISH],
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources={"warehouse": WarehouseResource(config_path=str(PROJECT.config_path), data_dir=str(PROJECT.data_dir))},
    executor=dg.in_process_executor,
)
