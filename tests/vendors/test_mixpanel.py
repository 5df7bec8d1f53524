"""Mixpanel's events become usage events, from raw exports, Fivetran's tables, Airbyte's streams and pipelines."""

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
from pathlib import Path

import polars as pl
import pytest

import warehouse.blocks
from tests.frames import at
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.told_alike import content, differences
from warehouse.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:as_of 2026-10-31 is after every export")
HEADER = (
    "_file,_line,_fivetran_id,event_id,name,time,distinct_id,properties,insert_id,mp_processing_time_ms,"
    "_fivetran_synced,screen_width,wifi,app_release,app_version,os,mp_device_model,city,os_version,mp_country_code,"
    "lib_version,manufacturer,radio,carrier,screen_height,app_build_number,model,region,app_version_string,mp_lib,"
    "initial_referring_domain,device_id,referrer,current_url,browser,browser_version,initial_referrer,search_engine,"
    "referring_domain,bluetooth_version,has_nfc,brand,has_telephone,screen_dpi,google_play_services,"
    "had_persisted_distinct_id,bluetooth_enabled,ios_ifa,device,mp_keyword,distinct_id_before_identity,"
    "ae_session_length"
)
"""The header of Fivetran's table, as dbt's package of it has it."""


def seconds(moment: str) -> int:
    """A time of UTC as Mixpanel writes it."""
    return int(dt.datetime.fromisoformat(f"{moment}+00:00").timestamp())


def event(key: str | None, name: str = "Report Exported", moment: str = "2026-05-03 10:00:00", **properties):
    """An event as a raw export has it."""
    return {
        "event": name,
        "properties": {
            "time": seconds(moment),
            "distinct_id": "ann",
            "$browser": "Chrome",
            "$city": "Berlin",
            **({"$insert_id": key} if key else {}),
            "$mp_api_endpoint": "api-js.mixpanel.com",
            "mp_lib": "web",
            "mp_processing_time_ms": 1777802405000,
            "company_id": "acme",
            **properties,
        },
    }


def lines(*rows: dict) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


OF_FIVETRAN = ("time", "distinct_id", "$insert_id", "mp_processing_time_ms", "$distinct_id_before_identity")
"""Properties that have a column, of those that events here have."""


def fivetran(*events: dict) -> bytes:
    """As Fivetran's table is unloaded: what Mixpanel names by itself in columns, all else as JSON text."""
    text = io.StringIO()
    table = csv.DictWriter(text, HEADER.split(","))
    table.writeheader()
    for place, one in enumerate(events):
        said = one["properties"]
        own = {name.removeprefix("$"): said[name] for name in OF_FIVETRAN if name in said}
        moment = dt.datetime.fromtimestamp(said["time"], dt.UTC)
        others = {name: value for name, value in said.items() if name not in OF_FIVETRAN}
        row = {**own, "name": one["event"], "time": f"{moment:%Y-%m-%d %H:%M:%S}", "properties": json.dumps(others)}
        marks = {"_fivetran_id": f"f{place}", "event_id": 9406000, "_fivetran_synced": "2026-05-07 08:59:49"}
        table.writerow({**marks, **row})
    return text.getvalue().encode()


