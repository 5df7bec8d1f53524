"""Every contract becomes a table that says of itself what the contract says."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from schemas import tables
from schemas.contract import Contract, column, with_columns
from schemas.customers import Accounts, DimAccount, DimAccountMonth, Export
from schemas.metrics import MetricPart
from schemas.tables import CANONICAL, INTERNAL, PUBLISHED
from tests.frames import day, rows
from warehouse.ddl import comment, create_table, qualified, quoted, sql_type

TABLES = {**PUBLISHED, **INTERNAL}
EVERY = {**CANONICAL, **TABLES}
ALLOWED = {"DATE", "BIGINT", "INTEGER", "SMALLINT", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP"}
POLARS = {
    "DATE": pl.Date(),
    "BIGINT": pl.Int64(),
    "INTEGER": pl.Int32(),
    "SMALLINT": pl.Int16(),
    "DOUBLE": pl.Float64(),
    "VARCHAR": pl.String(),
    "BOOLEAN": pl.Boolean(),
    "TIMESTAMP": pl.Datetime("us"),
    "BLOB": pl.Binary(),
}
SEGMENT = "Segment of the config: {name}"

each_table = pytest.mark.parametrize("contract", TABLES.values(), ids=TABLES.keys())
each_contract = pytest.mark.parametrize("contract", EVERY.values(), ids=EVERY.keys())


class Thing(Contract):
    """One row per thing,
    and more of it.
    """

    key: str = column("The key's name")
    amount: pl.Int64 = column("What it's worth", unit="cents", null=True)
    low: pl.Int64 = column("Low", optional=True)
    high: pl.Int64 = column("High", null=True)
    flag: bool = column("Flag", null=True)
    on: pl.Date = column("Day", null=True, moment="happened")

    class Config:
        unique = ["key"]
        metadata = {
            "ordered": [("low", "high")],
            "needs": [("amount", "high")],
            "unless": [("on", "flag")],
            "either": [("amount", "flag")],
        }


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Every table that is stored, created from its contract in storage v1.0.0."""
    path = tmp_path_factory.mktemp("ddl") / "tables.duckdb"
    config = {"storage_compatibility_version": "v1.0.0"}
    with duckdb.connect(str(path), config=config) as connection:
        connection.execute("CREATE SCHEMA lineage")
        for contract in TABLES.values():
            for statement in create_table(contract):
                connection.execute(statement)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


class TestInDuckDB:
    @each_table
    def test_a_table_stands_in_its_schema_with_what_one_row_is(self, database, contract):
        found = database.execute(
            "SELECT schema_name, comment FROM duckdb_tables() WHERE table_name = ?", [contract.table()]
        ).fetchall()
        schema = "lineage" if contract.table() in INTERNAL else "main"
        assert found == [(schema, " ".join(contract.__doc__.split()))]

    @each_table
    def test_columns_have_the_contract_s_names_types_order_and_nullability(self, database, contract):
        found = database.execute(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE table_name = ? ORDER BY column_index",
            [contract.table()],
        ).fetchall()
        assert [(name, POLARS[kind], nullable) for name, kind, nullable in found] == [
            (name, declared.dtype.type, declared.nullable) for name, declared in contract.to_schema().columns.items()
        ]

    @each_table
    def test_column_comments_are_the_descriptions_with_their_units(self, database, contract):
        found = dict(
            database.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ?", [contract.table()]
            ).fetchall()
        )
        for name, declared in contract.to_schema().columns.items():
            unit = declared.metadata["unit"]
            assert found[name] == (f"{declared.description} [{unit}]" if unit else declared.description)

    def test_only_types_that_every_bi_tool_reads_are_used(self, database):
        of_main = "SELECT DISTINCT data_type FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'"
        kinds = database.execute(of_main).fetchall()
        assert {kind for (kind,) in kinds} == ALLOWED

    def test_no_table_was_made_twice_or_left_out(self, database):
        found = database.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        assert [name for (name,) in found] == sorted(TABLES)

    @pytest.mark.parametrize(
        "contract", [c for c in PUBLISHED.values() if any(not f.nullable for f in c.fields())], ids=lambda c: c.table()
    )
    def test_a_row_of_nulls_is_refused(self, contract):
        with duckdb.connect() as connection:
            for statement in create_table(contract):
                connection.execute(statement)
            nulls = ", ".join("NULL" for _ in contract.fields())
            with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
                connection.execute(f"INSERT INTO {contract.table()} VALUES ({nulls})")

    def test_an_apostrophe_in_prose_survives(self):
        with duckdb.connect() as connection:
            for statement in create_table(Thing):
                connection.execute(statement)
            found = connection.execute("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'thing'")
            comments = dict(found.fetchall())
            prose = connection.execute("SELECT comment FROM duckdb_tables()").fetchall()
        assert comments["key"] == "The key's name"
        assert comments["amount"] == "What it's worth [cents]"
        assert prose == [("One row per thing, and more of it.",)]


