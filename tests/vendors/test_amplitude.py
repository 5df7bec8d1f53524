"""Amplitude's events become usage events, from its exports, Fivetran's tables and Airbyte's streams."""

import csv
import datetime as dt
import gzip
import io
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tests.frames import at
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.told_alike import content, differences
from warehouse.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:as_of 2026-10-31 is after every export")
HEADER = (
    "device_id,id,server_upload_time,_fivetran_synced,_insert_id,ad_id,amplitude_event_type,amplitude_id,app,city,"
    "client_event_time,client_upload_time,country,data,device_brand,device_carrier,device_family,device_manufacturer,"
    "device_model,device_type,dma,event_properties,event_time,event_type,event_type_id,group_properties,groups,idfa,"
    "ip_address,is_attribution_event,language,library,location_lat,location_lng,os_name,os_version,paying,platform,"
    "processed_time,project_name,region,sample_rate,schema,server_received_time,session_id,start_version,"
    "user_creation_time,user_id,user_properties,uuid,version_name"
)
"""The header of Fivetran's table, as dbt's package of it has it."""
PROJECT = 434735
OBJECTS = ("data", "event_properties", "group_properties", "groups", "user_properties")
TIMES = (
    "client_event_time",
    "client_upload_time",
    "event_time",
    "processed_time",
    "server_received_time",
    "server_upload_time",
)


def event(key: str | None, name: str = "Report Exported", moment: str = "2026-05-03 10:00:00.250000", **changed):
    """An event as an export has it."""
    return {
        "$insert_id": f"{key}-inserted",
        "$insert_key": None,
        "$schema": 13,
        "amplitude_id": 550106004607,
        "app": PROJECT,
        "client_event_time": moment,
        "client_upload_time": moment,
        "country": "Germany",
        "data": {"path": "/batch", "group_first_event": {}, "group_ids": {}},
        "device_id": "2ff5d160",
        "event_id": 355175889,
        "event_properties": {"format": "pdf"},
        "event_time": moment,
        "event_type": name,
        "group_properties": {},
        "groups": {"company": ["acme"]},
        "platform": "Web",
        "processed_time": "2026-05-03 10:00:08.912000",
        "server_received_time": "2026-05-03 10:00:05.821000",
        "server_upload_time": "2026-05-03 10:00:08.013000",
        "session_id": -1,
        "user_id": "u1",
        "user_properties": {"plan": "pro"},
        "uuid": key,
        "version_name": None,
        **changed,
    }


def lines(*rows: dict) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def fivetran(*events: dict) -> bytes:
    """As Fivetran's table is unloaded: objects as JSON text."""
    text = io.StringIO()
    table = csv.DictWriter(text, HEADER.split(","), extrasaction="ignore")
    table.writeheader()
    for one in events:
        told = {name: json.dumps(value) if name in OBJECTS else value for name, value in one.items()}
        times = {name: one[name].replace(" ", "T").removesuffix("000") for name in TIMES}
        own = {"id": one["event_id"], "_insert_id": one["$insert_id"], "_fivetran_synced": "2026-05-07T15:40:07.467"}
        table.writerow({**told, **times, **own})
    return text.getvalue().encode()


def airbyte(*events: dict) -> bytes:
    """As Airbyte's stream is written, its times with an offset."""
    rows = []
    for one in events:
        times = {name: f"{one[name].replace(' ', 'T')}+00:00" for name in TIMES}
        marks = {"_airbyte_raw_id": "r", "_airbyte_extracted_at": 1777802410000, "_airbyte_generation_id": 0}
        rows.append({**marks, "_airbyte_data": {**one, **times}})
    return lines(*rows)


def of_hour(number: int, day: str = "2026-05-03") -> str:
    """The name of the file of an hour of uploads."""
    return f"{PROJECT}/{PROJECT}_{day}_{number}#0.json.gz"


def archive(**files: list[dict]) -> bytes:
    """A zip archive as the Export API sends it, by hour what was uploaded in it."""
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as packed:
        for hour, events in files.items():
            packed.writestr(of_hour(int(hour[1:])), gzip.compress(lines(*events)))
    return told.getvalue()


EACH = {
    "api": (f"{PROJECT}_2026-05-03_10#0.json", lines),
    "fivetran": ("event.csv", fivetran),
    "airbyte": ("events/2026_05_03_1777802410000_0.jsonl", airbyte),
}
"""By writer the name of a file, and how it is written."""


def exported(tmp_path: Path, files, written_by: str = "api", **options) -> Ingested:
    source = {"form": "amplitude", "written_by": written_by, "options": options}
    return ingested(tmp_path, files, source, ["usage_events"])


def of(tmp_path: Path, written_by: str, *events: dict, **options) -> Ingested:
    name, write = EACH[written_by]
    return exported(tmp_path, {name: write(*events)}, written_by, **options)