def airbyte(*events: dict) -> bytes:
    """As Airbyte's stream is written: properties beside the name without `$`, each as Python shows it."""
    rows = []
    for one in events:
        said = {name.removeprefix("$"): str(value) for name, value in one["properties"].items()}
        moment = dt.datetime.fromtimestamp(one["properties"]["time"], dt.UTC)
        data = {"event": one["event"], **said, "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        rows.append({"_airbyte_raw_id": "r", "_airbyte_extracted_at": 1777802410000, "_airbyte_data": data})
    return lines(*rows)


def pipeline(*events: dict) -> bytes:
    """As a JSON pipeline's table is unloaded."""
    text = io.StringIO()
    table = csv.DictWriter(
        text, ["device_id", "distinct_id", "event_name", "insert_id", "properties", "time", "user_id"]
    )
    table.writeheader()
    for one in events:
        said = one["properties"]
        moment = dt.datetime.fromtimestamp(said["time"], dt.UTC)
        table.writerow(
            {
                "distinct_id": said["distinct_id"],
                "event_name": one["event"],
                "insert_id": said.get("$insert_id"),
                "properties": json.dumps(said),
                "time": f"{moment:%Y-%m-%d %H:%M:%S} UTC",
                "user_id": said.get("$user_id"),
            }
        )
    return text.getvalue().encode()


EACH = {
    "api": ("export.jsonl", lines),
    "fivetran": ("event.csv", fivetran),
    "airbyte": ("export/2026_05_03_1777802410000_0.jsonl", airbyte),
    "warehouse": ("mp_master_event.csv", pipeline),
}
"""By writer the name of a file, and how it is written."""


def exported(tmp_path: Path, files, written_by: str = "api", **options) -> Ingested:
    source = {"form": "mixpanel", "written_by": written_by, "options": options}
    return ingested(tmp_path, files, source, ["usage_events"])


def of(tmp_path: Path, written_by: str, *events: dict, **options) -> Ingested:
    name, write = EACH[written_by]
    return exported(tmp_path, {name: write(*events)}, written_by, **options)


# --- an event ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", EACH)
def test_an_event_is_of_its_user_and_of_the_account_that_a_property_names(writer, tmp_path):
    found = of(tmp_path, writer, event("i1", **{"$user_id": "u1"}))
    assert found.rejects() == []
    (row,) = found.rows("usage_events").rows(named=True)
    assert (row["name"], row["account_id"], row["user_id"]) == ("Report Exported", "acme", "u1")
    assert row["occurred_at"] == at("2026-05-03 10:00:00")
    assert found.exported("usage_events") == {"event_id", "account_id", "user_id", "name", "occurred_at"}


def test_an_id_is_a_hash_of_what_mixpanel_knows_an_event_by(tmp_path):
    found = of(tmp_path, "api", event("i1"))
    # 2026-05-03 10:00:00 UTC is 1,777,802,400 seconds after 1970.
    known_by = "\x1f".join(["Report Exported", "1777802400", "ann", "i1"]).encode()
    assert found.values("usage_events", "event_id") == [(hashlib.blake2b(known_by, digest_size=16).hexdigest(),)]


def test_all_writers_tell_the_same(tmp_path):
    events = [
        event("i1", company_id=["acme"], took=12, failed=0, **{"$email": "ann@ours.example"}),
        event("i2", "$mp_web_page_view", company_id="bolt"),
        event("i3", company_id=["acme", "bolt"], took="7.4", **{"$user_id": "u3"}),
        event("i4", "Größe „geändert“", company_id=None, distinct_id="bob@acme.example", **{"$user_id": None}),
        event("i5", company_id=12345678901234567, distinct_id="$device:1f"),
        event("i6", "$ae_session"),
        event(None, "Nameless", moment="2026-03-31 23:59:59"),
    ]
    said = {"seconds": "took", "errors": "failed", "internal_domains": ["ours.example"]}
    told = {writer: content(of(tmp_path / writer, writer, *events, **said).rows("usage_events")) for writer in EACH}
    for writer, rows in told.items():
        assert differences(rows, told["api"]) == [], writer
    shown = (
        told["api"].sort("user_id", "name").select("user_id", "name", "account_id", "seconds", "errors", "is_internal")
    )
    assert shown.rows() == [
        ("$device:1f", "Report Exported", "12345678901234567", None, None, None),
        ("ann", "Nameless", "acme", None, None, None),
        ("ann", "Report Exported", "acme", 12, 0, True),
        ("bob@acme.example", "Größe „geändert“", "(unknown)", None, None, False),
        ("u3", "Report Exported", "(unknown)", 7, None, None),
    ]


def test_what_mixpanel_notes_by_itself_is_no_use_of_a_feature_unless_it_is_listed(tmp_path):
    names = ["$ae_session", "$mp_web_page_view", "$mp_click", "$identify", "$create_alias", "$merge"]
    events = [event(f"o{n}", name) for n, name in enumerate(names)]
    found = of(tmp_path / "none", "api", event("i1"), *events)
    assert found.values("usage_events", "name") == [("Report Exported",)]
    assert found.left_out("usage_events") == {"tells_nothing": 6}
    listed = of(tmp_path / "some", "api", event("i1"), *events, own_events=["$mp_web_page_view"])
    assert listed.values("usage_events", "name") == [("$mp_web_page_view",), ("Report Exported",)]


# --- users ------------------------------------------------------------------------------------------------------------


def test_the_user_is_whom_the_client_named_or_else_whom_mixpanel_takes_it_for(tmp_path):
    events = [
        event("i1", distinct_id="$device:9f"),
        event("i2", distinct_id="$device:9f", **{"$user_id": "u1"}),
        event("i3", distinct_id="u1", **{"$user_id": ""}),
    ]
    found = of(tmp_path, "api", *events)
    assert found.values("usage_events", "user_id") == [("$device:9f",), ("u1",), ("u1",)]


def test_another_property_may_name_the_user(tmp_path):
    found = of(tmp_path, "fivetran", event("i1", user_id="114521"), event("i2"), user="user_id")
    assert found.values("usage_events", "user_id") == [("114521",), ("ann",)]


def test_a_user_whom_airbyte_calls_none_is_none(tmp_path):
    found = of(tmp_path, "airbyte", event("i1", **{"$user_id": None}), event("i2", company_id=None))
    assert found.values("usage_events", "user_id", "account_id") == [("ann", "(unknown)"), ("ann", "acme")]


MAPPINGS = "distinct_id,resolved_distinct_id\n$device:9f,u1\nu1-old,u1\n"


@pytest.mark.parametrize(("said", "fourth"), [({}, "u1"), ({"user": "login"}, "l4")])
def test_a_pipeline_tells_which_id_stands_for_those_that_were_merged(said, fourth, tmp_path):
    events = [
        event("i1", "E1", distinct_id="$device:9f"),
        event("i2", "E2", distinct_id="u1-old", **{"$user_id": "u1-old"}),
        event("i3", "E3", distinct_id="$device:77"),
        event("i4", "E4", distinct_id="u1-old", login="l4"),
    ]
    files = {"mp_master_event.csv": pipeline(*events), "mp_identity_mappings_data_view.csv": MAPPINGS}
    found = exported(tmp_path, files, "warehouse", **said)
    assert found.values("usage_events", "name", "user_id") == [
        ("E1", "u1"),
        ("E2", "u1"),
        ("E3", "$device:77"),
        ("E4", fourth),
    ]


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", EACH)
@pytest.mark.parametrize("first", [False, True])
def test_of_a_list_of_companies_the_only_one_is_the_account(writer, first, tmp_path):
    lists = [["acme"], ["acme", "acme"], ["bolt's, Inc", "acme"], [], [7]]
    events = [event(f"i{n}", f"E{n}", company_id=each) for n, each in enumerate(lists)]
    found = of(tmp_path, writer, *events, first_account=first)
    assert found.values("usage_events", "name", "account_id") == [
        ("E0", "acme"),
        ("E1", "acme"),
        ("E2", "bolt's, Inc" if first else "(unknown)"),
        ("E3", "(unknown)"),
        ("E4", "7"),
    ]
    assert found.rejects() == []


def test_a_name_that_looks_like_a_list_is_a_name(tmp_path):
    assert of(tmp_path, "api", event("i1", company_id="[Demo] Acme")).values("usage_events", "account_id") == [
        ("[Demo] Acme",)
    ]


@pytest.mark.parametrize("writer", EACH)
def test_a_property_keeps_its_blanks_and_capitals_and_loses_its_sign_beside_the_name(writer, tmp_path):
    told = event("i1", **{"$Org Name": "Initech", "Time Spent (s)": 61})
    found = of(tmp_path, writer, told, account="$Org Name", seconds="Time Spent (s)")
    assert found.values("usage_events", "account_id", "seconds") == [("Initech", 61)]


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "moment", "happened", "month"),
    [
        # A clock in Berlin showed 23:30 on the last day of March, which was 21:30 in UTC.
        ("Europe/Berlin", "2026-03-31 23:30:00", "2026-03-31 21:30:00", 3),
        # Without a word on it, that is half past eleven in UTC, and in Berlin, where months begin, April.
        ("UTC", "2026-03-31 23:30:00", "2026-03-31 23:30:00", 4),
        ("America/Los_Angeles", "2026-04-30 16:00:00", "2026-04-30 23:00:00", 5),
        # The hour that clocks showed twice is the first of the two: still that of summer.
        ("Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25 00:30:00", 10),
    ],
)
def test_times_of_an_old_project_are_its_zones_and_so_months_end_where_they_do(zone, moment, happened, month, tmp_path):
    found = of(tmp_path, "api", event("i1", moment=moment), project_time_zone=zone)
    assert found.values("usage_events", "occurred_at") == [(at(happened),)]
    first = dt.date(2026, month, 1)
    assert found.company.project().staged("usage_events", (first, first)).height == 1


