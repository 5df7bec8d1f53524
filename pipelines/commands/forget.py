"""`make forget`: give up a landed file, all that a source no longer sends, the lost list of files, or persons' key.

What was given up stays recorded.
"""

from pipelines.ingest.sources import sent_files
from pipelines.project import Project
from warehouse.errors import ExportError, WarehouseError
from warehouse.fetching import content_of
from warehouse.landed import LandedFile, forget, forget_unlisted, landed_files, mend_list
from warehouse.pasted import make
from warehouse.person_key import NAME, forget_key

UNLISTED, UNREADABLE = "unlisted", "unreadable"
LEAST = 8
"""So many letters of a SHA-256 name a file."""


def forget_file(project: Project, asked: str) -> list[str]:
    """Forget what FILE names; what was done, in words.

    Raises:
        ExportError: it names nothing, or more than one thing, or what the next run would land again.
    """
    folders = project.folders
    if asked == UNLISTED:
        copies = forget_unlisted(folders)
        return [f"The list of landed files begins anew; {copies} copies that it could not name are removed."]
    mend_list(folders)
    if asked == NAME:
        forget_key(folders)
        return [f"{NAME} is forgotten; {make('run')} makes another and hashes every person's id again."]
    listed = landed_files(folders)
    found = _unreadable(project, listed) if asked == UNREADABLE else _one(listed, asked)
    for file in found:
        if _is_sent(project, file):
            raise ExportError(
                f"{file.name} is what its source sends now and would be landed again; mend it, or take it out of its "
                f"folder, then: {make('forget', FILE=asked)}"
            )
    forget(folders, *found)
    told = dict.fromkeys(f"{file.told()} is forgotten." for file in found)
    return [*told, f"{make('run')} builds what that touches."]


def forget_source(project: Project, name: str) -> list[str]:
    """Forget every landed file of a source but those that it sends now; what was done, in words.

    Raises:
        ExportError: there is none; or nobody can see what the source sends now, which would be forgotten, too.
    """
    folders = project.folders
    mend_list(folders)
    landed = landed_files(folders)
    of_source = [file for file in landed if file.source == name]
    if not of_source:
        others = ", ".join(dict.fromkeys(file.source for file in landed)) or "none"
        raise ExportError(f"SOURCE={name}: nothing is landed of such a source; of these something is: {others}")
    try:
        now = sent_files(project) if name in project.config.sources else []
        sent = {(one.key, content_of(one)) for one in now}
    except WarehouseError as fault:
        raise ExportError(f"SOURCE={name}: what it sends now stays, but cannot be seen: {fault}") from None
    found = [file for file in of_source if (file.key, file.sha256) not in sent]
    if not found:
        raise ExportError(f"SOURCE={name}: it sends all that is landed of it now; nothing is to forget")
    forget(folders, *found)
    names = dict.fromkeys(file.name for file in found)
    stays = "; what it sends now stays" if len(found) < len(of_source) else ""
    return [
        f"What {name} sent before is forgotten, files by these names: {', '.join(names)}{stays}.",
        f"{make('run')} builds what that touches.",
    ]


def _one(listed: list[LandedFile], asked: str) -> list[LandedFile]:
    """The file of that name or content, as often as it is listed: once for each kind of object in it."""
    by_name = [file for file in listed if file.name == asked]
    by_hash = [file for file in listed if len(asked) >= LEAST and file.sha256.startswith(asked)]
    found = by_name or by_hash
    if not found:
        raise ExportError(f"FILE={asked}: no landed file is called so; {make('doctor')} names those that are bad")
    each = {(file.source, file.name, file.sha256): file for file in found}
    if len(each) > 1:
        ways = "\n".join(f"  {make('forget', FILE=file.sha256[:12])}  # {file.told()}" for file in each.values())
        raise ExportError(f"FILE={asked}: {len(each)} landed files are called so; say which:\n{ways}")
    return found


def _unreadable(project: Project, listed: list[LandedFile]) -> list[LandedFile]:
    found = [file for file in listed if file.problem and not _is_sent(project, file)]
    if not found:
        raise ExportError("no landed file is known as unreadable but what the sources send now")
    return found


def _is_sent(project: Project, file: LandedFile) -> bool:
    """Whether a source sends this very content under this name now."""
    try:
        sent = sent_files(project)
    except WarehouseError:
        return False
    return any(one.key == file.key and content_of(one) == file.sha256 for one in sent)
