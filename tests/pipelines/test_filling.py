"""What the doctor says of sources: what they fill, and what cannot be known for want of what."""

import json
from pathlib import Path

import yaml

from pipelines.commands.inspection import fills
from pipelines.ingest.filling import filling, together, unknowable
from pipelines.project import Project
from schemas.feedback import SurveyResponse
from tests.vendors.one_source import SETTINGS
from transforms.catalogue import CATALOGUE
from transforms.clean.vendors import FORMS
from transforms.exported import Exported
from warehouse.sent import source_files


def project(folder: Path, files: dict[str, str], sources: dict[str, object], **settings: object) -> Project:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    config = folder / "c.yaml"
    config.write_text(json.dumps({**SETTINGS, "sources": sources, **settings}))
    return Project(config, folder / "data")


def told(folder: Path, files: dict[str, str], sources: dict[str, object]) -> tuple[dict, list[str]]:
    found = project(folder, files, sources)
    sent = source_files(found.loaded, FORMS, found.folders.fetched)
    return filling(found, sent), [words for _, words in fills(found, sent)]


def wrong(folder: Path, files: dict[str, str], sources: dict[str, object], **settings: object) -> list[str]:
    """What is told of sources that isn't well."""
    found = project(folder, files, sources, **settings)
    sent = source_files(found.loaded, FORMS, found.folders.fetched)
    return [words for good, words in fills(found, sent) if not good]


TICKETS = "Id,Requester id,Organization,Status,Created at,Solved at,Satisfaction Score,Tags,Via\n"
WITH_METRICS = TICKETS.strip() + ",Reopens,Replies,First reply time in minutes\n"
ZENDESK = {"support": {"form": "zendesk", "written_by": "dashboard", "folder": "zendesk"}}


def test_a_column_that_the_file_lacks_is_not_filled_and_what_hangs_on_it_not_known(tmp_path):
    without, lines = told(tmp_path / "a", {"zendesk/export_1.csv": TICKETS}, ZENDESK)
    whole, _ = told(tmp_path / "b", {"zendesk/export_1.csv": WITH_METRICS}, ZENDESK)
    lacking = {"reopens", "public_agent_replies", "first_replied_at"}
    assert whole["support"]["tickets"] - without["support"]["tickets"] == lacking
    assert not lacking & without["support"]["tickets"]
    assert "satisfaction_score" in without["support"]["tickets"]
    assert lines[0].startswith("support fills identities")
    assert "tickets (without " in lines[0]
    assert "fcr" in lines[-1].split(" can be known; ")[1]


def test_a_table_without_its_files_is_not_filled(tmp_path):
    sources = {"billing": {"form": "stripe", "written_by": "api", "folder": "stripe"}}
    found, _ = told(tmp_path, {"stripe/customers.jsonl": '{"id":"cus_1","name":"Acme"}\n'}, sources)
    assert set(found["billing"]) == {"identities", "accounts"}
    assert "country" not in found["billing"]["accounts"]


def test_exports_of_two_days_fill_what_changed_between_them_and_one_of_them_does_not(tmp_path):
    header = "id,Customer ID,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start Date (UTC)\n"
    sources = {"billing": {"form": "stripe", "written_by": "dashboard", "folder": "stripe"}}
    days = [f"stripe/subscriptions-2026-0{month}-28.csv" for month in (4, 5)]
    one, _ = told(tmp_path / "a", dict.fromkeys(days[:1], header), sources)
    two, _ = told(tmp_path / "b", dict.fromkeys(days, header), sources)
    assert two["billing"]["subscription_items"] - one["billing"]["subscription_items"] == {"valid_from"}


