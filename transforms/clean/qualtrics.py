"""Qualtrics: what its responses and its mailings mean, whoever wrote them down.

An invitation counts once, with the first question of the config that was answered or, where none was, that its survey
has: so the share of answered invitations is known, however many questions a survey has.

Sources: the tables of Fivetran's connector and what its dbt package says of them; headers of exported CSV files.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from schemas.form import Cleaning, Filled, Heads, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.clean import qualtrics_objects as qualtrics
from transforms.clean.survey_answers import (
    ASKED,
    answered,
    commented,
    csat_scales,
    is_called,
    named,
    names_in,
    of_questions,
    score,
    unmet,
)
from transforms.clean.survey_options import SurveyOptions, columns_of_answers, options_of, spelled, whose

Frames = Mapping[str, pl.DataFrame]
AT = ("export_source", "export_file", "export_line", "exported_at")
TESTS = ("1", "2", "9", "17")
"""Numbers of responses that nobody gave who was asked: previews and tests, be they spam or offline."""
GROUP = "NPS_GROUP"
"""End of the name under which stands beside an answer of NPS what it makes of the respondent."""
GROUPS = ("Promoter", "Passive", "Detractor")
CONTACTS = "distribution_contacts"


class QualtricsOptions(SurveyOptions):
    """What the config may say of a source of Qualtrics'."""


def asked(options: QualtricsOptions) -> Mapping[str, Mapping[str, str]]:
    """The columns of responses that tell whose they are."""
    return {"responses": whose(options)}


def listed(options: QualtricsOptions) -> Mapping[str, tuple[str, ...]]:
    """The questions that are columns of the CSV."""
    return {"answers": columns_of_answers(options)}


def survey_responses(of: Frames, told: Told) -> Filled:
    """The answers to questions that the config names, but those of previews and tests; and unanswered invitations."""
    options = options_of(told, QualtricsOptions)
    rows = _with_all_told(of, options)
    given = answered(commented(rows, options, _names(), "response_id", _in_words()), options, _in_words())
    is_first = pl.col(ASKED) == pl.col(ASKED).min().over("response_id")
    sent = pl.col(f"{CONTACTS}.sent_at")
    counted = given.with_columns(pl.when(is_first).then(sent).alias(f"{CONTACTS}.sent_at"))
    return Filled(
        pl.concat([counted, _open(of, given, options)], how="diagonal_relaxed"),
        {
            **of_questions(options, _response()),
            "account_id": pl.coalesce(*_told_by(options, "account"), pl.lit(None, pl.String)),
            "respondent_id": pl.coalesce(*_told_by(options, "respondent"), f"{CONTACTS}.contact_id"),
            **({"ticket_id": pl.coalesce(_told_by(options, "ticket"))} if options.ticket else {}),
            "score": score(options, (pl.col("value"), pl.col("text")), _response()),
            "sent_at": sent,
            "responded_at": pl.coalesce("responses.end_date", "responses.recorded_date"),
        },
    )


def _names() -> Sequence[pl.Expr]:
    """What the question of an answer may be called: as the CSV, the API or a person calls it.

    Of a question of several rows each row is asked for by itself.
    """
    is_whole = pl.col("sub_question_key").is_null()
    whole = [
        pl.col("question_id"),
        pl.col("question_id") + "_TEXT",
        pl.col("questions.data_export_tag"),
        pl.col("question"),
        pl.col("questions.question_text"),
    ]
    of_row = [pl.concat_str([name, "sub_question_key"], separator="_") for name in (whole[0], whole[2])]
    return [*(pl.when(is_whole).then(name) for name in whole), *of_row]


def _in_words() -> pl.Expr:
    return pl.coalesce("text", "value")


def _response() -> pl.Expr:
    """A response, and the turn of it in which a question was asked; an invitation by itself and the person."""
    return pl.coalesce(pl.concat_str("response_id", "loop_id", separator=":"), "response_id", "invitation")


