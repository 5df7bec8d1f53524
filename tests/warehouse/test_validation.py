"""Rows against their contract: each is good, or rejected with every reason; none is lost."""

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.billing import SubscriptionItems
from schemas.contract import Contract, column
from schemas.customers import Accounts, Export
from schemas.success import CsmActivities
from schemas.support import Tickets
from tests.frames import at, day, rows
from warehouse.errors import ExportError
from warehouse.validation import validate

BEFORE, AGAIN = "the same row stands before", "the key occurs again with other content"


class Thing(Export):
    """One row per thing."""

    key: str = column("Key")
    kind: str = column("Kind", null=True, isin=["red", "blue"])
    low: pl.Int64 = column("Low", null=True, ge=0)
    high: pl.Int64 = column("High", null=True)
    share: pl.Float64 = column("Share", null=True, in_range={"min_value": 0, "max_value": 1})
    code: str = column("Code", null=True, str_matches=r"^[A-Z]{3}$")
    price: pl.Int64 = column("Price", null=True, gt=0)
    is_free: bool = column("Free", null=True)
    due: pl.Date = column("Due", null=True)
    held: pl.Date = column("Held", null=True)

    class Config:
        unique = ["key"]
        metadata = {
            "ordered": [("low", "high")],
            "needs": [("share", "code")],
            "unless": [("price", "is_free")],
            "either": [("due", "held")],
        }


class Pair(Export):
    """One row per pair."""

    one: str = column("One")
    two: pl.Date = column("Two", null=True)
    word: str = column("Word", null=True)

    class Config:
        unique = ["one", "two"]


class Loose(Export):
    """One row per line of a file without a key."""

    word: str = column("Word", null=True)


class Sent(Export):
    """One row per message; sent twice, the first counts."""

    key: str = column("Key")
    when: pl.Date = column("When")
    size: pl.Int64 = column("Size", null=True, ge=0)

    class Config:
        unique = ["key"]
        metadata = {"repeats": ("first", "when")}


FINE: dict[str, Any] = {"key": "a", "price": 1, "due": day("2025-01-01")}


def lines(contract: type[Contract], *given_rows: dict[str, Any], file: str = "things.csv") -> pl.DataFrame:
    """Rows of a file, from its second line on."""
    came = {"export_source": "crm", "export_file": file, "exported_at": at("2025-06-30T22:00")}
    return rows(contract, *({**came, "export_line": number, **row} for number, row in enumerate(given_rows, 2)))


def judged(contract: type[Contract], *given_rows: dict[str, Any]) -> tuple[list[int], list[tuple[int, Any, str]]]:
    """Lines of the good rows; line, column and reason of each reject."""
    good, rejects = validate(lines(contract, *given_rows), contract)
    assert good.columns == list(contract.dtypes())
    assert set(rejects["export_file"]) <= {"things.csv"}
    found = rejects.select("export_line", "column_name", "reason").rows()
    return good["export_line"].to_list(), sorted(found, key=str)


