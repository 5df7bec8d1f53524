"""The code location that workspace.yaml names: the definitions of the company that CONFIG and DATA_DIR name."""

import warnings

from pipelines.ingest.notices import ExportWarning
from pipelines.orchestration.location import definitions
from pipelines.project import Project

# In Dagster's own processes they are in the log of the run that found them, and nowhere else.
warnings.filterwarnings("ignore", category=ExportWarning)

defs = definitions(Project.from_environment())