@pytest.mark.parametrize("writer", ["fivetran", "airbyte", "warehouse"])
def test_times_of_an_old_project_are_its_zones_whoever_wrote_them(writer, tmp_path):
    found = of(tmp_path, writer, event("i1", moment="2026-03-31 23:30:00"), project_time_zone="Europe/Berlin")
    assert found.values("usage_events", "occurred_at") == [(at("2026-03-31 21:30:00"),)]


def test_an_id_is_the_same_in_whatever_zone_times_are_taken_for(tmp_path):
    told = [of(tmp_path / zone, "api", event("i1"), project_time_zone=zone) for zone in ("UTC", "Asia/Tokyo")]
    assert told[0].values("usage_events", "event_id") == told[1].values("usage_events", "event_id")


def test_a_time_that_no_clock_of_the_zone_showed_is_rejected(tmp_path):
    events = [event("i1", moment="2026-03-29 02:30:00"), event("i2")]
    found = of(tmp_path, "api", *events, project_time_zone="Europe/Berlin")
    assert found.values("usage_events", "occurred_at") == [(at("2026-05-03 08:00:00"),)]
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(1, "occurred_at")]


def test_a_zone_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"options\.project_time_zone: .*expected an IANA time zone"):
        of(tmp_path, "api", event("i1"), project_time_zone="Pacific Time")