class TestOneRow:
    def test_is_good_where_nothing_is_wrong(self):
        whole = {**FINE, "kind": "red", "low": 0, "high": 0, "share": 1.0, "code": "EUR", "held": day("2025-01-02")}
        assert judged(Thing, whole) == ([2], [])

    def test_comes_through_unchanged(self):
        frame = lines(Thing, FINE, {**FINE, "key": "b", "kind": "blue"})
        good, rejects = validate(frame, Thing)
        assert good.equals(frame)
        assert rejects.is_empty()
        assert rejects.columns == ["export_file", "export_line", "column_name", "reason"]

    @pytest.mark.parametrize(
        ("wrong", "name", "reason"),
        [
            ({"key": None}, "key", "expected a value"),
            ({"kind": "green"}, "kind", "expected one of ['red', 'blue']"),
            ({"kind": "RED"}, "kind", "expected one of ['red', 'blue']"),
            ({"low": -1}, "low", "expected at least 0"),
            ({"price": 0}, "price", "expected more than 0"),
            ({"share": 1.01, "code": "EUR"}, "share", "expected a number from 0, 1"),
            ({"share": -0.01, "code": "EUR"}, "share", "expected a number from 0, 1"),
            ({"code": "eur"}, "code", "expected text like '^[A-Z]{3}$'"),
            ({"low": 5, "high": 4}, "high", "expected not below low"),
            ({"share": 0.5}, "code", "expected a value, as share has one"),
            ({"price": None}, "price", "expected a value, unless is_free"),
            ({"price": None, "is_free": False}, "price", "expected a value, unless is_free"),
            ({"due": None}, "due", "expected a value here or in held"),
        ],
        ids=str,
    )
    def test_is_rejected_for_one_fault_with_its_column_and_what_was_expected(self, wrong, name, reason):
        assert judged(Thing, {**FINE, **wrong}) == ([], [(2, name, reason)])

    @pytest.mark.parametrize(
        "right",
        [
            {"low": 4, "high": 4},
            {"low": 5},
            {"high": -5},
            {"share": 0.0, "code": "EUR"},
            {"share": 1.0, "code": "EUR"},
            {"code": "EUR"},
            {"price": None, "is_free": True},
            {"due": None, "held": day("2025-01-01")},
        ],
        ids=str,
    )
    def test_is_good_at_the_edge_of_a_rule(self, right):
        assert judged(Thing, {**FINE, **right}) == ([2], [])

    def test_may_have_several_reasons(self):
        wrong = {"key": None, "kind": "green", "low": 5, "high": 4, "share": 2.0}
        assert judged(Thing, wrong) == (
            [],
            [
                (2, "code", "expected a value, as share has one"),
                (2, "due", "expected a value here or in held"),
                (2, "high", "expected not below low"),
                (2, "key", "expected a value"),
                (2, "kind", "expected one of ['red', 'blue']"),
                (2, "price", "expected a value, unless is_free"),
                (2, "share", "expected a number from 0, 1"),
            ],
        )

    def test_is_told_without_its_values(self):
        secret = "ann@example.org"
        _, rejects = validate(lines(Thing, {"key": secret, "kind": secret, "code": secret}), Thing)
        assert rejects.height == 4
        assert not any(secret in reason for reason in rejects["reason"])


class TestRepeatedRows:
    def test_of_equal_rows_the_first_is_good(self):
        assert judged(Thing, FINE, {**FINE, "key": "b"}, FINE, FINE) == (
            [2, 3],
            [(4, None, BEFORE), (5, None, BEFORE)],
        )

    def test_equal_rows_with_empty_values_are_equal(self):
        nothing = {"one": "a"}
        assert judged(Pair, nothing, nothing) == ([2], [(3, None, BEFORE)])

    def test_where_a_row_came_from_does_not_make_it_another(self):
        first, second = lines(Thing, FINE), lines(Thing, FINE, file="more.csv")
        second = second.with_columns(exported_at=pl.lit(at("2025-07-31T22:00")), export_source=pl.lit("erp"))
        good, rejects = validate(pl.concat([first, second]), Thing)
        assert good["export_file"].to_list() == ["things.csv"]
        assert rejects.rows() == [("more.csv", 2, None, BEFORE)]

    def test_rows_of_one_key_and_other_content_are_all_rejected(self):
        assert judged(Thing, FINE, {**FINE, "key": "b"}, {**FINE, "price": 2}, {**FINE, "price": 3}) == (
            [3],
            [(2, None, AGAIN), (4, None, AGAIN), (5, None, AGAIN)],
        )

    def test_a_repetition_does_not_hide_a_conflict(self):
        assert judged(Thing, FINE, FINE, {**FINE, "price": 2}) == (
            [],
            [(2, None, AGAIN), (3, None, BEFORE), (4, None, AGAIN)],
        )

    def test_a_key_of_several_columns_conflicts_only_as_a_whole(self):
        january, february = day("2025-01-01"), day("2025-02-01")
        assert judged(
            Pair,
            {"one": "a", "two": january},
            {"one": "a", "two": february},
            {"one": "b", "two": january},
            {"one": "a", "two": february, "word": "w"},
        ) == ([2, 4], [(3, None, AGAIN), (5, None, AGAIN)])

    def test_a_key_with_an_empty_part_conflicts_too(self):
        assert judged(Pair, {"one": "a"}, {"one": "a", "word": "w"}) == ([], [(2, None, AGAIN), (3, None, AGAIN)])

    def test_a_row_may_be_in_conflict_and_wrong(self):
        assert judged(Thing, FINE, {**FINE, "kind": "green"}) == (
            [],
            [(2, None, AGAIN), (3, "kind", "expected one of ['red', 'blue']"), (3, None, AGAIN)],
        )

    def test_a_wrong_row_s_repetition_is_rejected_as_one(self):
        wrong = {**FINE, "kind": "green"}
        assert judged(Thing, wrong, wrong) == (
            [],
            [(2, "kind", "expected one of ['red', 'blue']"), (3, None, BEFORE)],
        )

    def test_a_table_without_a_key_may_repeat_rows(self):
        assert judged(Loose, {"word": "w"}, {"word": "w"}) == ([2, 3], [])


