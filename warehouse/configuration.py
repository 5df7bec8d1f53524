"""Reading customer_success.yaml, with errors that say what, where and what was expected."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from schemas.config import Config
from warehouse.errors import ConfigError


@dataclass(frozen=True)
class LoadedConfig:
    """The config, the file it came from, and the file's SHA-256."""

    config: Config
    path: Path
    sha256: str

    def file(self, name: str) -> Path:
        """A path of the config, from the config's own folder."""
        return self.path.parent / name


class _Loader(yaml.SafeLoader):
    """YAML whose mappings may not repeat a key, and whose texts may name the environment's variables."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"line {key.start_mark.line + 1}: expected a word as a key")
            if key.value in seen:
                raise ConfigError(f"line {key.start_mark.line + 1}: {key.value} is given twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:  # noqa: ANN401 - PyYAML says so
        value = super().construct_scalar(node)
        return _fill_in(value, node.start_mark.line + 1) if isinstance(value, str) else value


def _day(loader: _Loader, node: yaml.ScalarNode) -> object:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        line = node.start_mark.line + 1
        raise ConfigError(f"line {line}: the calendar has no {node.value}; expected a day like 2026-05-31") from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _day)


def _fill_in(text: str, line: int) -> str:
    """Replace ${NAME} by the environment's value; a relative ${…_DIR} is taken from where the command runs."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise ConfigError(f"line {line}: set {match[1]} in the environment, like {match[1]}=/some/folder")
        return str(Path(found).resolve()) if match[1].endswith("_DIR") else found

    return re.sub(r"\$\{(\w+)\}", value, text)


def _line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
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


def load_config(path: Path) -> LoadedConfig:
    """Read and check the config.

    Raises:
        ConfigError: naming file, line, key and what was expected, for every fault at once.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; CONFIG= names the config")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    try:
        raw = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        config = Config.model_validate(raw)
    except ConfigError as fault:
        raise ConfigError(f"{path}, {fault}") from None
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise ConfigError(f"{path}, line {line}: not YAML: {fault.problem}") from None
    except yaml.reader.ReaderError as fault:
        line = text[: fault.position].count("\n") + 1
        raise ConfigError(f"{path}, line {line}: not YAML: {fault.reason}") from None
    except ValidationError as fault:
        node = yaml.compose(text, yaml.SafeLoader)
        lines = [
            f"{path}, line {_line_of(node, error['loc'])}: {'.'.join(map(str, error['loc'])) or 'the file'}: "
            f"{_plain(error['msg'])}"
            for error in fault.errors()
        ]
        raise ConfigError("\n".join(lines)) from None
    return LoadedConfig(config, path, hashlib.sha256(text.encode()).hexdigest())


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ")
    known = {"Extra inputs are not permitted": "no such key", "Field required": "missing"}
    return known.get(message, message[:1].lower() + message[1:])
