"""PostHog's events become usage events, from batch exports, tables of a warehouse and Airbyte's streams."""

import gzip
import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.frames import at
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.told_alike import content, differences
from warehouse.errors import ConfigError, ExportError

pytestmark = pytest.mark.filterwarnings("ignore:as_of 2026-10-31 is after every export")
INTERVAL = "2026-05-03T10:00:00+00:00-2026-05-03T11:00:00+00:00"
"""What the files of an hour are called."""


def event(key: str, name: str = "report exported", **properties):
    """An event as a batch export has it, its properties an object."""
    return {
        "uuid": key,
        "event": name,
        "properties": {
            "$lib": "web",
            "$group_0": "acme",
            "$groups": {"company": "acme", "project": "p1"},
            **properties,
        },
        "person_properties": {"email": "ann@acme.example"},
        "distinct_id": "ann",
        "person_id": "018f-1",
        "elements_chain": "",
        "created_at": "2026-05-03T10:00:03.000000+00:00",
        "timestamp": "2026-05-03T10:00:00.250000+00:00",
    }


OBJECTS = ("properties", "person_properties")
TIMES = ("timestamp", "created_at")


def in_text(one: dict) -> dict:
    """The same with JSON text for objects."""
    return {
        name: json.dumps(value) if name in OBJECTS and not isinstance(value, str) else value
        for name, value in one.items()
    }


def parquet(*events: dict, compression: str = "none") -> bytes:
    """As PostHog writes Parquet: JSON as text, times in UTC, compressed within."""
    rows = [{name: None if value == "" else value for name, value in in_text(one).items()} for one in events]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame = frame.with_columns(pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z") for name in TIMES)
    written = io.BytesIO()
    pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), written, compression=compression)
    return written.getvalue()


def json_lines(*events: dict) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in events).encode()


def table(*events: dict) -> bytes:
    """As a warehouse unloads its table: CSV with JSON text, and plain times of UTC."""
    rows = [
        {**in_text(one), **{name: one[name].replace("T", " ").removesuffix("+00:00") for name in TIMES}}
        for one in events
    ]
    return pl.DataFrame(rows).write_csv().encode()


def stream(*events: dict) -> bytes:
    """As Airbyte writes the stream: the API's event, its person an object, in an envelope."""
    rows = []
    for one in events:
        data = {
            "id": one["uuid"],
            "event": one["event"],
            "distinct_id": one["distinct_id"],
            "timestamp": one["timestamp"],
            "properties": one["properties"],
            "person": {"is_identified": True, "distinct_ids": ["ann"], "properties": one["person_properties"]},
            "elements_chain": "",
        }
        marks = {"_airbyte_raw_id": one["uuid"], "_airbyte_extracted_at": 1777802400000, "_airbyte_generation_id": 0}
        rows.append({**marks, "_airbyte_data": data})
    return json_lines(*rows)


EACH = {
    "parquet": ("api", f"events/{INTERVAL}.parquet", parquet),
    "json lines": ("api", f"events/{INTERVAL}.jsonl", json_lines),
    "json lines with text": ("api", f"events/{INTERVAL}.jsonl", lambda *events: json_lines(*map(in_text, events))),
    "warehouse": ("warehouse", "events.csv", table),
    "airbyte": ("airbyte", "events/2026_05_03_1777802400000_0.jsonl", stream),
}
"""By way of writing: who does, into which file, and how."""


def exported(tmp_path: Path, files, written_by: str = "api", **options) -> Ingested:
    source = {"form": "posthog", "written_by": written_by, "options": options}
    return ingested(tmp_path, files, source, ["usage_events"])


def of(tmp_path: Path, how: str, *events: dict, **options) -> Ingested:
    written_by, name, write = EACH[how]
    return exported(tmp_path, {name: write(*events)}, written_by, **options)


# --- an event ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", EACH)
def test_an_event_is_of_its_person_and_of_the_group_in_its_properties(how, tmp_path):
    found = of(tmp_path, how, event("e1"))
    assert found.rejects() == []
    (row,) = found.rows("usage_events").rows(named=True)
    assert (row["event_id"], row["name"], row["account_id"]) == ("e1", "report exported", "acme")
    assert row["occurred_at"] == at("2026-05-03 10:00:00.250")
    assert row["user_id"] == ("ann" if how == "airbyte" else "018f-1"), "Airbyte tells no id of the person"
    assert found.exported("usage_events") == {"event_id", "account_id", "user_id", "name", "occurred_at"}