def test_times_may_be_in_milliseconds(tmp_path):
    found = of(tmp_path, "api", event("i1", time=1777802400250))
    assert found.values("usage_events", "occurred_at") == [(at("2026-05-03 10:00:00.250"),)]


# --- events that came in again ----------------------------------------------------------------------------------------


def test_an_event_counts_once_however_often_it_came_in(tmp_path):
    twice = event("i1", mp_processing_time_ms=1777802409999)
    others = [event("i2"), event("i1", "Report Deleted"), event("i1", distinct_id="bob")]
    later = event("i1", moment="2026-05-03 10:00:01")
    found = exported(tmp_path, {"export-1.jsonl": lines(event("i1"), twice, *others), "export-2.jsonl": lines(later)})
    assert found.values("usage_events", "name", "user_id", "occurred_at") == [
        ("Report Deleted", "ann", at("2026-05-03 10:00:00")),
        ("Report Exported", "ann", at("2026-05-03 10:00:00")),
        ("Report Exported", "ann", at("2026-05-03 10:00:00")),
        ("Report Exported", "ann", at("2026-05-03 10:00:01")),
        ("Report Exported", "bob", at("2026-05-03 10:00:00")),
    ]
    assert found.left_out("usage_events") == {"replaced": 1}


def test_an_event_in_seconds_and_in_milliseconds_is_one(tmp_path):
    exact = event("i1", time=1777802400250)
    found = exported(tmp_path, {"export-2026-05-04.jsonl": lines(event("i1")), "export-2026-05-05.jsonl": lines(exact)})
    assert found.rows("usage_events").height == 1


@pytest.mark.parametrize("order", [1, -1])
def test_of_an_event_that_came_in_again_with_other_words_the_last_ones_count(order, tmp_path):
    first = event("i1", company_id="acme", mp_processing_time_ms=1777802405000)
    second = event("i1", company_id="bolt", mp_processing_time_ms=1777802999000)
    found = of(tmp_path, "api", *[first, second, event("i2")][::order])
    assert found.values("usage_events", "account_id") == [("acme",), ("bolt",)]
    assert found.left_out("usage_events") == {"replaced": 1}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("writer", ["api", "fivetran", "airbyte"])
def test_the_last_words_on_an_event_count_in_whatever_parts_of_a_file_they_stand(writer, order, tmp_path, monkeypatch):
    monkeypatch.setattr(warehouse.blocks, "BLOCK", 2000)
    came_in = {"bolt": 1777802999000, "acme": 1777802405000, "core": 1777802777000}
    again = [event("i1", company_id=of, mp_processing_time_ms=when) for of, when in came_in.items()]
    between = [event(f"o{n}", company_id="other") for n in range(20)]
    first, second, third = again[::order]
    found = of(tmp_path, writer, first, *between, second, *between, third)
    told = found.rows("usage_events").filter(pl.col("account_id") != "other")["account_id"].to_list()
    assert told == ["bolt"]
    assert found.left_out("usage_events") == {"replaced": 2 + 20}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_the_last_words_on_an_event_count_in_whatever_file_they_stand(names, tmp_path):
    first = event("i1", company_id="acme", mp_processing_time_ms=1777802405000)
    second = event("i1", company_id="bolt", mp_processing_time_ms=1777802999000)
    files = {f"export-{name}-2026-05-04.jsonl": lines(one) for name, one in zip(names, [first, second], strict=True)}
    assert exported(tmp_path, files).values("usage_events", "account_id") == [("bolt",)]


