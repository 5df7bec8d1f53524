"""SurveyMonkey's objects, in the words of its API.

Sources: SurveyMonkey's reference of responses and surveys; the streams of Airbyte's connector, as they are in its
schemas and its expected records; headers of exported CSV files.
"""

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant


class SurveymonkeyResponses(Export):
    """One row per response to a survey, be it broken off."""

    id: str = column("Response", spelled={"dashboard": ("Respondent ID", "respondent_id")})
    survey_id: str = column("Survey", optional=True)
    collection_mode: str = column("How it came in: as any, or as a preview", optional=True)
    recipient_id: str = column("Person to whom it was sent, if it was sent to one", optional=True, personal="id")
    date_modified: Instant = column(  # type: ignore[valid-type]
        "When the last answer was given", optional=True, spelled={"dashboard": ("End Date", "date_modified")}
    )

    class Config:
        unique = ["id"]


class SurveymonkeyAnswers(Export):
    """One row per question that was answered in a response; of the CSV per question that the config names."""

    response_id: str = column("Response", of_parent="id")
    id: str = column("Question", spelled={"dashboard": "question"})
    heading: str = column("Its text, where the API is asked for it", optional=True)
    answers: str = column("What was chosen and written, as JSON", optional=True)
    shown: str = column("Answer as people are shown it", optional=True, spelled={"dashboard": "value"})

    class Config:
        unique = ["response_id", "id"]


class SurveymonkeyQuestions(Export):
    """One row per question of a survey."""

    id: str = column("Question")
    headings: str = column("Its text, as JSON", optional=True)

    class Config:
        unique = ["id"]


class SurveymonkeyChoices(Export):
    """One row per answer that can be chosen."""

    id: str = column("Answer")
    text: str = column("What it says", optional=True)
    weight: str = column("Its number, where the survey gives it one", optional=True)

    class Config:
        unique = ["id"]


class SurveymonkeyDetails(Export):
    """One row per survey, with its pages and their questions."""

    id: str = column("Survey")

    class Config:
        unique = ["id"]
