"""From answers as survey tools have them to canonical survey responses: one for each question that the config names.

A response that answers several such questions is as many survey responses. What was not answered is none, whether or
not the respondent came to the end.
"""

from collections.abc import Collection, Sequence

import polars as pl

from schemas.feedback import HIGH, LOW
from transforms.clean.survey_options import Question, SurveyOptions

ASKED = "asked"
"""Column with the place of the question in the config; NULL: the config names none that the row answers."""
ANSWER, COMMENT = "answer", "comment"
NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"
FIRST = rf"^({NUMBER})\s*(?:$|[-–—:=(]\s*[^\d\s])"
LAST = rf"[^\d\s]\s*[-–—:=(]\s*({NUMBER})\)?$"
"""Where in an answer its number stands: `9`, `10 - Extremely likely`, `Extremely likely (10)`; never `2-3 times`."""
LIKE = 5
"""So many names are told that may have been meant."""


def plain(text: pl.Expr) -> pl.Expr:
    """Text in one line, as the config has it."""
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def named(rows: pl.DataFrame, options: SurveyOptions, names: Sequence[pl.Expr], survey: pl.Expr) -> pl.DataFrame:
    """The rows with the question of the config that each answers.

    `names`: what the question of a row may be called; `survey`: where it was asked, NULL where the files don't tell.
    """
    found = [
        pl.when(is_called(names, one.question) & _is_of(survey, one)).then(place)
        for place, one in enumerate(options.questions)
    ]
    return rows.with_columns(pl.coalesce(*found, pl.lit(None, pl.Int64)).cast(pl.Int64).alias(ASKED))


def is_called(names: Sequence[pl.Expr], name: str) -> pl.Expr:
    """Whether one of the names is this one."""
    return pl.any_horizontal((plain(each) == name).fill_null(value=False) for each in names)


def _is_of(survey: pl.Expr, question: Question) -> pl.Expr:
    return (survey == question.survey).fill_null(value=True) if question.survey else pl.lit(value=True)


def commented(
    rows: pl.DataFrame, options: SurveyOptions, names: Sequence[pl.Expr], response: str, text: pl.Expr
) -> pl.DataFrame:
    """The rows with the comment on each answer: the text of the same response under the question for it."""
    for place, one in enumerate(options.questions):
        if one.comment:
            of_it = rows.filter(is_called(names, one.comment) & text.is_not_null()).select(
                response, pl.lit(place, pl.Int64).alias(ASKED), text.alias(f"{COMMENT}_{place}")
            )
            first = of_it.unique(response, keep="first", maintain_order=True)
            rows = rows.join(first, on=[response, ASKED], how="left", maintain_order="left")
    return rows


def answered(rows: pl.DataFrame, options: SurveyOptions, answer: pl.Expr) -> pl.DataFrame:
    """The rows that answer a question of the config: one that was left empty is none, nor is a word that means so."""
    none = [
        (place, [word for word, score in one.words.items() if score is None]) for place, one in _with_words(options)
    ]
    says_none = [(pl.col(ASKED) == place) & plain(answer).is_in(words) for place, words in none]
    return rows.filter(
        pl.col(ASKED).is_not_null() & (plain(answer).str.len_chars() > 0), ~pl.any_horizontal(pl.lit(False), *says_none)
    )


def number_in(text: pl.Expr) -> pl.Expr:
    """The number that an answer is, or begins or ends with; NULL where it is words."""
    words = plain(text)
    return pl.coalesce(words.str.extract(FIRST), words.str.extract(LAST)).cast(pl.Float64)


