"""Typeform: what its responses mean, whoever wrote them down.

A response that was not sent off is no answer, whatever stands in it: newer files have no time of it, older ones the
first day of the calendar. Who was asked and did not answer is in no file.

Sources: Typeform's reference of responses and forms; the streams of Airbyte's connector; headers of exported CSV files.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from schemas.form import Cleaning, Filled, Heads, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.clean import typeform_objects as typeform
from transforms.clean.survey_answers import (
    answered,
    commented,
    csat_scales,
    named,
    names_in,
    of_questions,
    score,
    unmet,
)
from transforms.clean.survey_options import SurveyOptions, columns_of_answers, options_of, spelled, whose

Frames = Mapping[str, pl.DataFrame]
NEVER = ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00")
FROM_ONE = ("rating",)
"""Kinds of questions whose scale begins at 1 whatever else is said."""


class TypeformOptions(SurveyOptions):
    """What the config may say of a source of Typeform's."""


def asked(options: TypeformOptions) -> Mapping[str, Mapping[str, str]]:
    """The hidden fields that tell whose a response is, within the response or as columns of the CSV."""
    named_so = whose(options)
    hidden = {f"hidden_{ours}": f"hidden.{theirs}" for ours, theirs in named_so.items()}
    return {"responses": {**named_so, **hidden}}


def listed(options: TypeformOptions) -> Mapping[str, tuple[str, ...]]:
    """The questions that are columns of the CSV."""
    return {"answers": columns_of_answers(options)}


def survey_responses(of: Frames, told: Told) -> Filled:
    """The answers to questions that the config names, in responses that were sent off."""
    options = options_of(told, TypeformOptions)
    rows = named(_with_all_told(of), options, _names(), pl.col("responses.form_id"))
    rows = answered(commented(rows, options, _names(), "response_id", _in_words()), options, _in_words())
    ends = pl.col("scale_from"), pl.col("scale_from") + pl.col("fields.properties__steps") - 1
    response = pl.col("response_id")
    return Filled(
        rows.filter(pl.col("responses.submitted_at").is_not_null()),
        {
            **of_questions(options, response, ends),
            "account_id": pl.coalesce(*_told_by(options, "account"), pl.lit(None, pl.String)),
            **{f"{ours}_id": pl.coalesce(_told_by(options, ours)) for ours in whose(options) if ours != "account"},
            "score": score(options, (_in_words(),), response),
            "responded_at": pl.col("responses.submitted_at"),
        },
    )


def _names() -> Sequence[pl.Expr]:
    """What the question of an answer may be called."""
    return [pl.col("field__id"), pl.col("field__ref"), pl.col("fields.title")]


def _in_words() -> pl.Expr:
    return pl.coalesce("number", "choice__label", "text", "boolean")


def _told_by(options: TypeformOptions, ours: str) -> Sequence[str]:
    """What tells whose a response is; nothing where the config does not say."""
    return (f"responses.hidden_{ours}", f"responses.{ours}") if ours in whose(options) else ()


def _with_all_told(of: Frames) -> pl.DataFrame:
    """Each answer with its response, and with what its form says of the question."""
    fields = of["fields"].unique("fields.id", keep="first", maintain_order=True)
    starts = pl.when(pl.col("fields.type").is_in(FROM_ONE) | pl.col("fields.properties__start_at_one")).then(1)
    return (
        of["answers"]
        .join(of["responses"], left_on="response_id", right_on="responses.id", how="left", maintain_order="left")
        .join(fields, left_on="field__id", right_on="fields.id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("fields.properties__steps").is_not_null()).then(starts.otherwise(0)).alias("scale_from")
        )
    )


def lacking(of: Frames, told: Told) -> str | None:
    """What the config lacks, or names and no file has."""
    options = options_of(told, TypeformOptions)
    if of["answers"].is_empty() and of["responses"].is_empty():
        return None
    called = [pl.col(f"fields.{name}") for name in ("id", "ref", "title")]
    with_scale = names_in(of["fields"].filter(pl.col("fields.properties__steps").is_not_null()), called)
    rows = _with_all_told(of)
    lists_all = not of["fields"].is_empty() or rows.select(_in_words().is_null().any()).item()
    return unmet(options, names_in(rows, _names()) | names_in(of["fields"], called), with_scale, lists_all=lists_all)


STREAMS = {"api": "responses", "airbyte": "responses"}
FORMS = {"api": "forms", "airbyte": "forms"}

VENDOR = Vendor(
    name="typeform",
    title="Typeform (surveys)",
    kinds={
        "responses": Kind(
            typeform.TypeformResponses, {**STREAMS, "dashboard": "*.csv"}, heads={"dashboard": Heads(rows=1)}
        ),
        "answers": Kind(typeform.TypeformAnswers, {}, within=("responses", "answers"), in_columns=("dashboard",)),
        "forms": Kind(typeform.TypeformForms, FORMS),
        "fields": Kind(typeform.TypeformFields, {}, within=("forms", "fields")),
    },
    clean={
        "survey_responses": Cleaning(
            survey_responses, ("answers",), ("responses", "fields"), unmet=lacking, scales=csat_scales
        ),
    },
    writers=("airbyte", "api", "dashboard"),
    instants=ISO,
    pages=("items",),
    unset=NEVER,
    options=TypeformOptions,
    asked=asked,
    listed=listed,
    shown_as=spelled,
)
