"""What customers write about, and what of it is never stored."""

from collections import Counter
from itertools import product
from random import Random
from typing import Any

import polars as pl
import pytest

from examples.generator.phrases import PERSONAL, THEMES, comment
from schemas.config import Privacy
from schemas.feedback import LOW, FeedbackThemeMonth, SurveyResponses
from schemas.success import ChurnEvents
from tests.frames import at, day, months, rows
from transforms.explanations.masking import masked
from transforms.explanations.themes import feedback_theme_month, find_themes
from transforms.explanations.words import OF_THE_TRADE
from transforms.exported import Exported

JUNE = months("2024-06", "2024-06")
BOTH = {"survey_responses": frozenset({"comment"}), "churn_events": frozenset({"comment"})}
PRICE = [
    f"The {a} is too {b} for our {c}."
    for a, b, c in product(["price", "invoice"], ["high", "expensive"], ["budget", "purse"])
]
SPEED = [
    f"The {a} is too {b} on {c}."
    for a, b, c in product(["planner", "dashboard"], ["slow", "sluggish"], ["phones", "tablets"])
]


def mask(text: str) -> str:
    return pl.select(masked(pl.lit(text))).item()


def said(number: int, text: str | None, on: str = "2024-06-10T12:00", **more: Any) -> dict[str, Any]:
    scored = {"kind": "csat", "scale_min": 1.0, "scale_max": 5.0}
    return {"response_id": f"q{number}", "comment": text, "responded_at": at(on), "sent_at": at(on), **scored, **more}


def left(number: int, text: str, on: str = "2024-06-10") -> dict[str, Any]:
    return {"churn_event_id": f"x{number}", "comment": text, "churned_on": day(on)}


def themes(
    answers: list[dict[str, Any]],
    departures: list[dict[str, Any]] | None = None,
    calendar: pl.DataFrame = JUNE,
    zone: str = "UTC",
    exported: dict[str, frozenset[str]] = BOTH,
    **privacy: bool,
) -> pl.DataFrame:
    found = feedback_theme_month(
        rows(SurveyResponses, *answers),
        rows(ChurnEvents, *(departures or [])),
        calendar,
        zone,
        Privacy(**privacy),
        Exported(exported),
    )
    return FeedbackThemeMonth.validate(found)


def count(*answers: dict[str, Any], **more: Any) -> int:
    return themes(list(answers), **more)["comments"].sum()


def two_subjects() -> list[dict[str, Any]]:
    """32 comments on the price, each scored 2, and 24 on speed, each scored 4."""
    texts = [(text, 2.0) for text in PRICE * 4] + [(text, 4.0) for text in SPEED * 3]
    return [said(n, text, score=score) for n, (text, score) in enumerate(texts)]


class TestMasking:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("You can reach me at maria.keller@example.com.", "You can reach me at [email]."),
            ("Write to accounts+tidewater@mail.example.co.uk now", "Write to [email] now"),
            ("Please call me on +49 30 555 01234.", "Please call me on [phone]."),
            ("Phone: (202) 555-0143.", "Phone: [phone]."),
            ("0171/5550143 is best", "[phone] is best"),
            ("Hello Jonas, thank you for the call.", "Hello [name], thank you for the call."),
            ("Dear Ms Whitfield, it is slow.", "Dear [name], it is slow."),
            ("Dear Dr. J. Özdemir-O’Neill, it is slow.", "Dear [name], it is slow."),
            ("hi amira, it is slow", "hi [name], it is slow"),
            ("HEY AMIRA SHAH! Slow.", "HEY [name]! Slow."),
            ("Good morning Tom\nit is slow", "Good morning [name]\nit is slow"),
            ("Hallo Frau Müller, es ist langsam", "Hallo [name], es ist langsam"),
            ("It is slow. Best regards, Daniel", "It is slow. Best regards, [name]"),
            ("It is slow.\nKind regards\nDaniel van Houten", "It is slow.\nKind regards\n[name] van Houten"),
            ("It is slow. Thanks, Daniel", "It is slow. Thanks, [name]"),
            ("It is slow. Best,\nDaniel Keller", "It is slow. Best,\n[name]"),
            ("Thank you Lena for the help", "Thank you [name] for the help"),
            ("My name is Ana Brandt and it is slow", "My name is [name] and it is slow"),
            ("@lena.okafor it is slow", "[name] it is slow"),
            ("It is slow\nDaniel Keller", "It is slow\n[name]"),
        ],
    )
    def test_takes_out_addresses_numbers_and_names_of_address(self, text, expected):
        assert mask(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "The price per seat rose from 120 to 150 in 2024.",
            "We love how easy it is to plan our week.",
            "Thank you, we are really happy with it.",
            "Keep up the good work.",
            "Hi, it is slow.",
            "Version 3.12 needs 20 seconds on 4 of 15 machines.",
        ],
    )
    def test_leaves_what_names_nobody(self, text):
        assert mask(text) == text

    @pytest.mark.parametrize("pattern", PERSONAL)
    def test_takes_out_all_that_the_example_company_plants(self, pattern):
        text = mask(pattern.format("The setup took far longer than planned."))
        assert "The setup took far longer than planned." in text
        for told in ("Jonas", "Whitfield", "Amira", "Daniel", "example", "keller", "lindgren", "555", "0143"):
            assert told not in text


