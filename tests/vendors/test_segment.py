"""Segment's calls become usage events, from raw logs and from tables of a warehouse."""

import datetime as dt
import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.ingest.filling import filling
from tests.frames import at
from tests.integration.small_company import SmallCompany
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.told_alike import content, differences
from transforms.clean.vendors import FORMS
from warehouse.errors import ConfigError
from warehouse.sent import source_files

MAY_3, MAY_4, MAY_31 = (int(dt.datetime(2026, 5, day, tzinfo=dt.UTC).timestamp() * 1000) for day in (3, 4, 31))
"""Days on which files were received, as their folders are called."""
PAGES = (
    "id,anonymous_id,user_id,received_at,sent_at,timestamp,url,path,title,search,referrer,context_campaign_source,"
    "context_campaign_medium,context_campaign_name,context_campaign_term,context_campaign_content,context_ip,"
    "context_user_agent"
)
"""The header of a table of pages, as dbt's package of Segment has it."""


def call(key: str, moment: str = "2026-05-03T10:00:00.250Z", **changed):
    """A track call as a raw log has it; the clock of the device is years behind."""
    return {
        "anonymousId": "507f191e",
        "channel": "client",
        "context": {"groupId": "acme", "ip": "192.0.2.1", "library": {"name": "analytics.js", "version": "2.1.0"}},
        "event": "Report Exported",
        "integrations": {},
        "messageId": key,
        "originalTimestamp": "2009-01-01T00:00:00.000Z",
        "projectId": "src",
        "properties": {"format": "pdf", "rows": 12},
        "receivedAt": "2026-05-03T10:00:02.000Z",
        "sentAt": "2009-01-01T00:00:01.000Z",
        "timestamp": moment,
        "type": "track",
        "userId": "u1",
        "version": 2,
        **changed,
    }


def lines(*calls) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in calls).encode()


def log(name: str = "a.gz", day: int = MAY_3, source: str = "Vh9BQcAj") -> str:
    return f"segment-logs/{source}/{day}/{name}"


def of_logs(tmp_path: Path, files, **options) -> Ingested:
    packed = {name: gzip.compress(each) if isinstance(each, bytes) else lines(*each) for name, each in files.items()}
    source = {"form": "segment", "written_by": "api", "options": options}
    return ingested(tmp_path, packed, source, ["usage_events"])


def of_tables(tmp_path: Path, files, tables=("usage_events",), **options) -> Ingested:
    source = {"form": "segment", "written_by": "warehouse", "options": options}
    return ingested(tmp_path, files, source, tables)


def one(found: Ingested) -> dict:
    assert found.rejects() == []
    (row,) = found.rows("usage_events").rows(named=True)
    return row


# --- a call -----------------------------------------------------------------------------------------------------------


def test_a_track_call_is_an_event_of_its_user_and_of_the_group_that_its_context_names(tmp_path):
    row = one(of_logs(tmp_path, {log(): lines(call("m1"))}))
    assert (row["event_id"], row["account_id"], row["user_id"], row["name"]) == ("m1", "acme", "u1", "Report Exported")
    assert row["occurred_at"] == at("2026-05-03 10:00:00.250"), "and never by the clock of the device"
    assert (row["seconds"], row["errors"], row["event_count"], row["is_internal"]) == (None, None, None, None)


def test_what_no_call_tells_is_not_exported(tmp_path):
    found = of_logs(tmp_path, {log(): lines(call("m1"))})
    assert found.exported("usage_events") == {"event_id", "account_id", "user_id", "name", "occurred_at"}


def test_who_is_anonymous_is_no_user(tmp_path):
    anonymous, nobody = call("m1"), call("m2", userId=None)
    del anonymous["userId"]
    found = of_logs(tmp_path, {log(): lines(anonymous, nobody, call("m3"))})
    assert found.values("usage_events", "event_id", "user_id") == [("m1", None), ("m2", None), ("m3", "u1")]


