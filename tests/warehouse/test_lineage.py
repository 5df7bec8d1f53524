"""What months were made from, beside what they must be made from: which differ, and how that is told."""

import datetime as dt
import json

import polars as pl

from schemas.operations import Build
from tests.frames import day
from warehouse.lineage import READING, Stale, build_rows, digest, stale_builds

JANUARY, FEBRUARY, MARCH = (day(f"2024-{number:02}-01") for number in (1, 2, 3))
Expected = dict[tuple[str, dt.date], dict[str, str]]


def parts(**changed: str) -> dict[str, str]:
    """What a month of a table is made from."""
    return {"code": "c", "config": "s", "as_of": "2024-06-30", "events": "e", f"{READING}events": "r", **changed}


def expected(*months: dt.date, table: str = "fact", **changed: str) -> Expected:
    return {(table, month): parts(**changed) for month in months}


def built(must: Expected) -> pl.DataFrame:
    """As if all of it had been built."""
    tables = dict.fromkeys(table for table, _ in must)
    made = [build_rows(must, name, [m for table, m in must if table == name], {}, "r") for name in tables]
    return pl.concat([Build.blank(), *made])


class TestStaleBuilds:
    def test_are_none_where_all_is_built_from_what_it_must_be(self):
        must = expected(JANUARY, FEBRUARY) | expected(JANUARY, table="metric")
        assert stale_builds(must, built(must), {"events"}) == []

    def test_are_the_months_whose_parts_differ_in_any_way(self):
        before = expected(JANUARY, FEBRUARY, MARCH)
        for changed in (parts(events="x"), parts(more="x"), {k: v for k, v in parts().items() if k != "config"}):
            after = {**before, ("fact", FEBRUARY): changed}
            assert [(s.table, s.month) for s in stale_builds(after, built(before), set())] == [("fact", FEBRUARY)]

    def test_come_in_the_order_in_which_they_are_expected(self):
        must = expected(MARCH, JANUARY, table="b") | expected(FEBRUARY, table="a")
        found = stale_builds(must, Build.blank(), set())
        assert [(entry.table, entry.month) for entry in found] == [("b", MARCH), ("b", JANUARY), ("a", FEBRUARY)]

    def test_are_nothing_that_is_no_longer_expected(self):
        assert stale_builds(expected(MARCH), built(expected(JANUARY, MARCH)), set()) == []

    def test_are_every_month_that_was_never_built(self):
        found = stale_builds(expected(JANUARY, FEBRUARY), built(expected(JANUARY)), {"events"})
        assert found == [Stale("fact", FEBRUARY, "not built yet")]


class TestReasons:
    @staticmethod
    def why(**changed: str) -> str:
        (entry,) = stale_builds(expected(MARCH, **changed), built(expected(MARCH)), {"events", "history"})
        return entry.why

    def test_code_config_and_day_are_told(self):
        assert self.why(code="new") == "its code changed"
        assert self.why(config="new") == "its part of the config changed"
        assert self.why(as_of="2024-07-01") == "as_of moved"

    def test_changed_rows_are_told_apart_from_what_only_passes_them_on(self):
        assert self.why(events="new") == "events changed"
        assert self.why(fact="new") == "fact is stale"

    def test_code_that_reads_files_is_told(self):
        assert self.why(**{f"{READING}events": "new"}) == "the code that reads events changed"

    def test_its_own_are_told_before_what_only_passes_them_on_each_in_one_order(self):
        changed = {"art": "new", "mrr": "new", f"{READING}history": "new", "code": "new", "history": "new"}
        assert self.why(**changed, as_of="2024-07-01") == (
            "as_of moved; its code changed; history changed; the code that reads history changed; "
            "art is stale; mrr is stale"
        )

    def test_of_many_that_pass_it_on_the_first_are_told_and_how_many_more_there_are(self):
        names = dict.fromkeys("edcba", "new")
        assert self.why(**dict(list(names.items())[2:])) == "a is stale; b is stale; c is stale"
        assert self.why(**names) == "a is stale; b is stale; c is stale; 2 more are stale"
        assert self.why(code="new", **names) == "its code changed; a is stale; b is stale; c is stale; 2 more are stale"

    def test_an_input_less_is_told(self):
        before = {("fact", MARCH): parts(mrr="m")}
        (entry,) = stale_builds(expected(MARCH), built(before), {"events"})
        assert entry.why == "mrr is stale"


class TestBuildRows:
    def test_tell_what_months_were_made_from_and_how_many_rows_they_have(self):
        must = expected(JANUARY, FEBRUARY) | {("fact", FEBRUARY): parts(events="x")}
        made = build_rows(must, "fact", [JANUARY, FEBRUARY], {JANUARY: 7}, "run")
        assert made.select("table_name", "month", "rows", "run_id").rows() == [
            ("fact", JANUARY, 7, "run"),
            ("fact", FEBRUARY, 0, "run"),
        ]
        assert [json.loads(told) for told in made["made_from"]] == [parts(), parts(events="x")]
        assert made["fingerprint"].to_list() == [digest(parts()), digest(parts(events="x"))]
        assert made.schema == pl.Schema(Build.dtypes())

    def test_fingerprints_differ_just_where_what_they_were_made_from_does(self):
        months = [JANUARY, FEBRUARY, MARCH]
        old = expected(*months)
        new = {**old, ("fact", FEBRUARY): parts(events="x")}
        one, other = (build_rows(e, "fact", months, {}, "r")["fingerprint"].to_list() for e in (old, new))
        assert [m for m, a, b in zip(months, one, other, strict=True) if a != b] == [FEBRUARY]

    def test_what_was_built_of_it_is_not_stale(self):
        must = expected(JANUARY, FEBRUARY, MARCH)
        made = build_rows(must, "fact", [JANUARY, FEBRUARY], {}, "r")
        assert [entry.month for entry in stale_builds(must, made, set())] == [MARCH]


class TestDigest:
    def test_tells_parts_apart(self):
        parts = [
            ("a", "b"),
            ("ab",),
            ("a b",),
            (["a", "b"],),
            ("b", "a"),
            (1,),
            ("1",),
            (None,),
            ("",),
            (),
            ({"a": 1},),
        ]
        assert len({digest(*part) for part in parts}) == len(parts)

    def test_does_not_depend_on_the_order_of_keys(self):
        assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
