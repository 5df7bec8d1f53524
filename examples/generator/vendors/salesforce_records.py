"""Records of Salesforce's of whatever object: their ids, and how each writer spells their fields."""

from collections.abc import Callable, Mapping
from functools import partial
from string import ascii_uppercase

from examples.generator.vendors.writing import SMALL_BEFORE_LARGE, Object, Objects

Row = Mapping[str, str]
ACCOUNT, USER, OPPORTUNITY, CONTRACT, EVENT, TASK = "001", "005", "006", "800", "00U", "00T"
"""What the ids of an object's records begin with."""
DAYS = {"CloseDate", "StartDate", "EndDate", "ActivityDate"}
TIMES = {"CreatedDate", "CompletedDateTime", "ActivityDateTime"}
CHECKS = f"{ascii_uppercase}012345"
OWN = "__c"
"""What ends the name of an org's own field."""


def record_id(begins: str, name: str) -> str:
    """The id of 18 signs of what has a number in its name. Of two that follow each other but the case differs."""
    number = int("".join(sign for sign in name if sign.isdigit()))
    short = f"{begins}55000{number // 2:05d}{'bC' if number % 2 else 'Bc'}"
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(CHECKS[sum(sign.isupper() << bit for bit, sign in enumerate(group))] for group in groups)


def number_of(record: str) -> int:
    """The number of which an id was made."""
    return 2 * int(record[8:13]) + (record[13:15] == "bC")


def records(rows: list[Object], name: str, *, keeps_case: bool) -> Objects:
    """Records of an object. Fivetran and dlt call it in small letters, and dlt people otherwise, too."""
    small = _small(name)
    return Objects(
        [{"attributes": {"type": name, "url": f"/services/data/v62.0/sobjects/{name}/{row['Id']}"}, **row}
         for row in rows],
        {"api": name, "airbyte": name, "dlt": "sf_user" if name == "User" else small, "fivetran": small,
         "dashboard": name},
        times=frozenset(TIMES | {_small(each) for each in TIMES}),
        shaped={
            "airbyte": _with_zone,
            "dlt": _with_zone,
            "fivetran": partial(_for_fivetran, keeps_case=keeps_case),
        },
        shown={field: _loaded(field) for field in rows[0]},
    )  # fmt: skip


def custom(field: str, written_by: str) -> str:
    """What a writer calls an org's own field: whoever doesn't keep the API's names puts them into small letters."""
    return {"fivetran": _small(field), "dlt": field.lower()}.get(written_by, field)


def _small(field: str) -> str:
    """A field as Fivetran calls it, in one of its two ways."""
    return SMALL_BEFORE_LARGE.sub("_", field).lower().replace(OWN, "_c")


def _with_zone(record: Object) -> Object:
    """Copiers spell the zone of UTC, and leave out where a record stands."""
    return {
        name: value.replace("+0000", "Z") if name in TIMES and value else value
        for name, value in record.items()
        if name != "attributes"
    }


def _for_fivetran(record: Object, *, keeps_case: bool) -> Object:
    """Days have a midnight, and each row says whether it holds."""
    told = {
        (name if keeps_case else _small(name)): f"{value} 00:00:00" if name in DAYS and value else value
        for name, value in record.items()
        if name != "attributes"
    }
    return {**told, "_fivetran_active": True}


def _loaded(field: str) -> Callable[[Object], object]:
    """A field as Data Loader has it."""

    def spelled(record: Object) -> object:
        value = record[field]
        return str(value).lower() if isinstance(value, bool) else value

    return spelled
