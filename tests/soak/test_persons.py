"""What files and config hold goes nowhere but the private copies; what is rejected, nowhere but copy and quarantine.

Marks stand for it. They are planted in every column that may reject one, in every column of persons, in headers and in
the config; runs end well and badly; then all that was told or kept elsewhere is searched for them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml

from schemas.contract import Contract
from schemas.tables import CANONICAL
from tests.integration.small_company import ONE_MONTH, Row, SmallCompany, exports, small_company
from tests.soak.nursery import Nursery, nursery

REJECTED, PERSON, HEADER, CONFIG = "Zqxrej", "Zqxper", "Zqxhead", "Zqxconf"
MARKS = (REJECTED, PERSON, HEADER, CONFIG)
PRIVATE = {"landed", "quarantine", "staged"}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    made = small_company(tmp_path / "company", **ONE_MONTH)
    made.configure(**ONE_MONTH, quarantine_limit={"default": 0.99})
    return made


def rejects_words(contract: type[Contract], name: str) -> bool:
    """Whether a column takes no word that it does not know."""
    if name not in contract.dtypes():
        return False
    rules = contract.to_schema().columns[name].checks
    return contract.dtypes()[name] != pl.String or any(rule.name == "isin" for rule in rules)


def planted(table: str, rows: list[Row]) -> list[Row]:
    """The rows, of which the last tells marks of persons, and rows with a mark in each column that rejects it."""
    contract, last = CANONICAL[table], dict(rows[-1])
    persons = {field.name: f"{PERSON}{table}" for field in contract.fields() if field.personal and field.name in last}
    key = next(name for name in contract.grain() if name in last and contract.dtypes()[name] == pl.String)
    bad = [
        {**last, **({key: f"K{number}"} if name != key else {}), name: f"{REJECTED}{number}"}
        for number, name in enumerate(last)
        if rejects_words(contract, name)
    ]
    return [*rows[:-1], {**last, **persons}, *bad]


def search(company: SmallCompany, said: str) -> dict[str, set[str]]:
    """Which marks are where they must not be: by place."""
    found: dict[str, set[str]] = {"what is told": {mark for mark in MARKS if mark in said}}
    for path in company.data.rglob("*"):
        place = path.relative_to(company.data)
        if path.is_file() and not path.is_symlink() and place.parts[0] not in PRIVATE:
            seen = path.read_bytes()
            found[str(place)] = {mark for mark in MARKS if mark.encode() in seen}
            # What is compressed hides its words.
            if path.suffix == ".duckdb":
                found[f"rows of {place}"] = _in_rows(path)
            elif path.suffix == ".parquet":
                found[f"rows of {place}"] = _in_frames([pl.read_parquet(path)])
    return {place: marks for place, marks in found.items() if marks}


def _in_rows(path: Path) -> set[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.sql("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        frames = [connection.sql(f'SELECT * FROM "{schema}"."{name}"').pl() for schema, name in tables]
    return _in_frames(frames)


def _in_frames(frames: list[pl.DataFrame]) -> set[str]:
    texts = {text for frame in frames for column in frame.select(pl.col(pl.String)) for text in column.unique() if text}
    names = {name for frame in frames for name in frame.columns}
    return {mark for mark in MARKS if any(mark in text for text in texts | names)}


def test_of_a_run_that_ends_well_nothing_is_told_elsewhere(company: SmallCompany, commands: Nursery, counted) -> None:
    expected = 0
    for table, rows in exports().items():
        made = planted(table, rows)
        expected += len(made) - len(rows)
        company.export(table, made)
    status, said = commands.run(company, "run")
    assert status == 0, said
    assert search(company, said) == {}
    staged = [pl.read_parquet(path) for path in (company.data / "staged").rglob("*.parquet")]
    assert _in_frames(staged) == {PERSON}
    database = company.project().database
    assert database.read("quarantine").select("table_name", "line").n_unique() == expected
    kept = "".join(path.read_text() for path in (company.data / "quarantine").iterdir())
    assert kept.count(REJECTED) >= expected, "what is rejected is kept for those who mend it"
    status, told = commands.run(company, "doctor")
    assert search(company, told) == {}
    counted(f"{expected} marks in columns that reject them, each quarantined; 0 found elsewhere")


def headerless(company: SmallCompany) -> None:
    path = company.folder / "support" / "tickets.csv"
    path.write_text("\n".join([f"{REJECTED},{HEADER}@example.com", *path.read_text().splitlines()[1:]]))


def an_address_as_a_column(company: SmallCompany) -> None:
    path = company.folder / "crm" / "accounts.csv"
    path.write_text(path.read_text().replace("account_name", f"{HEADER}@example.com").replace("signup_on", HEADER))


def a_name_as_a_rating(company: SmallCompany) -> None:
    rows = exports()["csm_activities"]
    company.export(
        "csm_activities", [{**row, "rating": f"{REJECTED} Miller" if row["rating"] else None} for row in rows]
    )


def an_unknown_key(company: SmallCompany) -> None:
    _configured(company, lambda config: config.update({CONFIG: {CONFIG: CONFIG}}))


def a_segment_that_nobody_exports(company: SmallCompany) -> None:
    _configured(company, lambda config: config.update(segments=["region", CONFIG.lower()]))


def a_currency_that_is_none(company: SmallCompany) -> None:
    rows = exports()["subscription_items"]
    company.export("subscription_items", [{**row, "currency": REJECTED} for row in rows])


def an_open_quote(company: SmallCompany) -> None:
    path = company.folder / "support" / "tickets.csv"
    path.write_text(path.read_text() + f'"{REJECTED},{REJECTED}\n')


def _configured(company: SmallCompany, change: Callable[[dict[str, Any]], None]) -> None:
    config = yaml.safe_load(company.config.read_text())
    change(config)
    company.config.write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(
    "spoil",
    [
        headerless,
        an_address_as_a_column,
        a_name_as_a_rating,
        an_unknown_key,
        a_segment_that_nobody_exports,
        a_currency_that_is_none,
        an_open_quote,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_of_a_run_that_ends_badly_nothing_is_told_elsewhere(company, commands, spoil) -> None:
    spoil(company)
    status, said = commands.run(company, "run")
    assert status == 1 and "error: " in said, said
    assert "Traceback" not in said
    assert search(company, said) == {}
