"""What customers say: survey responses and ratings."""

import polars as pl

from schemas.bounds import MOST_SCORE
from schemas.contract import Contract, column
from schemas.customers import OF_SOURCE, Export
from schemas.metrics import NULL_REASONS
from schemas.support import Instant

HIGH, LOW = "high_is_good", "low_is_good"


class SurveyResponse(Contract):
    """One row per survey."""

    response_id: str = column("Survey sent or answered")
    account_id: str = column("Account of the respondent; empty: that of its ticket", null=True)
    respondent_id: str = column("Person asked", optional=True, personal="id")
    ticket_id: str = column("Ticket the survey is about", optional=True)
    kind: str = column("Question asked", isin=["nps", "csat", "ces"])
    score: pl.Float64 = column("Answer", null=True, ge=-MOST_SCORE, le=MOST_SCORE)
    scale_min: pl.Float64 = column("Lowest answer of the scale", null=True, ge=-MOST_SCORE, le=MOST_SCORE)
    scale_max: pl.Float64 = column("Highest answer of the scale", null=True, ge=-MOST_SCORE, le=MOST_SCORE)
    direction: str = column("Which end is good; empty is high_is_good", optional=True, isin=[HIGH, LOW])
    comment: str = column("Free text of the answer", optional=True, personal="text")
    sent_at: Instant = column("When it was sent (UTC)", optional=True)  # type: ignore[valid-type]
    responded_at: Instant = column(  # type: ignore[valid-type]
        "When it was answered (UTC); empty: unanswered", null=True, moment="happened"
    )


class SurveyResponses(SurveyResponse, Export):
    """One row per survey of the survey tool, and per time it was answered: the last answer of a month counts."""

    class Config:
        unique = ["export_source", "response_id"]
        metadata = {
            "by_month": True,
            "repeats": ("last", "responded_at"),
            "dated_by": ("sent_at", "responded_at"),
            "told_with": [("score", "responded_at"), ("comment", "responded_at")],
            "ordered": [
                ("sent_at", "responded_at"),
                ("scale_min", "score"),
                ("score", "scale_max"),
            ],
            "needs": [("score", "scale_min"), ("score", "scale_max"), ("score", "responded_at")],
            "either": [("sent_at", "responded_at")],
        }


class FctSurveyResponse(SurveyResponse):
    """One row per survey and month in which it was answered (its last answer of the month), or per unanswered survey.

    And one per rating of a ticket (`ticket:id`). In the month the survey was sent, or else answered.
    """

    month: pl.Date = column("Month it was sent, or else answered")
    source: str = column(OF_SOURCE)
    ticket_source: str = column(
        "Source whose ticket_id it is: its own, or the only other one that has such a ticket; empty: nobody can tell",
        null=True,
    )
    responded_month: pl.Date = column("Month of the answer", null=True)
    responded_on: pl.Date = column("Day of the answer in the reporting time zone", null=True)
    good_score: pl.Float64 = column("The answer, turned so that high is good", unit="score", null=True)
    share_of_scale: pl.Float64 = column("good_score between the ends of its scale", unit="share", null=True)
    is_positive: bool = column("CSAT: whether the answer is in the positive range of its scale", null=True)

    class Config:
        unique = ["source", "response_id", "responded_month"]


class FeedbackThemeMonth(Contract):
    """One row per month and theme of the comments of the twelve months to its end; a comment is in one theme.

    Theme 0 holds the comments of no theme. Every month has it, and it says why where there are no themes. Themes are
    numbered by size within the month: the label, not the number, says what one is about.
    """

    month: pl.Date = column("First day of the month")
    theme: pl.Int64 = column("Number of the theme in the month, the largest first; 0: comments of no theme", ge=0)
    label: str = column(
        "The theme's three most telling words, of a list in which no name is unless the config publishes comments; "
        "empty for theme 0, and where no such word is in it",
        null=True,
    )
    comments: pl.Int64 = column("Comments of surveys and churn events in the theme", unit="count", ge=0)
    scored: pl.Int64 = column("Those of them that came with a score", unit="count", ge=0)
    mean_score: pl.Float64 = column(
        "Mean of the scores, each between the ends of its scale, high is good",
        unit="score",
        null=True,
        in_range={"min_value": 0, "max_value": 100},
    )
    detractors: pl.Int64 = column(
        "Scored comments with 0–6 of 0–10 (NPS), or less than the middle of another scale", unit="count", ge=0
    )
    detractor_share: pl.Float64 = column("Detractors / scored comments", unit="share", null=True)
    examples: str = column(
        "The theme's three most typical comments, one a line; addresses, numbers and names of address are masked",
        null=True,
        personal="text",
    )
    null_reason: str = column("Why the month has no themes", null=True, isin=NULL_REASONS)

    class Config:
        unique = ["month", "theme"]