class TestTypes:
    @pytest.mark.parametrize(("kind", "dtype"), POLARS.items())
    def test_each_published_type_has_one_name(self, kind, dtype):
        assert sql_type(dtype) == kind

    @pytest.mark.parametrize(
        "dtype",
        [
            pl.Datetime("us", "UTC"),
            pl.Datetime("ms"),
            pl.Datetime("ns"),
            pl.Decimal(38, 2),
            pl.List(pl.Int64),
            pl.Struct({"a": pl.Int64}),
            pl.UInt32(),
            pl.Float32(),
            pl.Categorical(),
            pl.Duration("us"),
            pl.Null(),
        ],
        ids=str,
    )
    def test_a_type_that_spoils_bi_tools_is_refused(self, dtype):
        with pytest.raises(TypeError, match="not a type the warehouse publishes"):
            sql_type(dtype)

    def test_a_quote_is_doubled(self):
        assert quoted("it's 'so'") == "'it''s ''so'''"

    def test_a_comment_ends_with_its_unit_if_it_has_one(self):
        assert comment("Price", "cents") == "Price [cents]"
        assert comment("Name", None) == "Name"

    @pytest.mark.parametrize(("table", "there"), [("build", "lineage.build"), ("dim_month", "main.dim_month")])
    def test_internal_tables_are_in_lineage_and_the_others_in_main(self, table, there):
        assert qualified(table) == there


class TestEveryContract:
    @each_contract
    def test_every_column_says_what_it_means(self, contract):
        bare = [name for name, c in contract.to_schema().columns.items() if not (c.description or "").strip()]
        assert bare == []

    @each_contract
    def test_says_what_one_row_is(self, contract):
        assert re.match(r"One row per .+\.", contract.prose())

    @each_contract
    def test_the_blank_frame_validates_and_has_no_rows(self, contract):
        checked = contract.validate(contract.blank(), lazy=True)
        assert checked.height == 0
        assert checked.columns == list(contract.to_schema().columns)

    @each_contract
    def test_the_grain_is_made_of_its_own_columns(self, contract):
        assert set(contract.grain()) <= set(contract.dtypes())
        assert contract.grain() or contract.table() == "quarantine"

    @each_contract
    def test_what_dates_a_row_is_a_day_or_an_instant(self, contract):
        assert all(contract.dtypes()[name] in (pl.Date(), pl.Datetime("us")) for name in contract.dated_by())

    @each_contract
    def test_only_days_and_instants_have_a_moment(self, contract):
        moments = [f for f in contract.fields() if f.moment]
        assert all(f.dtype in (pl.Date(), pl.Datetime("us")) for f in moments)

    @each_contract
    def test_followed_columns_are_the_contract_s(self, contract):
        assert set(contract.followed()) <= set(contract.dtypes())

    @each_contract
    def test_rules_name_columns_that_are_there(self, contract):
        for name, _, right in contract.row_rules():
            assert {name, *right.meta.root_names()} <= set(contract.dtypes())

    def test_no_two_contracts_share_a_table(self):
        views = {"PUBLISHED", "WHOLE", "INTERNAL", "LARGE"}
        groups = {name: group for name, group in vars(tables).items() if name.isupper() and name not in views}
        assert {"CANONICAL", "DIMENSIONS", "FACTS", "VALUES", "OPERATIONS", "BOOKKEEPING"} <= set(groups)
        assert len(EVERY) == sum(len(group) for group in groups.values())

    @pytest.mark.parametrize("contract", CANONICAL.values(), ids=CANONICAL.keys())
    def test_a_canonical_row_says_where_it_came_from(self, contract):
        assert set(Export.dtypes()) == {"export_source", "export_file", "export_line", "exported_at"}
        assert all(not f.nullable for f in contract.fields() if f.name in Export.dtypes())

    @pytest.mark.parametrize("contract", CANONICAL.values(), ids=CANONICAL.keys())
    def test_where_a_row_came_from_restates_nothing_but_the_source_that_its_id_belongs_to(self, contract):
        assert set(contract.followed()) & set(Export.dtypes()) == set(contract.grain()) & {"export_source"}

    def test_what_a_month_reads_from_the_beginning_is_a_history(self):
        histories = {name for name, contract in EVERY.items() if contract.cumulative()}
        assert histories == {"accounts", "subscription_items", "milestones", "dim_account", "account_version"}
        assert all(EVERY[name].dated_by() for name in histories)

    @each_contract
    def test_what_is_told_with_a_day_is_a_column_beside_that_day(self, contract):
        for name, told in contract.told_with().items():
            assert name in contract.dtypes()
            assert told
            assert {contract.dtypes()[day] for day in told} <= {pl.Date(), pl.Datetime("us")}

    @each_contract
    def test_which_of_the_rows_with_one_key_counts_is_told_by_an_instant_beside_the_key(self, contract):
        if repeats := contract.repeats():
            which, by = repeats
            assert which in {"first", "last"}
            assert contract.grain()
            assert by not in contract.grain()
            assert contract.dtypes()[by] == pl.Datetime("us")