class TestWhichComments:
    def test_are_those_of_twelve_months_to_month_end(self):
        days = ["2023-06-30T23:59", "2023-07-01T00:00", "2024-06-30T23:59", "2024-07-01T00:00"]
        assert [count(said(1, "slow", on)) for on in days] == [0, 1, 1, 0]
        assert themes([], [left(n, "slow", on[:10]) for n, on in enumerate(days)])["comments"].to_list() == [2]

    def test_are_of_the_day_in_the_reporting_time_zone(self):
        assert count(said(1, "slow", "2024-06-30T22:30"), zone="Europe/Berlin") == 0
        assert count(said(1, "slow", "2023-06-30T22:30"), zone="Europe/Berlin") == 1

    def test_end_with_as_of_in_a_month_that_is_not_over(self):
        calendar = months("2024-06", "2024-06", as_of="2024-06-15")
        assert count(said(1, "slow", "2024-06-15T10:00"), calendar=calendar) == 1
        assert count(said(1, "slow", "2024-06-16T10:00"), calendar=calendar) == 0

    def test_are_of_the_answer_not_of_the_sending(self):
        assert count(said(1, "slow", "2024-06-02T10:00", sent_at=at("2022-01-01T10:00"))) == 1
        assert count(said(1, "slow", responded_at=None)) == 0

    def test_are_those_with_words(self):
        assert count(said(1, None), said(2, "  \n "), said(3, "slow")) == 1

    def test_of_a_survey_that_is_answered_again_are_of_the_last_answer_by_then(self):
        calendar = months("2024-05", "2024-07")
        answers = [said(1, "slow", "2024-05-02T10:00", score=1.0), said(1, "quick", "2024-06-02T10:00", score=5.0)]
        told = themes(answers, calendar=calendar)
        assert told.select("comments", "mean_score").rows() == [(1, 0), (1, 100), (1, 100)]
        without_words = [answers[0], said(1, None, "2024-06-02T10:00")]
        assert themes(without_words, calendar=calendar)["comments"].to_list() == [1, 0, 0]