class TestRealContracts:
    def test_an_item_needs_a_price_or_the_whole_line_unless_it_is_metered(self):
        item = {"subscription_id": "s", "currency": "EUR", "interval_unit": "month", "started_on": day("2025-01-01")}
        assert judged(
            SubscriptionItems,
            {**item, "item_id": "1", "is_metered": True},
            {**item, "item_id": "2"},
            {**item, "item_id": "3", "unit_amount": -5, "quantity": 0},
            {**item, "item_id": "4", "unit_amount": 5, "ended_on": day("2024-12-31")},
            {**item, "item_id": "5", "unit_amount": 5, "interval_count": 0},
            {**item, "item_id": "6", "line_amount": 5},
        ) == (
            [2, 4, 7],
            [
                (3, "unit_amount", "expected a value here or in line_amount, unless is_metered"),
                (5, "ended_on", "expected not below started_on"),
                (6, "interval_count", "expected more than 0"),
            ],
        )

    def test_a_rating_needs_its_scale_and_lies_on_it(self):
        ticket = {"account_id": "a", "status": "open", "created_at": at("2025-01-05T10:00")}
        assert judged(
            Tickets,
            {**ticket, "ticket_id": "1", "satisfaction_score": 3.0, "scale_min": 1.0, "scale_max": 5.0},
            {**ticket, "ticket_id": "2", "satisfaction_score": 3.0, "scale_max": 5.0},
            {**ticket, "ticket_id": "3", "satisfaction_score": 0.0, "scale_min": 1.0, "scale_max": 5.0},
            {**ticket, "ticket_id": "4", "satisfaction_score": 6.0, "scale_min": 1.0, "scale_max": 5.0},
            {**ticket, "ticket_id": "5", "first_replied_at": at("2025-01-05T09:59")},
        ) == (
            [2],
            [
                (3, "scale_min", "expected a value, as satisfaction_score has one"),
                (4, "satisfaction_score", "expected not below scale_min"),
                (5, "scale_max", "expected not below satisfaction_score"),
                (6, "first_replied_at", "expected not below created_at"),
            ],
        )

    def test_an_activity_was_due_or_held(self):
        activity = {"account_id": "a", "kind": "review"}
        assert judged(
            CsmActivities,
            {**activity, "activity_id": "1", "due_on": day("2025-01-05")},
            {**activity, "activity_id": "2", "held_on": day("2025-01-05")},
            {**activity, "activity_id": "3"},
        ) == ([2, 3], [(4, "due_on", "expected a value here or in held_on")])

    def test_an_account_without_an_id_is_rejected(self):
        assert judged(Accounts, {"account_id": None}, {"account_id": ""}) == (
            [],
            [(2, "account_id", "expected a value"), (3, "account_id", "expected some text")],
        )


class TestAFrameThatIsNotTheContract:
    @pytest.mark.parametrize("contract", [Pair, Thing], ids=["without rules", "with rules"])
    def test_that_lacks_a_column_is_refused_whole(self, contract):
        last = list(contract.dtypes())[-1]
        with pytest.raises(ExportError, match=contract.table()):
            validate(lines(contract, {list(contract.dtypes())[4]: "a"}).drop(last), contract)

    def test_that_has_another_type_is_refused_whole_without_its_values(self):
        frame = lines(Pair, {"one": "a", "word": "ann@example.org"}).with_columns(two=pl.lit("ann@example.org"))
        with pytest.raises(ExportError) as found:
            validate(frame, Pair)
        assert "pair" in str(found.value)
        assert "ann@example.org" not in str(found.value)

    def test_without_rows_is_good(self):
        good, rejects = validate(Thing.blank(), Thing)
        assert (good.height, rejects.height) == (0, 0)
        assert good.schema == pl.Schema(Thing.dtypes())


