"""The keys of the config, from its model: as a JSON Schema for editors, and as a table for people."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.config import Config
from schemas.writer import WRITERS
from transforms.catalogue import CATALOGUE
from transforms.clean import mapped
from transforms.clean.vendors import FORMS, VENDORS

Schema = dict[str, Any]
BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""Words of pydantic that it leaves as they are where a bound follows on a check of our own."""
OF_VENDORS = {vendor.options.__name__: vendor.name for vendor in VENDORS.values() if vendor.options}
OF_VENDORS[mapped.MappedOptions.__name__] = mapped.FORM.name
"""By what its options are called, the vendor."""
HEAD = "JSON Schema of customer_success.yaml, made by `make docs` from schemas/config.py."


def config_schema() -> Schema:
    """The JSON Schema of the config; what only the whole of it can tell (a date before another) is not in it."""
    schema = _in_json_schema(Config.model_json_schema())
    known = schema["$defs"]
    said = known["Source"]["properties"]
    said["form"]["enum"] = sorted({name.partition("/")[0] for name in FORMS})
    said["written_by"]["anyOf"][0]["enum"] = sorted(WRITERS)
    options = [vendor.options for vendor in VENDORS.values() if vendor.options]
    options.append(mapped.MappedOptions)
    for each in options:
        told = _in_json_schema(each.model_json_schema())
        known |= {**told.pop("$defs", {}), each.__name__: told}
    meaning = said["options"]["description"]
    said["options"] = {"description": meaning, "anyOf": [{"$ref": f"#/$defs/{each.__name__}"} for each in options]}
    known["Target"]["properties"]["metric"]["enum"] = sorted(CATALOGUE)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": HEAD, **schema}


def config_schema_text() -> str:
    """The same as the file that editors read."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False)


def config_keys() -> list[str]:
    """Every key with what it may be, its default and its meaning, as Markdown."""
    schema = config_schema()
    lines = [
        "Keys of `customer_success.yaml`; `[]` is each entry of a list, `NAME` a name of yours or one that is listed.",
        "",
        "| key | allowed | default | meaning |",
        "|---|---|---|---|",
    ]
    for key, told, required in _keys(schema, schema, ""):
        default = "required" if required else _default(told)
        cells = [f"`{key}`", _allowed(schema, told), default, _meaning(schema, told)]
        lines.append(row(cells))
    return lines


def row(cells: Iterable[str]) -> str:
    """A row of a table of Markdown."""
    return "| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |"


def _in_json_schema(part: Any) -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(part, dict):
        return {
            BOUNDS.get(key, key): _in_json_schema(value) for key, value in part.items() if not _is_title(key, value)
        }
    return [_in_json_schema(each) for each in part] if isinstance(part, list) else part


def _is_title(key: str, value: object) -> bool:
    """Whether it is the name of a key once more, in capitals."""
    return key == "title" and isinstance(value, str)


def _keys(schema: Schema, within: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """The keys below a section, each before those below it: path, what is said of it, and whether it must be there."""
    for name, told in within["properties"].items():
        key = f"{path}{name}"
        yield key, told, name in within.get("required", ())
        steps = [(".", told), ("[].", told.get("items")), (".NAME.", told.get("additionalProperties"))]
        for step, below in (*steps, *((".", each) for each in told.get("anyOf", ()))):
            if isinstance(below, dict) and (section := _section(schema, below)):
                # Vendors may call an option alike and mean their own by it.
                whose = OF_VENDORS.get(below["$ref"].rpartition("/")[2])
                yield from _keys(schema, section, key + (f" ({whose})" if whose else "") + step)


def _section(schema: Schema, told: Schema) -> Schema | None:
    reference = told.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else None


def _meaning(schema: Schema, told: Schema) -> str:
    section = _section(schema, told) or {}
    return str(told.get("description") or section.get("description", ""))


def _default(told: Schema) -> str:
    default = told.get("default")
    if "$ref" in told:
        return "as below"
    return "none" if default in (None, [], {}, "") else f"`{json.dumps(default, ensure_ascii=False)}`"


def _allowed(schema: Schema, told: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in told:
        return "a section"
    if "anyOf" in told:
        kinds = [_allowed(schema, each) for each in told["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    match told.get("type"):
        case "array" if "prefixItems" in told:
            return f"a list of {len(told['prefixItems'])} numbers"
        case "array":
            entries = "sections" if "$ref" in told["items"] else _allowed(schema, told["items"])
            return f"a list of {entries}"
        case "object":
            names = told.get("propertyNames", {}).get("enum")
            below = told.get("additionalProperties", {})
            of = "sections" if "$ref" in below else _allowed(schema, below)
            return f"{of} by name" + (f": {', '.join(names)}" if names else "")
    return _allowed_value(told)


TELLABLE = 20
"""Of more values only the kind is told."""


def _allowed_value(told: Schema) -> str:
    values, kind = told.get("enum"), told.get("type")
    if values and len(values) <= TELLABLE:
        return ", ".join(f"`{value}`" for value in values)
    if kind == "boolean":
        return "true, false"
    if kind == "string":
        return "a day" if told.get("format") == "date" else "one of a list" if values else "text"
    words = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = " ".join(f"{word} {told[bound]:,}".removesuffix(".0") for bound, word in words.items() if bound in told)
    return " ".join(filter(None, ("a whole number" if kind == "integer" else "a number", bounds)))
