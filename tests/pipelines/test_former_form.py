"""A source of which the config says another form, or another writer, than when its former exports were read."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipelines.commands.forget import forget_file, forget_source
from pipelines.ingest.former_form import FormerFormError
from tests.vendors.chargebee_files import lines
from tests.vendors.chargebee_files import subscription as of_chargebee
from tests.vendors.one_source import SETTINGS, ingested
from tests.vendors.test_stripe import subscription
from warehouse.errors import ExportError
from warehouse.landed import forgotten, landed_files

ROOT = Path(__file__).resolve().parents[2]
STRIPE = {"form": "stripe", "written_by": "api"}
CHARGEBEE = {"form": "chargebee", "written_by": "api"}
BEFORE = {f"subscriptions-2026-0{n}-01.jsonl": lines(subscription("a"), subscription(f"in {n}")) for n in (5, 6)}
NOW = {"subscriptions-2026-09-01.jsonl": lines(of_chargebee("c"))}
NAMES = ["sent/subscriptions-2026-05-01.jsonl", "sent/subscriptions-2026-06-01.jsonl"]


@pytest.fixture
def company(tmp_path):
    """A company that had Stripe's exports of May and June."""
    return ingested(tmp_path, BEFORE, STRIPE, ["subscription_items"]).company


def changed(company):
    """The same company, whose folder has Chargebee's of September since."""
    shutil.rmtree(company.folder / "sent")
    return ingested(company.folder, NOW, CHARGEBEE, ["subscription_items"])


def served(found):
    return found.values("subscription_items", "subscription_id")


def test_is_told_too_where_the_files_have_the_names_of_former_ones(company):
    shutil.rmtree(company.folder / "sent")
    again = {"subscriptions-2026-06-01.jsonl": lines(of_chargebee("c"))}
    with pytest.raises(FormerFormError, match="its 2 former exports were read as stripe written by api"):
        ingested(company.folder, again, CHARGEBEE, ["subscription_items"])
    forget_source(company.project(), "it")
    company.ingest(["subscription_items"])
    assert company.project().staged("subscription_items")["subscription_id"].to_list() == ["c"]


def test_is_told_once_for_the_source_with_what_to_do(company):
    with pytest.raises(FormerFormError) as told:
        changed(company)
    words = str(told.value)
    assert words.startswith(
        "source it: its 2 former exports were read as stripe written by api, and cannot be as chargebee written by "
        "api, which the config says now (sent/subscriptions-2026-05-01.jsonl: the column customer_id"
    )
    assert "give the source another name in the config" in words
    assert "make forget SOURCE=it" in words
    assert "FILE=" not in words


def test_what_the_source_no_longer_sends_can_be_forgotten_at_once(company):
    with pytest.raises(FormerFormError):
        changed(company)
    said = forget_source(company.project(), "it")
    assert said[0] == (
        f"What it sent before is forgotten, files by these names: {', '.join(NAMES)}; what it sends now stays."
    )
    folders = company.project().folders
    assert {file.name for file in landed_files(folders)} == {"sent/subscriptions-2026-09-01.jsonl"}
    assert {what for what, _, _ in forgotten(folders)} == set(NAMES)
    assert {path.name for path in folders.landed.iterdir() if len(path.name) == 64} == {
        file.sha256 for file in landed_files(folders)
    }
    company.ingest(["subscription_items"])
    assert company.project().staged("subscription_items")["subscription_id"].to_list() == ["c"]


def test_or_the_source_has_another_name_from_now_on_and_the_former_exports_stay_landed(company):
    with pytest.raises(FormerFormError):
        changed(company)
    sources = {"billing": {"folder": "sent", **CHARGEBEE}}
    company.config.write_text(yaml.safe_dump({**SETTINGS, "sources": sources}))
    company.ingest(["subscription_items"])
    assert company.project().staged("subscription_items")["subscription_id"].to_list() == ["c"]
    assert {*NAMES} < {file.name for file in landed_files(company.project().folders)}


def test_or_the_config_says_again_what_it_said(company):
    with pytest.raises(FormerFormError):
        changed(company)
    shutil.rmtree(company.folder / "sent")
    found = ingested(company.folder, BEFORE, STRIPE, ["subscription_items"])
    assert served(found) == [("a",), ("in 5",), ("in 6",)]


def test_another_writer_that_reads_the_former_exports_as_well_is_no_fault(company):
    shutil.rmtree(company.folder / "sent")
    files = {
        "subscriptions/1.jsonl": lines({"_airbyte_extracted_at": 1_790_000_000_000, "_airbyte_data": subscription("z")})
    }
    airbyte = {**STRIPE, "written_by": "airbyte"}
    found = ingested(company.folder, files, airbyte, ["subscription_items"])
    assert ("z",) in served(found)


def test_a_source_of_which_nothing_is_landed_or_all_is_sent_has_nothing_to_forget(company):
    with pytest.raises(ExportError, match="SOURCE=bil: nothing is landed of such a source; of these something is: it"):
        forget_source(company.project(), "bil")
    with pytest.raises(ExportError, match="SOURCE=it: it sends all that is landed of it now"):
        forget_source(company.project(), "it")
    assert len({file.name for file in landed_files(company.project().folders)}) == 2


def test_nothing_is_forgotten_while_nobody_can_see_what_a_source_sends_now(company):
    """As of a folder that is not mounted, or a store that does not answer."""
    (company.folder / "sent").rename(company.folder / "away")
    with pytest.raises(ExportError, match="SOURCE=it: what it sends now stays, but cannot be seen: "):
        forget_source(company.project(), "it")
    assert {file.name for file in landed_files(company.project().folders)} == {*NAMES}


@pytest.mark.parametrize("by", ["name", "content"])
def test_a_file_of_several_kinds_of_objects_is_forgotten_as_the_one_that_it_is(company, by):
    """Its subscriptions are landed as such, and as the file of their items and of their discounts."""
    (company.folder / "sent" / "subscriptions-2026-05-01.jsonl").unlink()
    project = company.project()
    of_may = [file for file in landed_files(project.folders) if file.name == NAMES[0]]
    assert len(of_may) > 1
    said = forget_file(project, NAMES[0] if by == "name" else of_may[0].sha256[:12])
    assert [line.partition(" as landed")[0] for line in said[:-1]] == [NAMES[0]]
    assert {file.name for file in landed_files(project.folders)} == {NAMES[1]}


def test_make_gives_up_a_file_or_a_source():
    def recipe(*said):
        # What a make that runs the tests says to those below it is not said here.
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        command = ["make", "-n", "forget", *said]
        told = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
        return told.stdout.splitlines()[-1].partition(" forget ")[2]

    assert recipe("FILE=a b") == '--file "$FILE"'
    assert recipe("SOURCE=a b") == '--source "$SOURCE"'
