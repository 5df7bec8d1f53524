import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from schemas.config import Feedback, Minimums, Privacy, Scale
from schemas.customers import DimAccountMonth
from schemas.feedback import FctSurveyResponse, SurveyResponses
from schemas.support import Tickets
from tests.frames import at, day, declared_days, margins, months, rows
from transforms.declaration import SO_FAR
from transforms.exported import Exported
from transforms.facts.answers import UnknownScaleError, fct_survey_response
from transforms.facts.privacy import hashed
from transforms.metrics import satisfaction
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, roll_up

YEAR = months("2023-07", "2024-06")
OPEN = Privacy(publish_comments=True, publish_person_ids=True)
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}


def survey(response_id, score=5, answered="2024-01-10T00:00", kind="csat", scale=None, **more):
    """A survey that a respondent of its own, of the account a, answered; unanswered if `answered` is None."""
    low, high = scale or SCALES[kind]
    return {
        "response_id": response_id,
        "account_id": "a",
        "respondent_id": f"person {response_id}",
        "kind": kind,
        "score": score if answered else None,
        "scale_min": low,
        "scale_max": high,
        "responded_at": at(answered) if answered else None,
        **more,
    }


def rating(ticket_id, score=5, rated="2024-01-10T00:00", **more):
    """A ticket of the account a that was solved on 5 January and rated."""
    return {
        "ticket_id": ticket_id,
        "account_id": "a",
        "requester_id": "p1",
        "status": "solved",
        "created_at": at("2024-01-01T00:00"),
        "last_solved_at": at("2024-01-05T00:00"),
        "satisfaction_score": score,
        "scale_min": 1,
        "scale_max": 5,
        "satisfaction_at": at(rated) if rated else None,
        **more,
    }


def facts(*surveys, tickets=(), dim_month=YEAR, time_zone="UTC", config=None, privacy=OPEN):
    given = rows(SurveyResponses, *surveys), rows(Tickets, *tickets)
    made = fct_survey_response(*given, dim_month, time_zone, config or Feedback(), privacy, b"secret")
    return FctSurveyResponse.validate(made)


def around(month, as_of="2025-12-31", columns=None):
    known = {"survey_responses": frozenset(SurveyResponses.dtypes())}
    dim_month = months(month, month, as_of)
    return Surroundings(
        dim_month=dim_month,
        gross_margin=margins(dim_month),
        accounts=AccountSegments(DimAccountMonth.blank(), ()),
        exported=Exported(known if columns is None else columns),
        minimums=Minimums(),
        as_of=day(as_of),
        provisional_days=declared_days("csat", "nps", "ces", "survey_response_rate"),
    )


def value(metric, *surveys, month="2024-01", as_of="2025-12-31", **how):
    parts = getattr(satisfaction, metric)(facts(*surveys, **how))
    return roll_up(REGISTRY[metric], parts, around(month, as_of)).row(0, named=True)


def shares(metric, *surveys, **how):
    """(Σ numerator, Σ denominator) of the company's month."""
    found = value(metric, *surveys, **how)
    return found["numerator"], found["denominator"]


# --- fct_survey_response


def test_a_survey_is_in_the_month_it_was_sent_or_else_answered():
    sent = facts(
        survey("1", sent_at=at("2023-12-20T00:00")),
        survey("2"),
        survey("3", None, None, sent_at=at("2024-02-01T00:00")),
    )
    assert sent["month"].to_list() == [day("2023-12-01"), day("2024-01-01"), day("2024-02-01")]
    assert sent["responded_month"].to_list() == [day("2024-01-01"), day("2024-01-01"), None]
    assert sent["responded_on"].to_list() == [day("2024-01-10"), day("2024-01-10"), None]


def test_months_and_days_are_those_of_the_reporting_time_zone():
    late = survey("1", sent_at=at("2023-12-31T23:10"), answered="2024-01-31T23:10")
    found = facts(late, time_zone="Europe/Berlin").row(0, named=True)
    assert (found["month"], found["responded_on"]) == (day("2024-01-01"), day("2024-02-01"))
    assert found["responded_month"] == day("2024-02-01")
    west = facts(survey("1", answered="2024-02-01T04:00"), time_zone="America/New_York").row(0, named=True)
    assert west["responded_on"] == day("2024-01-31")