def score(options: SurveyOptions, texts: Sequence[pl.Expr], response: pl.Expr, also: pl.Expr | None = None) -> pl.Expr:
    """What was answered, as a number: of the config's words, else of the first text that has one, else `also`.

    An answer that is no number is NaN, which no scale has: its row is rejected, and so are different answers to one
    question in one response, of which nobody can tell which counts.
    """
    said = [
        pl.when(pl.col(ASKED) == place).then(
            plain(text).replace_strict(
                {word: number for word, number in one.words.items() if number is not None},
                default=None,
                return_dtype=pl.Float64,
            )
        )
        for place, one in _with_words(options)
        for text in texts
    ]
    number = pl.coalesce(*said, *(number_in(text) for text in texts), *([] if also is None else [also]))
    is_one = number.n_unique().over(response, ASKED) == 1
    given = pl.any_horizontal(text.is_not_null() for text in texts)
    return pl.when(given).then(pl.when(is_one & number.is_not_null()).then(number).otherwise(float("nan")))


def _with_words(options: SurveyOptions) -> list[tuple[int, Question]]:
    return [(place, one) for place, one in enumerate(options.questions) if one.words]


def _of_question(values: Sequence[object], dtype: pl.DataType) -> pl.Expr:
    told = {place: value for place, value in enumerate(values) if value is not None}
    return pl.col(ASKED).replace_strict(told, default=None, return_dtype=dtype)


def of_questions(
    options: SurveyOptions, response: pl.Expr, ends: tuple[pl.Expr, pl.Expr] | None = None
) -> dict[str, pl.Expr]:
    """The canonical columns that the question tells; `ends` of its scale, where the config says none."""
    questions = options.questions
    low, high = (_of_question([one.ends and one.ends[end] for one in questions], pl.Float64()) for end in (0, 1))
    if ends and not all(one.ends for one in questions):
        low, high = pl.coalesce(low, ends[0]), pl.coalesce(high, ends[1])
    name = _of_question([one.question for one in questions], pl.String())
    commented_on = [pl.col(f"{COMMENT}_{place}") for place, one in enumerate(questions) if one.comment]
    reversed_ones = [one.direction if one.direction == LOW else None for one in questions]
    return {
        "response_id": pl.concat_str([response, name], separator=":"),
        "kind": _of_question([one.kind for one in questions], pl.String()),
        "scale_min": low,
        "scale_max": high,
        **({"direction": _of_question(reversed_ones, pl.String()).fill_null(HIGH)} if any(reversed_ones) else {}),
        **({"comment": pl.coalesce(commented_on)} if commented_on else {}),
    }


def csat_scales(options: SurveyOptions) -> tuple[tuple[float, float], ...]:
    """The scales of the questions for satisfaction, as far as the config tells them."""
    found = (one.ends for one in options.questions if one.kind == "csat")
    return tuple(dict.fromkeys(ends for ends in found if ends))


def names_in(rows: pl.DataFrame, names: Sequence[pl.Expr]) -> set[str]:
    """What questions are called in these rows."""
    return {name for each in names for name in rows.select(plain(each).unique().drop_nulls()).to_series()}


def unmet(options: SurveyOptions, names: set[str], with_scale: Collection[str] = (), *, lists_all: bool) -> str | None:
    """What the config lacks or names in vain, in words.

    `names`: what the files call questions, by whatever name; `with_scale`: those of which they tell the scale.
    `lists_all`: they have also questions that nobody answered; elsewhere one for comments may be there, and unanswered.
    """
    if not options.questions:
        return "options.questions says of no question that it is NPS, CSAT or CES"
    for place, one in enumerate(options.questions):
        if one.ends is None and one.question not in with_scale:
            return f"options.questions.{place}: expected the scale of {one.question!r}, which no file tells"
        for asked in filter(None, (one.question, one.comment if lists_all else None)):
            if asked not in names:
                return f"options.questions.{place}: no file has the question {asked!r}{_alike(asked, names)}"
    return None


def _alike(asked: str, names: set[str]) -> str:
    """Names that may have been meant."""
    alike = sorted(name for name in names if name.startswith(asked) or name.casefold() == asked.casefold())[:LIKE]
    told = ", ".join(map(repr, alike))
    return f"; there is {told}" if told else "; was its title edited? Each title that it had is a question by itself"