def test_an_event_whose_account_nothing_names_counts_under_no_known_account(tmp_path):
    found = of_logs(tmp_path, {log(): lines(call("m1", context={"ip": "192.0.2.1"}), call("m2", context=None))})
    assert found.values("usage_events", "event_id", "account_id") == [("m1", "(unknown)"), ("m2", "(unknown)")]
    assert found.left_out("usage_events") == {}


@pytest.mark.parametrize("kind", ["identify", "group", "alias", "delete"])
def test_calls_that_are_no_use_of_the_product_tell_nothing(kind, tmp_path):
    other = call("m2", type=kind, traits={"plan": "pro"}, groupId="acme")
    del other["event"]
    found = of_logs(tmp_path, {log(): lines(call("m1"), other)})
    assert found.values("usage_events", "event_id") == [("m1",)]
    assert found.left_out("usage_events") == {"tells_nothing": 1}


def test_a_log_of_other_calls_alone_is_no_fault(tmp_path):
    profile = call("m2", type="identify", traits={"email": "x@acme.example"})
    del profile["event"]
    found = of_logs(tmp_path, {log("a.gz"): lines(call("m1")), log("b.gz"): lines(profile)})
    assert found.values("usage_events", "event_id") == [("m1",)]


@pytest.mark.parametrize(
    ("said", "expected"), [({}, []), ({"page_views": True}, ["Viewed Home", "Viewed Pricing", None])]
)
def test_calls_of_pages_and_screens_are_events_if_the_config_says_so(said, expected, tmp_path):
    page = call("p1", type="page", name="Pricing", properties={"url": "https://a.example/pricing"})
    screen, nameless = call("p2", type="screen", properties={"name": "Home"}), call("p3", type="page")
    for each in (page, screen, nameless):
        del each["event"]
    found = of_logs(tmp_path, {log(): lines(call("m1"), page, screen, nameless)}, **said)
    names = found.rows("usage_events").filter(pl.col("event_id") != "m1")["name"].to_list()
    assert sorted(names, key=str) == sorted(expected, key=str)


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "counts_at"),
    [
        ("2026-05-04T10:00:02.000Z", "2026-05-04 10:00:02"),
        ("2026-05-04T10:00:02.001Z", "2026-05-03 10:00:02"),
        ("2031-01-01T00:00:00.000Z", "2026-05-03 10:00:02"),
        ("2026-04-30T23:30:00+02:00", "2026-04-30 21:30:00"),
    ],
)
def test_an_event_more_than_a_day_after_it_was_received_happened_when_it_was_received(moment, counts_at, tmp_path):
    assert one(of_logs(tmp_path, {log(): lines(call("m1", moment))}))["occurred_at"] == at(counts_at)


def test_an_event_counts_on_its_own_day_and_not_on_that_of_its_folder(tmp_path):
    late = call("m1", "2026-03-30T09:00:00.000Z", receivedAt="2026-05-31T07:00:00.000Z")
    row = one(of_logs(tmp_path, {log(day=MAY_31): lines(late)}))
    assert row["occurred_at"] == at("2026-03-30 09:00:00")


def test_a_call_without_a_time_is_rejected(tmp_path):
    found = of_logs(tmp_path, {log(): lines(call("m1"), call("m2", None))})
    assert found.values("usage_events", "event_id") == [("m1",)]
    ((file, line, column, _),) = found.rejects()
    assert (file, line, column) == (f"sent/{log()}", 2, "timestamp")


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_that_was_unpacked_on_its_way_is_read_though_its_name_says_gz(tmp_path):
    files = {log("a.gz"): lines(call("m1")), log("b.gz"): [call("m2")]}
    assert of_logs(tmp_path, files).values("usage_events", "event_id") == [("m1",), ("m2",)]
    assert (tmp_path / "sent" / log("b.gz")).read_bytes().startswith(b"{")