def test_only_the_months_asked_for_are_built():
    surveys = [survey("1", answered="2023-12-31T23:59"), survey("2"), survey("3", answered="2024-02-01T00:00")]
    assert facts(*surveys, dim_month=months("2024-01", "2024-01"))["response_id"].to_list() == ["2"]


@pytest.mark.parametrize(
    ("kind", "direction", "score", "good", "share"),
    [
        ("csat", None, 4, 4, 0.75),
        ("csat", "high_is_good", 4, 4, 0.75),
        ("csat", "low_is_good", 4, 2, 0.25),
        ("ces", "low_is_good", 1, 7, 1.0),
        ("nps", "low_is_good", 0, 10, 1.0),
        ("nps", None, 0, 0, 0.0),
    ],
)
def test_low_is_good_turns_the_score_of_any_kind(kind, direction, score, good, share):
    found = facts(survey("1", score, kind=kind, direction=direction)).row(0, named=True)
    assert (found["score"], found["good_score"], found["share_of_scale"]) == (score, good, share)


def test_a_scale_of_one_answer_has_no_share():
    assert facts(survey("1", 3, kind="nps", scale=(3, 3)))["share_of_scale"].to_list() == [None]


@pytest.mark.parametrize(
    ("scale", "positive", "others"),
    [((1, 5), [4, 5], [1, 3]), ((1, 10), [6, 10], [1, 5]), ((1, 7), [5, 7], [1, 4])],
)
def test_the_positive_answers_of_each_scale(scale, positive, others):
    surveys = [survey(f"{score:02}", score, scale=scale) for score in [*others, *positive]]
    assert facts(*surveys)["is_positive"].to_list() == [False, False, True, True]


def test_low_is_good_turns_the_answer_before_it_is_called_positive():
    surveys = [survey("1", 2, direction="low_is_good"), survey("2", 4, direction="low_is_good")]
    assert facts(*surveys)["is_positive"].to_list() == [True, False]


def test_the_config_says_what_is_positive():
    strict = Feedback(csat=(Scale(scale=(1, 5), positive=(5, 5)), Scale(scale=(0, 100), positive=(60, 100))))
    surveys = [survey("1", 4), survey("2", 5), survey("3", 59.9, scale=(0, 100)), survey("4", 60, scale=(0, 100))]
    assert facts(*surveys, config=strict)["is_positive"].to_list() == [False, True, False, True]


def test_a_csat_scale_that_the_config_does_not_name_stops_and_says_so():
    with pytest.raises(UnknownScaleError, match=r"0\.0–100\.0 \(2 answers\).*feedback\.csat"):
        facts(survey("1"), survey("2", 7, scale=(0, 100)), survey("3", 8, scale=(0, 100)))
    with pytest.raises(UnknownScaleError, match=r"0\.0–5\.0"):
        facts(survey("1", 5, scale=(0, 5)))


def test_the_line_that_is_proposed_for_a_scale_keeps_those_that_the_config_has():
    rated = rating("1", 1, scale_min=0, scale_max=1)
    with pytest.raises(UnknownScaleError, match=r"0\.0–1\.0") as fault:
        facts(survey("1", 4), tickets=[rated])
    line = str(fault.value).partition("like ")[2]
    assert line.endswith("{scale: [1, 7], positive: [5, 7]}, {scale: [0, 1], positive: [1, 1]}]}")
    pasted = Feedback.model_validate(yaml.safe_load(line)["feedback"])
    assert sorted(facts(survey("1", 4), tickets=[rated], config=pasted)["is_positive"].to_list()) == [True, True]


def test_an_unknown_scale_stops_only_where_it_has_an_answer_of_csat_in_the_months():
    unanswered = survey("1", None, None, scale=(0, 100), sent_at=at("2024-01-01T00:00"))
    other = survey("2", 50, scale=(0, 100), kind="nps"), survey("3", None, scale=(0, 100))
    elsewhere = survey("4", 50, scale=(0, 100), answered="2024-03-01T00:00")
    found = facts(unanswered, *other, elsewhere, dim_month=months("2024-01", "2024-02"))
    assert found["is_positive"].to_list() == [None, None, None]


