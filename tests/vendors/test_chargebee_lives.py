"""Chargebee's items know the life of their subscription alone; theirs come from what its exports showed one by one."""

import itertools

from tests.frames import day
from tests.vendors.chargebee_files import TERM, item, lines, seconds, subscription
from tests.vendors.one_source import Ingested, ingested

API = {"form": "chargebee", "written_by": "api"}
EXTRA = item("support-EUR-monthly", item_type="addon", unit_price=500, amount=500)
ITEM = ("subscription_id", "item_id", "valid_from", "started_on", "ended_on")


def shown(tmp_path, **snapshots) -> Ingested:
    """What exports of several days make, each named by its day like `may_1`."""
    months = {"may": 5, "june": 6, "july": 7, "august": 8}
    files = {}
    for name, subscriptions in snapshots.items():
        month, number = name.split("_")
        files[f"subscriptions-2026-{months[month]:02}-{int(number):02}.jsonl"] = lines(*subscriptions)
    return ingested(tmp_path, files, API, ["subscription_items"])


def lives(found: Ingested) -> list[tuple]:
    return sorted(set(found.rows("subscription_items").select("item_id", "started_on", "ended_on").rows()), key=str)


class TestAnItemThatIsAddedLater:
    def test_begins_with_the_day_that_shows_it_first_and_keeps_that_day(self, tmp_path):
        both = subscription("s1", item(), EXTRA)
        found = shown(tmp_path, may_1=[subscription()], june_1=[both], july_1=[both])
        assert found.values("subscription_items", *ITEM) == [
            ("s1", "plan", day("2026-01-15"), day("2026-01-15"), None),
            ("s1", "support-EUR-monthly", day("2026-05-31"), day("2026-05-31"), None),
        ]

    def test_ends_with_its_subscription(self, tmp_path):
        end = seconds("2026-06-20T10:00")
        both = subscription("s1", item(), EXTRA)
        gone = subscription("s1", item(), EXTRA, status="cancelled", cancelled_at=end)
        found = shown(tmp_path, may_1=[subscription()], june_1=[both], july_1=[gone])
        assert lives(found) == [
            ("plan", day("2026-01-15"), day("2026-06-20")),
            ("support-EUR-monthly", day("2026-05-31"), day("2026-06-20")),
        ]

    def test_was_never_there_if_its_subscription_ended_before_the_day_that_shows_it(self, tmp_path):
        gone = subscription("s1", item(), EXTRA, status="cancelled", cancelled_at=seconds("2026-05-20T10:00"))
        found = shown(tmp_path, may_1=[subscription()], june_1=[gone])
        assert lives(found) == [
            ("plan", day("2026-01-15"), day("2026-05-20")),
            ("support-EUR-monthly", day("2026-05-20"), day("2026-05-20")),
        ]

    def test_begins_with_its_subscription_where_that_is_shown_with_it_for_the_first_time(self, tmp_path):
        found = shown(tmp_path, may_1=[subscription("other")], june_1=[subscription("s1", item(), EXTRA)])
        of_s1 = [row for row in found.values("subscription_items", *ITEM) if row[0] == "s1"]
        assert {begun for _, _, _, begun, _ in of_s1} == {day("2026-01-15")}

    def test_begins_with_its_subscription_if_it_stood_there_before_in_a_row_that_was_rejected(self, tmp_path):
        whole = subscription("s1", item(), EXTRA)
        rejected = {**EXTRA, "quantity": -1}
        found = shown(tmp_path, may_1=[subscription("s1", item(), rejected)], june_1=[whole])
        assert lives(found) == [
            ("plan", day("2026-01-15"), None),
            ("support-EUR-monthly", day("2026-01-15"), None),
        ]

    def test_begins_with_the_life_of_its_subscription_that_is_shown_with_it_for_the_first_time(self, tmp_path):
        ended = subscription(status="cancelled", cancelled_at=seconds("2026-04-20T10:00"))
        again = subscription("s1", item(), EXTRA, started_at=seconds("2026-05-10T10:00"))
        found = shown(tmp_path, may_1=[ended], june_1=[again], july_1=[again])
        assert lives(found)[1:] == [
            ("plan/life 2", day("2026-05-10"), None),
            ("support-EUR-monthly", day("2026-05-10"), None),
        ]