class TestScores:
    def one(self, *answers: dict[str, Any]) -> tuple[Any, ...]:
        (found,) = themes(list(answers), [left(1, "Bye.")]).to_dicts()
        return found["comments"], found["scored"], found["mean_score"], found["detractors"], found["detractor_share"]

    def test_are_the_mean_between_the_ends_of_each_scale(self):
        # 2 of 1–5 is 25, 9 of 0–10 is 90, no score is none.
        nps = {"kind": "nps", "scale_min": 0.0, "scale_max": 10.0}
        found = self.one(said(1, "a", score=2.0), said(2, "b", score=9.0, **nps), said(3, "c"))
        assert found[:3] == (4, 2, pytest.approx((25 + 90) / 2))

    def test_of_an_answer_whose_low_is_good_are_turned(self):
        ces = {"kind": "ces", "scale_min": 1.0, "scale_max": 7.0}
        assert self.one(said(1, "a", score=2.0, direction=LOW, **ces))[2] == pytest.approx(500 / 6)

    def test_without_any_there_is_no_mean_and_no_share(self):
        assert self.one(said(1, "a")) == (2, 0, None, 0, None)

    @pytest.mark.parametrize(("score", "expected"), [(0, 1), (6, 1), (7, 0), (10, 0)])
    def test_of_nps_make_detractors_from_0_to_6(self, score, expected):
        answer = said(1, "a", kind="nps", scale_min=0.0, scale_max=10.0, score=float(score))
        assert self.one(answer)[3:] == (expected, expected)

    @pytest.mark.parametrize(
        ("kind", "high", "score", "expected"),
        [("csat", 5, 2, 1), ("csat", 5, 3, 0), ("ces", 7, 3, 1), ("ces", 7, 4, 0)],
    )
    def test_of_other_scales_make_detractors_below_the_middle(self, kind, high, score, expected):
        answer = said(1, "a", kind=kind, scale_max=float(high), score=float(score))
        assert self.one(answer)[3] == expected

    def test_that_are_turned_decide_on_detractors(self):
        answer = said(1, "a", kind="ces", scale_max=7.0, score=6.0, direction=LOW)
        assert self.one(answer)[3] == 1


class TestThemes:
    def test_need_fifty_comments_and_else_it_says_so(self):
        (found,) = themes(two_subjects()[:49]).to_dicts()
        assert (found["theme"], found["label"], found["comments"], found["null_reason"]) == (
            0,
            None,
            49,
            "insufficient_history",
        )
        fifty = themes(two_subjects()[:50])
        assert fifty.height > 1
        assert fifty["null_reason"].to_list() == [None] * fifty.height

    def test_are_said_to_be_missing_in_a_month_without_comments(self):
        (found,) = themes([]).to_dicts()
        assert (found["comments"], found["mean_score"], found["null_reason"]) == (0, None, "insufficient_history")

    @pytest.mark.parametrize(
        ("exported", "reason"),
        [
            ({}, "source_missing"),
            ({"survey_responses": frozenset({"score"})}, "not_exported"),
            ({"churn_events": frozenset({"reason"})}, "not_exported"),
            ({"churn_events": frozenset({"comment"})}, "insufficient_history"),
        ],
    )
    def test_are_missing_for_the_reason_that_no_source_has_comments(self, exported, reason):
        assert themes([], exported=exported)["null_reason"].to_list() == [reason]

    def test_tell_two_subjects_apart(self):
        found = themes(two_subjects()).filter(pl.col("theme") > 0)
        assert found.select("theme", "comments", "mean_score", "detractor_share").rows() == [
            (1, 32, 25, 1),
            (2, 24, 75, 0),
        ]
        words = [set(label.split(", ")) for label in found["label"]]
        assert words[0] <= {"price", "invoice", "high", "expensive", "budget", "purse"}
        assert words[1] <= {"planner", "dashboard", "slow", "sluggish", "phones", "tablets"}
        assert [len(label) for label in words] == [3, 3]

    def test_leave_comments_without_a_common_word_to_theme_0(self):
        odd = [said(90, "Quite unrelated musings.", score=5.0), said(91, "42!", score=5.0)]
        found = themes(two_subjects() + odd).row(0, named=True)
        assert (found["theme"], found["label"], found["comments"], found["mean_score"]) == (0, None, 2, 100)

    def test_put_every_comment_in_one(self):
        answers = two_subjects()
        assert themes(answers, [left(1, PRICE[0])])["comments"].sum() == len(answers) + 1

    def test_of_one_subject_are_one(self):
        found = themes([said(n, "Everything is too expensive.") for n in range(60)])
        assert found.select("theme", "comments").rows() == [(0, 0), (1, 60)]
        assert set(found["label"][1].split(", ")) == {"expensive"}

    def test_of_words_that_no_three_comments_share_are_none(self):
        alphabet = [f"{a}{b}{c}word" for a, b, c in product("abcd", repeat=3)]
        assert themes([said(n, text) for n, text in enumerate(alphabet)])["null_reason"].to_list() == [
            "insufficient_history"
        ]

    def test_of_the_example_company_are_those_its_customers_have_in_mind(self):
        random = Random(5)
        meant = [random.choice(sorted(THEMES)) for _ in range(300)]
        found = find_themes(pl.Series([comment(random, theme) for theme in meant]))
        assert found is not None
        shared = Counter(zip(found.theme, meant, strict=True))
        most = sum(max(shared[theme, name] for name in THEMES) for theme in range(len(found.labels)))
        assert 4 <= len(found.labels) <= 6
        assert most / len(meant) > 0.9

    def test_do_not_depend_on_the_order_of_rows_or_on_other_months(self):
        random = Random(9)
        answers = [
            said(
                n, comment(random, random.choice(sorted(THEMES))), f"2024-0{1 + n % 6}-10T12:00", score=float(1 + n % 5)
            )
            for n in range(200)
        ]
        alone = themes(answers, publish_comments=True)
        assert themes(random.sample(answers, 200), publish_comments=True).equals(alone)
        both = themes(answers, calendar=months("2024-05", "2024-07"), publish_comments=True)
        assert both.filter(pl.col("month") == day("2024-06-01")).equals(alone)
        assert alone.height > 3


