"""The code location that workspace.yaml names: the definitions of the company that CONFIG and DATA_DIR name."""

from pipelines.orchestration.location import definitions
from pipelines.project import Project

defs = definitions(Project.from_environment())
