"""What Dagster loads: assets, partitions, schedule, sensors, checks, and the lock between two runs.

The definitions read CONFIG and DATA_DIR when they are imported, so each company is asked in a process of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.months.nodes import nodes, offsets
from pipelines.months.readers import UNPARTITIONED
from schemas.config import Config
from schemas.tables import CANONICAL, EXPLANATIONS, FACTS, PUBLISHED, SUMS, WHOLE
from tests.integration.small_company import ONE_MONTH, ROOT, exports, small_company
from transforms.catalogue import CATALOGUE, metric_assets
from transforms.declaration import ALL
from warehouse.configuration import load_config

SHOWN = {"metric_month", "scorecard"}
"""What the metrics and the publication make for analysts; no step of a run."""

REACH = """
def read_by_the_last_month(graph):
    # Of each asset by month, by the one that reads it: the first and last month that its last month reads of it.
    found = {}
    for key in graph.get_all_asset_keys():
        child = graph.get(key)
        for parent in (graph.get(name) for name in child.parent_keys) if child.partitions_def else ():
            if parent.partitions_def:
                last = child.partitions_def.subset_with_partition_keys([child.partitions_def.get_last_partition_key()])
                mapping = graph.get_partition_mapping(key, parent.key)
                mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(
                    last, child.partitions_def, parent.partitions_def)
                keys = sorted(mapped.partitions_subset.get_partition_keys())
                found.setdefault(key.to_user_string(), {})[parent.key.to_user_string()] = [keys[0], keys[-1]]
    return found

"""

LOADED = (
    f"""
import json, sys
import dagster as dg
from pipelines.definitions import defs
loaded = sorted(name for name in sys.modules if "." not in name)
{REACH}
"""
    + """
graph = defs.resolve_asset_graph()
assets = {}
empty = dg.CodeReferencesMetadataValue(code_references=[])
for key in graph.get_all_asset_keys():
    node = graph.get(key)
    keys = node.partitions_def.get_partition_keys() if node.partitions_def else None
    policy = node.backfill_policy
    assets[key.to_user_string()] = {
        "description": node.description, "group": node.group_name, "owners": list(node.owners),
        "kinds": sorted(node.kinds), "partitions": keys,
        "time_zone": node.partitions_def.timezone if keys else None,
        "single_run": bool(policy) and policy.policy_type.name == "SINGLE_RUN",
        "columns": [column.name for column in node.metadata["dagster/column_schema"].columns]
        if "dagster/column_schema" in node.metadata else None,
        "own": {k: node.metadata[k] for k in ("unit", "better", "signal", "perspective") if k in node.metadata},
        "metrics": [dict(r.data) for r in node.metadata["metrics"].records] if "metrics" in node.metadata else [],
        "tags": dict(node.tags), "reads": sorted(k.to_user_string() for k in node.parent_keys),
        "code": [[r.file_path, r.line_number, r.label]
                 for r in node.metadata.get("dagster/code_references", empty).code_references],
    }
