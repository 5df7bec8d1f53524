"""A first config from what a person answers."""

import datetime as dt
from collections.abc import Iterable

import pytest
import yaml

from pipelines.commands.asking import Conversation, ask_for_company, ask_for_sources
from pipelines.commands.proposal import Proposed, config_text
from pipelines.project import Project
from schemas.config import Config
from tests.integration.small_company import SmallCompany
from transforms.clean.vendors import FORMS, VENDORS
from warehouse.errors import ConfigError

TODAY = dt.date(2026, 11, 27)


def conversation(answers: Iterable[str]) -> tuple[Conversation, list[str]]:
    """With a person who answers so and then leaves, and what is told and asked."""
    left, heard = iter(answers), list[str]()

    def hear(question: str) -> str:
        heard.append(question)
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return Conversation(heard.append, hear), heard


def test_each_source_that_is_named_is_one_of_the_config(tmp_path):
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "companies.csv").write_text("Record ID,Company name,Create Date\n1,Acme,2026-01-01 09:00\n")
    crm = str(tmp_path / "crm")
    asking, _ = conversation(
        ["Tidewater", "USD", "Europe/Berlin", "hubspot", "dashboard", crm, "stripe", "dlt", "", ""]
    )
    company, sources = ask_for_company(asking), ask_for_sources(asking)
    path = tmp_path / "mine.yaml"
    path.write_text(config_text(path, sources, TODAY, company))
    told = yaml.safe_load(path.read_text())
    assert (told["company"], told["reporting"]) == ("Tidewater", {"currency": "USD", "time_zone": "Europe/Berlin"})
    assert told["sources"]["crm"] == {"form": "hubspot", "written_by": "dashboard", "folder": "crm"}
    assert told["sources"]["stripe"]["written_by"] == "dlt"
    assert "found in it: companies" in path.read_text()
    assert "nothing yet; files of it are called" in path.read_text()
    assert isinstance(Project(path, tmp_path / "data").config, Config)


def test_what_is_unknown_is_asked_for_again_and_nothing_said_is_what_is_usual(tmp_path):
    asking, heard = conversation(["", "Euro", "", "Berlin", "", "strype", "stripe", "by hand", "", str(tmp_path), ""])
    company, sources = ask_for_company(asking), ask_for_sources(asking)
    assert (company.name, company.currency, company.time_zone) == ("My company", "EUR", "UTC")
    assert "  Euro is unknown; expected one like EUR or USD" in heard
    assert "  Berlin is unknown; expected one like Europe/Berlin" in heard
    assert any(line.startswith("  strype is not one of amplitude, ") for line in heard)
    assert any(line.startswith("  by hand is not one of fivetran, ") for line in heard)
    assert sources == [Proposed(tmp_path, f"stripe/{VENDORS['stripe'].writers[0]}", ())]


def test_every_vendor_and_the_canonical_form_can_be_named_and_makes_a_config_that_is_read(tmp_path):
    names = [*VENDORS, "canonical"]
    answers = [answer for name in names for answer in (name, *[""] * (2 if _is_asked_for_writers(name) else 1))]
    asking, _ = conversation([*answers, ""])
    found = ask_for_sources(asking)
    assert [each.form.partition("/")[0] for each in found] == names
    assert all(each.form in FORMS for each in found)
    path = tmp_path / "mine.yaml"
    path.write_text(config_text(path, found, TODAY))
    assert list(Project(path, tmp_path / "data").config.sources) == names


def _is_asked_for_writers(name: str) -> bool:
    return name in VENDORS and len(VENDORS[name].writers) > 1


def test_no_source_or_nobody_there_is_an_error_that_names_what_works():
    with pytest.raises(ConfigError, match="no source was named; expected one at least: make init"):
        ask_for_sources(conversation([""])[0])
    with pytest.raises(ConfigError, match=r"nobody answers; .*: make init FOLDER=exports"):
        ask_for_company(conversation([])[0])


def test_the_command_asks_where_no_folder_is_named(tmp_path):
    company = SmallCompany(tmp_path)
    company.config.unlink(missing_ok=True)
    folder = company.config.parent / "crm"
    folder.mkdir()
    (folder / "companies.csv").write_text(
        "Record ID,Company name,Company Domain Name,Create Date\n1,Acme,acme.example,2026-01-01 09:00\n"
    )
    ended = company.command("init", answers=f"\n\n\nhubspot\ndashboard\n{folder}\n\n")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "Whose exports are there?" in ended.stdout
    assert "crm fills identities (without crm_id); accounts" in ended.stdout
    assert yaml.safe_load(company.config.read_text())["sources"] == {
        "crm": {"form": "hubspot", "written_by": "dashboard", "folder": "crm"}
    }