def test_all_ways_of_writing_tell_the_same(tmp_path):
    events = [
        event("e1", seconds=12, failed=0),
        event("e2", "page viewed", **{"$group_0": None, "$groups": {}}),
        event("e3", "müllers „Bericht“", seconds="7", note='line\nend "quoted" \\ back'),
        event("e4", "$pageview"),
        event("e5", "smile 😀", seconds=3.4, **{"$group_0": 12345678901234567}),
    ]
    events = [{**one, "person_id": None} for one in events]  # which Airbyte does not have
    said = {"seconds": "seconds", "errors": "failed", "internal_domains": ["acme.example"]}
    told = {how: content(of(tmp_path / how, how, *events, **said).rows("usage_events")) for how in EACH}
    for how, rows in told.items():
        assert differences(rows, told["json lines"]) == [], how
    assert told["parquet"].select("event_id", "account_id", "seconds", "errors", "is_internal").rows() == [
        ("e1", "acme", 12, 0, True),
        ("e2", "(unknown)", None, None, True),
        ("e3", "acme", 7, None, True),
        ("e5", "12345678901234567", 3, None, True),
    ]


def test_without_a_person_the_user_is_whom_the_client_names(tmp_path):
    nobody = {**event("e2"), "person_id": None}
    found = of(tmp_path, "parquet", event("e1"), nobody)
    assert found.values("usage_events", "event_id", "user_id") == [("e1", "018f-1"), ("e2", "ann")]


@pytest.mark.parametrize(
    ("group", "account"),
    [("$group_0", "acme"), ("$group_1", "(unknown)"), ("$groups.company", "acme"), ("$groups.project", "p1")],
)
def test_the_config_says_which_type_of_groups_the_accounts_are(group, account, tmp_path):
    assert of(tmp_path, "parquet", event("e1"), group=group).values("usage_events", "account_id") == [(account,)]


@pytest.mark.parametrize("group", ["$group_5", "company", "$groups.", "$groups.a.b"])
def test_a_group_that_is_no_type_is_refused(group, tmp_path):
    with pytest.raises(ConfigError, match=r"options\.group: .*expected \$group_0 to \$group_4, or \$groups\."):
        of(tmp_path, "parquet", event("e1"), group=group)


def test_what_posthog_notes_by_itself_is_no_use_of_a_feature_unless_it_is_listed(tmp_path):
    flags = [event(f"f{n}", "$feature_flag_called") for n in range(50)]
    others = [event("e1"), event("p1", "$pageview"), event("s1", "survey sent"), event("g1", "$groupidentify")]
    found = of(tmp_path / "none", "parquet", *flags, *others)
    assert found.values("usage_events", "event_id") == [("e1",)]
    assert found.left_out("usage_events") == {"tells_nothing": 53}
    listed = of(tmp_path / "some", "parquet", *flags, *others, own_events=["$pageview", "survey sent"])
    assert listed.values("usage_events", "name") == [("$pageview",), ("report exported",), ("survey sent",)]


def test_who_has_an_address_of_ours_is_one_of_us(tmp_path):
    nobody = {**event("e2"), "person_properties": {}}
    found = of(tmp_path, "parquet", event("e1"), nobody, internal_domains=["other.example", "ACME.example"])
    assert found.values("usage_events", "event_id", "is_internal") == [("e1", True), ("e2", None)]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "compression"), [("zst", "zstd"), ("lz4", "lz4"), ("sz", "snappy"), ("br", "brotli"), ("gz", "gzip")]
)
def test_parquet_that_is_compressed_within_is_plain_parquet_whatever_its_name_says(ending, compression, tmp_path):
    found = exported(tmp_path, {f"events/{INTERVAL}.parquet.{ending}": parquet(event("e1"), compression=compression)})
    assert found.values("usage_events", "event_id", "account_id") == [("e1", "acme")]


