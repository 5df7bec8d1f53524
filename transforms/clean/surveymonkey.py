"""SurveyMonkey: what its responses mean, whoever wrote them down.

A response tells which answer was chosen by its id alone: what that says stands with the questions, or in the response
where the API is asked for it. The weights of NPS are those of its groups, -100 to 100, and no answers. Who was asked
and did not answer is in no file.

Sources: SurveyMonkey's reference of responses and surveys; the streams of Airbyte's connector; headers of exported CSV
files.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from schemas.form import Cleaning, Filled, Heads, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.clean import surveymonkey_objects as surveymonkey
from transforms.clean.survey_answers import (
    ASKED,
    answered,
    commented,
    csat_scales,
    named,
    names_in,
    number_in,
    of_questions,
    score,
    unmet,
)
from transforms.clean.survey_options import SurveyOptions, columns_of_answers, options_of, spelled, whose

Frames = Mapping[str, pl.DataFrame]
PREVIEWS = ("preview", "survey_preview")
CHOSEN = "$[?(@.choice_id)]"
"""The first answer that is one of several to choose from."""
OF_QUESTIONS, OF_CHOICES = ("questions", "detailed_questions"), ("choices", "detailed_choices")


class SurveymonkeyOptions(SurveyOptions):
    """What the config may say of a source of SurveyMonkey's."""


def asked(options: SurveymonkeyOptions) -> Mapping[str, Mapping[str, str]]:
    """The custom variables that tell whose a response is, within the response or as columns of the CSV."""
    named_so = whose(options)
    custom = {f"custom_{ours}": f"custom_variables.{theirs}" for ours, theirs in named_so.items()}
    return {"responses": {**named_so, **custom}}


def listed(options: SurveymonkeyOptions) -> Mapping[str, tuple[str, ...]]:
    """The questions that are columns of the CSV."""
    return {"answers": columns_of_answers(options)}


def survey_responses(of: Frames, told: Told) -> Filled:
    """The answers to questions that the config names, but those of previews."""
    options = options_of(told, SurveymonkeyOptions)
    rows = named(_with_all_told(of), options, _names(), pl.col("responses.survey_id"))
    rows = answered(commented(rows, options, _names(), "response_id", _in_words()), options, _answer())
    is_preview = pl.col("responses.collection_mode").is_in(PREVIEWS).fill_null(value=False)
    response = pl.col("response_id")
    return Filled(
        rows.filter(~is_preview),
        {
            **of_questions(options, response),
            "account_id": pl.coalesce(*_told_by(options, "account"), pl.lit(None, pl.String)),
            "respondent_id": pl.coalesce(*_told_by(options, "respondent"), "responses.recipient_id"),
            **({"ticket_id": pl.coalesce(_told_by(options, "ticket"))} if options.ticket else {}),
            "score": score(options, (_answer(),), response, _weight(options)),
            "responded_at": pl.col("responses.date_modified"),
        },
    )


def _names() -> Sequence[pl.Expr]:
    """What the question of an answer may be called."""
    return [pl.col("id"), pl.col("heading"), pl.col("title")]


def _in_words() -> pl.Expr:
    """What was written."""
    return pl.coalesce("shown", pl.col("answers").str.json_path_match("$[?(@.text)].text"))


def _answer() -> pl.Expr:
    """What was chosen, else what was written.

    Of several that were chosen, or of one that nothing tells, all is told as it stands, which is no number.
    """
    is_one = pl.col("answers").str.count_matches(r'"choice_id"\s*:') == 1
    simple = pl.col("answers").str.json_path_match(f"{CHOSEN}.simple_text")
    chosen = pl.when(is_one).then(pl.coalesce("choice_text", simple))
    is_written = ~pl.col("answers").str.contains('"choice_id"', literal=True).fill_null(value=False)
    is_there = pl.col("answers").str.contains("{", literal=True)
    return pl.coalesce(chosen, pl.when(is_written).then(_in_words()), "shown", pl.when(is_there).then("answers"))


def _weight(options: SurveymonkeyOptions) -> pl.Expr:
    """The number that the survey gives to the one answer that was chosen; it is none of NPS."""
    of_nps = [place for place, one in enumerate(options.questions) if one.kind == "nps"]
    is_one = pl.col("answers").str.count_matches(r'"choice_id"\s*:') == 1
    weight = pl.coalesce("choice_weight", pl.col("answers").str.json_path_match(f"{CHOSEN}.choice_metadata.weight"))
    return pl.when(is_one & ~pl.col(ASKED).is_in(of_nps)).then(number_in(weight))


