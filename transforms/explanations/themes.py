"""What customers write about: their comments in themes, without what would tell who wrote them."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.config import Privacy
from schemas.feedback import LOW, FeedbackThemeMonth
from schemas.support import Instant
from transforms.calendar import add_months, local_day
from transforms.declaration import SO_FAR, Months, monthly
from transforms.explanations.masking import PLACEHOLDER, masked
from transforms.explanations.words import OF_THE_TRADE
from transforms.exported import Exported
from transforms.facts.privacy import publishable
from transforms.sums import exact_sum
from transforms.template import filled

SOURCES = ("survey_responses.comment", "churn_events.comment")
WINDOW_MONTHS = 12
LEAST_COMMENTS = 50
COMMENTS_OF_A_WORD = 3
"""A word of fewer comments makes no subject, and might be somebody's name."""
MOST_WORDS, MOST_THEMES = 1000, 8
WORDS_IN_LABEL = 3
EXAMPLES, LONGEST_EXAMPLE = 3, 300
WORD = r"[^\W\d_]{3,}"
SEED = 0
DIGITS = 9
"""Weights are rounded, so that no processor's last bit decides on a tie."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Themes:
    """What some comments are about: the themes' labels, and of each comment its theme (NULL: none) and its weight."""

    labels: list[str | None]
    theme: pl.Series
    weight: pl.Series


# Comments of a year by the day of the answer; the survey may have been sent long before.
@monthly(survey_responses=SO_FAR, churn_events=Months(back=WINDOW_MONTHS - 1))
def feedback_theme_month(
    survey_responses: pl.DataFrame,
    churn_events: pl.DataFrame,
    dim_month: pl.DataFrame,
    time_zone: str,
    privacy: Privacy,
    exported: Exported,
) -> pl.DataFrame:
    """See the contract: the comments of the months m−11 … m, by the day of the answer or of the churn, to month end.

    Of a survey answered again the comment of the last answer by then, or none.
    No themes under 50 comments (`insufficient_history`), nor where no source exports comments.
    """
    said = _comments(survey_responses, churn_events, time_zone)
    sayable = None if privacy.publish_comments else OF_THE_TRADE
    reason = _unexported(exported)
    found = [FeedbackThemeMonth.blank()]
    for month, month_end in dim_month.select("month", "month_end").iter_rows():
        first = add_months(month, 1 - WINDOW_MONTHS)
        last = said.filter(pl.col("day") <= month_end).unique("key", keep="last", maintain_order=True)
        written = last.filter((pl.col("day") >= first) & (pl.col("text") != "")).sort("text", "key")
        found.append(_of_month(month, written, reason, sayable))
    # The only personal column is a text: there is no id to hash, and so no key.
    return publishable(pl.concat(found), FeedbackThemeMonth, privacy, b"").sort("month", "theme")


def _unexported(exported: Exported) -> str | None:
    """Why there are no comments at all, or None where a source has them."""
    reasons = [exported.missing([source]) for source in SOURCES]
    if None in reasons:
        return None
    return "not_exported" if "not_exported" in reasons else "source_missing"


