"""Survey responses and ticket ratings as facts."""

import polars as pl

from schemas.config import Feedback, Privacy
from schemas.customers import UNKNOWN
from schemas.feedback import LOW, FctSurveyResponse, SurveyResponse
from transforms.calendar import local_day, month_start
from transforms.errors import UndefinedError
from transforms.facts.privacy import publishable
from transforms.facts.support import counting


class UnknownScaleError(UndefinedError):
    """A CSAT answer is on a scale whose positive range the config does not name."""


def fct_survey_response(
    survey_responses: pl.DataFrame,
    tickets: pl.DataFrame,
    dim_month: pl.DataFrame,
    time_zone: str,
    feedback: Feedback,
    privacy: Privacy,
    secret: bytes,
) -> pl.DataFrame:
    """See the contract.

    Raises:
        UnknownScaleError: a CSAT answer of these months is on a scale without a line under feedback.csat.
    """
    low, high, good = pl.col("scale_min"), pl.col("scale_max"), pl.col("good_score")
    turned = pl.when(pl.col("direction") == LOW).then(high + low - pl.col("score")).otherwise(pl.col("score"))
    responded_on = local_day(pl.col("responded_at"), time_zone)
    sent_on = local_day(pl.col("sent_at"), time_zone)
    facts = (
        pl.concat([_surveys(survey_responses, tickets), _ratings(tickets, survey_responses)])
        .with_columns(month=month_start(pl.coalesce(sent_on, responded_on)), responded_on=responded_on)
        .join(dim_month.select("month"), on="month", how="semi")
        .with_columns(responded_month=month_start(pl.col("responded_on")), good_score=turned)
        .with_columns(
            share_of_scale=pl.when(high > low).then((good - low) / (high - low)),
            is_positive=_is_positive(feedback),
        )
    )
    _refuse_unknown_scales(facts)
    return publishable(FctSurveyResponse.shaped(facts), FctSurveyResponse, privacy, secret).sort("response_id")


def _surveys(survey_responses: pl.DataFrame, tickets: pl.DataFrame) -> pl.DataFrame:
    """The surveys, one without an account under that of its ticket; an unanswered one says nothing.

    Also one whose answer is later than `as_of`, which has lost no more than its `responded_at`.
    """
    of_ticket = tickets.select("ticket_id", ticket_account="account_id")
    account = pl.when(pl.col("account_id") != UNKNOWN).then("account_id")
    answered = pl.col("responded_at").is_not_null()
    return SurveyResponse.shaped(
        survey_responses.join(of_ticket, on="ticket_id", how="left").with_columns(
            account_id=pl.coalesce(account, "ticket_account", pl.lit(UNKNOWN)),
            score=pl.when(answered).then("score"),
            comment=pl.when(answered).then("comment"),
        )
    )


def _ratings(tickets: pl.DataFrame, survey_responses: pl.DataFrame) -> pl.DataFrame:
    """Ratings of tickets that count, as answers, but those of a ticket whose CSAT survey was answered."""
    answered = survey_responses.filter(pl.col("responded_at").is_not_null() & (pl.col("kind") == "csat"))
    return SurveyResponse.shaped(
        counting(tickets)
        .filter(pl.col("satisfaction_score").is_not_null())
        .join(answered, on="ticket_id", how="anti")
        .select(
            "account_id",
            "ticket_id",
            "scale_min",
            "scale_max",
            response_id=pl.format("ticket:{}", "ticket_id"),
            respondent_id="requester_id",
            kind=pl.lit("csat"),
            score="satisfaction_score",
            responded_at=pl.coalesce("satisfaction_at", "last_solved_at"),
        )
    )


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


def _refuse_unknown_scales(facts: pl.DataFrame) -> None:
    unknown = facts.filter(_is_csat() & pl.col("is_positive").is_null())
    scales = unknown.group_by("scale_min", "scale_max").len().sort("scale_min", "scale_max").rows()
    if scales:
        named = ", ".join(f"{low}–{high} ({count} answers)" for low, high, count in scales)
        raise UnknownScaleError(
            f"CSAT answers on the scale {named}, but feedback.csat in the config does not say which of them are"
            " positive; give it a line like {scale: [1, 5], positive: [4, 5]}"
        )