class TestUnits:
    @pytest.mark.parametrize("contract", PUBLISHED.values(), ids=PUBLISHED.keys())
    def test_cents_are_integers_named_so(self, contract):
        money = [f for f in contract.fields() if f.unit == "cents"]
        assert all(f.name.endswith("_cents") and f.dtype == pl.Int64 for f in money)

    @each_contract
    def test_native_money_is_integers_of_minor_units(self, contract):
        native = [f for f in contract.fields() if f.unit == "minor units of currency"]
        # A price may be a part of the minor unit (half a cent a call); what is billed never is.
        assert all(f.dtype == pl.Int64 or f.name == "unit_amount" for f in native)
        assert all(f.name.endswith(("amount", "refunded", "native_cents")) for f in native)
        assert not native or "currency" in contract.dtypes()

    @each_contract
    def test_what_is_named_cents_has_the_unit(self, contract):
        named = [f for f in contract.fields() if f.name.endswith("_cents")]
        assert all(f.unit in {"cents", "minor units of currency"} for f in named)
        assert all((f.unit == "cents") is not f.name.endswith("native_cents") for f in named)

    @each_contract
    def test_shares_and_scores_are_floats(self, contract):
        assert all(f.dtype == pl.Float64 for f in contract.fields() if f.unit in {"share", "score"})

    @each_contract
    def test_a_name_that_ends_in_a_unit_has_that_unit(self, contract):
        ends = {"_hours": "hours", "_days": "days", "minutes": "minutes", "seconds": "seconds"}
        for field in contract.fields():
            for end, unit in ends.items():
                if field.name.endswith(end) and field.name != "user_days":
                    assert field.unit == unit, field.name

    @each_contract
    def test_a_day_is_named_on_and_an_instant_at(self, contract):
        for field in contract.fields():
            if field.name.endswith("_on"):
                assert field.dtype == pl.Date, field.name
            if field.name.endswith("_at"):
                assert field.dtype == pl.Datetime("us"), field.name


class TestFields:
    def test_an_optional_column_may_be_empty(self):
        by_name = {f.name: f for f in Thing.fields()}
        assert (by_name["low"].optional, by_name["low"].nullable) == (True, True)
        assert (by_name["amount"].optional, by_name["amount"].nullable) == (False, True)
        assert (by_name["key"].optional, by_name["key"].nullable) == (False, False)

    def test_a_column_keeps_its_unit_and_moment(self):
        by_name = {f.name: f for f in Thing.fields()}
        assert by_name["amount"].unit == "cents"
        assert by_name["key"].unit is None
        assert by_name["on"].moment == "happened"

    def test_a_table_is_named_after_its_class(self):
        assert Thing.table() == "thing"
        assert DimAccountMonth.table() == "dim_account_month"

    @pytest.mark.parametrize(
        ("table", "column_name"),
        [
            ("tickets", "requester_id"),
            ("survey_responses", "respondent_id"),
            ("usage_events", "user_id"),
            ("fct_ticket", "requester_id"),
            ("fct_survey_response", "respondent_id"),
        ],
    )
    def test_a_person_s_id_is_marked(self, table, column_name):
        assert {f.name for f in EVERY[table].fields() if f.personal == "id"} == {column_name}

    @pytest.mark.parametrize("table", ["survey_responses", "fct_survey_response", "churn_events"])
    def test_free_text_is_marked(self, table):
        assert {f.name for f in EVERY[table].fields() if f.personal == "text"} == {"comment"}


