"""What the segments of accounts cost, told as soon as the accounts are known."""

import polars as pl

from pipelines.project import Project
from transforms.clean.counting import of_customers
from warehouse.errors import ConfigError


def refuse_too_many_values(project: Project, accounts: pl.DataFrame) -> None:
    """Refuse before anything is made of them: each value has rows of every metric and month.

    Raises:
        ConfigError: a segment has more values than the config allows.
    """
    customers, most = of_customers("accounts", accounts), project.config.segment_values
    for place, name in enumerate(project.config.segments):
        if (number := customers[name].n_unique()) > most:
            raise ConfigError(
                f"{project.config_path}: segments.{place}: this column of accounts has {number:,} values, more than "
                f"the {most:,} of segment_values; take it out, slice by something coarser, or set segment_values"
            )