class TestAnItemThatIsTakenAwayFromASubscriptionThatGoesOn:
    BOTH = subscription("s1", item(), EXTRA)

    def test_ends_with_the_day_that_shows_the_subscription_without_it(self, tmp_path):
        found = shown(tmp_path, may_1=[self.BOTH], june_1=[subscription()], july_1=[subscription()])
        assert lives(found) == [
            ("plan", day("2026-01-15"), None),
            ("support-EUR-monthly", day("2026-01-15"), day("2026-05-31")),
        ]

    def test_has_another_life_if_it_is_there_again(self, tmp_path):
        found = shown(tmp_path, may_1=[self.BOTH], june_1=[subscription()], july_1=[self.BOTH], august_1=[self.BOTH])
        assert lives(found) == [
            ("plan", day("2026-01-15"), None),
            ("support-EUR-monthly", day("2026-01-15"), day("2026-05-31")),
            ("support-EUR-monthly/life 2", day("2026-06-30"), None),
        ]

    def test_goes_on_where_its_subscription_is_left_out_as_a_whole(self, tmp_path):
        found = shown(tmp_path, may_1=[self.BOTH, subscription("other")], june_1=[subscription("other")])
        of_s1 = {end for key, _, _, _, end in found.values("subscription_items", *ITEM) if key == "s1"}
        assert of_s1 == {None}

    def test_goes_on_while_rows_are_rejected_of_which_nobody_knows_what_they_say(self, tmp_path):
        wrong = subscription("wrong", {**item(), "quantity": -1})
        found = shown(tmp_path, may_1=[self.BOTH], june_1=[subscription(), wrong])
        assert {end for _, _, end in lives(found)} == {None}
        mended = shown(tmp_path, july_1=[subscription()])
        assert lives(mended)[-1] == ("support-EUR-monthly", day("2026-01-15"), day("2026-06-30"))


class TestASubscriptionThatIsReactivated:
    ENDED = subscription(status="cancelled", cancelled_at=seconds("2026-04-20T10:00"))

    def test_has_its_former_life_and_another_from_the_day_that_it_is_told_to_have_begun(self, tmp_path):
        again = subscription(started_at=seconds("2026-05-10T10:00"), activated_at=seconds("2026-05-10T10:00"))
        found = shown(tmp_path, may_1=[self.ENDED], june_1=[again], july_1=[again])
        assert found.values("subscription_items", *ITEM) == [
            ("s1", "plan", day("2026-01-15"), day("2026-01-15"), day("2026-04-20")),
            ("s1", "plan/life 2", day("2026-05-10"), day("2026-05-10"), None),
        ]

    def test_lives_again_from_the_day_that_shows_it_where_it_is_told_to_have_begun_before_its_end(self, tmp_path):
        found = shown(tmp_path, may_1=[self.ENDED], june_1=[subscription()], july_1=[subscription()])
        assert lives(found) == [
            ("plan", day("2026-01-15"), day("2026-04-20")),
            ("plan/life 2", day("2026-05-31"), None),
        ]

    def test_may_live_a_third_time(self, tmp_path):
        again = subscription(started_at=seconds("2026-05-10T10:00"))
        over = {**again, "status": "cancelled", "cancelled_at": seconds("2026-06-10T10:00")}
        third = subscription(started_at=seconds("2026-07-10T10:00"))
        found = shown(tmp_path, may_1=[self.ENDED], june_1=[again], july_1=[over], august_1=[third])
        assert lives(found) == [
            ("plan", day("2026-01-15"), day("2026-04-20")),
            ("plan/life 2", day("2026-05-10"), day("2026-06-10")),
            ("plan/life 3", day("2026-07-10"), None),
        ]

    def test_keeps_its_first_day_where_no_export_showed_that_it_had_ended(self, tmp_path):
        again = subscription(started_at=seconds("2026-05-10T10:00"))
        found = shown(tmp_path, may_1=[subscription()], june_1=[again])
        assert lives(found) == [("plan", day("2026-01-15"), None)]

    def test_that_takes_back_a_planned_end_lives_on(self, tmp_path):
        ending = subscription(status="non_renewing", cancelled_at=TERM)
        soon = subscription(status="non_renewing", cancelled_at=seconds("2026-05-20T10:00"))
        assert lives(shown(tmp_path / "ahead", may_1=[ending], june_1=[subscription()])) == [
            ("plan", day("2026-01-15"), None)
        ]
        assert lives(shown(tmp_path / "passed", may_1=[soon], june_1=[subscription()])) == [
            ("plan", day("2026-01-15"), None)
        ]

    def test_that_an_export_left_out_lives_on(self, tmp_path):
        other = subscription("other")
        vanished = {**API, "vanished": "ended"}
        files = {"may-2026-05-01.jsonl": [other, subscription()], "may-2026-06-01.jsonl": [other],
                 "may-2026-07-01.jsonl": [other, subscription()]}  # fmt: skip
        sent = {name.replace("may", "subscriptions"): lines(*told) for name, told in files.items()}
        found = ingested(tmp_path, sent, vanished, ["subscription_items"])
        assert {end for _, _, end in lives(found)} == {None}


