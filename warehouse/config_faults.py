"""What is wrong with a config, in words: file, line, key and what was expected, and no value of the config.

A key that the config does not know may be anything, a person's name too; so only names that are declared are told.
"""

import difflib
import typing
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.config import Config, Headline, InputName, Sentiment
from schemas.settings import is_source_name
from schemas.tables import CANONICAL

Location = tuple[int | str, ...]
_KNOWN = {"Field required": "missing"}


def _sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            yield from _sections(inner)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The sections that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


DECLARED = frozenset(
    {name for section in _sections(Config) for name in section.model_fields}
    | CANONICAL.keys()
    | set(typing.get_args(InputName))
    | set(typing.get_args(Headline))
    | Sentiment().scores.keys()
)
"""Names that may stand in messages."""


def told(fault: ValidationError, path: Path, node: yaml.Node | None) -> list[str]:
    """A line for each fault of a config."""
    # The input is no part of what is asked for: it would be a value of the config.
    errors = fault.errors(include_url=False, include_context=False, include_input=False)
    return [f"{path}, line {_line_of(node, one['loc'])}: {_what(one)}" for one in errors]


def _what(error: ErrorDetails) -> str:
    location = error["loc"]
    if error["type"] == "extra_forbidden":
        known = list(_section(location[:-1]).model_fields)
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
        return f"{_place(location[:-1])}: no such key; {hint}"
    return f"{_place(location)}: {_plain(error['msg'])}"


def _section(location: Location) -> type[BaseModel]:
    """The section of the config at a place."""
    section: type[BaseModel] = Config
    for step in location:
        field = section.model_fields.get(str(step))
        section = next(_models(field.annotation), section) if field else section
    return section


def _place(location: Location) -> str:
    """The way to a value by declared names, positions and the names of sources; any other is shown as three dots."""
    shown, above = [], ""
    for step in location:
        if step == "[key]":
            continue
        named = isinstance(step, int) or step in DECLARED or (above == "sources" and is_source_name(step))
        shown.append(str(step) if named else "…")
        above = str(step)
    return ".".join(shown) or "the file"


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return _KNOWN.get(message, message[:1].lower() + message[1:])


def _line_of(node: yaml.Node | None, location: Location) -> int:
    """Line of the deepest node on the way to an error."""
    line = 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if str(step) not in pairs:
                break
            key, node = pairs[str(step)]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