def judged(*given: dict[str, Any]) -> dict[tuple[str, str], list[bool]]:
    frame = rows(Thing, *given)
    return {(name, said): frame.select(right).to_series().to_list() for name, said, right in Thing.row_rules()}


class TestRowRules:
    def test_ordered_holds_where_the_later_is_not_below_or_either_is_empty(self):
        found = judged({"low": 1, "high": 2}, {"low": 2, "high": 2}, {"low": 3, "high": 2}, {"low": 3}, {"high": 2}, {})
        assert found["high", "not below low"] == [True, True, False, True, True, True]

    def test_needs_holds_where_the_needed_is_there_or_not_asked_for(self):
        found = judged({"amount": 1, "high": 2}, {"amount": 1}, {"high": 2}, {})
        assert found["high", "a value, as amount has one"] == [True, False, True, True]

    def test_unless_holds_where_the_value_is_there_or_the_excuse_is_true(self):
        found = judged(
            {"on": day("2024-01-01"), "flag": False}, {"flag": True}, {"flag": False}, {}, {"on": day("2024-01-01")}
        )
        assert found["on", "a value, unless flag"] == [True, True, False, False, True]

    def test_either_holds_where_one_of_the_two_is_there(self):
        found = judged({"amount": 1}, {"flag": False}, {"amount": 1, "flag": True}, {})
        assert found["amount", "a value here or in flag"] == [True, True, True, False]

    def test_a_contract_without_rules_has_none(self):
        assert DimAccount.row_rules() == []


class TestShaped:
    def test_columns_come_in_the_contract_s_order_and_what_it_does_not_know_goes(self):
        frame = pl.DataFrame({"high": [2], "stranger": [9], "key": ["a"]})
        shaped = Thing.shaped(frame)
        assert shaped.columns == ["key", "amount", "low", "high", "flag", "on"]
        assert shaped.row(0) == ("a", None, None, 2, None, None)
        assert shaped.schema == pl.Schema(Thing.dtypes())

    def test_a_value_that_does_not_fit_its_type_stops_it(self):
        frame = pl.DataFrame({"metric_key": [40_000]}, schema={"metric_key": pl.Int64})
        with pytest.raises(pl.exceptions.InvalidOperationError):
            MetricPart.shaped(frame)


class TestWithColumns:
    def test_adds_each_segment_once_as_nullable_text_with_its_name_told(self):
        wider = with_columns(Accounts, ("tier", "industry", "channel"), SEGMENT)
        added = [f for f in wider.fields() if f.name not in Accounts.dtypes()]
        assert [(f.name, f.dtype, f.nullable, f.description) for f in added] == [
            ("tier", pl.String(), True, "Segment of the config: tier"),
            ("channel", pl.String(), True, "Segment of the config: channel"),
        ]
        assert [f for f in wider.fields() if f.name == "industry"] == [
            f for f in Accounts.fields() if f.name == "industry"
        ]

    def test_again_adds_nothing(self):
        once = with_columns(Accounts, ("tier",), SEGMENT)
        twice = with_columns(once, ("tier",), SEGMENT)
        assert list(twice.dtypes()) == list(once.dtypes())

    def test_keeps_name_prose_grain_and_dating(self):
        wider = with_columns(Accounts, ("tier",), SEGMENT)
        assert (wider.table(), wider.prose()) == ("accounts", Accounts.prose())
        assert wider.grain() == ("account_id", "known_from")
        assert (wider.dated_by(), wider.cumulative()) == (("known_from",), True)

    def test_leaves_the_contract_itself_as_it_was(self):
        before = list(Accounts.dtypes())
        with_columns(Accounts, ("tier",), SEGMENT)
        assert list(Accounts.dtypes()) == before

    def test_the_wider_table_follows_its_segments(self):
        assert "tier" in with_columns(Accounts, ("tier",), SEGMENT).followed()

    def test_rows_of_the_wider_table_validate_with_and_without_a_value(self):
        wider = with_columns(DimAccountMonth, ("tier",), SEGMENT)
        given = {"account_id": "a", "month": day("2024-01-01"), "account_key": 1, "has_history": True}
        frame = rows(wider, {**given, "tier": "gold"}, {**given, "account_id": "b"})
        assert wider.validate(frame, lazy=True)["tier"].to_list() == ["gold", None]