def test_only_csat_is_positive_or_not():
    assert facts(survey("1", 10, kind="nps"), survey("2", 7, kind="ces"))["is_positive"].to_list() == [None, None]


def test_an_answer_later_than_the_data_is_unanswered_and_says_nothing():
    # What `as_of` does not know yet has lost its responded_at, no more.
    later = survey("1", sent_at=at("2024-01-05T00:00"), comment="good") | {"responded_at": None}
    found = facts(later).row(0, named=True)
    assert [found[name] for name in ("score", "good_score", "comment", "is_positive", "responded_month")] == [None] * 5


def test_a_survey_without_an_account_takes_that_of_its_ticket():
    tickets = [rating("t", None, account_id="b"), rating("u", None, account_id="(unknown)")]
    surveys = [
        survey("1", account_id="(unknown)", ticket_id="t"),
        survey("2", account_id="a", ticket_id="t"),
        survey("3", account_id="(unknown)", ticket_id="u"),
        survey("4", account_id="(unknown)", ticket_id="gone"),
        survey("5", account_id="(unknown)"),
    ]
    assert facts(*surveys, tickets=tickets)["account_id"].to_list() == ["b", "a", *["(unknown)"] * 3]


def test_a_rating_of_a_ticket_is_a_csat_answer():
    found = facts(tickets=[rating("7", 4, rated="2024-02-03T00:00")]).row(0, named=True)
    assert found | {"month": None, "responded_month": None} == {
        "response_id": "ticket:7",
        "account_id": "a",
        "respondent_id": "p1",
        "ticket_id": "7",
        "kind": "csat",
        "score": 4,
        "scale_min": 1,
        "scale_max": 5,
        "direction": None,
        "comment": None,
        "sent_at": None,
        "responded_at": at("2024-02-03T00:00"),
        "month": None,
        "responded_month": None,
        "responded_on": day("2024-02-03"),
        "good_score": 4,
        "share_of_scale": 0.75,
        "is_positive": True,
        "source": "all",
        "ticket_source": "all",
    }
    assert (found["month"], found["responded_month"]) == (day("2024-02-01"), day("2024-02-01"))


def test_a_rating_without_a_time_is_of_the_moment_the_ticket_was_last_solved():
    solved, undated = rating("1", rated=None), rating("2", rated=None, last_solved_at=None)
    assert facts(tickets=[solved, undated])["responded_at"].to_list() == [at("2024-01-05T00:00")]


@pytest.mark.parametrize("flag", ["is_merged", "is_spam"])
def test_ratings_of_merged_and_spam_tickets_are_in_nothing(flag):
    assert facts(tickets=[rating("1", **{flag: True}), rating("2", None)]).is_empty()


def test_the_fact_keeps_the_rating_of_a_ticket_beside_every_survey_about_it():
    tickets = [rating("t"), rating("u"), rating("v")]
    answered = survey("1", 2, ticket_id="t", answered="2024-03-01T00:00")
    unanswered = survey("2", None, None, ticket_id="u", sent_at=at("2024-01-06T00:00"))
    effort = survey("3", 2, kind="ces", ticket_id="v")
    unscored = survey("4", None, ticket_id="v")
    found = facts(answered, unanswered, effort, unscored, tickets=tickets)
    assert found["response_id"].to_list() == ["1", "2", "3", "4", "ticket:t", "ticket:u", "ticket:v"]
    january = facts(answered, tickets=tickets[:1], dim_month=months("2024-01", "2024-01"))
    assert january["response_id"].to_list() == ["ticket:t"]


def test_a_rating_given_before_its_ticket_was_created_is_filed_with_it():
    early = rating("7", rated="2023-12-31T23:00", created_at=at("2024-01-01T00:00"))
    found = facts(tickets=[early]).row(0, named=True)
    assert (found["month"], found["responded_month"]) == (day("2024-01-01"), day("2023-12-01"))


def test_a_survey_takes_no_account_of_a_ticket_that_was_created_in_a_later_month():
    asked = {"account_id": "(unknown)", "ticket_id": "t"}
    surveys = survey("1", answered="2023-12-31T00:00", **asked), survey("2", answered="2024-01-01T00:00", **asked)
    found = facts(*surveys, tickets=[rating("t", None, created_at=at("2024-01-31T00:00"))])
    assert found["account_id"].to_list() == ["(unknown)", "a"]