def test_folders_of_all_sources_and_days_are_read_and_files_of_one_name_are_told_apart(tmp_path):
    files = {
        log("1.gz"): lines(call("m1")),
        log("1.gz", MAY_4): lines(call("m2", None)),
        log("1.gz", MAY_4, "other"): lines(call("m3")),
    }
    found = of_logs(tmp_path, files)
    assert found.values("usage_events", "event_id") == [("m1",), ("m3",)]
    assert [file for file, *_ in found.rejects()] == [f"sent/{log('1.gz', MAY_4)}"]


@pytest.mark.parametrize(
    "name", [f"{MAY_3}/a.gz", "calls.jsonl", "calls/a.gz", "rudder-logs/src/05-03-2026/1.src.a.json.gz"]
)
def test_logs_are_also_found_in_the_folder_of_one_source_and_where_rudderstack_puts_them(name, tmp_path):
    assert of_logs(tmp_path, {name: lines(call("m1"))}).values("usage_events", "event_id") == [("m1",)]


def test_a_call_that_is_delivered_again_counts_once_in_whichever_files_it_stands(tmp_path):
    again = call("m1", "2026-05-03T12:00:00.000Z", context={"groupId": "late"})
    files = {
        log("a.gz"): lines(again, call("m2")),
        log("b.gz", MAY_4): lines(call("m1"), call("m3")),
        log("c.gz", MAY_31): lines(call("m3"), call("m3"), again),
    }
    found = of_logs(tmp_path, files)
    assert found.values("usage_events", "event_id", "account_id") == [("m1", "acme"), ("m2", "acme"), ("m3", "acme")]
    assert found.left_out("usage_events") == {"replaced": 4}
    told = found.company.project().database.read("export_file").sort("file")
    assert told["rows_read"].to_list() == told["rows_loaded"].to_list() == [2, 2, 3]
    assert sum(told["rows_repeated"]) == 4


def test_a_second_run_reads_new_files_only_and_makes_the_same(tmp_path):
    first = {log(f"{n}.gz"): lines(call(f"m{n}")) for n in range(3)}
    of_logs(tmp_path / "twice", first)
    more = {**first, log("9.gz", MAY_4): lines(call("m9"), call("m1", "2026-05-03T09:00:00.000Z"))}
    again, at_once = of_logs(tmp_path / "twice", more), of_logs(tmp_path / "once", more)
    assert differences(content(again.rows("usage_events")), content(at_once.rows("usage_events"))) == []
    assert again.rows("usage_events").height == 4


# --- options ----------------------------------------------------------------------------------------------------------


def test_a_property_names_the_account_where_the_context_does_not(tmp_path):
    of_context = call("m1", properties={"workspace_id": "w9"})
    of_property = call("m2", context={}, properties={"workspace_id": "w1"})
    found = of_logs(tmp_path, {log(): lines(of_context, of_property)}, account="properties.workspace_id")
    assert found.values("usage_events", "event_id", "account_id") == [("m1", "acme"), ("m2", "w1")]


def test_time_spent_and_errors_are_properties_that_the_config_names(tmp_path):
    told = [{"duration": 12, "failed": 1}, {"duration": 1.6, "failed": "0"}, {"duration": "soon"}, {}]
    calls = (call(f"m{n}", properties=properties) for n, properties in enumerate(told))
    said = {"seconds": "properties.duration", "errors": "properties.failed"}
    found = of_logs(tmp_path, {log(): lines(*calls)}, **said)
    assert found.values("usage_events", "event_id", "seconds", "errors") == [
        ("m0", 12, 1),
        ("m1", 2, 0),
        ("m2", None, None),
        ("m3", None, None),
    ]


def put(key: str, user: str, group: str, moment: str):
    told = call(key, moment, type="group", userId=user, groupId=group, context={}, traits={"name": group})
    del told["event"]
    return told