def test_two_files_of_one_day_show_no_change(tmp_path):
    account = '{"_airbyte_raw_id": "a", "_airbyte_extracted_at": 1, "_airbyte_data": {"id": "cus_1", "name": "Acme"}}\n'
    sources = {"billing": {"form": "stripe", "written_by": "airbyte", "folder": "lake"}}
    # Both of the first of May, five minutes apart; and one of the day after.
    parts = [f"lake/customers/2026_05_01_{moment}_0.jsonl" for moment in (1777629600000, 1777629900000, 1777716000000)]
    same, _ = told(tmp_path / "a", dict.fromkeys(parts[:2], account), sources)
    later, _ = told(tmp_path / "b", dict.fromkeys(parts, account), sources)
    assert later["billing"]["accounts"] - same["billing"]["accounts"] == {"known_from"}


def test_of_several_sources_all_columns_count_together():
    both = together([{"tickets": frozenset({"a"})}, {"tickets": frozenset({"b"}), "costs": frozenset({"c"})}])
    assert both.columns == {"tickets": frozenset({"a", "b"}), "costs": frozenset({"c"})}


def test_a_metric_made_of_others_cannot_be_known_without_them():
    nothing = unknowable(Exported({}))
    assert nothing["nrr"].partition(".")[0] == "subscription_items"
    assert set(nothing) <= set(CATALOGUE)
    assert {"clv", "churn_rate", "grr"} <= set(nothing)


NAMED = "{scale: [1, 5], positive: [4, 5]}, {scale: [1, 10], positive: [6, 10]}, {scale: [1, 7], positive: [5, 7]}"


def test_a_scale_of_ratings_that_the_config_does_not_name_is_told_with_a_line_that_keeps_the_others(tmp_path):
    (words,) = wrong(tmp_path / "a", {"zendesk/export_1.csv": TICKETS}, ZENDESK)
    line = f"feedback: {{csat: [{NAMED}, {{scale: [0, 1], positive: [1, 1]}}]}}"
    assert words.startswith("support tells CSAT on the scale 0–1, and feedback.csat")
    assert words.endswith(line)
    # The line works as it stands.
    assert wrong(tmp_path / "b", {"zendesk/export_1.csv": TICKETS}, ZENDESK, **yaml.safe_load(line)) == []


def test_ratings_that_the_file_has_not_or_on_a_scale_that_is_named_want_no_line(tmp_path):
    assert wrong(tmp_path / "a", {"zendesk/export_1.csv": TICKETS.replace("Satisfaction Score,", "")}, ZENDESK) == []
    freshdesk = {"support": {"form": "freshdesk", "written_by": "dashboard", "folder": "freshdesk"}}
    header = "Ticket ID,Status,Priority,Created time,Last update time,Survey results\n"
    files = {"freshdesk/tickets.csv": header}
    assert wrong(tmp_path / "b", files, freshdesk) == []
    only = {"csat": [{"scale": [0, 1], "positive": [1, 1]}]}
    (words,) = wrong(tmp_path / "c", files, freshdesk, feedback=only)
    assert words.startswith("support tells CSAT on the scale 1–7")


def test_so_is_that_of_a_question_for_satisfaction_and_of_files_of_any_system(tmp_path):
    asked = [
        {"question": "How was it?", "kind": "csat", "scale": [0, 100]},
        {"question": "Would you?", "kind": "nps"},
    ]
    header = "#,How was it?,Would you?,Submit Date (UTC)\n"
    survey = {"form": "typeform", "written_by": "dashboard", "folder": "typeform", "options": {"questions": asked}}
    (words,) = wrong(tmp_path / "a", {"typeform/responses.csv": header}, {"surveys": survey})
    assert words.startswith("surveys tells CSAT on the scale 0–100,")
    columns = {name: name for name, of in SurveyResponse.to_schema().columns.items() if of.required}
    said = {**columns, "kind": {"value": "csat"}, "scale_min": {"value": "0"}, "scale_max": {"value": "3"}}
    own = {"form": "mapped", "folder": "own", "files": {"survey_responses": "answers.csv"}}
    own["options"] = {"tables": {"survey_responses": said}}
    (words,) = wrong(tmp_path / "b", {"own/answers.csv": ",".join(columns) + "\n"}, {"own": own})
    assert words.startswith("own tells CSAT on the scale 0–3,")
    assert words.endswith("{scale: [0, 3], positive: [3, 3]}]}")
