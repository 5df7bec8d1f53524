"""What each month of each table must be made from, over graphs made up here: a change touches what looks at it."""

import datetime as dt
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest

from pipelines.months import expectation
from pipelines.months.content import content_rows
from pipelines.months.expectation import Expectation, Made
from pipelines.months.inputs import Inputs
from pipelines.months.nodes import Node
from pipelines.months.plan import Stretch, stretches
from pipelines.months.readers import Reader
from schemas.billing import Invoices, SubscriptionItems
from schemas.config import Config
from schemas.operations import Build, ContentMonth
from schemas.support import Tickets
from schemas.tables import CANONICAL
from tests.frames import at, config, day, rows
from transforms.declaration import ALL, SO_FAR, THE_MONTH, History, Months, Whole, Window
from transforms.exported import Exported
from transforms.metrics.definition import Metric, Sum
from transforms.visible import seen_on
from warehouse.lineage import Stale, build_rows, stale_builds


def month(text: str) -> dt.date:
    """2024-05 as its first day."""
    return day(f"{text}-01")


TWO_YEARS = [dt.date(2023 + number // 12, number % 12 + 1, 1) for number in range(24)]
LONG_AFTER = day("2025-12-31")
ITEMS = "subscription_items"
CONTRACTS = {"tickets": Tickets, ITEMS: SubscriptionItems, "invoices": Invoices}


def span(first: str, last: str) -> list[str]:
    return [f"{m:%Y-%m}" for m in TWO_YEARS if month(first) <= m <= month(last)]


EVERY = span("2023-01", "2024-12")


def node(
    name: str,
    days: int = 0,
    at_hand: tuple[str, ...] = (),
    metrics: tuple[Metric, ...] = (),
    needs: tuple[str, ...] = (),
    **reads: Window,
) -> Node:
    windows = {table: frozenset({window}) for table, window in reads.items()}
    return Node(name, (Reader(lambda: None, {}),), windows, frozenset(at_hand), days, metrics, needs)


def tickets(**topics: str) -> pl.DataFrame:
    """A ticket in each of the two years' months, with a topic of its own in those that are named (m2023_04)."""
    return rows(
        Tickets,
        *(
            {"ticket_id": f"{m}", "account_id": "a", "created_at": at(f"{m:%Y-%m}-15T12:00"),
             "topic": topics.get(f"m{m:%Y_%m}")}
            for m in TWO_YEARS
        ),
    )  # fmt: skip


def items(**more: Any) -> pl.DataFrame:
    """An item since before the two years."""
    return rows(SubscriptionItems, {"subscription_id": "s", "started_on": day("2022-01-01"), **more})


@dataclass(frozen=True)
class World:
    """What months are made from: the graph, the rows without months, and all that is beside them."""

    nodes: tuple[Node, ...]
    frames: dict[str, pl.DataFrame] = field(
        default_factory=lambda: {"tickets": tickets(), "subscription_items": items()}
    )
    as_of: dt.date = LONG_AFTER
    config: Config = field(default_factory=config)
    exported: Exported = field(default_factory=lambda: Exported({}))
    code: dict[str, str] = field(default_factory=dict)
    """Of nodes whose code is another one."""
    reading: dict[str, str] = field(default_factory=dict)
    """Of tables whose files are read by other code."""

    def content(self) -> pl.DataFrame:
        """Rows of `content_month`, of the nodes' windows."""
        found = [ContentMonth.blank()]
        for table, frame in self.frames.items():
            windows = {window for each in self.nodes for window in each.windows.get(table, ())}
            seen = seen_on(frame, CONTRACTS[table], self.as_of, "UTC")
            found.append(content_rows(seen, CONTRACTS[table], windows, TWO_YEARS, self.config))
        return pl.concat(found)

    def expected(self) -> dict[tuple[str, dt.date], Made]:
        """What every month must be made from."""
        inputs = Inputs(self.config, CONTRACTS, tuple(TWO_YEARS), self.as_of, self.exported, SimpleNamespace())
        project = SimpleNamespace(config=self.config, content=self.content)
        with patch.multiple(
            expectation,
            nodes=lambda _: self.nodes,
            node_code=lambda each: self.code.get(each.name, "code"),
            ingest_code=lambda _, table: self.reading.get(table, "code"),
            dimension_code=lambda name: self.reading.get(name, "code"),
            inputs_of=lambda *_: inputs,
        ):
            return Expectation(project, self.as_of).all()

    def changed(self, **frames: pl.DataFrame) -> "World":
        return replace(self, frames={**self.frames, **frames})


def found_stale(before: World, after: World) -> list[Stale]:
    """What is stale after something changed; everything was built before."""
    old = before.expected()
    made = [build_rows(old, name, TWO_YEARS, {}, "r") for name in {name for name, _ in old}]
    return stale_builds(after.expected(), pl.concat(made), {"tickets"})


def stale(before: World, after: World) -> dict[str, list[str]]:
    """The stale months of each table."""
    out: dict[str, list[str]] = {}
    for entry in found_stale(before, after):
        out.setdefault(entry.table, []).append(f"{entry.month:%Y-%m}")
    return out


def stale_by_rows(*nodes: Node, as_of: dt.date = LONG_AFTER, **frames: pl.DataFrame) -> dict[str, list[str]]:
    before = World(nodes, as_of=as_of)
    return stale(before, before.changed(**frames))


APRIL = tickets(m2023_04="changed")


class TestStale:
    def test_nothing_changed_leaves_everything(self):
        assert stale_by_rows(node("fact", tickets=THE_MONTH)) == {}
        assert stale_by_rows(node("fact", tickets=THE_MONTH), tickets=tickets()) == {}

    def test_a_change_touches_the_months_that_read_it(self):
        assert stale_by_rows(node("fact", tickets=THE_MONTH), tickets=APRIL) == {"fact": ["2023-04"]}
        assert stale_by_rows(node("fact", subscription_items=History()), tickets=APRIL) == {}

    @pytest.mark.parametrize(
        ("reads", "months"),
        [
            (Months(back=2), ("2023-04", "2023-06")),
            (Months(back=12), ("2023-04", "2024-04")),
            (SO_FAR, ("2023-04", "2024-12")),
            (Months(ahead=1), ("2023-03", "2023-04")),
            (Months(back=1, ahead=1), ("2023-03", "2023-05")),
            (Months(back=ALL, ahead=1), ("2023-03", "2024-12")),
        ],
        ids=str,
    )
    def test_a_look_back_or_ahead_widens_what_is_touched(self, reads, months):
        assert stale_by_rows(node("metric", tickets=reads), tickets=APRIL) == {"metric": span(*months)}
        # The same of a table by month.
        fact = node("fact", tickets=THE_MONTH)
        found = stale_by_rows(fact, node("metric", fact=reads), tickets=APRIL)
        assert found == {"fact": ["2023-04"], "metric": span(*months)}

    def test_of_several_windows_on_a_table_the_widest_counts(self):
        fact = node("fact", tickets=THE_MONTH)
        both = frozenset({Months(back=1), Months(ahead=2)})
        metric = replace(node("metric"), windows={"fact": both, "tickets": both})
        found = stale_by_rows(fact, metric, tickets=APRIL)
        assert found == {"fact": ["2023-04"], "metric": span("2023-02", "2023-05")}

    def test_at_the_ends_a_window_is_what_there_is(self):
        fact = node("fact", tickets=THE_MONTH)
        for read in ({"tickets": Months(back=12, ahead=1)}, {"fact": Months(back=12, ahead=1)}):
            found = stale_by_rows(fact, node("m", **read), tickets=tickets(m2023_01="x"))
            assert found["m"] == span("2023-01", "2024-01")
            found = stale_by_rows(fact, node("m", **read), tickets=tickets(m2024_12="x"))
            assert found["m"] == ["2024-11", "2024-12"]

    def test_a_history_touches_the_months_from_the_day_on_which_it_changed(self):
        ended = items(ended_on=day("2023-04-10"))
        for window, first in (
            (History(), "2023-04"), (History(ahead=2), "2023-02"), (History(plans=3), "2023-01"), (Whole(), "2023-01"),
        ):  # fmt: skip
            found = stale_by_rows(node("fact", subscription_items=window), subscription_items=ended)
            assert found == {"fact": span(first, "2024-12")}

    def test_it_passes_on_from_table_to_table(self):
        nodes = (
            node("fact", tickets=THE_MONTH),
            node("metric", fact=Months(back=2)),
            node("derived", metric=THE_MONTH),
            node("health", derived=Months(back=1)),
            node("other", subscription_items=History()),
        )
        assert stale_by_rows(*nodes, tickets=APRIL) == {
            "fact": ["2023-04"],
            "metric": span("2023-04", "2023-06"),
            "derived": span("2023-04", "2023-06"),
            "health": span("2023-04", "2023-07"),
        }

    def test_code_touches_every_month_of_its_table_and_what_reads_it(self):
        world = World((node("fact", tickets=THE_MONTH), node("metric", fact=THE_MONTH), node("other", tickets=SO_FAR)))
        assert stale(world, replace(world, code={"fact": "new"})) == {"fact": EVERY, "metric": EVERY}

    def test_code_that_reads_files_touches_every_month_of_who_is_shown_the_table(self):
        world = World((node("fact", tickets=THE_MONTH), node("metric", fact=THE_MONTH), node("o", invoices=THE_MONTH)))
        assert stale(world, replace(world, reading={"tickets": "new"})) == {"fact": EVERY, "metric": EVERY}

    def test_a_dimension_is_read_by_its_own_code_and_that_of_all_files(self):
        world = World((node("fact", dim_account=History()), node("other", invoices=THE_MONTH)))
        assert stale(world, replace(world, reading={"dim_account": "new"})) == {"fact": EVERY}
        for table in CANONICAL:
            touched = {"fact": EVERY, "other": EVERY} if table == "invoices" else {"fact": EVERY}
            assert stale(world, replace(world, reading={table: "new"})) == touched

    def test_a_section_of_the_config_touches_every_month_of_who_reads_it_and_no_other(self):
        world = World(
            (
                node("fact", at_hand=("health", "currency"), tickets=THE_MONTH),
                node("metric", fact=THE_MONTH),
                node("other", at_hand=("time_zone", "minimums", "segments"), tickets=THE_MONTH),
            )
        )
        changes: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
            ({"health": {"coverage": 0.3}}, {"fact": EVERY, "metric": EVERY}),
            ({"reporting": {"currency": "USD"}}, {"fact": EVERY, "metric": EVERY}),
            ({"reporting": {"currency": "EUR", "time_zone": "Asia/Tokyo"}}, {"other": EVERY}),
            ({"minimums": {"churned_accounts": 9}}, {"other": EVERY}),
            ({"segments": ["country"]}, {"other": EVERY}),
            ({"company": "Another", "first_month": "2024-02-01"}, {}),
        ]
        for sections, touched in changes:
            assert stale(world, replace(world, config=config(**sections))) == touched, sections

    def test_what_is_exported_touches_who_asks_for_all_of_it_and_metrics_that_need_it(self):
        metric = Sum(unit="count", better="none", signal="leading", perspective="process", over_time="flow")
        world = World(
            (
                node("asks", at_hand=("exported",), tickets=THE_MONTH),
                node("needs", metrics=(metric,), needs=("tickets.reopens", "invoices"), tickets=THE_MONTH),
                node("other", tickets=THE_MONTH),
            ),
            exported=Exported({"tickets": frozenset({"topic"})}),
        )
        changes = [
            ({"tickets": {"topic", "channel"}}, {"asks": EVERY}),
            ({"tickets": {"topic", "reopens"}}, {"asks": EVERY, "needs": EVERY}),
            ({"tickets": {"topic"}, "invoices": {"paid_on"}}, {"asks": EVERY, "needs": EVERY}),
            ({"tickets": {"topic"}, "costs": {"amount"}}, {"asks": EVERY}),
            ({}, {"asks": EVERY, "needs": EVERY}),
        ]
        for columns, touched in changes:
            exported = Exported({table: frozenset(names) for table, names in columns.items()})
            assert stale(world, replace(world, exported=exported)) == touched, columns

    def test_a_gross_margin_touches_the_months_from_its_own_on_until_the_next(self):
        def given(**shares: float) -> Config:
            margins = [{"month": f"{name[1:5]}-{name[6:]}-01", "share": share} for name, share in shares.items()]
            return config(finance={"gross_margin": margins})

        world = World((node("clv", at_hand=("gross_margin",)), node("other")), config=given(m2023_01=0.7, m2024_01=0.8))
        from_july = replace(world, config=given(m2023_01=0.7, m2023_07=0.75, m2024_01=0.8))
        assert stale(world, from_july) == {"clv": span("2023-07", "2023-12")}
        assert stale(world, replace(world, config=given(m2023_01=0.7, m2024_01=0.9))) == {
            "clv": span("2024-01", "2024-12")
        }

    def test_a_month_that_was_not_there_touches_those_that_look_at_it(self):
        april = pl.col("ticket_id") == "2023-04-01"
        before = World((node("metric", tickets=Months(back=1)),), {"tickets": tickets().filter(~april)})
        assert stale(before, before.changed(tickets=tickets())) == {"metric": ["2023-04", "2023-05"]}


class TestAsOf:
    def moved(self, before: str, after: str, days: int = 0) -> list[str]:
        world = World((node("fact", days, tickets=THE_MONTH),), {})
        return stale(replace(world, as_of=day(before)), replace(world, as_of=day(after))).get("fact", [])

    def test_within_a_month_touches_that_month_and_those_to_come(self):
        assert self.moved("2024-03-10", "2024-03-11") == span("2024-03", "2024-12")

    def test_leaves_months_that_were_over(self):
        assert self.moved("2024-03-31", "2024-04-01") == span("2024-04", "2024-12")
        assert self.moved("2024-03-30", "2024-04-01") == span("2024-03", "2024-12")

    def test_leaves_everything_once_all_months_are_over(self):
        assert self.moved("2024-12-31", "2025-06-30") == []

    def test_keeps_a_month_open_for_its_provisional_days(self):
        assert self.moved("2024-03-10", "2024-03-11", days=30) == span("2024-02", "2024-12")
        assert self.moved("2024-03-29", "2024-03-30", days=30) == span("2024-02", "2024-12")
        assert self.moved("2024-03-30", "2024-03-31", days=30) == span("2024-03", "2024-12")

    def test_touches_months_whose_events_go_on_after_it_on_the_day_they_do(self):
        """An invoice of March that is paid on 20 April is an open one until then."""
        invoice = {"invoice_id": "i", "issued_on": day("2024-03-10"), "paid_on": day("2024-04-20")}
        world = World((node("fact", invoices=THE_MONTH),), {"invoices": rows(Invoices, invoice)})

        def march(before: str, after: str) -> bool:
            found = stale(replace(world, as_of=day(before)), replace(world, as_of=day(after)))
            return "2024-03" in found.get("fact", [])

        assert not march("2024-04-10", "2024-04-11")
        assert march("2024-04-19", "2024-04-20")
        assert march("2024-04-10", "2024-06-21")
        assert not march("2024-04-20", "2024-04-21")
        assert not march("2024-05-20", "2024-06-21")


class TestReasons:
    world = World((node("fact", at_hand=("health",), tickets=THE_MONTH), node("metric", fact=THE_MONTH)))

    def why(self, after: World) -> dict[str, str]:
        return {entry.table: entry.why for entry in found_stale(self.world, after) if entry.month == month("2023-04")}

    def test_what_was_never_built_says_so(self):
        found = stale_builds(self.world.expected(), Build.blank(), {"tickets"})
        assert {entry.why for entry in found} == {"not built yet"}
        assert len(found) == 48

    def test_changed_rows_are_told_apart_from_what_only_passes_them_on(self):
        assert self.why(self.world.changed(tickets=APRIL)) == {"fact": "tickets changed", "metric": "fact is stale"}

    def test_code_and_config_are_told(self):
        changed = replace(self.world, code={"fact": "new"}, config=config(health={"coverage": 0.3}))
        assert self.why(changed) == {
            "fact": "its code changed; its part of the config changed",
            "metric": "fact is stale",
        }

    def test_code_that_reads_files_is_told(self):
        assert self.why(replace(self.world, reading={"tickets": "new"})) == {
            "fact": "the code that reads tickets changed",
            "metric": "fact is stale",
        }

    def test_as_of_is_told(self):
        assert self.why(replace(self.world, as_of=day("2023-04-15"))) == {
            "fact": "as_of moved",
            "metric": "as_of moved; fact is stale",
        }

    def test_another_reach_is_told_and_not_what_only_looks_changed_by_it(self):
        """An input more, a window that is wider, more days until a value is final."""
        fact, metric = self.world.nodes
        told = "how far it reads, or until when days change it, is declared anew"
        more = replace(fact, windows={**fact.windows, "invoices": frozenset({THE_MONTH})})
        wider = replace(fact, windows=dict.fromkeys(fact.windows, frozenset({SO_FAR})))
        later = replace(fact, provisional_days=fact.provisional_days + 7)
        for changed in (more, wider, later):
            assert self.why(replace(self.world, nodes=(changed, metric)))["fact"] == told


class TestBuilds:
    def test_are_what_is_expected_part_by_part(self):
        def told(world: World) -> set[str]:
            return set(world.expected()["fact", month("2023-04")])

        plain = {"code", "config", "reach", "as_of"}
        assert told(World((node("fact"),))) == plain
        assert told(World((node("fact", at_hand=("health", "dim_month", "as_of")),))) == plain
        reading = World((node("fact", at_hand=("gross_margin",), tickets=THE_MONTH, mrr=SO_FAR),))
        assert told(reading) == plain | {"gross margin", "tickets", "reading tickets", "mrr"}

    def test_differ_just_where_what_they_were_made_from_does(self):
        world = World((node("fact", tickets=THE_MONTH),))
        old, new = world.expected(), world.changed(tickets=APRIL).expected()
        one, other = (build_rows(e, "fact", TWO_YEARS, {}, "r")["fingerprint"].to_list() for e in (old, new))
        assert [m for m, a, b in zip(TWO_YEARS, one, other, strict=True) if a != b] == [month("2023-04")]

    def test_of_all_months_leave_nothing_stale(self):
        expected = World((node("fact", tickets=THE_MONTH),)).expected()
        made = build_rows(expected, "fact", TWO_YEARS[:20], {}, "r")
        assert [entry.month for entry in stale_builds(expected, made, set())] == TWO_YEARS[20:]


class TestStretches:
    def test_are_one_run_for_each_unbroken_stretch_with_the_tables_that_are_stale_in_it(self):
        told = "b 2024-02, a 2024-01, b 2023-12, a 2024-04, c 2024-05, a 2024-05"
        entries = [each.split() for each in told.split(", ")]
        found = stretches([Stale(table, month(when), "") for table, when in entries])
        assert found == [
            Stretch(month("2023-12"), month("2024-02"), ("b", "a")),
            Stretch(month("2024-04"), month("2024-05"), ("a", "c")),
        ]

    def test_are_none_where_nothing_is_stale(self):
        assert stretches([]) == []