# --- an event ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", EACH)
def test_an_event_is_of_its_user_and_of_its_group(writer, tmp_path):
    found = of(tmp_path, writer, event("e1"))
    assert found.rejects() == []
    (row,) = found.rows("usage_events").rows(named=True)
    assert (row["event_id"], row["name"], row["account_id"], row["user_id"]) == ("e1", "Report Exported", "acme", "u1")
    assert row["occurred_at"] == at("2026-05-03 10:00:00.250"), "times without a zone are of UTC"
    assert found.exported("usage_events") == {"event_id", "account_id", "user_id", "name", "occurred_at"}


def test_all_writers_tell_the_same(tmp_path):
    events = [
        event("e1", event_properties={"took": 12, "failed": 0}, user_properties={"email": "ann@ours.example"}),
        event("e2", user_id=None),
        event("e3", "Größe „geändert“", user_id="bob@acme.example", groups={"company": "bolt"}),
        event("e4", "[Amplitude] Page Viewed"),
        event("e5", "session_start"),
        event("e6", groups={}, event_properties={"took": "7.4", "failed": "many"}),
        event("e7", groups={"company": [12345678901234567]}),
        event(None),
    ]
    said = {"seconds": "event_properties.took", "errors": "event_properties.failed"}
    said["internal_domains"] = ["ours.example"]
    told = {writer: content(of(tmp_path / writer, writer, *events, **said).rows("usage_events")) for writer in EACH}
    for writer, rows in told.items():
        assert differences(rows, told["api"]) == [], writer
    assert told["api"].select("event_id", "account_id", "user_id", "seconds", "errors", "is_internal").rows() == [
        ("None-inserted", "acme", "u1", None, None, None),
        ("e1", "acme", "u1", 12, 0, True),
        ("e2", "acme", "amp:550106004607", None, None, None),
        ("e3", "bolt", "bob@acme.example", None, None, False),
        ("e6", "(unknown)", "u1", 7, None, None),
        ("e7", "12345678901234567", "u1", None, None, None),
    ]


def test_an_event_without_any_id_is_rejected(tmp_path):
    found = of(tmp_path, "api", event("e1"), event(None, **{"$insert_id": None}))
    assert found.values("usage_events", "event_id") == [("e1",)]
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "event_id")]


def test_who_is_no_known_user_is_a_person_of_amplitudes(tmp_path):
    events = [event("e1", user_id=None), event("e2", user_id=""), event("e3", user_id=None, amplitude_id=None)]
    found = of(tmp_path, "api", *events)
    assert found.values("usage_events", "event_id", "user_id") == [
        ("e1", "amp:550106004607"),
        ("e2", "amp:550106004607"),
        ("e3", None),
    ]


def test_what_amplitude_notes_by_itself_is_no_use_of_a_feature_unless_it_is_listed(tmp_path):
    names = ["[Amplitude] Page Viewed", "[Amplitude] Session Start", "session_start", "session_end", "$identify"]
    events = [event(f"o{n}", name) for n, name in enumerate(names)]
    found = of(tmp_path / "none", "api", event("e1"), *events)
    assert found.values("usage_events", "name") == [("Report Exported",)]
    assert found.left_out("usage_events") == {"tells_nothing": 5}
    listed = of(tmp_path / "some", "api", event("e1"), *events, own_events=["[Amplitude] Page Viewed"])
    assert listed.values("usage_events", "name") == [("Report Exported",), ("[Amplitude] Page Viewed",)]


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", EACH)
@pytest.mark.parametrize("first", [False, True])
def test_of_the_groups_of_a_type_the_only_one_is_the_account(writer, first, tmp_path):
    lists = [["acme"], ["bolt, Inc", "acme"], [], ["acme", "acme"]]
    events = [event(f"e{n}", groups={"company": each, "team": ["t1"]}) for n, each in enumerate(lists)]
    found = of(tmp_path, writer, *events, event("e4", groups={"team": ["t1"]}), first_account=first)
    assert found.values("usage_events", "event_id", "account_id") == [
        ("e0", "acme"),
        ("e1", "bolt, Inc" if first else "(unknown)"),
        ("e2", "(unknown)"),
        ("e3", "acme"),
        ("e4", "(unknown)"),
    ]


@pytest.mark.parametrize(
    ("account", "expected"),
    [("groups.org id", "o7"), ("user_properties.org_id", "o8"), ("event_properties.Org", "o9")],
)
def test_the_config_says_where_an_event_names_its_account(account, expected, tmp_path):
    told = event("e1", groups={"org id": ["o7"]}, user_properties={"org_id": "o8"}, event_properties={"Org": ["o9"]})
    assert of(tmp_path, "api", told, account=account).values("usage_events", "account_id") == [(expected,)]


@pytest.mark.parametrize("place", ["company", "groups.", "cohort.x"])
def test_a_place_that_no_event_has_is_refused(place, tmp_path):
    with pytest.raises(ConfigError, match=r"options\.account: .*expected a name in one of groups, "):
        of(tmp_path, "api", event("e1"), account=place)


