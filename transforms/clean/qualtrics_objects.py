"""Qualtrics' objects, in the words of its API.

Sources: the tables of Fivetran's connector, as its dbt package and its seeds have them; headers of exported CSV files.
"""

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant


class QualtricsResponses(Export):
    """One row per response to a survey, be it broken off."""

    id: str = column("Response", spelled={"dashboard": ("ResponseId", "_recordId")})
    survey_id: str = column("Survey", optional=True)
    status: str = column(
        "How it came in: 0 as any, 1 as a preview, 2 as a test; in words in the CSV",
        optional=True,
        spelled={"dashboard": ("Status", "status")},
    )
    end_date: Instant = column(  # type: ignore[valid-type]
        "When the last answer was given", optional=True, spelled={"dashboard": ("EndDate", "endDate")}
    )
    recorded_date: Instant = column(  # type: ignore[valid-type]
        "When it was closed: one that was broken off a week later",
        optional=True,
        spelled={"dashboard": ("RecordedDate", "recordedDate")},
    )

    class Config:
        unique = ["id"]


class QualtricsAnswers(Export):
    """One row per answer to a question in a response; of the CSV per column that the config names."""

    response_id: str = column("Response", of_parent="id")
    question_id: str = column("Question", spelled={"dashboard": "question"})
    id: str = column("Answer", optional=True, spelled={"fivetran": "_fivetran_id"})
    question: str = column("Text of the question", optional=True)
    sub_question_key: str = column("Row of a question of several rows", optional=True)
    loop_id: str = column("Turn of a block that is asked several times", optional=True)
    value: str = column("Answer by its number", optional=True, spelled={"dashboard": "value"})
    text: str = column("Answer in words", optional=True)

    class Config:
        unique = ["response_id", "question_id", "id"]


class QualtricsQuestions(Export):
    """One row per question of a survey."""

    id: str = column("Question")
    survey_id: str = column("Survey")
    data_export_tag: str = column("Name of its column in the CSV", optional=True)
    question_text: str = column("Its text", optional=True)

    class Config:
        unique = ["survey_id", "id"]


class QualtricsEmbeddedData(Export):
    """One row per field of a response that is no answer."""

    response_id: str = column("Response")
    import_id: str = column("Field")
    key: str = column("Name of the field", optional=True)
    value: str = column("What it has", optional=True)

    class Config:
        unique = ["response_id", "import_id"]


class QualtricsDistributions(Export):
    """One row per mailing: invitations to a survey, or reminders of an earlier mailing."""

    id: str = column("Mailing")
    parent_distribution_id: str = column("Mailing of which it reminds", optional=True)
    survey_link__survey_id: str = column("Survey", optional=True)

    class Config:
        unique = ["id"]


class QualtricsDistributionContacts(Export):
    """One row per person and mailing that was or will be sent to them."""

    contact_id: str = column("Person asked", personal="id")
    distribution_id: str = column("Mailing")
    sent_at: Instant = column("When it was sent", optional=True)  # type: ignore[valid-type]
    response_id: str = column("Response that came of it", optional=True)

    class Config:
        unique = ["distribution_id", "contact_id"]