def _comments(survey_responses: pl.DataFrame, churn_events: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """One row per answer and departure, the last of a survey below: key, day, text (masked), share, is_detractor.

    An answer without a comment is there, with an empty text: it may take the place of an earlier one's.
    Detractors gave 0–6 of 0–10 to NPS, or less than the middle of any other scale. A churn event has no score.
    """
    low, high = pl.col("scale_min"), pl.col("scale_max")
    good = pl.when(pl.col("direction") == LOW).then(high + low - pl.col("score")).otherwise(pl.col("score"))
    is_nps = (pl.col("kind") == "nps") & (low == 0) & (high == 10)
    share = pl.when(high > low).then((good - low) / (high - low))
    surveys = survey_responses.select(
        "comment",
        key=filled("survey:{}:{}", "response_id", "export_source"),
        at="responded_at",
        day=local_day(pl.col("responded_at"), time_zone),
        share=share,
        is_detractor=pl.when(is_nps).then(good <= 6).otherwise(share < 0.5),
    )
    departures = churn_events.select(
        "comment",
        key=filled("churn:{}:{}", "churn_event_id", "export_source"),
        at=pl.col("churned_on").cast(Instant),
        day="churned_on",
        share=pl.lit(None, pl.Float64),
        is_detractor=pl.lit(None, pl.Boolean),
    )
    text = masked(pl.col("comment").fill_null("")).str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.concat([surveys, departures]).drop_nulls("day").with_columns(text=text).sort("at", "key").drop("comment")


def _of_month(month: dt.date, said: pl.DataFrame, reason: str | None, sayable: frozenset[str] | None) -> pl.DataFrame:
    """The month's rows: its themes by size, and theme 0."""
    themes = find_themes(said["text"], sayable) if said.height >= LEAST_COMMENTS else None
    if not themes:
        nothing = pl.repeat(None, said.height, dtype=pl.Int64, eager=True)
        themes = Themes([], nothing, nothing.cast(pl.Float64))
    told = _told(said.with_columns(found=themes.theme, weight=themes.weight))
    labels = pl.DataFrame(
        {"found": [None, *range(len(themes.labels))], "label": [None, *themes.labels]},
        schema={"found": pl.Int64, "label": pl.String},
    )
    rows = (
        labels.join(told, on="found", how="left", nulls_equal=True)
        .with_columns(pl.col("comments", "scored", "detractors").fill_null(0))
        .filter((pl.col("comments") > 0) | pl.col("found").is_null())
        .sort(pl.col("found").is_not_null(), -pl.col("comments"), "label", "found")
        .with_row_index("theme")
    )
    none = reason or ("insufficient_history" if rows.height == 1 else None)
    return FeedbackThemeMonth.shaped(
        rows.with_columns(
            month=pl.lit(month),
            detractor_share=pl.when(pl.col("scored") > 0).then(pl.col("detractors") / pl.col("scored")),
            null_reason=pl.lit(none, pl.String),
        )
    )


def _told(placed: pl.DataFrame) -> pl.DataFrame:
    """One row per theme that was `found` in a comment: counts, mean score, and the most typical comments."""
    typical = (
        placed.unique(["found", "text"], keep="first", maintain_order=True)
        .sort("found", -pl.col("weight"), "text")
        .group_by("found", maintain_order=True)
        .agg(examples=pl.col("text").str.slice(0, LONGEST_EXAMPLE).head(EXAMPLES).str.join("\n"))
    )
    counts = placed.group_by("found").agg(
        comments=pl.len().cast(pl.Int64),
        scored=pl.col("share").count().cast(pl.Int64),
        mean_score=100 * exact_sum(pl.col("share")) / pl.col("share").count(),
        detractors=pl.col("is_detractor").sum().cast(pl.Int64),
    )
    known = counts.with_columns(mean_score=pl.when(pl.col("scored") > 0).then("mean_score"))
    return known.join(typical, on="found", nulls_equal=True)


def find_themes(texts: pl.Series, sayable: frozenset[str] | None = None) -> Themes | None:
    """The themes of the texts, or None where no word is in three of them.

    `sayable`: the words that labels may hold; default: all.

    Comments are too short for the factors of their TF-IDF vectors, which are phrases that many repeat. So the words are
    factored (NMF), by how much oftener than by chance two are in one comment; then each comment's TF-IDF vector falls
    to the theme of its words.
    """
    # A second that only the run that needs it should wait.
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    counter = TfidfVectorizer(
        stop_words="english",
        token_pattern=WORD,
        min_df=COMMENTS_OF_A_WORD,
        max_features=MOST_WORDS,
        sublinear_tf=True,
    )
    try:
        vectors = counter.fit_transform(texts.str.replace_all(PLACEHOLDER, " ").to_list())
    except ValueError:  # Its only way to say that no word is left.
        return None
    # Matrices of words are small: more threads would only wait for each other.
    with threadpool_limits(1):
        words = _themes_of_words(vectors)
    weights: Matrix = np.round(vectors @ words.T, DIGITS)
    weight = pl.Series("weight", weights.max(axis=1))
    theme = pl.select(pl.when(weight > 0).then(pl.Series("theme", weights.argmax(axis=1), dtype=pl.Int64)))
    placed = theme.to_series()
    known = counter.get_feature_names_out().tolist()
    return Themes(_labels(vectors, placed, len(words), known, sayable), placed, weight)


def _themes_of_words(vectors: Any) -> Matrix:  # noqa: ANN401 - scipy's matrices have no types
    """Themes × words, each of length 1: the factors of the words' association (pointwise mutual information).

    There are as many, at most eight, as eigenvalues before the largest fall between two of them.
    """
    from sklearn.decomposition import NMF  # noqa: PLC0415

    there = (vectors > 0).astype(float)
    together: Matrix = (there.T @ there).toarray()
    alone = together.diagonal().copy()
    np.fill_diagonal(together, 0)
    association = np.log(np.maximum(together * there.shape[0] / np.outer(alone, alone), 1))
    degree = np.maximum(association.sum(axis=1), 10.0**-DIGITS)
    association /= np.sqrt(np.outer(degree, degree))
    eigenvalues = np.append(np.linalg.eigvalsh(association)[::-1], 0).round(DIGITS)
    most = min(MOST_THEMES, int((eigenvalues > 0).sum()))
    if most < 2:
        return np.full((1, len(alone)), 1 / math.sqrt(len(alone)))
    falls = eigenvalues[1:most] - eigenvalues[2 : most + 1]
    count = 2 + int(falls.argmax())
    factors: Matrix = NMF(count, init="nndsvda", random_state=SEED, max_iter=2000).fit(association).components_
    lengths: Matrix = np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), 10.0**-DIGITS)
    return factors / lengths


def _labels(
    vectors: Any,  # noqa: ANN401 - as above
    theme: pl.Series,
    count: int,
    words: list[str],
    sayable: frozenset[str] | None,
) -> list[str | None]:
    """Of each theme the words that tell it: often in its comments, and there oftener than elsewhere.

    NULL where it has none that may be said.
    """
    belongs = (theme.to_numpy()[None, :] == np.arange(count)[:, None]).astype(float)
    used: Matrix = np.maximum(belongs @ vectors, 10.0**-DIGITS)
    expected = np.outer(used.sum(axis=1), used.sum(axis=0)) / used.sum()
    telling = np.round(used * np.log(used / expected), DIGITS)
    used = np.round(used, DIGITS)
    ranked = (sorted(zip(-telling[number], -used[number], words, strict=True)) for number in range(count))
    said = ([word for _, _, word in row if sayable is None or word in sayable] for row in ranked)
    return [", ".join(row[:WORDS_IN_LABEL]) or None for row in said]
