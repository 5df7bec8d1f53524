"""Survey responses and ticket ratings as facts."""

import datetime as dt
from collections.abc import Iterable
from math import ceil

import polars as pl

from schemas.config import Feedback, Privacy
from schemas.customers import UNKNOWN
from schemas.feedback import LOW, FctSurveyResponse, SurveyResponse
from transforms.calendar import local_day, month_start
from transforms.clean.counting import own_or_only
from transforms.declaration import FILED, SO_FAR, monthly
from transforms.facts.filing import filed
from transforms.facts.privacy import publishable
from transforms.facts.tickets import counting
from transforms.refusals import UndefinedError
from transforms.template import filled

RATING = "ticket:{}"
"""Id of a ticket's rating among the answers."""


class UnknownScaleError(UndefinedError):
    """A CSAT answer is on a scale whose positive range the config does not name."""


@monthly(survey_responses=FILED, tickets=SO_FAR)
def fct_survey_response(
    survey_responses: pl.DataFrame,
    tickets: pl.DataFrame,
    dim_month: pl.DataFrame,
    time_zone: str,
    feedback: Feedback,
    privacy: Privacy,
    secret: bytes,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract. Every earlier answer is kept: of several about one ticket the first counts.

    Raises:
        UnknownScaleError: a CSAT answer of these months is on a scale without a line under feedback.csat.
    """
    low, high, good = pl.col("scale_min"), pl.col("scale_max"), pl.col("good_score")
    turned = pl.when(pl.col("direction") == LOW).then(high + low - pl.col("score")).otherwise(pl.col("score"))
    rows = pl.concat([_surveys(survey_responses, tickets, time_zone), _ratings(tickets, time_zone)])
    facts = (
        filed(rows, dim_month, computed_from)
        .with_columns(responded_on=local_day(pl.col("responded_at"), time_zone))
        .with_columns(responded_month=month_start(pl.col("responded_on")), good_score=turned)
        .with_columns(
            share_of_scale=pl.when(high > low).then((good - low) / (high - low)),
            is_positive=_is_positive(feedback),
        )
    )
    said_in = pl.max_horizontal("month", "responded_month")
    _refuse_unknown_scales(facts if computed_from is None else facts.filter(said_in >= computed_from), feedback)
    return publishable(FctSurveyResponse.shaped(facts), FctSurveyResponse, privacy, secret).sort(
        "source", "response_id", "responded_at"
    )


def counting_answers(fct_survey_response: pl.DataFrame) -> pl.DataFrame:
    """The scored answers that count, with `month`, that of the answer.

    Of several of one kind about one ticket, its rating included, the first does; on one day a survey before the rating.
    An answer that was given before its survey was sent counts from the month in which it was sent.
    """
    scored = fct_survey_response.filter(pl.col("good_score").is_not_null() & pl.col("responded_month").is_not_null())
    counted = scored.with_columns(month=pl.max_horizontal("responded_month", "month"))
    of_ticket = pl.col("ticket_source").is_not_null()
    is_rating = (pl.col("source") == pl.col("ticket_source")) & (pl.col("response_id") == filled(RATING, "ticket_id"))
    first = (
        counted.filter(of_ticket)
        .with_columns(is_rating=is_rating)
        .sort("month", "responded_on", "is_rating", "responded_at", "response_id", "source")
        .unique(["ticket_source", "ticket_id", "kind"], keep="first", maintain_order=True)
        .drop("is_rating")
    )
    return pl.concat([first, counted.filter(~of_ticket)])


def _surveys(survey_responses: pl.DataFrame, tickets: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """The surveys, one without an account under that of its ticket; an unanswered one says nothing.

    Also one whose answer is later than `as_of`, which has lost no more than its `responded_at`.
    """
    days = [local_day(pl.col(name), time_zone) for name in ("sent_at", "responded_at")]
    filed = survey_responses.with_columns(month=month_start(pl.coalesce(days)), source="export_source").with_row_index(
        "survey"
    )
    account = pl.when(pl.col("account_id") != UNKNOWN).then("account_id")
    answered = pl.col("responded_at").is_not_null()
    return _filed(
        filed.join(_tickets_of(filed, tickets, time_zone), on="survey", how="left").with_columns(
            account_id=pl.coalesce(account, "ticket_account", pl.lit(UNKNOWN)),
            score=pl.when(answered).then("score"),
            comment=pl.when(answered).then("comment"),
        )
    )


def _tickets_of(surveys: pl.DataFrame, tickets: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Whose ticket each survey's ticket_id is: survey, ticket_source, ticket_account.

    That of the survey's own source, if it has such a ticket; else that of the only source that has one; where several
    have, nobody can tell. A ticket that no source has is a ticket of the survey's source all the same, of no account.
    Of a ticket that was created in a later month than the survey is filed in nothing is known.
    """
    about = surveys.drop_nulls("ticket_id").select("survey", "export_source", "ticket_id", "month")
    known = tickets.select(
        "ticket_id", ticket_source="export_source", ticket_account="account_id", created_month=_created_month(time_zone)
    )
    having = about.join(known, on="ticket_id").filter(pl.col("created_month") <= pl.col("month"))
    found = own_or_only(having, ["survey"]).select("survey", "ticket_account", "ticket_source")
    nowhere = about.join(having, on="survey", how="anti").select(
        "survey", ticket_account=pl.lit(None, pl.String), ticket_source="export_source"
    )
    return pl.concat([found, nowhere])


def _ratings(tickets: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Ratings of tickets that count, as answers; one that was given before its ticket was created is filed with it."""
    rated = counting(tickets).filter(pl.col("satisfaction_score").is_not_null())
    responded_at = pl.coalesce("satisfaction_at", "last_solved_at")
    return _filed(
        rated.select(
            "account_id",
            "ticket_id",
            "scale_min",
            "scale_max",
            source="export_source",
            ticket_source="export_source",
            month=pl.max_horizontal(month_start(local_day(responded_at, time_zone)), _created_month(time_zone)),
            response_id=filled(RATING, "ticket_id"),
            respondent_id="requester_id",
            kind=pl.lit("csat"),
            score="satisfaction_score",
            responded_at=responded_at,
        ).filter(pl.col("responded_at").is_not_null())
    )


def _created_month(time_zone: str) -> pl.Expr:
    return month_start(local_day(pl.col("created_at"), time_zone))


def _filed(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of a response, with the month it is filed under and whose ids it names."""
    beside = rows.select("month", "source", "ticket_source")
    return pl.concat([SurveyResponse.shaped(rows), beside], how="horizontal")


def _is_csat() -> pl.Expr:
    return (pl.col("kind") == "csat") & pl.col("good_score").is_not_null()


def _is_positive(feedback: Feedback) -> pl.Expr:
    """Whether a scored CSAT answer, turned so that high is good, lies in the positive range of its scale."""
    by_scale = [
        pl.when((pl.col("scale_min") == known.scale[0]) & (pl.col("scale_max") == known.scale[1])).then(
            pl.col("good_score").is_between(*known.positive)
        )
        for known in feedback.csat
    ]
    return pl.when(_is_csat()).then(pl.coalesce(*by_scale, pl.lit(None, pl.Boolean)))


def _refuse_unknown_scales(facts: pl.DataFrame, feedback: Feedback) -> None:
    unknown = facts.filter(_is_csat() & pl.col("is_positive").is_null())
    scales = unknown.group_by("scale_min", "scale_max").len().sort("scale_min", "scale_max").rows()
    if scales:
        named = ", ".join(f"{low}–{high} ({count} answers)" for low, high, count in scales)
        raise UnknownScaleError(
            f"CSAT answers on the scale {named}, but feedback.csat in the config does not say which of them are"
            f" positive; give it a line, like {csat_line([(low, high) for low, high, _ in scales], feedback)}"
        )


def csat_line(scales: Iterable[tuple[float, float]], feedback: Feedback) -> str:
    """The config's line with these scales, to be weighed, after those that it has: what it names is all it has.

    Whole scores within the best quarter of a scale are positive.
    """
    known = [(*each.scale, *each.positive) for each in feedback.csat]
    added = [(low, high, ceil(high - (high - low) / 4), high) for low, high in scales]
    told = ", ".join(
        f"{{scale: [{low:g}, {high:g}], positive: [{least:g}, {most:g}]}}"
        for low, high, least, most in [*known, *added]
    )
    return f"feedback: {{csat: [{told}]}}"