class TestWhatContractsRefuse:
    """A contract's rules reach pandera: each of these rows has one thing wrong."""

    part = {"month": dt.date(2024, 1, 1), "metric_key": 1, "account_key": 1, "numerator": 1.0}

    @pytest.mark.parametrize(
        ("contract", "row"),
        [
            (PUBLISHED["metric_month"], {"null_reason": "because"}),
            (PUBLISHED["dim_metric"], {"unit": "euros"}),
            (PUBLISHED["fct_ticket"], {"status": "done"}),
            (PUBLISHED["fct_invoice"], {"currency": "eur"}),
            (PUBLISHED["fct_mrr_account_month"], {"churned_cents": -1}),
            (PUBLISHED["fct_health_input"], {"score": 100.5}),
            (PUBLISHED["fct_health_score"], {"band": "blue"}),
        ],
        ids=lambda value: value.table() if isinstance(value, type) else next(iter(value)),
    )
    def test_a_value_outside_its_rule(self, contract, row):
        (name,) = row
        with pytest.raises(SchemaErrors) as found:
            contract.checked(rows(contract, row))
        cases = found.value.failure_cases
        assert name in cases.filter(pl.col("check") != "not_nullable")["column"].to_list()

    def test_two_rows_of_one_grain(self):
        with pytest.raises(SchemaErrors, match="unique"):
            MetricPart.checked(rows(MetricPart, self.part, {**self.part, "numerator": 2.0}))

    def test_a_column_the_contract_does_not_know(self):
        frame = rows(MetricPart, self.part).with_columns(stranger=pl.lit(1))
        with pytest.raises(SchemaErrors, match="stranger"):
            MetricPart.checked(frame)

    def test_a_number_that_is_none(self):
        with pytest.raises(SchemaErrors, match="numerator"):
            MetricPart.checked(rows(MetricPart, {**self.part, "numerator": float("nan")}))

    def test_a_column_of_another_type(self):
        frame = rows(MetricPart, self.part).cast({"account_key": pl.Int64})
        with pytest.raises(SchemaErrors, match="account_key"):
            MetricPart.checked(frame)

    def test_a_column_too_few(self):
        with pytest.raises(SchemaErrors, match="numerator"):
            MetricPart.checked(rows(MetricPart, self.part).drop("numerator"))


class Ruled(Contract):
    """One row per key, with a column of each kind that a contract can declare."""

    key: str = column("Key", str_matches="^[ab]$")
    share: float = column("Share", le=1.0)
    cents: pl.Int64 = column("Cents", null=True, ge=0)
    score: float = column("Score", null=True)
    on: pl.Date = column("Day")

    class Config:
        unique = ["key"]


VALUES = {
    "key": st.sampled_from(["a", "b", "c", None]),
    "share": st.sampled_from([0.5, 1.0, 1.5, float("nan"), None]),
    "cents": st.sampled_from([0, 5, -1, None]),
    "score": st.sampled_from([1.5, float("nan"), None]),
    "on": st.sampled_from([dt.date(2024, 1, 1), None]),
}


def refused(check: Callable[[pl.DataFrame], pl.DataFrame], frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """What is told of each fault; nothing of a frame that is taken."""
    try:
        check(frame)
    except SchemaErrors as found:
        return sorted(found.failure_cases.select("column", "check", "index").rows(), key=str)
    return []


class TestWhatIsChecked:
    """`checked` looks at types and presence without pandera, and refuses what pandera refuses, in the same words."""

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.lists(st.fixed_dictionaries(VALUES), max_size=3))
    def test_is_refused_where_pandera_refuses_it(self, told):
        frame = rows(Ruled, *told)
        expected = refused(lambda each: Ruled.validate(each, lazy=True), frame)
        assert refused(Ruled.checked, frame) == expected

    def test_is_taken_and_refused_in_that_law(self):
        good = {"key": "a", "share": 1.0, "cents": None, "score": None, "on": dt.date(2024, 1, 1)}
        assert refused(Ruled.checked, rows(Ruled, good)) == []
        assert [name for name, *_ in refused(Ruled.checked, rows(Ruled, {**good, "cents": -1}))] == ["cents"]

    @each_contract
    def test_is_refused_without_any_value_where_the_contract_wants_one(self, contract):
        frame = rows(contract, {})
        expected = refused(lambda each: contract.validate(each, lazy=True), frame)
        assert refused(contract.checked, frame) == expected
        assert expected or all(field.nullable for field in contract.fields())
