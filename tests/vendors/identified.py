"""The identities that a vendor's files tell, without a company around them."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.form import Told
from schemas.identity import Identities
from schemas.vendor import with_asked
from transforms.clean.vendors import FORMS
from transforms.clean.written import objects
from warehouse.reading import read_export
from warehouse.validation import validate


def identified(
    folder: Path, written: str, files: Mapping[str, tuple[str, str]], **options: Any
) -> list[tuple[str | None, ...]]:
    """The identities that these files tell, sorted; `files`: by raw table the name and the text of its file."""
    named = FORMS[written]
    said = named.options.model_validate(options) if named.options else None
    form, read = with_asked(named, said), {}
    for name, (file, text) in files.items():
        path, raw = folder / file, form.raw[name]
        path.write_text(text)
        moment = dt.datetime(2026, 6, 1)
        found = read_export(path, file, "it", moment, raw.contract, form.formats, exact=False, places=raw.places)
        read[name], rejects = validate(found.rows, raw.contract)
        assert found.rejects.is_empty()
        assert rejects.is_empty()
    there, cleaning, of = objects(read, form), form.clean["identities"], {}
    for name in cleaning.reads:
        contract = form.lacking.get(name) or form.raw[name].contract
        prefix = "" if name == cleaning.raw[0] else f"{name}."
        of[name] = there.get(name, contract.blank()).rename(lambda column, prefix=prefix: prefix + column)
    filled = cleaning.function(of, Told("UTC", "EUR", said))
    rows = filled.rows.select(*(name for name in filled.rows.columns if name.startswith("export")), **filled.columns)
    told = Identities.checked(Identities.shaped(rows))
    return sorted(told.select("customer_id", "crm_id", "domain", "name").rows(), key=str)