class TestLastGroup:
    CALLS = (
        call("m1", "2026-05-03T08:00:00.000Z", context={}),
        call("m2", "2026-05-03T09:00:00.000Z", context={}),
        call("m3", "2026-05-03T11:00:00.000Z", context={}),
        call("m4", "2026-05-03T11:00:00.000Z", context={"groupId": "acme"}),
        call("m5", "2026-05-03T11:00:00.000Z", context={}, userId="u2"),
        call("m6", "2026-05-03T11:00:00.000Z", context={}, userId=None),
    )
    GROUPS = (
        put("g1", "u1", "one", "2026-05-03T09:00:00.000Z"),
        put("g2", "u1", "two", "2026-05-03T10:00:00.000Z"),
        put("g3", "u1", "three", "2026-05-03T12:00:00.000Z"),
    )
    EXPECTED = (
        ("m1", "(unknown)"),
        ("m2", "one"),
        ("m3", "two"),
        ("m4", "acme"),
        ("m5", "(unknown)"),
        ("m6", "(unknown)"),
    )

    @pytest.mark.parametrize("order", [1, -1])
    def test_an_event_is_of_the_group_that_its_user_was_last_put_in_whatever_the_order_of_files(self, order, tmp_path):
        every = [*self.CALLS, *self.GROUPS][::order]
        files = {log(f"{n}.gz"): lines(each) for n, each in enumerate(every)}
        found = of_logs(tmp_path, files, last_group=True)
        assert tuple(found.values("usage_events", "event_id", "account_id")) == self.EXPECTED
        assert found.left_out("usage_events") == {"tells_nothing": 3}

    def test_a_clock_that_is_ahead_puts_nobody_into_a_group_too_late_or_too_early(self, tmp_path):
        ahead = put("g1", "u1", "one", "2031-01-01T00:00:00.000Z") | {"receivedAt": "2026-05-03T09:00:00.000Z"}
        event = call("m1", "2031-01-01T00:00:00.000Z", context={}, receivedAt="2026-05-03T09:30:00.000Z")
        later = put("g2", "u1", "two", "2026-05-03T10:00:00.000Z")
        found = of_logs(tmp_path, {log(): lines(event, later, ahead)}, last_group=True)
        assert found.values("usage_events", "account_id") == [("one",)]

    def test_it_is_so_in_one_file_too(self, tmp_path):
        found = of_logs(tmp_path, {log(): lines(*self.GROUPS, *self.CALLS)}, last_group=True)
        assert tuple(found.values("usage_events", "event_id", "account_id")) == self.EXPECTED

    def test_unless_the_config_says_so_nobody_is_taken_for_a_member(self, tmp_path):
        found = of_logs(tmp_path, {log(): lines(*self.GROUPS, *self.CALLS)})
        assert {account for (account,) in found.values("usage_events", "account_id")} == {"acme", "(unknown)"}

    def test_a_group_call_of_later_restates_what_an_earlier_run_could_not_know(self, tmp_path):
        files = {log("a.gz"): lines(*self.CALLS[:2]), log("b.gz"): lines(self.CALLS[2])}
        before = of_logs(tmp_path, files, last_group=True)
        assert {account for (account,) in before.values("usage_events", "account_id")} == {"(unknown)"}
        after = of_logs(tmp_path, {**files, log("c.gz", MAY_4): lines(*self.GROUPS)}, last_group=True)
        assert tuple(after.values("usage_events", "event_id", "account_id")) == self.EXPECTED[:3]


