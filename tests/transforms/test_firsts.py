"""Among the first events of each kind is found what is found among all of them."""

import datetime as dt
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schemas.product import UsageEvents
from schemas.success import Milestones
from schemas.tables import CANONICAL
from tests.frames import config, rows
from transforms.clean.onboarding import milestones_from_usage
from transforms.declaration import parameters
from transforms.engine import collected, lazily
from transforms.events.firsts import first_events, first_events_after
from transforms.facts.accounts import first_seen

BEGIN = dt.datetime(2024, 1, 30, 22)
STEPS = [{"name": "report", "within_days": 30, "from_event": "report"}]
NOTHING = {name: CANONICAL[name].blank() for name in parameters(first_seen) if name in CANONICAL}

events = st.lists(
    st.fixed_dictionaries(
        {
            "account_id": st.sampled_from(["a", "b", "(unknown)"]),
            "export_source": st.sampled_from(["web", "app"]),
            "name": st.sampled_from(["report", "login"]),
            "occurred_at": st.integers(0, 40).map(lambda hours: BEGIN + dt.timedelta(hours=hours)),
            "event_count": st.sampled_from([None, 0, 1]),
            "is_internal": st.sampled_from([None, True, False]),
        }
    ),
    max_size=14,
)


@given(drawn=events)
def test_the_first_sign_and_the_first_use_are_those_of_all_events(drawn: list[dict[str, Any]]):
    numbered = [{**event, "event_id": str(number), "exported_at": BEGIN} for number, event in enumerate(drawn)]
    everything = rows(UsageEvents, *numbered)
    firsts = UsageEvents.shaped(collected(first_events(lazily(everything))))
    assert firsts.height <= everything.height
    onboarding = config(onboarding={"milestones": STEPS}).onboarding
    for found in (
        lambda usage: first_seen(**{**NOTHING, "usage_events": usage}, time_zone="Europe/Berlin"),
        lambda usage: milestones_from_usage(usage, Milestones.blank(), onboarding, "Europe/Berlin"),
    ):
        assert_frame_equal(found(firsts), found(everything))


@given(drawn=events, ends=st.lists(st.integers(0, 41), max_size=3).map(sorted))
def test_of_stretches_one_after_the_other_the_first_events_are_those_of_all_at_once(
    drawn: list[dict[str, Any]], ends: list[int]
):
    numbered = [{**event, "event_id": str(number), "exported_at": BEGIN} for number, event in enumerate(drawn)]
    everything = rows(UsageEvents, *numbered)
    bounds = [BEGIN - dt.timedelta(1), *(BEGIN + dt.timedelta(hours=end) for end in ends), BEGIN + dt.timedelta(9)]
    firsts = UsageEvents.blank()
    for begin, end in pairwise(bounds):
        stretch = everything.filter(pl.col("occurred_at").is_between(begin, end, closed="left"))
        new = collected(first_events_after(lazily(firsts), lazily(stretch)))
        firsts = pl.concat([firsts, UsageEvents.shaped(new)])
    at_once = UsageEvents.shaped(collected(first_events(lazily(everything))))
    assert_frame_equal(firsts.sort("event_id"), at_once.sort("event_id"))