jobs = {name: defs.resolve_job_def(name) for name in ("ingest", "months", "publish", "refresh")}
print(json.dumps({
    "loaded": loaded,
    "assets": assets,
    "reach": read_by_the_last_month(graph),
    "executors": sorted({job.executor_def.name for job in jobs.values()}),
    "selected": {name: sorted(k.to_user_string() for k in job.asset_layer.executable_asset_keys)
                 for name, job in jobs.items()},
    "blocking": {f"{k.asset_key.to_user_string()}.{k.name}": graph.get(k).blocking
                 for k in graph.asset_check_keys},
    "schedules": {s.name: [s.cron_schedule, s.execution_timezone, s.job_name] for s in defs.schedules},
    "sensors": sorted(s.name for s in defs.sensors),
    "described": {s.name: s.description or "" for s in [*defs.schedules, *defs.sensors, *defs.jobs]},
}))
"""
)


HELD = {"one_lineage": True, "invariants_hold": True}
"""What is checked before a publish, and held. Of May 2024 the CRM knows 13 of 15 rows of billing, less than 90 %."""


@pytest.fixture(scope="module")
def bundled(told: dict[str, Any]) -> dict[str, Any]:
    """What a process finds that loads the definitions of the bundled company, and has no data yet."""
    return {**_answer(told, "bundled"), "wrote": told["bundled wrote"]}


# --- what is loaded ---------------------------------------------------------------------------------------------------


def test_the_definitions_load_without_what_only_a_built_month_needs_and_write_nothing(bundled: dict[str, Any]) -> None:
    """Libraries of statistics take longer to import than all else; Dagster loads the definitions again and again."""
    assert {"dagster", "duckdb", "polars"} <= set(bundled["loaded"])
    assert not {"scipy", "sklearn", "pandas", "examples", "tests"} & set(bundled["loaded"])
    assert not bundled["wrote"]


def test_every_table_and_every_metric_asset_is_an_asset(bundled: dict[str, Any]) -> None:
    # Tables that one asset writes beside another's.
    beside = {"quarantine", "left_out", "metric_part", "metric_operand", "metric_target", "dim_milestone"}
    beside |= {"metric_restatement", "identity_coverage"}
    made = {*CANONICAL, *WHOLE, *PUBLISHED, *SUMS, *metric_assets(), "stale_month"} - beside
    assert bundled["assets"].keys() == {*made, "scorecard"}


def test_what_analysts_open_first_comes_after_metrics_and_publication_and_no_run_executes_it(
    bundled: dict[str, Any],
) -> None:
    assert set(bundled["assets"]["metric_month"]["reads"]) == {*metric_assets(), "publication"}
    assert bundled["assets"]["scorecard"]["reads"] == ["dim_metric", "metric_month"]
    assert not any(SHOWN & set(keys) for keys in bundled["selected"].values())


def test_every_asset_says_what_it_is_whose_it_is_and_what_it_is_made_with(bundled: dict[str, Any]) -> None:
    for name, asset in bundled["assets"].items():
        assert len(asset["description"] or "") > 15, name
        assert asset["group"] and asset["group"] != "default", name
        assert asset["owners"], name
        assert asset["kinds"], name


def test_a_metric_asset_shows_what_it_is_named_after_and_of_each_companion_its_own(bundled: dict[str, Any]) -> None:
    """`arpa` is computed before `mrr`, and three others before `clv`; nothing of theirs is shown as the asset's own."""
    mrr = bundled["assets"]["mrr"]
    assert mrr["own"] == {"unit": "cents", "better": "higher", "signal": "lagging", "perspective": "financial"}
    told = {record["metric"]: record for record in mrr["metrics"]}
    assert (told["mrr"]["title"], told["mrr"]["rollup"]) == ("Monthly recurring revenue", "sum")
    assert (told["arpa"]["title"], told["arpa"]["rollup"]) == ("Average revenue per account", "ratio")
    assert (told["churned_mrr"]["better"], told["churned_mrr"]["over_time"]) == ("lower", "flow")
    assert told["mrr_pending_cancellation"]["signal"] == "leading"
    clv = bundled["assets"]["clv"]
    assert clv["own"]["unit"] == "cents"
    assert {r["metric"]: r["unit"] for r in clv["metrics"]}["customer_lifespan"] == "months"
    for name, members in metric_assets().items():
        asset, own = bundled["assets"][name], CATALOGUE[name]
        assert asset["metrics"][0]["metric"] == name
        assert {record["metric"] for record in asset["metrics"]} == {metric.name for metric in members}
        assert asset["own"] == {key: getattr(own, key) for key in ("unit", "better", "signal", "perspective")}, name
        assert (asset["tags"]["signal"], asset["tags"]["perspective"]) == (own.signal, own.perspective), name
        assert asset["description"].startswith(f"**{name}**"), name


def test_every_asset_leads_to_the_lines_that_make_it(bundled: dict[str, Any]) -> None:
    for name, asset in bundled["assets"].items():
        assert asset["code"], name
        for path, line, label in asset["code"]:
            source = Path(path).read_text(encoding="utf-8").splitlines()[(line or 1) - 1 :]
            assert any(each.startswith((f"def {label}(", f"class {label}")) for each in source), (name, label)
    (path, line, label), *_ = bundled["assets"]["nrr"]["code"]
    assert (Path(path).relative_to(ROOT).as_posix(), label) == ("transforms/metrics/retention.py", "nrr")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    assert lines[line - 1].startswith("@") and "def nrr(" in "\n".join(lines[line - 1 : line + 15])


def test_what_starts_runs_says_when_and_why(bundled: dict[str, Any]) -> None:
    assert bundled["described"].keys() >= {"daily", *bundled["sensors"], *bundled["selected"]}
    assert all(len(told) > 25 for told in bundled["described"].values()), bundled["described"]


def test_every_table_shows_its_columns(bundled: dict[str, Any]) -> None:
    for name, contract in {**CANONICAL, **WHOLE, **PUBLISHED}.items():
        if name in bundled["assets"]:
            columns = bundled["assets"][name]["columns"]
            assert columns is not None and set(contract.dtypes()) <= set(columns), name