def test_of_an_event_of_which_nothing_tells_when_it_came_in_the_first_row_counts(tmp_path):
    events = [event("i1", company_id=each, mp_processing_time_ms=None) for each in ("acme", "bolt")]
    found = of(tmp_path, "api", *events)
    assert found.values("usage_events", "account_id") == [("acme",)]
    assert found.left_out("usage_events") == {"replaced": 1}


def test_in_several_exports_the_newest_counts_and_a_user_who_logged_in_since_is_no_other_event(tmp_path):
    before = event("i1", distinct_id="$device:9f")
    after = event("i1", distinct_id="u1", **{"$distinct_id_before_identity": "$device:9f"})
    files = {"export-2026-05-04.jsonl": lines(before), "export-2026-05-20.jsonl": lines(after)}
    found = exported(tmp_path, files)
    assert found.values("usage_events", "user_id") == [("u1",)]
    assert found.left_out("usage_events") == {"replaced": 1}


def test_an_event_in_a_row_that_fivetran_deleted_is_none(tmp_path):
    rows = fivetran(event("i1"), event("i2", "Gone")).decode().splitlines()
    marked = [f"{row},{mark}" for row, mark in zip(rows, ["_fivetran_deleted", "false", "true"], strict=True)]
    found = exported(tmp_path, {"event.csv": "\n".join(marked) + "\n"}, "fivetran")
    assert found.values("usage_events", "name") == [("Report Exported",)]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_packed_export_and_one_in_a_folder_are_read(tmp_path):
    files = {"export-2026-05-04.json.gz": gzip.compress(lines(event("i1"))), "export/may.json": lines(event("i2"))}
    assert exported(tmp_path, files).rows("usage_events").height == 2


def test_the_words_at_the_end_of_an_export_that_was_broken_off_are_told(tmp_path):
    found = exported(tmp_path, {"export.jsonl": lines(event("i1")) + b"terminated early\n"})
    assert found.rows("usage_events").height == 1
    assert [(line, why) for _, line, _, why in found.rejects()] == [
        (2, "expected a JSON object in one line (JSONDecodeError)")
    ]


def test_fivetrans_properties_that_are_no_json_are_rejected(tmp_path):
    rows = fivetran(event("i1"), event("i2", "Other")).decode().replace('""company_id"": ""acme""}', "", 1)
    found = exported(tmp_path, {"event.csv": rows}, "fivetran")
    assert found.values("usage_events", "name") == [("Other",)]
    assert [(line, column, why) for _, line, column, why in found.rejects()] == [(2, "properties", "expected JSON")]


def test_a_pipelines_files_of_hours_and_its_table_of_columns_are_read(tmp_path):
    row = {
        "mp_event_name": "Report Exported",
        "time": "2026-05-03T10:00:00Z",
        "distinct_id": "ann",
        "mp_insert_id": "i1",
        "company_id": "acme",
    }
    again = {"event_name": "Report Exported", "time": "2026-05-03T10:00:00Z", "distinct_id": "ann", "insert_id": "i1"}
    files = {
        "mp_master_event/2026/05/03/10.json.gz": gzip.compress(lines(row)),
        "mp_master_event/2026/05/03/11.json": lines({**again, "properties": {"company_id": "acme"}}),
    }
    found = exported(tmp_path, files, "warehouse")
    assert found.values("usage_events", "account_id", "user_id") == [("acme", "ann")]
    assert found.left_out("usage_events") == {"replaced": 1}


def test_fivetrans_table_of_a_lake_is_read(tmp_path):
    rows = pl.DataFrame(
        {
            "_fivetran_id": ["f1"],
            "NAME": ["Report Exported"],
            "TIME": [at("2026-05-03 10:00:00")],
            "DISTINCT_ID": ["ann"],
            "INSERT_ID": ["i1"],
            "USER_ID": ["u1"],
            "PROPERTIES": ['{"company_id": ["acme"]}'],
            "MP_PROCESSING_TIME_MS": [1777802405000],
        }
    )
    (tmp_path / "sent" / "event").mkdir(parents=True)
    rows.write_parquet(tmp_path / "sent" / "event" / "data_0.parquet")
    found = exported(tmp_path, {}, "fivetran")
    assert found.values("usage_events", "account_id", "user_id") == [("acme", "u1")]
