"""Records of HubSpot's of whatever kind, their properties and companies, as each writer has them."""

from collections.abc import Callable, Mapping
from typing import Any

from examples.generator.vendors.writing import Object, Objects, to_the_minute

OTHER_COMPANY = "10001"
"""The company of least id, to which deals and tickets belong beside their own, that is their primary one."""
KINDS_OF_LINK = {"deal": ("5", "341"), "ticket": ("26", "339")}
"""HubSpot's numbers for a record and its primary company, and for one and any company."""


def record(name: str, properties: Mapping[str, str], kind: str = "", company: str = "") -> Object:
    """A record as the API gives it: properties are text, and each company stands once for each way to belong to it."""
    made: Object = {"id": name, "archived": False, "properties": {**properties}}
    if kind:
        has_other = company not in {"", OTHER_COMPANY} and int(name) % 5 == 0
        linked = [company] * (company != "") + [OTHER_COMPANY] * has_other
        results = [{"id": other, "type": f"{kind}_to_company_unlabeled"} for other in linked]
        results += [{"id": company, "type": f"{kind}_to_company"}] * (company != "")
        made["associations"] = {"companies": {"results": results}}
    return made


def companies_of(record: Object) -> list[str]:
    """The companies to which a record belongs, each once."""
    results = record["associations"]["companies"]["results"] if "associations" in record else []
    return list(dict.fromkeys(each["id"] for each in results))


def _with_types(properties: Mapping[str, str]) -> dict[str, Any]:
    """Connectors make numbers of what is a number to HubSpot, and nothing of an empty text."""
    numbers = {"amount", "hs_primary_associated_company", "hs_primary_company_id"}
    return {name: (float(value) if name in numbers else value) if value else None for name, value in properties.items()}


def _for_airbyte(record: Object) -> Object:
    """Airbyte has properties twice, the second time each in a column, and companies as a list of ids."""
    typed = _with_types(record["properties"])
    plain = {"id": record["id"], "archived": record["archived"], "properties": typed}
    listed = {"companies": companies_of(record)} if "associations" in record else {}
    return {**plain, **{f"properties_{name}": value for name, value in typed.items()}, **listed}


def _for_dlt(record: Object) -> Object:
    """Properties are columns to dlt, and the elements of the list of companies name the record, too."""
    listed = [{"value": record["id"], "companies_id": company} for company in companies_of(record)]
    return {"id": record["id"], **_with_types(record["properties"]), "companies": listed}


def records(
    rows: list[Object], name: str, key: str, shown: Mapping[str, Callable[[Object], object]], fivetran: str
) -> Objects:
    """Records of a kind; `key` is what Fivetran calls their id."""
    named = {name: f"property_{name}" for row in rows for name in row["properties"]}
    if key == "deal_id":
        named |= {"pipeline": "deal_pipeline_id", "dealstage": "deal_pipeline_stage_id"}
    times = ("createdate", "closedate", "closed_date", "first_agent_reply_date")
    return Objects(
        rows,
        {"api": name, "airbyte": name, "dlt": name, "fivetran": fivetran, "dashboard": f"all-{name}"},
        renamed={
            "fivetran": {"id": key, "archived": "is_deleted"}
            | {f"properties.{own}": spelled for own, spelled in named.items()}
        },
        times=frozenset(f"properties.{name}" for name in times),
        shaped={"airbyte": _for_airbyte, "dlt": _for_dlt, "fivetran": _without_empty},
        shown=shown,
    )


def _without_empty(record: Object) -> Object:
    return {**record, "properties": {name: value or None for name, value in record["properties"].items()}}


def shown_property(name: str) -> Callable[[Object], object]:
    """How people see a property: as it is."""
    return lambda record: record["properties"][name]


def shown_instant(name: str) -> Callable[[Object], object]:
    """How people see an instant: without its seconds."""
    return lambda record: to_the_minute(record["properties"][name])


def shown_companies(record: Object) -> str:
    """How people see the companies to which a record belongs: their ids in one text."""
    return ";".join(companies_of(record))


def links(of: Objects, kind: str) -> Objects:
    """The companies of records, which Fivetran keeps in a table of their own."""
    primary, other = KINDS_OF_LINK[kind]
    rows = [
        {f"{kind}_id": record["id"], "company_id": each["id"], "category": "HUBSPOT_DEFINED",
         "type_id": other if each["type"].endswith("unlabeled") else primary}
        for record in of.rows
        for each in record["associations"]["companies"]["results"]
    ]  # fmt: skip
    return Objects(rows, {"fivetran": f"{kind}_company"})