def test_who_has_an_address_of_ours_is_one_of_us(tmp_path):
    known = call("i1", type="identify", userId="u3", traits={"email": "Ann@Ours.example"})
    del known["event"]
    calls = (
        call("m1", context={"traits": {"email": "bob@ours.example"}}),
        call("m2", context={"traits": {"email": "bob@acme.example"}}),
        call("m3", userId="u3"),
        call("m4", userId="u4"),
        call("m5", userId="eve@ours.example"),
    )
    files = {log("a.gz"): lines(*calls), log("b.gz"): lines(known)}
    found = of_logs(tmp_path, files, internal_domains=["ours.example"])
    assert found.values("usage_events", "event_id", "is_internal") == [
        ("m1", True),
        ("m2", False),
        ("m3", True),
        ("m4", None),
        ("m5", True),
    ]
    assert "email" not in str(found.rows("usage_events").columns)


def test_an_option_that_segment_does_not_have_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"options\.group: Extra inputs are not permitted; expected some of account"):
        of_logs(tmp_path, {log(): lines(call("m1"))}, group="x")


# --- tables of a warehouse --------------------------------------------------------------------------------------------

TRACKS = (
    "id,anonymous_id,user_id,event,event_text,context_group_id,received_at,sent_at,original_timestamp,timestamp,uuid_ts"
)


def track(key: str, user: str = "u1", group: str = "acme", moment: str = "2026-05-03 10:00:00.25") -> str:
    received, by_device = "2026-05-03 10:00:02", "2009-01-01 00:00:00"
    who = f"{key},507f191e,{user},report_exported,Report Exported,{group}"
    return f"{who},{received},{received},{by_device},{moment},{received}"


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def test_tracks_of_a_warehouse_say_what_the_logs_say(tmp_path):
    calls = [call("m1"), call("m2", userId=None, context={}), call("m3", "2031-01-01T00:00:00.000Z")]
    tables = [track("m1"), track("m2", "", ""), track("m3", moment="2031-01-01 00:00:00")]
    of_log = of_logs(tmp_path / "logs", {log(): lines(*calls)})
    of_table = of_tables(tmp_path / "tables", {"tracks.csv": table(TRACKS, *tables)})
    assert differences(content(of_log.rows("usage_events")), content(of_table.rows("usage_events"))) == []
    assert of_log.rows("usage_events").height == 3


@pytest.mark.parametrize(
    "moment",
    [
        "2026-05-03 10:00:00.25",
        "2026-05-03T10:00:00.250Z",
        "2026-05-03 10:00:00.250000 UTC",
        "2026-05-03 10:00:00.250 +0000",
        "2026-05-03 10:00:00.25+00",
    ],
)
def test_instants_are_read_as_warehouses_unload_them(moment, tmp_path):
    row = one(of_tables(tmp_path, {"tracks.csv": table(TRACKS, track("m1", moment=moment))}))
    assert row["occurred_at"] == at("2026-05-03 10:00:00.250")


def test_a_table_of_snowflakes_in_parquet_with_names_in_capitals_is_read(tmp_path):
    rows = pl.DataFrame(
        {
            "ID": ["m1"],
            "USER_ID": ["u1"],
            "EVENT": ["report_exported"],
            "CONTEXT_GROUP_ID": ["acme"],
            "TIMESTAMP": [at("2026-05-03 10:00:00.250")],
            "RECEIVED_AT": [at("2026-05-03 10:00:02")],
        }
    )
    (tmp_path / "sent" / "tracks").mkdir(parents=True)
    rows.write_parquet(tmp_path / "sent" / "tracks" / "data_0.parquet")
    row = one(of_tables(tmp_path, {}))
    assert (row["name"], row["account_id"]) == ("report_exported", "acme")
    assert row["occurred_at"] == at("2026-05-03 10:00:00.250")


def test_rows_that_are_loaded_again_into_a_warehouse_count_once(tmp_path):
    found = of_tables(tmp_path, {"tracks.csv": table(TRACKS, track("m1"), track("m2"), track("m1"))})
    assert found.values("usage_events", "event_id") == [("m1",), ("m2",)]
    assert found.left_out("usage_events") == {"replaced": 1}


