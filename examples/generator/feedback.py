"""The surveys: recommendation (nps), satisfaction (csat) and effort (ces), most of them never answered."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from examples.generator.chance import one_of, pick, stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, LAST_INSTANT, at, days_in, months_between, plus_days
from examples.generator.phrases import PERSONAL, comment
from examples.generator.support import Ticket, score_of

SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
ANSWERED = 0.41

Survey = dict[str, Any]


def survey_rows(seed: int, accounts: Sequence[Account], tickets: Sequence[Ticket]) -> list[Survey]:
    """All surveys that were sent, by the time of sending.

    Planted: scores fall in a decline; some effort surveys count down (low_is_good); some answers come late, are
    anonymous, name only a ticket, have no score; some comments hold personal data or run over two lines.
    """
    surveys: list[Survey] = []
    for account in accounts:
        if account.in_crm and account.lives:
            rng = stream(seed, "surveys", account.account_id)
            for month in months_between(account.start, AS_OF):
                surveys += _regular(rng, account, month)
    by_id = {account.account_id: account for account in accounts}
    rng = stream(seed, "ticket surveys")
    for ticket in tickets:
        solved, drawn = ticket["last_solved_at"], rng.random()
        if solved and ticket["account_id"] and not ticket["is_spam"] and drawn < 0.16:
            surveys.append(_after_ticket(rng, by_id[ticket["account_id"]], ticket, solved))
    surveys = [survey for survey in surveys if survey["sent_at"] <= LAST_INSTANT]
    surveys.sort(key=lambda survey: (survey["sent_at"], survey["respondent_id"] or "", survey["kind"]))
    _plant_personal_data(surveys)
    return [{"response_id": f"Q{number:05d}", **survey} for number, survey in enumerate(surveys, start=1)]


def _regular(rng: Random, account: Account, month: date) -> Iterator[Survey]:
    """The surveys of one account and month that go to one or two of its users."""
    people = {"nps": (rng.random() < 0.3) * rng.randrange(1, 3), "ces": int(rng.random() < 0.1)}
    for kind, number in people.items():
        for person in range(1, number + 1):
            day = plus_days(month, rng.randrange(days_in(month)))
            sent = at(day, rng.randrange(6, 20), rng.randrange(60))
            respondent = f"u{account.account_id[1:]}-{person}"
            survey = _survey(rng, account, kind, sent, respondent)
            if rng.random() < 0.015:
                survey |= {"account_id": None, "respondent_id": None}
            if account.in_service(day) and day <= AS_OF:
                yield survey


def _after_ticket(rng: Random, account: Account, ticket: Ticket, solved: datetime) -> Survey:
    """A satisfaction survey about a solved ticket; a few name only the ticket."""
    sent = solved + timedelta(minutes=rng.randrange(10, 1500))
    survey = _survey(rng, account, "csat", sent, ticket["requester_id"] or None)
    if rng.random() < 0.85:
        survey["ticket_id"] = ticket["ticket_id"]
        survey["account_id"] = account.account_id if rng.random() > 0.1 else None
    return survey


def _survey(rng: Random, account: Account, kind: str, sent: datetime, respondent: str | None) -> Survey:
    """One survey and its answer, if there was one by the end of the data."""
    lowest, highest = SCALES[kind]
    direction = (
        pick(rng, {"low_is_good": 30.0, "high_is_good": 70.0}) if kind == "ces" else one_of(rng, ["high_is_good", None])
    )
    after = rng.randrange(60, 60 * 24 * 12) if rng.random() > 0.05 else 60 * 24 * rng.randrange(31, 50)
    mood = account.mood - 0.68 * account.strain(sent.date())
    score = score_of(rng, mood, lowest, highest)
    said = comment(rng, _theme(rng, mood)) if rng.random() < 0.52 else None
    has_score, answered = rng.random() > 0.012, rng.random() < ANSWERED
    survey: Survey = {
        "account_id": account.account_id, "respondent_id": respondent, "ticket_id": None, "kind": kind, "score": None,
        "scale_min": lowest, "scale_max": highest, "direction": direction, "comment": None, "sent_at": sent,
        "responded_at": None,
    }  # fmt: skip
    responded = sent + timedelta(minutes=after)
    if answered and responded <= LAST_INSTANT:
        counted = lowest + highest - score if direction == "low_is_good" else score
        survey |= {"score": counted if has_score else None, "comment": said, "responded_at": responded}
    return survey


def _theme(rng: Random, mood: float) -> str:
    """What the comment is about: praise the likelier the better the mood."""
    if rng.random() < mood - 0.35:
        return "praise"
    return pick(rng, {"price": 27.0, "features": 28.0, "support": 25.0, "onboarding": 20.0})


def _plant_personal_data(surveys: list[Survey]) -> None:
    """Put a name, an address or a telephone number into a handful of comments; break a few others into two lines."""
    with_comment = [survey for survey in surveys if survey["comment"]]
    step = max(1, len(with_comment) // (2 * len(PERSONAL)))
    for number, pattern in enumerate(PERSONAL):
        survey = with_comment[step * (2 * number + 1)]
        survey["comment"] = pattern.format(survey["comment"])
    for survey in with_comment[step // 2 :: step * 3]:
        survey["comment"] = survey["comment"].replace(". ", ".\n", 1)
