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
from warehouse.config_faults import DECLARED, told
from warehouse.errors import ConfigError
from warehouse.pasted import VARIABLE

LARGEST = 1 << 20
"""Bytes of a config; a larger file is something else."""
DEEPEST, MOST_VALUES = 20, 20_000
"""How deep a config is nested, and how many values it has once every alias is written out."""


@dataclass(frozen=True)
class LoadedConfig:
    """The config, the file it came from, and the file's SHA-256."""

    config: Config
    path: Path
    sha256: str

    def file(self, name: str) -> Path:
        """A path of the config, from the config's own folder."""
        return self.path.parent / name


_KEYS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
"""Tags of keys: text, and << for what is taken over from another mapping."""


class _Loader(yaml.SafeLoader):
    """YAML whose mappings may not repeat a key, and whose texts may name the environment's variables."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _KEYS:
                raise ConfigError(f"line {key.start_mark.line + 1}: expected a word as a key; put it in quotes")
            if key.value in seen:
                named = key.value if key.value in DECLARED else "a key"
                raise ConfigError(f"line {key.start_mark.line + 1}: {named} is given twice; leave one of them out")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401 - PyYAML says so
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError, OverflowError, TypeError):
            # A number of 5,000 digits, or a text that is tagged as what it isn't.
            line = node.start_mark.line + 1
            raise ConfigError(
                f"line {line}: not YAML: a value is not of the kind it is said to be; correct it, or leave the tag out"
            ) from None

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:  # noqa: ANN401 - PyYAML says so
        value = super().construct_scalar(node)
        return _fill_in(value, node.start_mark.line + 1) if isinstance(value, str) else value


def _day(loader: _Loader, node: yaml.ScalarNode) -> object:
    try:
        return loader.construct_yaml_timestamp(node)
    except (ValueError, OverflowError):
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

    return VARIABLE.sub(value, text)


def _check_size(node: yaml.Node | None) -> None:
    """Refuse what would take forever to read: aliases of aliases, and what is nested without end."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, above: tuple[yaml.Node, ...]) -> int:
        line = node.start_mark.line + 1
        if len(above) > DEEPEST or any(node is one for one in above):
            raise ConfigError(f"line {line}: nested more than {DEEPEST} deep; expected keys of the config only")
        if id(node) not in sizes:
            inner = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
            nodes = inner if isinstance(node, yaml.CollectionNode) else []
            sizes[id(node)] = 1 + sum(size(one, (*above, node)) for one in nodes)
            if sizes[id(node)] > MOST_VALUES:
                raise ConfigError(
                    f"line {line}: more than {MOST_VALUES:,} values, as aliases are written out; expected a config"
                )
        return sizes[id(node)]

    if node is not None:
        size(node, ())


def load_config(path: Path) -> LoadedConfig:
    """Read and check the config.

    Raises:
        ConfigError: naming file, line, key and what was expected, for every fault at once.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; CONFIG= names the config")
    if path.stat().st_size > LARGEST:
        raise ConfigError(f"{path}: larger than {LARGEST >> 20} MB, so no config; CONFIG= names the config")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    try:
        config = Config.model_validate(_read(text))
    except ConfigError as fault:
        raise ConfigError(f"{path}, {fault}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested more than {DEEPEST} deep; expected keys of the config only") from None
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise ConfigError(
            f"{path}, line {line}: not YAML: {_without_names(fault.problem or '')}; correct that line"
        ) from None
    except yaml.reader.ReaderError as fault:
        line = text[: fault.position].count("\n") + 1
        raise ConfigError(f"{path}, line {line}: not YAML: {fault.reason}; correct that line") from None
    except ValidationError as fault:
        raise ConfigError("\n".join(told(fault, path, yaml.compose(text, yaml.SafeLoader)))) from None
    return LoadedConfig(config, path, hashlib.sha256(text.encode()).hexdigest())


def _read(text: str) -> object:
    """What the text says; its nodes are looked at before anything is made of them."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        _check_size(node)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _without_names(problem: str) -> str:
    """PyYAML's own words, without a name from the file."""
    return re.sub(r" '[^'<]{2,}'", "", problem)