@pytest.mark.parametrize("views", [False, True])
def test_pages_are_events_if_the_config_says_so(views, tmp_path):
    page = (
        "ajs-9527,507f191e,u1,2026-05-03 22:28:55,2026-05-03 22:28:55,2026-05-03 22:28:55,https://a.example/,/product,"
        "Product,?name=ferret,https://b.example/,,,,,,192.0.2.1,x"
    )
    named = "id,user_id,received_at,timestamp,name\ns1,u1,2026-05-03 22:28:55,2026-05-03 22:28:55,Home\n"
    files = {"tracks.csv": table(TRACKS, track("m1")), "pages.csv": table(PAGES, page), "screens.csv": named}
    found = of_tables(tmp_path, files, page_views=views)
    shown = [("ajs-9527", None), ("s1", "Viewed Home")] if views else []
    assert found.values("usage_events", "event_id", "name") == [*shown[:1], ("m1", "Report Exported"), *shown[1:]]
    assert found.left_out("usage_events") == ({} if views else {"tells_nothing": 2})


def test_a_table_of_one_event_has_its_properties_and_may_be_named_instead_of_tracks(tmp_path):
    header = f"{TRACKS},workspace_id,duration,type,name"
    files = {"report_exported.csv": table(header, track("m1", group="") + ",w1,12,pdf,Q1")}
    source = {"form": "segment", "written_by": "warehouse", "files": {"calls": "report_exported.csv"}}
    options = {"account": "workspace_id", "seconds": "duration"}
    row = one(ingested(tmp_path, files, {**source, "options": options}, ["usage_events"]))
    assert (row["account_id"], row["seconds"], row["name"]) == ("w1", 12, "Report Exported")


GROUPS = (
    "id,user_id,group_id,name,website,salesforce_id,received_at,timestamp\n"
    "g1,u1,one,One,https://www.One.example/about,001A,2026-05-03 09:00:00,2026-05-03 09:00:00\n"
    "g3,u2,two,Two plc,,,2026-05-03 12:00:00,2026-05-03 12:00:00\n"
    "g2,u1,two,Two,two.example,001B,2026-05-03 10:00:00,2026-05-03 10:00:00\n"
    "g4,,one,,,,2026-05-03 11:00:00,2026-05-03 11:00:00\n"
)


def test_the_table_of_groups_tells_whose_events_are_and_that_of_users_which_are_ours(tmp_path):
    rows = [track("m1", group="", moment="2026-05-03 09:30:00"), track("m2", group="", moment="2026-05-03 10:00:00")]
    files = {
        "tracks.csv": table(TRACKS, *rows, track("m3", "u2", "")),
        "groups.csv": GROUPS,
        "users.csv": "id,email\nu2,ann@ours.example\nu1,x@one.example\n",
    }
    found = of_tables(tmp_path, files, last_group=True, internal_domains=["ours.example"])
    assert found.values("usage_events", "event_id", "account_id", "is_internal") == [
        ("m1", "one", None),
        ("m2", "two", None),
        ("m3", "(unknown)", True),
    ]


def test_the_doctor_knows_what_logs_fill_before_they_are_read(tmp_path):
    of_logs(tmp_path, {log(): lines(call("m1"))}, seconds="properties.rows")
    company = SmallCompany(tmp_path).project()
    told = filling(company, source_files(company.loaded, FORMS, company.folders.fetched))
    assert told == {"it": {"usage_events": {"event_id", "account_id", "user_id", "name", "occurred_at", "seconds"}}}


def test_groups_have_the_name_and_the_site_that_were_told_last(tmp_path):
    found = of_tables(tmp_path, {"groups.csv": GROUPS}, ["identities"], crm_id="salesforce_id")
    assert found.values("identities", "customer_id", "crm_id", "domain", "name") == [
        ("one", "001A", "one.example", "One"),
        ("two", "001B", "two.example", "Two plc"),
    ]
    assert found.left_out("identities") == {"tells_nothing": 2}
