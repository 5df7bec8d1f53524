"""Typeform's objects, in the words of its API.

Sources: Typeform's reference of responses and forms; the streams of Airbyte's connector, as they are in its schemas and
its expected records; headers of exported CSV files.
"""

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant

TOKEN: dict[str, str | tuple[str, ...]] = {
    "api": ("response_id", "token"),
    "airbyte": ("response_id", "token"),
    "dashboard": "#",
}


class TypeformResponses(Export):
    """One row per time a form was opened, be it without an answer."""

    id: str = column("Response", spelled=TOKEN)
    form_id: str = column("Form", optional=True)
    submitted_at: Instant = column(  # type: ignore[valid-type]
        "When it was sent off; none of one that was not", optional=True, spelled={"dashboard": "Submit Date (UTC)"}
    )

    class Config:
        unique = ["id"]


class TypeformAnswers(Export):
    """One row per answer to a question in a response; of the CSV per column that the config names."""

    response_id: str = column("Response", of_parent="id")
    field__id: str = column("Question", spelled={"dashboard": "question"})
    field__ref: str = column("Name that the company gave the question", optional=True)
    number: str = column("Answer on a scale", optional=True)
    choice__label: str = column("Answer that was chosen", optional=True)
    boolean: str = column("Answer yes or no", optional=True)
    text: str = column("Answer in words; in the CSV any", optional=True, spelled={"dashboard": "value"})

    class Config:
        unique = ["response_id", "field__id"]


class TypeformForms(Export):
    """One row per form, as it is now."""

    id: str = column("Form")

    class Config:
        unique = ["id"]


class TypeformFields(Export):
    """One row per question of a form."""

    form_id: str = column("Form", of_parent="id")
    id: str = column("Question")
    ref: str = column("Name that the company gave it", optional=True)
    title: str = column("What it asks", optional=True)
    type: str = column("opinion_scale, rating, nps or another", optional=True)
    properties__steps: pl.Int64 = column("How many answers its scale has", optional=True)
    properties__start_at_one: bool = column("Whether its scale begins at 1, and not at 0", optional=True)

    class Config:
        unique = ["form_id", "id"]
