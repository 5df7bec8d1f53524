"""The day the data speaks for, and the days for which no data can speak."""

import datetime as dt
from collections.abc import Sequence

from pipelines.project import Project
from transforms.clean.vendors import FORMS
from warehouse.errors import ConfigError, ExportError
from warehouse.landed import LandedFile
from warehouse.sent import SourceFile, default_as_of

Sent = SourceFile | LandedFile
"""A file before it is landed, or one that is read where it lies."""


def notice_on_as_of(project: Project, files: Sequence[Sent], as_of: dt.date) -> str | None:
    """What an as_of after every export makes one wonder about: of the days between nobody has told anything."""
    days = _days(files, project.config.reporting.zone)
    newest = max(days, key=lambda file: days[file])
    if as_of <= days[newest]:
        return None
    return (
        f"as_of {as_of} is after every export, the newest of which ({newest.name}) is of {days[newest]}; values of "
        "months that end later stay provisional"
    )


def _days(files: Sequence[Sent], zone: dt.tzinfo) -> dict[Sent, dt.date]:
    return {file: file.exported_at.replace(tzinfo=dt.UTC).astimezone(zone).date() for file in files}


def day_of(project: Project, files: Sequence[Sent]) -> dt.date:
    """The config's as_of, or the last complete day that the files cover.

    Raises:
        ConfigError: the config's as_of is still to come.
        ExportError: a file says that it is from the future, or the files end before the first published month.
    """
    config, zone = project.config, project.config.reporting.zone
    days = _days(files, zone)
    newest = max(days, key=lambda file: days[file])
    # A day ahead at most: clocks and zones differ, days don't.
    tomorrow = dt.datetime.now(zone).date() + dt.timedelta(days=1)
    if days[newest] > tomorrow:
        raise ExportError(
            f"{newest.name} says that it was exported on {days[newest]}, which is still to come; name it by the day of "
            "its export, or correct the time of the file"
        )
    if config.as_of and config.as_of > tomorrow:
        raise ConfigError(
            f"{project.config_path}: as_of: {config.as_of} is still to come; take a day that the exports cover, or "
            "leave as_of out"
        )
    as_of = config.as_of or default_as_of(files, project.loaded, _snapshots(project))
    if as_of < config.first_month:
        oldest = min(days, key=lambda file: days[file])
        raise ExportError(
            f"the exports speak for {as_of} at the latest ({oldest.name} was exported on {days[oldest]}), which is "
            f"before the first published month, {config.first_month:%Y-%m}; export anew, correct the time of the file "
            "or the day in its name, or set as_of in the config"
        )
    return as_of


def _snapshots(project: Project) -> set[tuple[str, str]]:
    """The sources with their raw tables that tell who the customers are, and what they pay."""
    found = set[tuple[str, str]]()
    for name, source in project.config.sources.items():
        clean = FORMS[source.written].clean
        for table in ("accounts", "subscription_items"):
            found |= {(name, raw) for raw in (clean[table].raw if table in clean else ())}
    return found