def _told_by(options: QualtricsOptions, ours: str) -> Sequence[str]:
    """What tells whose a response is: a column of it, or its embedded data; nothing where the config does not say."""
    return (f"responses.{ours}", f"embedded_{ours}") if ours in whose(options) else ()


def _with_all_told(of: Frames, options: QualtricsOptions) -> pl.DataFrame:
    """Each answer with its response and what is told of that; those to questions of the config with their place."""
    is_group = pl.any_horizontal(
        pl.col("question_id").str.ends_with(GROUP),
        (pl.col("sub_question_key").str.ends_with(GROUP)).fill_null(value=False),
    )
    rows = _with_questions(_of_responses(of["answers"].filter(~is_group), of, options), of)
    rows = named(rows, options, _names(), pl.col("responses.survey_id"))
    is_nps = pl.col(ASKED).is_in([place for place, one in enumerate(options.questions) if one.kind == "nps"])
    return rows.filter(~(is_nps & pl.col("text").is_in(GROUPS)).fill_null(value=False))


def _with_questions(rows: pl.DataFrame, of: Frames) -> pl.DataFrame:
    return rows.join(
        of["questions"].select(
            pl.col("questions.survey_id").alias("responses.survey_id"),
            pl.col("questions.id").alias("question_id"),
            "questions.data_export_tag",
            "questions.question_text",
        ),
        on=["responses.survey_id", "question_id"],
        how="left",
        maintain_order="left",
    )


def _of_responses(answers: pl.DataFrame, of: Frames, options: QualtricsOptions) -> pl.DataFrame:
    mine = of["responses"].join(
        _embedded(of["embedded_data"], options), left_on="responses.id", right_on="response_id", how="left"
    )
    sent = _invitations(of).filter(pl.col("response_id").is_not_null())
    return (
        answers.join(mine, left_on="response_id", right_on="responses.id", how="left", maintain_order="left")
        .join(
            sent.select("response_id", f"{CONTACTS}.contact_id", f"{CONTACTS}.sent_at").unique("response_id"),
            on="response_id",
            how="left",
            maintain_order="left",
        )
        .filter(~_is_test("responses.status"))
    )


def _is_test(status: str) -> pl.Expr:
    word = pl.col(status).str.to_lowercase()
    return (word.is_in(TESTS) | word.str.contains(r"\b(?:preview|test)\b")).fill_null(value=False)


def _embedded(fields: pl.DataFrame, options: QualtricsOptions) -> pl.DataFrame:
    """By response what the embedded data says of whose it is."""
    told = fields.select("embedded_data.response_id").unique().rename({"embedded_data.response_id": "response_id"})
    for ours, theirs in whose(options).items():
        is_it = (pl.col("embedded_data.key") == theirs) | (pl.col("embedded_data.import_id") == theirs)
        own = fields.filter(is_it.fill_null(value=False)).select(
            pl.col("embedded_data.response_id").alias("response_id"),
            pl.col("embedded_data.value").alias(f"embedded_{ours}"),
        )
        told = told.join(own.unique("response_id", keep="first"), on="response_id", how="left")
    return told


def _invitations(of: Frames) -> pl.DataFrame:
    """What was sent to people, each with its survey and the first mailing, of which later ones remind."""
    mailings = of["distributions"].select(
        pl.col("distributions.id").alias(f"{CONTACTS}.distribution_id"),
        pl.col("distributions.parent_distribution_id").alias("parent"),
        pl.col("distributions.survey_link__survey_id").alias("survey"),
    )
    mailing = pl.coalesce("parent", f"{CONTACTS}.distribution_id")
    told = of[CONTACTS].join(mailings, on=f"{CONTACTS}.distribution_id", how="left", maintain_order="left")
    return told.with_columns(
        pl.concat_str(mailing, f"{CONTACTS}.contact_id", separator=":").alias("invitation"),
        pl.col(f"{CONTACTS}.response_id").alias("response_id"),
    ).with_columns(pl.col(f"{CONTACTS}.sent_at").min().over("invitation"))