def test_months_are_partitions_from_the_first_computed_month_through_that_of_as_of(bundled: dict[str, Any]) -> None:
    monthly = {name: asset for name, asset in bundled["assets"].items() if asset["partitions"]}
    assert monthly.keys() >= {*metric_assets(), "fct_ticket", "dim_account_month", "fct_health_score"}
    expected = [f"{2024 + n // 12}-{n % 12 + 1:02d}-01" for n in range(4, 34)]
    assert (expected[0], expected[-1]) == ("2024-05-01", "2026-10-01")
    for name, asset in monthly.items():
        assert asset["partitions"] == expected, name
        assert asset["time_zone"] == "Europe/Berlin", name
    assert not monthly.keys() & {*CANONICAL, *WHOLE, "dim_month", "dim_metric", "publication", "invariant"}


def expected_reach(config: Config, months: list[str]) -> dict[str, dict[str, list[str]]]:
    """By the declared windows, what the last month reads of assets by month."""
    found: dict[str, dict[str, list[str]]] = {}
    for node in nodes(config):
        for table, windows in node.windows.items():
            if table not in UNPARTITIONED:
                back, _ = offsets(windows)
                first = months[0] if back is ALL else months[max(len(months) - 1 - back, 0)]
                found.setdefault(node.name, {})[table] = [first, months[-1]]
    return found


def test_an_asset_depends_on_the_months_of_others_that_it_reads(
    bundled: dict[str, Any], without_as_of: dict[str, Any]
) -> None:
    """Up to all of them, from the first that is built; also where the months go on."""
    config = load_config(ROOT / "customer_success.yaml").config
    expected = expected_reach(config, bundled["assets"]["mrr"]["partitions"])
    assert any(first == "2024-05-01" for read in expected.values() for first, _ in read.values())
    assert bundled["reach"] == expected
    small = Config.model_validate(without_as_of["config"])
    assert without_as_of["reach"] == expected_reach(small, without_as_of["partitions"])


def test_a_backfill_of_months_is_one_run(bundled: dict[str, Any]) -> None:
    assert all(asset["single_run"] for asset in bundled["assets"].values() if asset["partitions"])


def test_jobs_run_in_their_own_process_without_one_for_each_step(bundled: dict[str, Any]) -> None:
    assert bundled["executors"] == ["in_process"]


def test_the_jobs_share_out_the_assets_and_refresh_has_them_all(bundled: dict[str, Any]) -> None:
    selected = {name: set(keys) for name, keys in bundled["selected"].items()}
    assert selected["refresh"] == bundled["assets"].keys() - SHOWN
    apart = [selected[name] for name in ("ingest", "months", "publish")]
    assert sum(map(len, apart)) == len(selected["refresh"])
    assert set.union(*apart) == selected["refresh"]
    assert selected["publish"] == {"dim_metric", "invariant", "publication"}
    assert selected["months"] == {name for name, asset in bundled["assets"].items() if asset["partitions"]}


def test_what_is_checked_before_publishing_blocks_it(bundled: dict[str, Any]) -> None:
    blocking = {"one_lineage": True, "invariants_hold": True}
    contracts = {f"{table}.rows_keep_their_contract": False for table in CANONICAL}
    told = {**{f"invariant.{name}": told for name, told in blocking.items()}, **contracts}
    assert bundled["blocking"] == {**told, "publication.customers_are_known": False}


def test_the_schedule_is_daily_in_the_reporting_time_zone(bundled: dict[str, Any]) -> None:
    ((cron, zone, job),) = bundled["schedules"].values()
    minute, hour, *days = cron.split()
    assert days == ["*", "*", "*"] and minute.isdigit() and hour.isdigit()
    assert (zone, job) == ("Europe/Berlin", "refresh")
    assert bundled["sensors"] == ["new_exports", "touched_months", "whole_again"]


def test_without_an_as_of_the_partitions_go_on_through_the_current_month(without_as_of: dict[str, Any]) -> None:
    keys = without_as_of["partitions"]
    assert keys[0] == "2023-04-01"
    assert keys[-1] in {without_as_of["before"], without_as_of["after"]}
    assert len(keys) == len(set(keys))
    assert all(key.endswith("-01") for key in keys)


# --- a life of the company, as Dagster would drive it -----------------------------------------------------------------