few_days = st.sampled_from([None, day("2025-01-01"), day("2025-01-02")])
things = st.fixed_dictionaries(
    {
        "key": st.sampled_from([None, "a", "b", "c", "d", "e"]),
        "kind": st.sampled_from([None, "red", "blue", "blue", "green"]),
        "low": st.sampled_from([None, -1, 0, 3]),
        "high": st.sampled_from([None, 2, 3]),
        "share": st.sampled_from([None, None, 0.0, 1.0, 1.5]),
        "code": st.sampled_from([None, "EUR", "EUR", "eur"]),
        "price": st.sampled_from([None, 0, 1, 2]),
        "is_free": st.sampled_from([None, True, False]),
        "due": few_days,
        "held": few_days,
    }
)


def faults(row: dict[str, Any]) -> set[str]:
    """The columns at fault in a row, by an independent road."""
    rules = {
        "key": row["key"] is not None,
        "kind": row["kind"] in (None, "red", "blue"),
        "low": row["low"] is None or row["low"] >= 0,
        "high": None in (row["low"], row["high"]) or row["high"] >= row["low"],
        "share": row["share"] is None or 0 <= row["share"] <= 1,
        "code": row["code"] != "eur" and (row["share"] is None or row["code"] is not None),
        "price": (row["price"] is None or row["price"] > 0) and (row["price"] is not None or bool(row["is_free"])),
        "due": row["due"] is not None or row["held"] is not None,
    }
    return {name for name, right in rules.items() if not right}


class TestNothingIsLost:
    @settings(max_examples=60, deadline=None)
    @given(sent=st.lists(things, max_size=12))
    def test_rows_are_good_or_rejected_for_every_reason_they_have(self, sent):
        frame = lines(Thing, *sent)
        good, rejects = validate(frame, Thing)
        assert frame.height == good.height + rejects["export_line"].n_unique()
        assert not set(good["export_line"]) & set(rejects["export_line"])

        first: dict[tuple[Any, ...], int] = {}
        expected: set[tuple[int, str | None]] = set()
        for line, row in enumerate(sent, 2):
            content = tuple(row[name] for name in sorted(row))
            if content in first:
                expected.add((line, None))
            else:
                first[content] = line
        kept = {line: sent[line - 2] for line in first.values()}
        keys = Counter(row["key"] for row in kept.values())
        for line, row in kept.items():
            expected |= {(line, name) for name in faults(row)} | ({(line, None)} if keys[row["key"]] > 1 else set())
        assert set(rejects.select("export_line", "column_name").iter_rows()) == expected
        assert good.equals(frame.filter(~pl.col("export_line").is_in([line for line, _ in expected])))

    @settings(max_examples=20, deadline=None)
    @given(sent=st.lists(things, max_size=8), order=st.randoms(use_true_random=False))
    def test_which_rows_are_good_does_not_depend_on_their_order(self, sent, order):
        def kept(given_rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
            good, _ = validate(lines(Thing, *given_rows), Thing)
            return sorted(good.select(list(sent[0] if sent else [])).rows(), key=str)

        shuffled = list(sent)
        order.shuffle(shuffled)
        assert kept(sent) == kept(shuffled)


class TestRowsOfWhichTheContractSaysWhichCounts:
    """Which of them does is chosen later, over all files of the source."""

    FIRST = {"key": "a", "when": day("2025-01-01"), "size": 1}

    def test_are_all_good_whether_or_not_they_differ(self):
        later = {**self.FIRST, "when": day("2025-01-02")}
        assert judged(Sent, self.FIRST, later, self.FIRST) == ([2, 3, 4], [])

    def test_are_rejected_one_by_one_for_a_fault_of_their_own(self):
        wrong = {**self.FIRST, "size": -1}
        assert judged(Sent, wrong, self.FIRST, self.FIRST) == ([3, 4], [(2, "size", "expected at least 0")])
