"""A first config for a folder of exports: what is proposed, and that it can be run."""

import datetime as dt
import json
from pathlib import Path

import pytest
import yaml

from pipelines.commands.proposal import config_text, propose
from pipelines.project import Project
from tests.integration.small_company import SmallCompany
from transforms.clean.vendors import FORMS
from warehouse.errors import ConfigError

TODAY = dt.date(2026, 11, 27)
STRIPE = "id,Customer ID,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start Date (UTC)\n"
HUBSPOT = "Record ID,Company name,Company Domain Name,Create Date\n1,Acme,acme.example,2026-01-01 09:00\n"


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def proposed(folder: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {each.folder.name: (each.form, each.tables) for each in propose(folder)}


def test_each_folder_is_a_source_of_the_form_that_its_files_fit(tmp_path):
    account = {"id": "cus_1", "name": "Acme", "_airbyte_extracted_at": 1}
    folder = put(
        tmp_path / "exports",
        {
            "stripe/subscriptions.csv": STRIPE,
            "hubspot/hubspot-crm-exports-all-companies-2026-05-31.csv": HUBSPOT,
            "lake/customers/2026_05_31_1780185600000_0.jsonl": json.dumps(account) + "\n",
            "finance/fx_rates.csv": "month,currency,rate\n2026-01-01,USD,0.9\n",
            "notes/readme.txt": "nothing of ours\n",
        },
    )
    found = proposed(folder)
    assert found.keys() == {"stripe", "hubspot", "lake", "finance"}
    assert found["stripe"][0] == "stripe/dashboard"
    assert found["hubspot"] == ("hubspot/dashboard", ("companies",))
    assert found["lake"] == ("stripe/airbyte", ("customers",))
    assert found["finance"] == ("canonical", ("fx_rates",))


def test_the_proposed_config_finds_these_files_from_wherever_it_lies(tmp_path):
    folder = put(tmp_path / "exports", {"crm at home/companies.csv": HUBSPOT})
    path = tmp_path / "configs" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(config_text(path, propose(folder), TODAY))
    told = yaml.safe_load(path.read_text())
    assert told["first_month"] == dt.date(2025, 11, 1)
    assert told["sources"]["crm_at_home"]["form"] == "hubspot"
    project = Project(path, tmp_path / "data")
    project.check()
    assert project.loaded.file(project.config.sources["crm_at_home"].folder).resolve() == folder / "crm at home"


def test_a_folder_in_which_no_form_knows_a_file_is_told_which_there_are(tmp_path):
    put(tmp_path / "exports", {"a/b.txt": "words\n"})
    with pytest.raises(ConfigError) as refused:
        propose(tmp_path / "exports")
    assert all(name.partition("/")[0] in str(refused.value) for name in FORMS)
    with pytest.raises(ConfigError, match="there is no such folder"):
        propose(tmp_path / "nowhere")


def test_the_command_writes_no_config_over_one_that_is_there(tmp_path):
    company = SmallCompany(tmp_path)
    company.config.write_text("company: Kept\n")
    put(tmp_path / "exports", {"crm/companies.csv": HUBSPOT})
    ended = company.command("init", "--folder", str(tmp_path / "exports"))
    assert ended.returncode == 1
    assert "is there already, and stays as it is; name a new one: make init FOLDER=" in ended.stderr
    assert company.config.read_text() == "company: Kept\n"
    company.config.unlink()
    ended = company.command("init", "--folder", str(tmp_path / "exports"))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "1 source; read it through" in ended.stdout
    assert "crm fills identities (without crm_id); accounts" in ended.stdout