APART = """
import json, os, sys, traceback
from pathlib import Path
# What every company's definitions are made with; the definitions themselves read the environment.
import pipelines.orchestration.runs

def apart(environment, script, answer):
    child = os.fork()
    if child == 0:
        try:
            os.environ.update(environment)
            with Path(answer).open("w") as sys.stdout:
                exec(script, {"__name__": "__main__"})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

first, *others = json.loads(sys.stdin.read())
ended = [apart(*first)]
# Only now: the first finds out what the definitions load.
import scipy.optimize
import tests.integration.small_company
print(json.dumps([*ended, *(apart(*each) for each in others)]))
"""
"""Runs scripts one after the other, each in a process of its own; what takes long to import is imported once."""

HELPERS = """
import json
from pathlib import Path
import dagster as dg
import duckdb
from filelock import FileLock
from pipelines.definitions import defs
from tests.integration.small_company import SmallCompany, exports
from warehouse.versions import current_version

company, told = SmallCompany(Path(FOLDER)), {}
instance = dg.DagsterInstance.ephemeral()
daily = defs.resolve_schedule_def("daily")
new_exports, touched_months, whole_again = map(
    defs.resolve_sensor_def, ("new_exports", "touched_months", "whole_again"))

def asked(answer):
    if isinstance(answer, dg.SkipReason):
        return {"skipped": answer.skip_message}
    requests = [answer] if isinstance(answer, dg.RunRequest) else answer.run_requests
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    by_plan = ("customer_success/only_stale", "dagster/defer_asset_events")
    return {"runs": [[request.tags.get(name) for name in names] for request in requests],
            "by plan": [[request.tags.get(name) for name in by_plan] for request in requests],
            "assets": [sorted(k.to_user_string() for k in request.asset_selection or ()) for request in requests]}

def job(name, selection=None, **tags):
    result = defs.resolve_job_def(name).execute_in_process(
        instance=instance, tags=tags, raise_on_error=False, asset_selection=selection,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    evaluated = [e.asset_check_evaluation_data for e in result.all_events
                 if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    checks = {e.check_name: e.passed for e in evaluated if e.check_name != "rows_keep_their_contract"}
    contracts = {e.asset_key.to_user_string():
                 [e.passed, e.severity.value, {k: v.value for k, v in e.metadata.items() if k != "faults"}]
                 for e in evaluated if e.check_name == "rows_keep_their_contract"}
    made = sorted({e.asset_key.to_user_string() for e in result.all_events if e.is_step_materialization})
    run = instance.get_run_by_id(result.run_id)
    return {"success": result.success, "checks": checks, "contracts": contracts, "made": made,
            "tags": dict(run.tags), "run": run.run_id,
            "version": current_version(company.project().folders)}

def shown(asset, month=None):
    # What the UI tells of the last time that an asset, or a month of it, was made.
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[month] if month else None), limit=1).records
    return {k: v.value for k, v in records[0].asset_materialization.metadata.items()}

cursors = {}

def ticked(sensor):
    # What a sensor answers, at its next tick after the one before.
    context = dg.build_sensor_context(instance=instance, definitions=defs, cursor=cursors.get(sensor.name))
    answer = sensor.evaluate_tick(context)
    cursors[sensor.name] = answer.cursor
    return answer

def touched():
    answer = ticked(touched_months)
    return asked(answer) if answer.run_requests else {"skipped": answer.skip_message}

def by_table(pairs):
    found = {}
    for table, month in pairs:
        found.setdefault(table, []).append(str(month))
    return {table: sorted(months) for table, months in found.items()}

def stale_by_table():
    return by_table((entry.table, entry.month) for entry in company.stale())

def built_by(run):
    rows = company.project().database.read("build", where={"run_id": [run]})
    return by_table(rows.select("table_name", "month").iter_rows())

def recorded():
    graph = defs.resolve_asset_graph()
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).partitions_def]
    found = {key.to_user_string(): sorted(instance.get_materialized_partitions(key)) for key in keys}
    return {name: months for name, months in found.items() if months}

def whole():
    answer = ticked(whole_again)
    return asked(answer) if answer.run_requests else {"skipped": answer.skip_message}

def exports_seen(cursor):
    answer = new_exports(dg.build_sensor_context(cursor=cursor))
    return asked(answer), (answer.cursor if isinstance(answer, dg.SensorResult) else cursor)

"""

LIVED = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"]
"""The months of the company whose life is told: a few are enough to have some before, between and after the changed."""