def test_comments_and_respondents_are_published_only_as_the_config_says():
    said = survey("1", comment="Ada left"), survey("2", respondent_id=None)
    hidden = facts(*said, tickets=[rating("9")], privacy=Privacy())
    assert hidden["comment"].to_list() == [None] * 3
    expected = hashed(pl.Series(["person 1", None, "p1"]), pl.Series(["all"] * 3), b"secret").to_list()
    assert hidden["respondent_id"].to_list() == expected
    assert facts(*said)["comment"].to_list() == ["Ada left", None]
    assert facts(*said, privacy=Privacy(publish_comments=True))["respondent_id"].to_list() == expected[:2]
    assert facts(*said, privacy=Privacy(publish_person_ids=True))["comment"].to_list() == [None, None]


def test_no_surveys_and_no_tickets_make_an_empty_fact():
    assert_frame_equal(facts(privacy=Privacy()), FctSurveyResponse.blank())
    assert_frame_equal(facts(survey("1"), dim_month=YEAR.clear()), FctSurveyResponse.blank())


def test_the_order_of_answers_and_tickets_does_not_matter():
    surveys = [survey(f"{n:02}", 1 + n % 5, ticket_id=f"t{n}") for n in range(9)]
    tickets = [rating(f"t{n}", 1 + n % 5) for n in range(20)]
    assert_frame_equal(facts(*surveys, tickets=tickets), facts(*surveys[::-1], tickets=tickets[::-1]))


# --- csat


def test_csat_is_the_share_of_positive_answers_among_the_scored_ones_of_any_scale():
    surveys = [
        survey("1", 4),
        survey("2", 3),
        survey("3", 6, scale=(1, 10)),
        survey("4", None),
        survey("5", None, None, sent_at=at("2024-01-02T00:00")),
        survey("6", 4, kind="nps", scale=(1, 5)),
    ]
    found = value("csat", *surveys, tickets=[rating("1", 2)])
    assert (found["numerator"], found["denominator"], found["observations"]) == (2, 4, 4)
    # Wilson at 2 of 4: (0.5 ± …) = 0.1500, 0.8500.
    assert (found["value"], found["ci_low"], found["ci_high"]) == pytest.approx((0.5, 0.1500, 0.8500), abs=5e-5)


def test_csat_counts_by_the_day_of_the_answer_however_long_before_it_was_sent():
    sent = survey("1", sent_at=at("2023-07-01T00:00"), answered="2024-01-31T23:30")
    assert shares("csat", sent) == (1, 1)
    assert shares("csat", sent, month="2023-07") == (0, 0)
    assert shares("csat", sent, time_zone="Europe/Berlin") == (0, 0)
    assert shares("csat", sent, time_zone="Europe/Berlin", month="2024-02") == (1, 1)


@pytest.mark.parametrize(
    ("answered", "positive"),
    [
        ("2024-01-09T23:59", 0),  # the day before the rating
        ("2024-01-10T23:59", 0),  # on its day, though later
        ("2024-01-11T00:00", 1),
    ],
)
def test_of_a_rating_and_a_survey_about_one_ticket_the_first_counts_and_on_one_day_the_survey(answered, positive):
    said = survey("1", 2, answered, ticket_id="t")
    assert shares("csat", said, tickets=[rating("t", 5, rated="2024-01-10T12:00")]) == (positive, 1)


def test_an_answer_about_a_ticket_that_was_answered_in_a_month_before_counts_in_none():
    late = survey("1", 2, "2024-03-01T00:00", ticket_id="t")
    assert shares("csat", late, tickets=[rating("t", 5)]) == (1, 1)
    assert shares("csat", late, tickets=[rating("t", 5)], month="2024-03") == (0, 0)