def test_json_lines_are_unpacked_if_they_are_gzip(tmp_path):
    found = exported(tmp_path, {f"events/{INTERVAL}.jsonl.gz": gzip.compress(json_lines(event("e1")))})
    assert found.values("usage_events", "event_id") == [("e1",)]


def test_brotli_is_refused_with_a_way_out_and_read_where_it_was_unpacked_on_its_way(tmp_path):
    packed = pa.compress(json_lines(*(event(f"e{n}") for n in range(9))), codec="brotli", asbytes=True)
    with pytest.raises(
        ExportError, match=r"jsonl\.br: this is compressed \(brotli\); unpack it, or let it be exported"
    ):
        exported(tmp_path / "packed", {f"events/{INTERVAL}.jsonl.br": packed})
    found = exported(tmp_path / "plain", {f"events/{INTERVAL}.jsonl.br": json_lines(event("e1"))})
    assert found.values("usage_events", "event_id") == [("e1",)]


@pytest.mark.parametrize("manifest", [f"{INTERVAL}_manifest.json", "manifest.json"])
def test_a_list_of_the_files_beside_them_is_no_export(manifest, tmp_path):
    files = {f"events/{INTERVAL}-{n}.parquet": parquet(event(f"e{n}")) for n in range(2)}
    found = exported(tmp_path, {**files, f"events/{manifest}": json.dumps({"files": sorted(files)})})
    assert found.values("usage_events", "event_id") == [("e0",), ("e1",)]


@pytest.mark.parametrize(
    "folder", ["", "events/", "events/2026/05/03/10/", "2026/05/03/", "2026-05-03/", "events/2026-05/"]
)
def test_files_are_found_however_the_prefix_parts_them(folder, tmp_path):
    files = {f"{folder}2026-05-03T1{n}:00:00+00:00-2026-05-03T1{n + 1}:00:00+00:00.parquet": parquet(event(f"e{n}"))
             for n in range(2)}  # fmt: skip
    assert exported(tmp_path, files).values("usage_events", "event_id") == [("e0",), ("e1",)]


def test_an_event_that_is_written_again_counts_once(tmp_path):
    later = {**event("e1"), "timestamp": "2026-05-03T10:59:00.000000+00:00"}
    files = {"events/a.parquet": parquet(later, event("e2")), "events/b.jsonl": json_lines(event("e1"))}
    found = exported(tmp_path, files)
    assert found.values("usage_events", "event_id", "occurred_at") == [
        ("e1", at("2026-05-03 10:00:00.250")),
        ("e2", at("2026-05-03 10:00:00.250")),
    ]
    assert found.left_out("usage_events") == {"replaced": 1}


@pytest.mark.parametrize("how", ["parquet", "json lines with text", "warehouse"])
def test_an_event_whose_properties_are_no_json_is_rejected(how, tmp_path):
    found = of(tmp_path, how, event("e1"), {**event("e2"), "properties": '{"$group_0": '})
    assert found.values("usage_events", "event_id") == [("e1",)]
    assert [(column, reason) for _, _, column, reason in found.rejects()] == [("properties", "expected JSON")]


@pytest.mark.parametrize("order", [1, -1])
def test_an_object_may_be_text_in_some_lines_only(order, tmp_path):
    found = exported(tmp_path, {"events/a.jsonl": json_lines(*[event("e1"), in_text(event("e2"))][::order])})
    assert found.values("usage_events", "event_id", "account_id") == [("e1", "acme"), ("e2", "acme")]


def test_events_without_any_properties_are_accountless(tmp_path):
    found = exported(tmp_path, {"events/a.parquet": parquet({**event("e1"), "properties": {}}, event("e2"))})
    assert found.values("usage_events", "event_id", "account_id") == [("e1", "(unknown)"), ("e2", "acme")]


def test_of_airbytes_runs_that_began_anew_the_last_counts_in_whatever_files(tmp_path):
    first, second = stream(event("e1"), event("e2")), stream(event("e3"))
    second = second.replace(b'"_airbyte_generation_id": 0', b'"_airbyte_generation_id": 1')
    found = exported(
        tmp_path, {"events/b_1777802400000_0.jsonl": first, "events/a_1777802500000_0.jsonl": second}, "airbyte"
    )
    assert found.values("usage_events", "event_id") == [("e3",)]