LIFE = """
# Of a month before the first: nothing is built of it.
costs = exports()["costs"]
costs[0]["amount"] = "much"
company.export("costs", costs)
told["daily on an empty folder"] = asked(daily(dg.build_schedule_context()))
told["exports at first"], cursor = exports_seen(None)
told["exports unchanged"], cursor = exports_seen(cursor)
told["ingest"] = job("ingest")
told["touched at first"] = touched()
told["touched at first, again"] = touched()
told["whole while nothing is built"] = whole()
company.mend()
# Nobody but a daemon that is new looks again before a run has ended.
cursors.clear()
told["whole when all is built"] = whole()
told["whole when all is built, again"] = whole()
told["touched when all is built"] = touched()
told["publish"] = job("publish")
told["shown of the publish"] = {name: shown(name) for name in ("publication", "metric_month", "scorecard")}
told["publish again"] = job("publish")
told["shown of the publish again"] = shown("publication")
with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
    counts = [readers.table(name).count("*") for name in ("metric_month", "scorecard")]
    told["rows of readers"] = [count.fetchall()[0][0] for count in counts]
    told["nrr of readers"] = readers.sql(
        "SELECT value FROM metric_month WHERE metric = 'nrr' AND dimension = 'all' AND month = '2024-05-01'"
    ).fetchall()[0][0]
cursors.clear()
told["whole when all is published"] = whole()
told["daily after a publish"] = asked(daily(dg.build_schedule_context()))
told["exports by a new sensor, all landed"], _ = exports_seen(None)
with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
    told["open"] = str(readers.sql("SELECT min(month) FROM metric_month WHERE is_provisional").fetchall()[0][0])

events = exports()["usage_events"]
for event in events:
    if event["event_id"] in ("E-A01-2402-0-0", "E-A01-2405-0-0"):
        event["user_id"] = "u-new"
company.export("usage_events", events)
told["exports changed"], cursor = exports_seen(cursor)
told["exports unchanged again"], cursor = exports_seen(cursor)
told["second ingest"] = job("ingest")
with FileLock(str(company.project().folders.lock.resolve())):
    told["touched while a run works"] = touched()
    told["whole while a run works"] = whole()
starting = dg.DagsterRun(job_name="ingest", run_id="22222222-2222-3333-4444-555555555555",
                       status=dg.DagsterRunStatus.STARTING)
instance.run_storage.add_run(starting)
told["touched while a run starts"] = touched()
instance.run_storage.delete_run(starting.run_id)
answer = ticked(touched_months)
told["touched by two events"] = asked(answer)
told["stale by table"] = stale_by_table()
told["publish while stale"] = job("publish")
(request,) = answer.run_requests
told["recorded before"] = recorded()
told["touched run"] = job("months", request.asset_selection, **request.tags)
told["recorded by the touched run"] = recorded()
told["built by the touched run"] = built_by(told["touched run"]["run"])
told["stale after the touched run"] = stale_by_table()
told["whole after the touched run"] = whole()

(event,) = [event for event in events if event["event_id"] == "E-A01-2403-0-0"]
event["user_id"] = "u-newer"
company.export("usage_events", events)
request = daily(dg.build_schedule_context())
told["daily before it is ingested"] = asked(request)
told["daily run"] = job("refresh", **request.tags)
told["built by the daily run"] = built_by(told["daily run"]["run"])
told["stale after the daily run"] = stale_by_table()
with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
    told["usage of readers"] = dict(readers.sql(
        "SELECT metric, value FROM metric_month WHERE dimension = 'all' AND month = '2024-03-01' "
        "AND metric IN ('mau', 'wau', 'dau', 'stickiness')").fetchall())
told["shown of usage"] = shown("mau", "2024-03-01")
last = {key.to_user_string(): instance.get_latest_materialization_event(key)
        for key in defs.resolve_asset_graph().get_all_asset_keys()}
told["recorded by the daily run"] = sorted(
    name for name, event in last.items() if event and event.run_id == told["daily run"]["run"])

with company.project().database.connect() as connection:
    connection.execute("UPDATE fct_mrr_account_month SET closing_cents = closing_cents + 1 "
                       "WHERE month = '2024-02-01' AND account_id = 'A01'")
told["publish while broken"] = job("publish")

costs[1]["amount"] = "more"
company.export("costs", costs)
told["ingest of too many faults"] = job("ingest", [dg.AssetKey(name) for name in ("export_file", "costs", "tickets")])
print(json.dumps(told))
"""

FIRST_DAY = """
request = daily(dg.build_schedule_context())
run = job("refresh", **request.tags)
logged = [entry.user_message for entry in instance.all_logs(run["run"]) if entry.level == 30]
print(json.dumps({"asked": asked(request), "run": run, "logged": logged, "stale": stale_by_table()}))
"""