def _open(of: Frames, given: pl.DataFrame, options: QualtricsOptions) -> pl.DataFrame:
    """The invitations of which no answer to a question of the config came, each with the first that its survey asks."""
    tests = of["responses"].filter(_is_test("responses.status"))["responses.id"]
    ended = pl.concat([given["response_id"], tests]).unique()
    told = _invitations(of)
    has_ended = pl.col("response_id").is_in(ended.implode()).fill_null(value=False).any().over("invitation")
    rows = told.filter(~has_ended & pl.col(f"{CONTACTS}.sent_at").is_not_null())
    rows = rows.unique("invitation", keep="first", maintain_order=True)
    found = [pl.when(_asks(of, one.question, one.survey)).then(place) for place, one in enumerate(options.questions)]
    rows = rows.with_columns(pl.coalesce(*found, pl.lit(None, pl.Int64)).cast(pl.Int64).alias(ASKED))
    return (
        rows.filter(pl.col(ASKED).is_not_null())
        .drop("response_id", "parent", "survey")
        .rename({f"{CONTACTS}.{name}": name for name in AT})
    )


def _asks(of: Frames, question: str, survey: str | None) -> pl.Expr:
    """Whether the survey of an invitation asks the question, as the config or the files say."""
    if survey:
        return pl.col("survey") == survey
    called = [pl.col(f"questions.{name}") for name in ("id", "data_export_tag", "question_text")]
    asking = of["questions"].filter(is_called(called, question))["questions.survey_id"]
    return pl.col("survey").is_in(asking.implode())


def lacking(of: Frames, told: Told) -> str | None:
    """What the config lacks, or names and no file has."""
    options = options_of(told, QualtricsOptions)
    if of["answers"].is_empty() and of["responses"].is_empty():
        return None
    rows = _of_responses(of["answers"], of, options)
    names = names_in(_with_questions(rows, of), _names())
    lists_all = not of["questions"].is_empty() or rows.select(_in_words().is_null().any()).item()
    of_questions_alone = [pl.col(f"questions.{name}") for name in ("id", "data_export_tag", "question_text")]
    return unmet(options, names | names_in(of["questions"], of_questions_alone), lists_all=lists_all)


HEADS = {"dashboard": Heads(rows=3, key="ImportId", zone="timeZone")}

VENDOR = Vendor(
    name="qualtrics",
    title="Qualtrics (surveys)",
    kinds={
        "responses": Kind(
            qualtrics.QualtricsResponses, {"fivetran": "survey_response", "dashboard": "*.csv"}, heads=HEADS
        ),
        "answers": Kind(
            qualtrics.QualtricsAnswers,
            {"fivetran": "question_response"},
            within=("responses", "answers"),
            in_columns=("dashboard",),
        ),
        "questions": Kind(qualtrics.QualtricsQuestions, {"fivetran": "question"}, outlives=True),
        "embedded_data": Kind(qualtrics.QualtricsEmbeddedData, {"fivetran": "survey_embedded_data"}),
        "distributions": Kind(qualtrics.QualtricsDistributions, {"fivetran": "distribution"}, outlives=True),
        CONTACTS: Kind(qualtrics.QualtricsDistributionContacts, {"fivetran": "distribution_contact"}),
    },
    clean={
        "survey_responses": Cleaning(
            survey_responses,
            ("answers",),
            ("responses", "questions", "embedded_data", "distributions", CONTACTS),
            also=(CONTACTS,),
            unmet=lacking,
            scales=csat_scales,
        ),
    },
    writers=("fivetran", "dashboard"),
    instants=ISO,
    options=QualtricsOptions,
    asked=asked,
    listed=listed,
    shown_as=spelled,
)
