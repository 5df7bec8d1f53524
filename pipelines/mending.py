"""What a run does before anything else, under its lock: mend what can be made again, or say what a person must do."""

from pipelines.project import Project
from warehouse.folders import Folders
from warehouse.landed import mend_list
from warehouse.modes import tighten
from warehouse.parquet import LIST, damaged_parquet, make_parquet_again
from warehouse.person_key import make_key
from warehouse.recovery import give_keys, is_readable, known_keys, set_aside
from warehouse.versions import current_version, is_linked, swap, versions


def mend(project: Project) -> list[str]:
    """Make again what is damaged; what was done, in words.

    Raises:
        DamagedError: something is lost that nothing can make again; names what goes on.
    """
    folders = project.folders
    told = [mend_list(folders)]
    make_key(folders)
    loosened = tighten(folders)
    if loosened:
        told.append(f"others could read {', '.join(loosened)}; now only their owner can")
    told += [
        f"{path.name} of version {version} could not be read: readers get another"
        for version, path in versions(folders).items()
        if not is_readable(path) and set_aside(path)
    ]
    told += _mend_parquet(folders)
    path = folders.working_database
    if path.exists() and not is_readable(path):
        aside = set_aside(path)
        told.append(
            f"{path.name} could not be read and is made again from the landed files; what is left of it is {aside.name}"
        )
    if not path.exists() and (keys := known_keys(folders)):
        give_keys(project.database, keys)
    return [line for line in told if line]


def _mend_parquet(folders: Folders) -> list[str]:
    """Make the Parquet files that readers get again from the database beside them; what was done, in words."""
    now = current_version(folders)
    if now is None or now not in versions(folders):
        return []
    told, version = [], versions(folders)[now].parent
    if wrong := damaged_parquet(version):
        make_parquet_again(version)
        files = "its list of Parquet files" if wrong == [LIST] else f"{len(wrong)} Parquet files"
        told.append(f"{files} of version {now} were not what was written: all are made again")
    if not is_linked(folders):
        swap(folders, now)
        told.append("published/parquet did not lead to what readers get, and does now")
    return told
