"""The kinds of wrong input: how each is given to the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration.small_company import ONE_MONTH, SOURCES, SmallCompany, exports

Give = Callable[[SmallCompany], None]


@dataclass(frozen=True)
class Malformed:
    """An input, what is wrong with it, and what must be told of it; written down before it was tried."""

    name: str
    wrong: str
    told: str
    give: Give
    command: tuple[str, ...] = ("plan",)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MalformedRow:
    """A row of a canonical file that must be quarantined, with the reason."""

    name: str
    table: str
    values: dict[str, str]
    column: str | None
    told: str


def setting(name: str, settings: dict[str, Any], wrong: str, told: str) -> Malformed:
    """A config with other settings than the usual ones."""
    return Malformed(name, wrong, told, lambda company: company.configure(**{**ONE_MONTH, **settings}))


def source(name: str, settings: dict[str, Any], wrong: str, told: str) -> Malformed:
    """A config whose sources are others."""

    def give(company: SmallCompany) -> None:
        known = yaml.safe_load(company.config.read_text())
        company.config.write_text(yaml.safe_dump({**known, "sources": settings}, sort_keys=False))

    return Malformed(name, wrong, told, give)


def text(name: str, yaml_text: str, wrong: str, told: str) -> Malformed:
    """A config that ends with these lines."""

    def give(company: SmallCompany) -> None:
        with company.config.open("a", encoding="utf-8") as config:
            config.write(yaml_text)

    return Malformed(name, wrong, told, give)


def replaced(name: str, content: bytes, wrong: str, told: str) -> Malformed:
    """Another file in the place of the config."""
    return Malformed(name, wrong, told, lambda company: company.config.write_bytes(content) and None)


def file(
    name: str, table: str, change: Callable[[bytes], bytes], wrong: str, told: str, command: str = "plan"
) -> Malformed:
    """A table's file with another content."""

    def give(company: SmallCompany) -> None:
        path = path_of(company, table)
        path.write_bytes(change(path.read_bytes()))

    return Malformed(name, wrong, told, give, (command,))


def called(name: str, new: str, wrong: str, told: str) -> Malformed:
    """A file of tickets under another name."""

    def give(company: SmallCompany) -> None:
        path = path_of(company, "tickets")
        path.rename(path.with_name(new))
        company.configure(**ONE_MONTH, files={"tickets": new})

    return Malformed(name, wrong, told, give)


def command(name: str, arguments: str, wrong: str, told: str) -> Malformed:
    """A command with wrong arguments."""
    return Malformed(name, wrong, told, lambda _: None, tuple(arguments.split()))


def environment(name: str, variables: dict[str, str], run: str, wrong: str, told: str) -> Malformed:
    """A command with wrong variables."""
    return Malformed(name, wrong, told, lambda _: None, (run,), variables)


def path_of(company: SmallCompany, table: str) -> Path:
    """The file of a table."""
    of = next(source for source, tables in SOURCES.items() if table in tables)
    return company.folder / of / f"{table}.csv"


def holes(company: SmallCompany, size: int) -> None:
    """Tickets of so many bytes of nothing, which take no room."""
    with path_of(company, "tickets").open("wb") as sparse:
        sparse.truncate(size)


def replace_in_accounts(company: SmallCompany, change: Callable[[int, dict[str, Any]], dict[str, Any]]) -> None:
    """Accounts of which each row is another one."""
    company.export("accounts", [change(number, row) for number, row in enumerate(exports()["accounts"])])


GOES_ON = re.compile(
    r"expected|should (be|have)|make \w+|did you mean|call the|write it so|CONFIG= names|the data has|send it again|"
    r"; (export|name|take|leave|set|mend|give|call|add|correct|wait|put|save|unpack)|set \w+ in the environment"
)
"""Words by which a person knows how to go on."""


def written(company: SmallCompany, table: str, moment: float) -> None:
    """Give a table's file another time."""
    os.utime(path_of(company, table), (moment, moment))