PARTITIONS = (
    """
import datetime as dt
from zoneinfo import ZoneInfo

def this_month():
    return dt.datetime.now(ZoneInfo("Europe/Berlin")).date().replace(day=1).isoformat()

before = this_month()
keys = defs.resolve_asset_graph().get(dg.AssetKey("mrr")).partitions_def.get_partition_keys()
told = {"before": before, "partitions": keys, "after": this_month()}
"""
    + REACH
    + """
config = company.project().config.model_dump(mode="json")
print(json.dumps({**told, "config": config, "reach": read_by_the_last_month(defs.resolve_asset_graph())}))
"""
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each script printed last, of a company and in a process of its own; of one that failed, nothing."""
    folder = tmp_path_factory.mktemp("told")
    nobody_left = small_company(folder / "first day", **ONE_MONTH)
    nobody_left.export("subscription_items", [{**row, "ended_on": None} for row in exports()["subscription_items"]])
    asked = {
        "life": (LIFE, small_company(folder / "life", first_month=LIVED[0], history_from=LIVED[0])),
        "first day": (FIRST_DAY, nobody_left),
        "without as_of": (PARTITIONS, small_company(folder / "without as_of", as_of=None)),
    }
    data = folder / "bundled"
    scripts = [({"CONFIG": "customer_success.yaml", "DATA_DIR": str(data)}, LOADED, str(folder / "bundled.json"))]
    for name, (script, company) in asked.items():
        whole = f"FOLDER = {str(company.folder)!r}\n{HELPERS}\n{script}"
        scripts.append((company.environment, whole, str(folder / f"{name}.json")))
    done = subprocess.run(
        [sys.executable, "-c", APART],
        cwd=ROOT,
        input=json.dumps(scripts),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ended = dict(zip(["bundled", *asked], json.loads(done.stdout.splitlines()[-1]), strict=True))
    answers = {name: (folder / f"{name}.json").read_text().splitlines() for name, status in ended.items() if not status}
    told = {name: json.loads(lines[-1]) for name, lines in answers.items()}
    return {**told, "bundled wrote": data.exists(), "stderr": done.stderr}


def _answer(told: dict[str, Any], name: str) -> Any:
    assert name in told, told["stderr"][-3000:]
    return told[name]


@pytest.fixture(scope="module")
def life(told: dict[str, Any]) -> dict[str, Any]:
    """What schedule, sensors and jobs answered, from an empty folder to two refused publishes."""
    return _answer(told, "life")


@pytest.fixture(scope="module")
def without_as_of(told: dict[str, Any]) -> dict[str, Any]:
    """The partitions of a company whose config names no day, with the month before and after they were asked for."""
    return _answer(told, "without as_of")


PLAIN: dict[str, Any] = {"runs": [[None, None]], "by plan": [[None, None]], "assets": [[]]}
"""A run of a whole job, which is asked for without months."""


def by_the_plan(first: str, last: str, which: str, assets: list[str]) -> dict[str, Any]:
    """One run over some months that builds what is stale, and records itself which months those were."""
    return {"runs": [[first, last]], "by plan": [[which, "true"]], "assets": [assets]}


def test_the_first_daily_run_is_over_all_months(life: dict[str, Any]) -> None:
    assert life["daily on an empty folder"] == by_the_plan("2024-01-01", "2024-06-01", "of all months", [])


def test_the_first_daily_run_on_an_empty_folder_ends_in_a_publish(told: dict[str, Any]) -> None:
    day = _answer(told, "first day")
    run = day["run"]
    assert day["asked"] == by_the_plan("2024-06-01", "2024-06-01", "of all months", [])
    assert run["success"]
    # No published month is closed yet, of which one could say that the CRM knows too little.
    assert run["checks"] == {**HELD, "customers_are_known": True}
    assert run["version"] == 1
    assert run["tags"]["customer_success/as_of"] == "2024-06-29"
    assert day["stale"] == {}


def test_a_run_of_dagsters_own_processes_has_what_looks_wrong_in_an_export_in_its_log(told: dict[str, Any]) -> None:
    """Of all sixteen subscription items the export says no end; and nothing of it is written to stderr."""
    logged = _answer(told, "first day")["logged"]
    assert (
        "billing: none of 16 subscription items has ended; if its export leaves out what has ended, nobody churns"
    ) in logged
    assert "ExportWarning" not in told["stderr"]


def test_a_daily_run_after_a_publish_begins_with_the_earliest_month_that_is_still_open(life: dict[str, Any]) -> None:
    """On June 29 the surveys of May have a day left to be answered."""
    assert life["open"] == "2024-05-01"
    assert life["daily after a publish"] == by_the_plan("2024-05-01", "2024-06-01", "of all months", [])


def test_the_sensor_asks_for_an_ingest_only_when_a_file_changed(life: dict[str, Any]) -> None:
    assert life["exports at first"] == PLAIN
    assert "skipped" in life["exports unchanged"]
    assert life["exports changed"] == PLAIN
    assert "skipped" in life["exports unchanged again"]
    assert life["exports by a new sensor, all landed"]["runs"] == []


def test_an_ingest_lands_and_cleans_everything_and_settles_the_day_in_its_tags(life: dict[str, Any]) -> None:
    ingest = life["ingest"]
    assert ingest["success"]
    assert {*CANONICAL, *WHOLE, "export_file", "dim_month", "stale_month"} == set(ingest["made"])
    assert ingest["tags"]["customer_success/as_of"] == "2024-06-29"


def test_months_that_an_ingest_touched_are_asked_for_in_one_run_per_unbroken_stretch(life: dict[str, Any]) -> None:
    tables = sorted({*metric_assets(), *FACTS, *SUMS, *EXPLANATIONS, "dim_account_month"})
    assert life["touched at first"] == by_the_plan("2024-01-01", "2024-06-01", "in the run's range", tables)
    assert "skipped" in life["touched when all is built"]
    stretches: list[list[str]] = []
    for stale in sorted({month for months in life["stale by table"].values() for month in months}):
        if stretches and LIVED.index(stretches[-1][1]) + 1 == LIVED.index(stale):
            stretches[-1][1] = stale
        else:
            stretches.append([stale, stale])
    assert life["touched by two events"]["runs"] == stretches
    # One event of February 2024 and one of May 2024; what relates metrics to departures looks back at all months.
    assert stretches == [["2024-02-01", "2024-06-01"]]


def test_a_run_that_the_sensor_asks_for_builds_and_records_what_was_stale_and_nothing_else(
    life: dict[str, Any],
) -> None:
    was_stale = life["stale by table"]
    assert life["touched by two events"] == by_the_plan(
        "2024-02-01", "2024-06-01", "in the run's range", sorted(was_stale)
    )
    # A week that ends in a month may begin in the one before; features are counted by month.
    assert was_stale["fct_usage_account_month"] == ["2024-02-01", "2024-03-01", "2024-05-01", "2024-06-01"]
    assert was_stale["fct_feature_account_month"] == ["2024-02-01", "2024-05-01"]
    assert was_stale["metric_relation"] == LIVED[1:]
    assert not was_stale.keys() & {"fct_mrr_account_month", "fct_ticket", "dim_account_month", "mrr", "nrr", "fcr"}
    run = life["touched run"]
    assert run["success"]
    assert run["made"] == sorted(was_stale)
    assert life["built by the touched run"] == was_stale
    assert life["recorded before"] == {}
    assert life["recorded by the touched run"] == was_stale
    assert life["stale after the touched run"] == {}


def test_a_daily_run_builds_what_its_own_ingest_touches_in_whatever_month_and_publishes(life: dict[str, Any]) -> None:
    """An event of March was changed, of which the plan knew nothing when the run was asked for."""
    assert life["daily before it is ingested"] == by_the_plan("2024-05-01", "2024-06-01", "of all months", [])
    run, built = life["daily run"], life["built by the daily run"]
    assert run["success"]
    assert run["checks"] == {**HELD, "customers_are_known": False}
    assert run["version"] == 2
    assert built["fct_usage_account_month"] == built["mau"] == ["2024-03-01", "2024-04-01"]
    assert built["fct_feature_account_month"] == ["2024-03-01"]
    assert built["metric_relation"] == LIVED[2:]
    assert built.keys() == life["stale by table"].keys()
    assert life["stale after the daily run"] == {}


def test_a_daily_run_records_what_it_built_and_all_that_has_no_months(life: dict[str, Any]) -> None:
    """The UI tells by it how fresh the publication is."""
    ingested = {*CANONICAL, *WHOLE, "export_file", "dim_month", "stale_month"}
    published = {"dim_metric", "invariant", "publication", *SHOWN}
    assert set(life["recorded by the daily run"]) == {*ingested, *life["built by the daily run"], *published}


def test_a_month_of_a_metric_asset_shows_the_values_of_each_of_its_metrics(life: dict[str, Any]) -> None:
    """As numbers, which the UI plots; they are those that readers find."""
    shown, found = life["shown of usage"], life["usage of readers"]
    assert found.keys() == {"mau", "wau", "dau", "stickiness"} and found["mau"] > 0
    assert {name: shown[name] for name in found} == found
    assert shown["dagster/partition_row_count"] > 4


def test_a_clean_table_shows_whether_the_rows_of_its_files_kept_the_contract(
    told: dict[str, Any], life: dict[str, Any]
) -> None:
    """Of thirty rows of costs one is under the limit of a twentieth, and two are above it."""
    shown = {"files": 1, "rows_read": 30, "quarantine_limit": 0.05}
    contracts = _answer(told, "first day")["run"]["contracts"]
    assert contracts.keys() == CANONICAL.keys()
    assert all(passed for passed, _, _ in contracts.values())
    assert contracts["costs"] == [True, "WARN", {**shown, "rows_quarantined": 0}]
    # Those after the first have files of other tables to read, and of the costs what the first had.
    for run in ("ingest", "second ingest", "daily run"):
        assert life[run]["success"]
        assert life[run]["contracts"]["costs"] == [False, "WARN", {**shown, "rows_quarantined": 1}]
    many = life["ingest of too many faults"]
    assert many["success"]
    assert many["contracts"]["costs"] == [False, "ERROR", {**shown, "rows_quarantined": 2}]
    assert many["contracts"]["tickets"][0]


def test_a_publish_gives_readers_a_version_once_the_checks_have_passed(life: dict[str, Any]) -> None:
    publish = life["publish"]
    assert publish["success"]
    assert publish["checks"] == {**HELD, "customers_are_known": False}
    assert publish["made"] == ["dim_metric", "invariant", "metric_month", "publication", "scorecard"]
    assert publish["version"] == 1


def test_a_publish_tells_what_readers_find_in_the_version(life: dict[str, Any]) -> None:
    shown, (values, rows) = life["shown of the publish"], life["rows of readers"]
    assert shown["publication"] == {"version": 1, "is_new": True}
    assert shown["metric_month"] == {"version": 1, "dagster/row_count": values}
    # On June 29 the month is not over: May is the last that is.
    assert shown["scorecard"]["nrr"] == life["nrr of readers"]
    assert (shown["scorecard"]["version"], shown["scorecard"]["dagster/row_count"]) == (1, rows)


def test_a_publish_of_nothing_new_says_so_and_makes_no_version(life: dict[str, Any]) -> None:
    again = life["publish again"]
    assert again["success"] and again["version"] == 1
    assert again["made"] == ["dim_metric", "invariant", "publication"]
    told = "nothing is new since version 1, which readers keep"
    assert life["shown of the publish again"] == {"version": 1, "is_new": False, "told": told}


def test_a_publish_is_asked_for_once_no_month_is_stale_and_something_is_new(life: dict[str, Any]) -> None:
    assert "stale" in life["whole while nothing is built"]["skipped"]
    assert life["whole when all is built"] == PLAIN
    assert "nothing new" in life["whole when all is published"]["skipped"]
    assert life["whole after the touched run"] == PLAIN


def test_what_a_sensor_has_asked_for_it_does_not_ask_for_again(life: dict[str, Any]) -> None:
    assert "nothing was ingested since" in life["touched at first, again"]["skipped"]
    assert "nothing was built since" in life["whole when all is built, again"]["skipped"]


def test_a_sensor_looks_when_no_run_works_or_waits_and_loses_nothing_by_it(life: dict[str, Any]) -> None:
    """The working database lets one process in, and a run that is about to begin changes what would be seen."""
    for busy in ("touched while a run works", "whole while a run works", "touched while a run starts"):
        assert "a run is going on" in life[busy]["skipped"]
    assert life["touched by two events"]["runs"] == [["2024-02-01", "2024-06-01"]]


def test_stale_months_fail_their_check_and_stop_the_publication(life: dict[str, Any]) -> None:
    publish = life["publish while stale"]
    assert not publish["success"]
    assert publish["checks"] == {"one_lineage": False, "invariants_hold": True}
    assert publish["made"] == ["dim_metric", "invariant"]
    assert publish["version"] == 1


def test_a_number_that_breaks_an_identity_stops_the_publication(life: dict[str, Any]) -> None:
    publish = life["publish while broken"]
    assert not publish["success"]
    assert publish["checks"] == {"one_lineage": True, "invariants_hold": False}
    assert publish["made"] == ["dim_metric", "invariant"]
    assert publish["version"] == 2, "that of the daily run before"
