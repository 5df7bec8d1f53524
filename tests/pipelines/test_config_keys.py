"""The keys of the config as a schema for editors and as a table for people: all of them, told, and not stale."""

import json
import time
import typing

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from pipelines.commands.command_line import main
from pipelines.commands.config_keys import config_keys, config_schema, config_schema_text
from schemas.config import Config
from tests.integration.small_company import ROOT
from transforms.clean.mapped import MappedOptions
from transforms.clean.vendors import VENDORS

KEYS = {line.split("`")[1]: line for line in config_keys() if line.startswith("| `")}


def models(model: type[BaseModel]) -> typing.Iterator[type[BaseModel]]:
    """A model and those of its fields, however deep."""
    yield model
    for field in model.model_fields.values():
        yield from (inner for each in inside(field.annotation) for inner in models(each))


def inside(annotation: object) -> typing.Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from inside(argument)


def faults(text: str) -> list[str]:
    """Where and why the schema refuses a config."""
    config = json.loads(json.dumps(yaml.safe_load(text), default=str))
    validator = Draft202012Validator(config_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{'.'.join(map(str, fault.path))}: {fault.message}" for fault in validator.iter_errors(config)]


def test_the_schema_in_the_docs_is_that_of_the_config(capsys: pytest.CaptureFixture[str]) -> None:
    written = (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")
    assert written == config_schema_text() + "\n", "stale: make docs"
    assert main(["schema"], time.perf_counter()) == 0
    assert capsys.readouterr().out == written


def test_the_schema_is_one_and_the_bundled_configs_keep_it() -> None:
    Draft202012Validator.check_schema(config_schema())
    for name in ("customer_success.yaml", "examples/ravenstack.yaml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert faults(text) == [], name
        first = text.splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema="), name
        assert ((ROOT / name).parent / first.partition("=")[2]).resolve() == ROOT / "docs" / "config.schema.json"


@pytest.mark.parametrize(
    ("old", "new", "where", "why"),
    [
        ("company: Tidewater Software", "colour: blue", "", "'company' is a required property"),
        ("time_zone: Europe/Berlin", "zone: Europe/Berlin", "reporting", "'zone' was unexpected"),
        ("currency: EUR", "currency: EURO", "reporting.currency", "'EURO' is not one of"),
        ("within_days: 14", "within_days: 0", "onboarding.milestones.0.within_days", "0"),
        ("metric: csat", "metric: csatt", "targets.3.metric", "'csatt' is not one of"),
        ("form: canonical", "form: cannonical", "sources.crm.form", "'cannonical' is not one of"),
        ("share: 0.78", "share: 78", "finance.gross_margin.0.share", "78"),
        ("as_of: 2026-10-31", "as_of: soon", "as_of", "'soon'"),
    ],
)
def test_an_editor_marks_what_a_run_would_refuse(old: str, new: str, where: str, why: str) -> None:
    text = (ROOT / "customer_success.yaml").read_text(encoding="utf-8")
    assert old in text
    told = faults(text.replace(old, new, 1))
    assert any(each.startswith(f"{where}: ") and why in each for each in told), told


def test_every_key_of_the_config_has_a_meaning() -> None:
    for model in models(Config):
        assert (model.__doc__ or "").strip(), model
        for name, field in model.model_fields.items():
            is_section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            assert is_section or len(field.description or "") > 5, f"{model.__name__}.{name}: Field(description=…)"


def test_the_table_has_every_key_with_default_and_meaning() -> None:
    assert len(KEYS) == len(config_keys()) - 4, "each key once, below two lines of words and two of a head"
    named = {key.rpartition(".")[2] for key in KEYS}
    every = [*(vendor.options for vendor in VENDORS.values() if vendor.options), MappedOptions]
    options = [model for one in every for model in models(one)]
    assert named == {name for model in (*models(Config), *options) for name in model.model_fields}
    assert KEYS["health.green_from"] == (
        "| `health.green_from` | a number from 0 to 100 | `75` | Score from which an account is green |"
    )
    vanished = KEYS["sources.NAME.vanished"].split(" | ")
    assert vanished[1:3] == ["`kept`, `ended`", '`"kept"`']
    assert KEYS["company"].split(" | ")[1:3] == ["text", "required"]
    assert KEYS["onboarding.milestones[].within_days"].split(" | ")[1] == "a whole number above 0 to 3,660"
    assert all(len(line.split(" | ")[3]) > 7 for line in KEYS.values())