@pytest.mark.parametrize(("kind", "low", "high"), [("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7)])
def test_of_two_surveys_of_a_kind_about_one_ticket_the_first_counts(kind, low, high):
    first, second = (
        survey(number, score, answered, kind=kind, ticket_id="t")
        for number, score, answered in (("2", high, "2024-01-10T00:00"), ("1", low, "2024-01-10T00:01"))
    )
    assert shares(kind, second, first) == (1, 1)
    other = {**second, "ticket_id": "u"}
    assert shares(kind, other, first)[1] == 2


def test_answers_of_another_kind_or_without_a_score_leave_the_rating_to_count():
    first = {"answered": "2024-01-09T00:00", "ticket_id": "t"}
    effort, silent = survey("1", 1, kind="ces", **first), survey("2", None, **first)
    unanswered = survey("3", None, None, ticket_id="t", sent_at=at("2024-01-06T00:00"))
    given = (effort, silent, unanswered)
    assert shares("csat", *given, tickets=[rating("t", 5)]) == (1, 1)
    assert shares("ces", *given, tickets=[rating("t", 5)]) == (0, 1)


def test_an_answer_given_before_its_survey_was_sent_counts_when_it_was_sent():
    early = survey("1", 5, "2024-01-31T00:00", sent_at=at("2024-02-01T00:00"))
    assert shares("csat", early) == (0, 0)
    assert shares("csat", early, month="2024-02") == (1, 1)


def test_csat_of_ratings_alone_needs_no_survey_tool():
    ratings, surveys = {"tickets": frozenset(["satisfaction_score"])}, {"survey_responses": frozenset()}
    no_ratings = {"tickets": frozenset(["ticket_id"])}
    exports = [{}, no_ratings, ratings, surveys, surveys | no_ratings, surveys | ratings]
    ask = REGISTRY["csat"].unknown_when
    assert [ask(Exported(columns)) for columns in exports] == ["source_missing", "not_exported", None, None, None, None]
    assert shares("csat", tickets=[rating("1")]) == (1, 1)


def test_an_anonymous_answer_counts_in_the_company_under_the_unknown_account():
    parts = satisfaction.csat(facts(survey("1", account_id="(unknown)")))
    assert parts["account_id"].to_list() == ["(unknown)"]


# --- nps


def nps(response_id, score, answered="2024-01-10T00:00", **more):
    return survey(response_id, score, answered, kind="nps", **more)


def test_nps_is_promoters_less_detractors_in_hundredths():
    surveys = [nps(str(score), score) for score in (0, 6, 7, 8, 9, 10)]
    found = value("nps", *surveys, nps("x", 9))
    assert (found["numerator"], found["denominator"]) == (1, 7)
    assert found["value"] == pytest.approx(100 / 7)
    assert (found["observations"], found["ci_low"]) == (7, None)
    assert value("nps", nps("1", 6))["value"] == -100


def test_nps_takes_answers_on_a_scale_of_0_to_10_only():
    effort = survey("4", 9, kind="ces", scale=(0, 10))
    assert shares("nps", nps("1", 10, scale=(1, 10)), nps("2", 5, scale=(0, 5)), nps("3", 9), effort) == (1, 1)


def test_nps_takes_a_respondents_last_scored_answer_of_the_month():
    early = nps("2", 10, "2024-01-10T00:00", respondent_id="p")
    late = nps("1", 0, "2024-01-20T00:00", respondent_id="p", account_id="b")
    silent = nps("3", None, "2024-01-30T00:00", respondent_id="p")
    next_month = nps("4", 8, "2024-02-01T00:00", respondent_id="p")
    assert shares("nps", early, late, silent, next_month) == (-1, 1)
    assert shares("nps", next_month, late, silent, early, month="2024-02") == (0, 1)
    assert satisfaction.nps(facts(early, late))["account_id"].to_list() == ["b"]


def test_of_two_answers_at_one_instant_the_greater_id_is_the_last():
    twice = facts(nps("1", 10, respondent_id="p"), nps("2", 0, respondent_id="p"))
    assert (
        satisfaction.nps(twice)["numerator"].to_list() == satisfaction.nps(twice[::-1])["numerator"].to_list() == [-1]
    )


def test_each_answer_without_a_respondent_counts_in_nps():
    assert shares("nps", nps("1", 10, respondent_id=None), nps("2", 9, respondent_id=None)) == (2, 2)


def test_a_passive_answer_counts_in_the_denominator_of_nps():
    assert value("nps", nps("1", 8))["value"] == 0


def test_nps_of_an_inverted_scale_is_turned():
    assert shares("nps", nps("1", 1, direction="low_is_good")) == (1, 1)


# --- ces


def test_ces_is_the_share_of_5_to_7_among_the_answers_on_1_to_7():
    surveys = [
        survey("1", 4, kind="ces"),
        survey("2", 5, kind="ces"),
        survey("3", 7, kind="ces"),
        survey("4", 2, kind="ces", direction="low_is_good"),
        survey("5", 5, kind="ces", scale=(1, 5)),
        survey("6", None, kind="ces"),
        survey("7", 6, kind="csat", scale=(1, 7)),
    ]
    assert shares("ces", *surveys) == (3, 4)


@pytest.mark.parametrize("metric", ["nps", "ces", "survey_response_rate"])
def test_without_a_survey_tool_the_metrics_of_surveys_are_unknown(metric):
    parts = getattr(satisfaction, metric)(facts())
    found = roll_up(REGISTRY[metric], parts, around("2024-01", columns={"tickets": frozenset()})).row(0, named=True)
    assert (found["value"], found["null_reason"]) == (None, "source_missing")


# --- a survey that is answered again in a later month

AGAIN = (
    survey("1", 9, "2024-01-20T00:00", kind="nps", sent_at=at("2024-01-02T00:00")),
    survey("1", 3, "2024-03-05T00:00", kind="nps", sent_at=at("2024-01-02T00:00")),
)


def test_a_survey_is_a_fact_of_each_month_in_which_it_was_answered_filed_where_it_was_sent():
    told = facts(*AGAIN).select("month", "responded_month", "score").rows()
    assert told == [(day("2024-01-01"), day("2024-01-01"), 9), (day("2024-01-01"), day("2024-03-01"), 3)]


def test_an_answer_counts_in_its_month_and_the_one_before_it_in_that_ones():
    assert [value("nps", *AGAIN, month=month)["value"] for month in ("2024-01", "2024-02", "2024-03")] == [
        100,
        None,
        -100,
    ]


def test_a_survey_about_a_ticket_counts_once_as_it_was_first_answered():
    both = [{**answer, "kind": "csat", "scale_min": 1, "scale_max": 5, "ticket_id": "7"} for answer in AGAIN]
    first, again = {**both[0], "score": 5}, {**both[1], "score": 1}
    assert shares("csat", first, again, month="2024-01") == (1, 1)
    assert value("csat", first, again, month="2024-03")["value"] is None


def test_a_survey_was_answered_in_time_if_its_first_answer_was_and_is_one_survey():
    unanswered = survey("2", answered=None, kind="nps", sent_at=at("2024-01-02T00:00"))
    assert shares("survey_response_rate", *AGAIN, unanswered) == (1, 2)


# --- survey_response_rate


def sent(response_id, sent_at, answered=None):
    return survey(response_id, None, answered, sent_at=at(sent_at))


def test_the_response_rate_is_of_surveys_answered_within_30_days_of_24_hours():
    surveys = [
        sent("1", "2024-01-02T00:00", "2024-01-31T23:59:59.999999"),
        sent("2", "2024-01-02T00:00", "2024-02-01T00:00"),
        sent("3", "2024-01-31T00:00", "2024-02-29T00:00"),
        sent("4", "2024-01-31T00:00"),
        sent("5", "2023-12-31T00:00", "2024-01-01T00:00"),
    ]
    assert shares("survey_response_rate", *surveys, tickets=[rating("9")]) == (2, 4)


def test_the_response_rate_is_unknown_before_the_first_unanswered_survey():
    answered, open_one = sent("1", "2024-01-02T00:00", "2024-01-03T00:00"), sent("2", "2024-02-02T00:00")
    assert value("survey_response_rate", answered, open_one)["value"] is None
    assert value("survey_response_rate", answered)["value"] is None
    assert value("survey_response_rate", answered, open_one, month="2024-02")["value"] == 0


def test_the_response_rate_is_provisional_for_30_days():
    surveys = sent("1", "2024-01-02T00:00"), sent("2", "2024-01-02T00:00", "2024-01-03T00:00")
    early = value("survey_response_rate", *surveys, as_of="2024-02-29")
    final = value("survey_response_rate", *surveys, as_of="2024-03-01")
    assert (early["is_provisional"], final["is_provisional"]) == (True, False)


@pytest.mark.parametrize("metric", ["csat", "nps", "ces"])
def test_answers_are_looked_for_in_all_months_before(metric):
    assert REGISTRY[metric].reads == {"fct_survey_response": SO_FAR}


@pytest.mark.parametrize("metric", ["csat", "nps", "ces", "survey_response_rate"])
def test_metrics_of_nothing_are_empty(metric):
    assert getattr(satisfaction, metric)(facts()).is_empty()


@pytest.mark.parametrize("metric", ["csat", "nps", "ces", "survey_response_rate"])
def test_the_order_of_answers_does_not_matter_to_their_metrics(metric):
    kinds = ["csat", "nps", "ces"]
    made = facts(
        *(
            survey(
                f"{n:02}", 1 + n % 5, None if n % 4 == 0 else f"2024-01-{1 + n // 3:02}T00:00", kind=kinds[n % 3],
                respondent_id=f"p{n % 4}", sent_at=at("2024-01-01T00:00"),
            )
            for n in range(60)
        )
    )  # fmt: skip
    function = getattr(satisfaction, metric)
    assert function(made).height == 1
    assert_frame_equal(function(made), function(made.sample(fraction=1, shuffle=True, seed=3)))


# --- two sources that number alike


def about(ticket_id, source="surveys", **more):
    """(ticket_source, account) of a survey without an account about a ticket."""
    more = {"answered": "2024-01-20T00:00", **more}
    return survey("1", account_id="(unknown)", ticket_id=ticket_id, export_source=source, **more)


def whose(asked, *tickets):
    found = facts(asked, tickets=tickets).filter(pl.col("response_id") == "1")
    return found.select("ticket_source", "account_id").row(0)


def asked_in(source, account, **more):
    return rating("7", None, export_source=source, account_id=account, **more)


def test_a_surveys_ticket_is_that_of_its_own_source():
    assert whose(about("7", "chat"), asked_in("chat", "c"), asked_in("desk", "d")) == ("chat", "c")


def test_else_it_is_that_of_the_only_source_that_has_such_a_ticket():
    assert whose(about("7"), asked_in("desk", "d")) == ("desk", "d")


def test_else_nobody_can_tell():
    assert whose(about("7"), asked_in("chat", "c"), asked_in("desk", "d")) == (None, "(unknown)")


def test_a_ticket_that_no_source_has_is_still_one_of_the_surveys_source():
    assert whose(about("8"), asked_in("desk", "d")) == ("surveys", "(unknown)")


def test_a_ticket_of_a_later_month_is_not_yet_one_of_several():
    later = asked_in("chat", "c", created_at=at("2024-02-01T00:00"))
    assert whose(about("7"), asked_in("desk", "d"), later) == ("desk", "d")
    february = about("7", answered="2024-02-20T00:00")
    assert whose(february, asked_in("desk", "d"), later) == (None, "(unknown)")


def test_answers_about_two_tickets_of_one_id_count_both():
    desk, chat = (rating("7", score, export_source=source) for source, score in (("desk", 5), ("chat", 1)))
    assert shares("csat", tickets=[desk, chat]) == (1, 2)
    asked = survey("1", 2, "2024-01-09T00:00", ticket_id="7", export_source="chat")
    assert shares("csat", asked, tickets=[desk, chat]) == (1, 2)
    assert shares("csat", asked, tickets=[chat]) == (0, 1)


def test_answers_about_what_may_be_two_tickets_count_both():
    desk, chat = (rating("7", None, export_source=source) for source in ("desk", "chat"))
    asked = [survey(number, score, ticket_id="7", export_source="surveys") for number, score in (("1", 5), ("2", 1))]
    assert shares("csat", *asked, tickets=[desk, chat]) == (1, 2)
    assert shares("csat", *asked, tickets=[desk]) == (1, 1)


def test_surveys_of_two_sources_with_one_id_are_two_answers():
    assert shares("ces", *(survey("1", 6, kind="ces", export_source=source) for source in ("mail", "app"))) == (2, 2)


def test_equal_respondent_ids_of_two_sources_are_two_persons():
    said = (("mail", 10), ("app", 9), ("mail", 0))
    answers = [
        nps(str(number), score, f"2024-01-1{number}T00:00", respondent_id="p", export_source=source)
        for number, (source, score) in enumerate(said)
    ]
    assert shares("nps", *answers) == (0, 2)