# --- sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", EACH)
def test_the_end_of_a_session_took_as_long_as_the_session_if_the_config_asks_for_it(writer, tmp_path):
    # 2026-05-03 09:58:00 UTC, when the device's clock said that the session began.
    began = 1777802280000
    by_device = {"client_event_time": "2026-05-03 10:00:00.250000", "session_id": began}
    events = [
        event("e1", "session_end", "2026-05-03 11:00:00.000000", **by_device),
        event("e2", "session_end", session_id=-1),
        event("e3", "session_start", session_id=began),
        event("e4", session_id=began, event_properties={"took": 3}),
        event("e5", "session_end", **{**by_device, "client_event_time": "2026-05-03 09:57:00.000000"}),
    ]
    found = of(tmp_path, writer, *events, sessions=True, seconds="event_properties.took")
    assert found.values("usage_events", "event_id", "seconds") == [
        ("e1", 120),
        ("e2", None),
        ("e4", 3),
        ("e5", None),
    ]


def test_an_event_counts_whatever_the_clock_of_its_device_showed(tmp_path):
    found = of(tmp_path, "api", event("e1", client_event_time="9999-12-31 23:59:59.999999"))
    assert found.values("usage_events", "occurred_at") == [(at("2026-05-03 10:00:00.250"),)]


def test_events_of_no_session_are_events_like_others(tmp_path):
    events = [event("e1", session_id=-1), event("e2", session_id=-1), event("e3", session_id=1777802280000)]
    assert of(tmp_path, "fivetran", *events).values("usage_events", "event_id", "seconds") == [
        ("e1", None),
        ("e2", None),
        ("e3", None),
    ]


# --- files ------------------------------------------------------------------------------------------------------------


def test_an_archive_of_packed_hours_is_read_whatever_it_is_called(tmp_path):
    packed = archive(h9=[event("e1")], h10=[event("e2"), event("e3", event_time="soon")])
    found = exported(tmp_path, {"download": packed})
    assert found.values("usage_events", "event_id") == [("e1",), ("e2",)]
    ((file, line, column, _),) = found.rejects()
    assert (file, line, column) == (f"sent/download/{PROJECT}_2026-05-03_10#0.json.gz", 2, "event_time")


@pytest.mark.parametrize("name", ["export.zip", f"{PROJECT}_2026-05-03_10#0.json.gz", "events/may.zip"])
def test_an_archive_of_one_packed_hour_is_read(name, tmp_path):
    found = exported(tmp_path, {name: archive(h10=[event("e1")])})
    assert found.values("usage_events", "event_id") == [("e1",)]


@pytest.mark.parametrize("folder", [f"{PROJECT}/", "events/", ""])
def test_files_of_a_bucket_are_read_and_marks_of_hours_that_are_complete_are_none(folder, tmp_path):
    files = {
        f"{folder}{PROJECT}_2026-05-03_9#0.json.gz": gzip.compress(lines(event("e1"))),
        f"{folder}{PROJECT}_2026-05-03_9_complete": b"",
        f"{folder}{PROJECT}_2026-05-03_10#0.json": lines(event("e2")),
    }
    assert exported(tmp_path, files).values("usage_events", "event_id") == [("e1",), ("e2",)]


def test_an_event_counts_when_it_happened_and_not_when_it_was_uploaded(tmp_path):
    late = event("e1", moment="2026-03-30 09:00:00.000000", server_upload_time="2026-05-31 07:00:00.000000")
    found = exported(tmp_path, {of_hour(7, "2026-05-31"): gzip.compress(lines(late, event("e2")))})
    march, may = dt.date(2026, 3, 1), dt.date(2026, 5, 1)
    staged = {month: found.company.project().staged("usage_events", (month, month)) for month in (march, may)}
    assert {month: rows["event_id"].to_list() for month, rows in staged.items()} == {march: ["e1"], may: ["e2"]}


def test_an_event_in_files_of_overlapping_exports_counts_once(tmp_path):
    files = {
        "a.zip": archive(h9=[event("e1")], h10=[event("e2")]),
        "b.zip": archive(h10=[event("e2")], h11=[event("e3")]),
    }
    found = exported(tmp_path, files)
    assert found.values("usage_events", "event_id") == [("e1",), ("e2",), ("e3",)]
    assert found.left_out("usage_events") == {"replaced": 1}


def test_airbytes_objects_are_text_in_parquet(tmp_path):
    rows = pl.DataFrame(
        {
            "uuid": ["e1"],
            "event_type": ["Report Exported"],
            "event_time": [at("2026-05-03 10:00:00.250")],
            "amplitude_id": [550106004607],
            "session_id": [-1.0],
            "groups": ['{"company":["acme"]}'],
            "_airbyte_extracted_at": [at("2026-05-03 10:00:10")],
            "_airbyte_generation_id": [0],
        }
    )
    (tmp_path / "sent" / "events").mkdir(parents=True)
    rows.write_parquet(tmp_path / "sent" / "events" / "2026_05_03_1777802410000_0.parquet")
    found = exported(tmp_path, {}, "airbyte", sessions=True)
    assert found.values("usage_events", "event_id", "account_id", "user_id") == [("e1", "acme", "amp:550106004607")]