class TestPrivacy:
    def test_examples_are_published_only_where_the_config_says_so(self):
        assert themes(two_subjects())["examples"].null_count() == 3
        shown = themes(two_subjects(), publish_comments=True)["examples"]
        assert set(shown[1].split("\n")) <= set(PRICE)
        assert [len(text.split("\n")) for text in shown[1:]] == [3, 3]

    def test_examples_are_masked_and_of_one_line_each(self):
        text = "Hello Jonas,\nit is slow.\nCall +49 30 555 01234 or write to a.b@example.com"
        (found,) = themes([said(1, text)], publish_comments=True).to_dicts()
        assert found["examples"] == "Hello [name], it is slow. Call [phone] or write to [email]"

    def test_examples_are_different_ones(self):
        found = themes([said(n, "Everything is too expensive.") for n in range(60)], publish_comments=True)
        assert found["examples"].to_list() == [None, "Everything is too expensive."]

    @pytest.mark.parametrize(("times", "labels"), [(2, ["expensive"]), (3, ["zebulon", "expensive"])])
    def test_labels_have_no_word_of_fewer_than_three_comments(self, times, labels):
        texts = ["It is expensive."] * 60 + ["Our Zebulon."] * times
        found = find_themes(pl.Series(texts))
        assert found is not None
        assert set(", ".join(filter(None, found.labels)).split(", ")) == set(labels)

    @pytest.mark.parametrize("name", ["Wilhelmina", "wilhelmina", "WILHELMINA"])
    def test_labels_name_nobody_however_often_and_however_written(self, name):
        texts = [f"{name} was late, the onboarding of {name} is slow." for _ in range(60)]
        answers = [said(n, text) for n, text in enumerate(texts)]
        assert not any("wilhelmina" in label for label in themes(answers)["label"].drop_nulls())
        shown = themes(answers, publish_comments=True)["label"].drop_nulls()
        assert any("wilhelmina" in label for label in shown)

    def test_a_theme_of_no_word_of_the_trade_is_counted_without_a_label(self):
        found = themes([said(n, "Zebulon, Zebulon!") for n in range(60)]).row(1, named=True)
        assert (found["label"], found["comments"]) == (None, 60)

    def test_no_first_name_is_a_word_of_the_trade(self):
        usual = {"wilhelmina", "mark", "bill", "grace", "frank", "joy", "hope", "rose", "will", "may", "april", "june"}
        assert not usual & OF_THE_TRADE

    def test_labels_have_no_masked_name_however_many_write_to_it(self):
        labels = themes([said(n, f"Dear Zebulon, {text}") for n, text in enumerate(PRICE * 7)])["label"].drop_nulls()
        words = {word for label in labels for word in label.split(", ")}
        assert words
        assert not words & {"zebulon", "name", "email", "phone"}
