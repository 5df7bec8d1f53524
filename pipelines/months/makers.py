"""The code that makes a month of what it reads, as fingerprints; prose doesn't count."""

from pipelines.months.nodes import Node
from pipelines.months.readers import made_by
from schemas.tables import LARGE
from transforms.catalogue import DIMENSION_TABLES
from warehouse.code import code_of

SEEING = (
    "pipelines.months.inputs:Inputs",
    "pipelines.months.store:ProjectStore",
    "warehouse.staging:read_staged",
    "warehouse.database:WorkingDatabase",
    "schemas.contract:Contract",
)
"""What hands rows to functions, and keeps what they make."""
BUILDING = (*SEEING, "pipelines.months.build:MonthRun")
VALUES = "pipelines.months.values:Values"
OF_ALL = ("transforms.catalogue", "schemas.tables", "schemas.config:Config")
"""Lists of everything there is: of them only what a month reads counts, which is told beside."""
TOLD = ("pipelines.months.expectation:expected", "pipelines.project")
"""What a month is made from says this by its own words."""


ASKING = "pipelines.months.asked_events:asked_events"
"""What asks for events where they lie: the code of those that read events, and of no others."""


def node_code(node: Node) -> str:
    """The code that makes a table by month, or a metric asset."""
    apart = () if node.windows.keys() & LARGE else (ASKING,)
    return code_of(*BUILDING, *node.code, *([VALUES] if node.metrics else []), without=(*OF_ALL, *TOLD, *apart))


def dimension_code(name: str) -> str:
    """The code that makes a dimension without months."""
    own = made_by(DIMENSION_TABLES[name].function)
    return code_of(*SEEING, "pipelines.months.dimensions:build_dimensions", *own, without=(*OF_ALL, *TOLD, ASKING))
