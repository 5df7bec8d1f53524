"""What customer-success managers do: ratings given, reviews held."""

import datetime as dt

import polars as pl

from schemas.config import Sentiment
from schemas.success import FctCsmActivity
from transforms.calendar import month_start
from transforms.declaration import ALL, FILED, Months, intermediate, monthly
from transforms.facts.filing import filed
from transforms.refusals import UndefinedError


class UnknownRatingError(UndefinedError):
    """A rating is a word that the config gives no score."""


@monthly(csm_activities=FILED)
def fct_csm_activity(
    csm_activities: pl.DataFrame,
    sentiment: Sentiment,
    dim_month: pl.DataFrame,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract.

    Raises:
        UnknownRatingError: a rating of these months is not one of the config's words.
    """
    dated = csm_activities.with_columns(month=month_start(pl.coalesce("due_on", "held_on")), source="export_source")
    rows = filed(dated, dim_month, computed_from, pl.col("held_on"))
    _check_words(rows["rating"], sentiment)
    return FctCsmActivity.shaped(rows.with_columns(rating_score=_score(sentiment))).sort("source", "activity_id")


# By the day it was given: a rating may have been due, and so be filed, in any other month.
@intermediate(csm_activities=Months(back=ALL, by="held_on"))
def given_ratings(csm_activities: pl.DataFrame, sentiment: Sentiment) -> pl.DataFrame:
    """One row per rating that was given by the end of the months, under the month in which it was.

    Columns: month, account_id, source, activity_id, held_on, rating_score. A word without a score says nothing here;
    the fact refuses it.
    """
    rated = csm_activities.with_columns(
        month=month_start(pl.col("held_on")), source="export_source", rating_score=_score(sentiment)
    )
    columns = ("month", "account_id", "source", "activity_id", "held_on", "rating_score")
    return rated.drop_nulls("rating_score").select(columns)


def _score(sentiment: Sentiment) -> pl.Expr:
    return pl.col("rating").replace_strict(sentiment.scores, default=None, return_dtype=pl.Float64)


def _check_words(ratings: pl.Series, sentiment: Sentiment) -> None:
    """Raise for words that have no score, without repeating any: it may be a person's name."""
    unknown = ratings.drop_nulls().filter(~ratings.drop_nulls().is_in(list(sentiment.scores)))
    if unknown.len():
        raise UnknownRatingError(
            f"csm_activities has {unknown.len()} ratings that sentiment.scores in the config gives no score; the "
            f"ingest names their rows; it knows {', '.join(sentiment.scores)}; add each, from 1 (worst) to 5 (best)"
        )
