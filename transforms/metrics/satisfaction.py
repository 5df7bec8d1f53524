"""What customers say: by the day of the response, every answer turned so that high is good."""

from functools import partial

import polars as pl

from transforms.declaration import SO_FAR
from transforms.exported import Exported
from transforms.facts.answers import counting_answers
from transforms.metrics.definition import Ratio, parts

ANSWER_WITHIN = pl.duration(hours=30 * 24)

# A survey may have been sent, and so be filed, long before the month of its answer.
answers = partial(
    Ratio,
    better="higher",
    signal="leading",
    perspective="customer",
    items=True,
    reads={"fct_survey_response": SO_FAR},
)


def scored(fct_survey_response: pl.DataFrame, kind: str, scale: tuple[float, float] | None = None) -> pl.DataFrame:
    """The answers of a kind that count and have a score (on the scale), under the month of the answer."""
    rows = counting_answers(fct_survey_response).filter(pl.col("kind") == kind)
    if scale:
        rows = rows.filter((pl.col("scale_min") == scale[0]) & (pl.col("scale_max") == scale[1]))
    return rows


def nobody_is_asked(exported: Exported) -> str | None:
    """Why there can be no CSAT: surveys and ratings of tickets are both missing; one of them is enough."""
    surveys, ratings = (exported.missing([need]) for need in ("survey_responses", "tickets.satisfaction_score"))
    return surveys and ratings


@answers(
    unit="share",
    over_time="flow",
    independent=True,
    unknown_when=nobody_is_asked,
    title="Customer satisfaction (CSAT)",
)
def csat(fct_survey_response: pl.DataFrame) -> pl.DataFrame:
    """Positive answers / scored answers of the month, from satisfaction surveys and ratings of tickets.

    Positive: 4–5 of 1–5, 6–10 of 1–10, 5–7 of 1–7, or as the config says. Of several answers about one ticket, its
    rating included, the first counts, on the same day the survey.
    """
    return parts(scored(fct_survey_response, "csat"), pl.col("is_positive"), pl.col("is_positive").is_not_null())


@answers(unit="points", over_time="mean_rate", scale=100, needs=("survey_responses",), title="Net promoter score")
def nps(fct_survey_response: pl.DataFrame) -> pl.DataFrame:
    """100 × (answers of 9–10 − answers of 0–6) / answers on 0–10, a respondent's last scored answer of the month.

    An answer without a respondent counts for itself. Over a longer period it is the pooled monthly score, as a
    respondent may answer in each month.
    """
    rows = scored(fct_survey_response, "nps", (0, 10))
    named = pl.col("respondent_id").is_not_null()
    last = (
        rows.filter(named)
        .sort("responded_at", "response_id", "source")
        .unique(["month", "source", "respondent_id"], keep="last", maintain_order=True)
    )
    score = pl.col("good_score")
    points = (score >= 9).cast(pl.Int64) - (score <= 6).cast(pl.Int64)
    return parts(pl.concat([last, rows.filter(~named)]), points, score.is_not_null())


@answers(
    unit="share", over_time="flow", independent=True, needs=("survey_responses",), title="Customer effort score (CES)"
)
def ces(fct_survey_response: pl.DataFrame) -> pl.DataFrame:
    """Answers of 5–7 / answers on 1–7, where 7 is the least effort."""
    score = pl.col("good_score")
    return parts(scored(fct_survey_response, "ces", (1, 7)), score >= 5, score.is_not_null())


@answers(
    unit="share",
    over_time="flow",
    independent=True,
    provisional_days=30,
    needs=("survey_responses.sent_at",),
)
def survey_response_rate(fct_survey_response: pl.DataFrame) -> pl.DataFrame:
    """Surveys answered within 30 × 24 hours / surveys sent in the month; of a survey answered again the first answer.

    A source that exports answered surveys only says nothing of the others: months before the first unanswered survey
    have no value.
    """
    surveys = fct_survey_response.filter(pl.col("sent_at").is_not_null())
    sent = surveys.sort("responded_at").unique(["source", "response_id"], keep="first", maintain_order=True)
    # Only earlier months decide, so that a month's value is the same whichever months are computed with it.
    first = pl.col("month").filter(pl.col("responded_at").is_null()).min()
    in_time = (pl.col("responded_at") < pl.col("sent_at") + ANSWER_WITHIN).fill_null(value=False)
    return parts(sent.filter(pl.col("month") >= first), in_time, pl.col("sent_at").is_not_null())
