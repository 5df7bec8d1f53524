import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from transforms.metrics.account_segments import ACCOUNT, PROFILE, AccountSegments

MONTHS = [dt.date(2024, month, 1) for month in (1, 2, 3)]
ACCOUNTS = ["a", "b", "c", "d"]
places = st.tuples(st.sampled_from(MONTHS), st.sampled_from(ACCOUNTS))
segments = st.sampled_from(["EMEA", "APAC", None])


def known(of: dict[tuple[dt.date, str], tuple[str | None, str | None]]) -> AccountSegments:
    rows = [(month, account, region, plan) for (month, account), (region, plan) in of.items()]
    schema = {"month": pl.Date, "account_id": pl.String, "region": pl.String, "plan": pl.String}
    return AccountSegments(pl.DataFrame(rows, schema, orient="row"), ("region", "plan"))


@given(
    of=st.dictionaries(places, st.tuples(segments, segments)),
    asked=st.lists(
        st.tuples(st.sampled_from([*MONTHS, dt.date(2023, 12, 1)]), st.sampled_from([*ACCOUNTS, "x", None]))
    ),
)
def test_a_row_gets_the_profile_of_its_account_in_its_month_or_none(of, asked):
    accounts = known(of)
    told = accounts.with_profile(pl.DataFrame(asked, {"month": pl.Date, "account_id": pl.String}, orient="row"))
    profiles = {number: (region, plan) for number, region, plan in accounts.profiles.iter_rows()}
    found = [(month, account, profiles.get(number)) for month, account, number in told.select(*ACCOUNT, PROFILE).rows()]
    expected = [(month, account, of.get((month, account))) for month, account in asked]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_rows_keep_their_other_columns():
    accounts = known({(MONTHS[0], "a"): ("EMEA", None)})
    rows = pl.DataFrame({"month": MONTHS[:1], "account_id": ["a"], "numerator": [7.0]})
    assert_frame_equal(accounts.with_profile(rows).drop(PROFILE), rows)


def test_without_segments_nobody_is_in_any():
    accounts = AccountSegments(pl.DataFrame({"month": MONTHS[:1], "account_id": ["a"]}), ())
    assert accounts.in_segments(accounts.with_profile(accounts.dim_account_month)).is_empty()
    assert accounts.there(pl.DataFrame({"month": MONTHS})).is_empty()