class TestWhatWasDeleted:
    def test_ends_with_its_deletion_and_was_there_until_then(self, tmp_path):
        deleted = subscription(deleted=True, updated_at=seconds("2026-05-12T10:00"))
        found = shown(tmp_path, may_1=[subscription()], june_1=[deleted])
        assert lives(found) == [("plan", day("2026-01-15"), day("2026-05-12"))]

    def test_ended_before_if_it_was_cancelled_before(self, tmp_path):
        gone = {"status": "cancelled", "cancelled_at": seconds("2026-04-02T10:00"), "deleted": True}
        found = shown(tmp_path, june_1=[subscription(**gone, updated_at=seconds("2026-05-12T10:00"))])
        assert lives(found) == [("plan", day("2026-01-15"), day("2026-04-02"))]

    def test_ends_with_its_deletion_though_its_end_was_planned_for_later(self, tmp_path):
        gone = {"status": "non_renewing", "cancelled_at": TERM, "deleted": True}
        found = shown(tmp_path, june_1=[subscription(**gone, updated_at=seconds("2026-05-12T10:00"))])
        assert lives(found) == [("plan", day("2026-01-15"), day("2026-05-12"))]

    def test_is_no_fault_where_nothing_else_is_told_of_it(self, tmp_path):
        bare = subscription("bare", deleted=True, subscription_items=None)
        found = shown(tmp_path, june_1=[subscription(), bare])
        assert found.rejects() == []
        assert {key for key, *_ in found.values("subscription_items", *ITEM)} == {"s1"}


DAYS = {
    "may_1": [subscription(), subscription("s2", item(), EXTRA)],
    "june_1": [
        subscription("s1", item(), EXTRA),
        subscription("s2", item(), EXTRA, status="cancelled", cancelled_at=seconds("2026-05-20T10:00")),
    ],
    "july_1": [subscription("s1", item(unit_price=2_000, amount=2_000), EXTRA),
               subscription("s2", item(), started_at=seconds("2026-06-10T10:00"))],
    "august_1": [subscription("s1", item(), EXTRA, deleted=True, updated_at=seconds("2026-07-20T10:00")),
                 subscription("s2", item(), EXTRA, started_at=seconds("2026-06-10T10:00"))],
}  # fmt: skip


def test_exports_that_come_one_by_one_make_what_all_of_them_at_once_make(tmp_path):
    columns = (*ITEM, "unit_amount")
    at_once = shown(tmp_path / "at once", **DAYS).values("subscription_items", *columns)
    for until in range(1, len(DAYS) + 1):
        one_by_one = shown(tmp_path / "one by one", **dict(itertools.islice(DAYS.items(), until)))
    assert one_by_one.values("subscription_items", *columns) == at_once
    assert at_once == [
        ("s1", "plan", day("2026-01-15"), day("2026-01-15"), day("2026-07-20"), 1_000),
        ("s1", "plan", day("2026-06-30"), day("2026-01-15"), day("2026-07-20"), 2_000),
        ("s1", "plan", day("2026-07-31"), day("2026-01-15"), day("2026-07-20"), 1_000),
        ("s1", "support-EUR-monthly", day("2026-05-31"), day("2026-05-31"), day("2026-07-20"), 500),
        ("s2", "plan", day("2026-01-15"), day("2026-01-15"), day("2026-05-20"), 1_000),
        ("s2", "plan/life 2", day("2026-06-10"), day("2026-06-10"), None, 1_000),
        ("s2", "support-EUR-monthly", day("2026-01-15"), day("2026-01-15"), day("2026-05-20"), 500),
        ("s2", "support-EUR-monthly/life 2", day("2026-07-31"), day("2026-07-31"), None, 500),
    ]