def _told_by(options: SurveymonkeyOptions, ours: str) -> Sequence[str]:
    """What tells whose a response is; nothing where the config does not say."""
    return (f"responses.custom_{ours}", f"responses.{ours}") if ours in whose(options) else ()


def _with_all_told(of: Frames) -> pl.DataFrame:
    """Each answer with its response, and with what its survey says of the question and of what was chosen."""
    choices = pl.concat(
        of[name].select(
            chosen=pl.col(f"{name}.id"), choice_text=pl.col(f"{name}.text"), choice_weight=pl.col(f"{name}.weight")
        )
        for name in OF_CHOICES
    ).unique("chosen", keep="first", maintain_order=True)
    return (
        of["answers"]
        .with_columns(pl.col("answers").str.json_path_match(f"{CHOSEN}.choice_id").alias("chosen"))
        .join(of["responses"], left_on="response_id", right_on="responses.id", how="left", maintain_order="left")
        .join(_questions(of), left_on="id", right_on="question", how="left", maintain_order="left")
        .join(choices, on="chosen", how="left", maintain_order="left")
    )


def _questions(of: Frames) -> pl.DataFrame:
    """The questions of surveys, with their titles."""
    told = pl.concat(
        of[name].select(
            question=pl.col(f"{name}.id"), title=pl.col(f"{name}.headings").str.json_path_match("$[0].heading")
        )
        for name in OF_QUESTIONS
    )
    return told.unique("question", keep="first", maintain_order=True)


def lacking(of: Frames, told: Told) -> str | None:
    """What the config lacks, or names and no file has; and where no file says what was chosen."""
    options = options_of(told, SurveymonkeyOptions)
    if of["answers"].is_empty() and of["responses"].is_empty():
        return None
    rows, questions = _with_all_told(of), _questions(of)
    is_empty = pl.col("shown").is_null() & pl.col("answers").is_null()
    lists_all = not questions.is_empty() or rows.select(is_empty.any()).item()
    names = names_in(rows, _names()) | names_in(questions, [pl.col("question"), pl.col("title")])
    if fault := unmet(options, names, lists_all=lists_all):
        return fault
    found = named(rows, options, _names(), pl.col("responses.survey_id"))
    chosen = found.filter(pl.col(ASKED).is_not_null() & pl.col("chosen").is_not_null())
    if chosen.height and chosen.select((_answer() == pl.col("answers")).all()).item():
        return "no file says what the answers are that were chosen; add survey_questions or survey_details"
    return None


RESPONSES = {"api": "survey_responses", "airbyte": "survey_responses"}
QUESTIONS = {"api": "survey_questions", "airbyte": "survey_questions"}
DETAILS = {"api": "survey_details", "airbyte": "survey_details"}

VENDOR = Vendor(
    name="surveymonkey",
    title="SurveyMonkey (surveys)",
    kinds={
        "responses": Kind(
            surveymonkey.SurveymonkeyResponses,
            {**RESPONSES, "dashboard": "*.csv"},
            heads={"dashboard": Heads(rows=2, spreads=True)},
        ),
        "answers": Kind(
            surveymonkey.SurveymonkeyAnswers, {}, within=("responses", "pages[].questions"), in_columns=("dashboard",)
        ),
        "questions": Kind(surveymonkey.SurveymonkeyQuestions, QUESTIONS),
        "choices": Kind(surveymonkey.SurveymonkeyChoices, {}, within=("questions", "answers.choices")),
        "details": Kind(surveymonkey.SurveymonkeyDetails, DETAILS),
        "detailed_questions": Kind(surveymonkey.SurveymonkeyQuestions, {}, within=("details", "pages[].questions")),
        "detailed_choices": Kind(
            surveymonkey.SurveymonkeyChoices, {}, within=("details", "pages[].questions[].answers.choices")
        ),
    },
    clean={
        "survey_responses": Cleaning(
            survey_responses,
            ("answers",),
            ("responses", *OF_QUESTIONS, *OF_CHOICES),
            unmet=lacking,
            scales=csat_scales,
        ),
    },
    writers=("airbyte", "api", "dashboard"),
    instants=ISO,
    pages=("data",),
    shown=("%m/%d/%Y %I:%M:%S %p",),
    options=SurveymonkeyOptions,
    asked=asked,
    listed=listed,
    shown_as=spelled,
)
