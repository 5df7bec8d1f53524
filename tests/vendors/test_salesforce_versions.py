"""Accounts whose history Fivetran keeps: what they were in the past is told, and not only from the first export on."""

import shutil

import yaml

from tests.frames import day
from tests.integration.small_company import SmallCompany
from tests.vendors import salesforce_files as salesforce
from tests.vendors.one_source import SETTINGS, Ingested, ingested_of
from tests.vendors.salesforce_files import ACME, BOLT, table

EVER = "9999-12-31 23:59:59"
OPTIONS = {"form": "salesforce", "written_by": "fivetran", "folder": "sent",
           "options": {"segments": {"tier": "tier_c"}}, "files": {"accounts": "account_history*.csv"}}  # fmt: skip
COLUMNS = ("account_id", "known_from", "tier")
HEADER = f"{salesforce.ACCOUNT_VERSIONS},created_date"


def version(key, start, tier, *, active="false", end=EVER, **changed):
    return {"id": key, "_fivetran_active": active, "_fivetran_start": start, "_fivetran_end": end, "tier_c": tier,
            "is_deleted": "false", "created_date": "2025-06-01 08:00:00", **changed}  # fmt: skip


def company(tmp_path) -> SmallCompany:
    found = SmallCompany(tmp_path)
    found.data.mkdir(parents=True)
    found.config.write_text(yaml.safe_dump({**SETTINGS, "segments": ["tier"], "sources": {"it": OPTIONS}}))
    return found


def sent(where: SmallCompany, exported: str, *versions) -> None:
    path = where.config.parent / "sent" / f"account_history-{exported}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(table(HEADER, *versions))


def read(where: SmallCompany) -> Ingested:
    return ingested_of(where, ["identities", "account_links", "accounts"])


FORMER = version(ACME, "2025-07-01 08:00:00", "bronze"), version(ACME, "2026-03-01 23:30:00", "silver")
PRESENT = version(ACME, "2026-05-01 08:00:00", "gold", active="true")


def test_a_version_speaks_from_its_beginning_and_the_first_from_that_of_the_account(tmp_path):
    where = company(tmp_path)
    sent(where, "2026-10-30", *FORMER, PRESENT, version(BOLT, "2026-10-30 08:00:00", "gold", active="true"))
    found = read(where)
    assert found.rejects() == []
    # Half past eleven in the evening in UTC is the next day in Berlin.
    assert found.values("accounts", *COLUMNS) == [
        (ACME, day("2025-06-01"), "bronze"),
        (ACME, day("2026-03-02"), "silver"),
        (ACME, day("2026-05-01"), "gold"),
        (BOLT, day("2025-06-01"), "gold"),
    ]


def test_what_ends_a_version_and_what_began_after_the_active_one_say_nothing(tmp_path):
    where = company(tmp_path)
    again = "2026-05-01 08:00:00"
    late = version(ACME, "2026-07-01 08:00:00", "lead")
    sent(where, "2026-10-30", late, version(ACME, again, "gold", active="true", end=again), *reversed(FORMER))
    found = read(where)
    assert found.values("accounts", *COLUMNS) == [
        (ACME, day("2025-06-01"), "bronze"),
        (ACME, day("2026-03-02"), "silver"),
        (ACME, day("2026-05-01"), "gold"),
    ]


def test_of_several_versions_of_one_day_the_last_speaks(tmp_path):
    where = company(tmp_path)
    of_day = [version(ACME, f"2026-03-01 {hour}:00:00", tier) for hour, tier in (("09", "tin"), ("10", "silver"))]
    undone = version(ACME, "2026-05-01 06:00:00", "lead")
    sent(where, "2026-10-30", *reversed(of_day), FORMER[0], undone, PRESENT)
    found = read(where)
    assert found.rejects() == []
    assert found.values("accounts", "known_from", "tier") == [
        (day("2025-06-01"), "bronze"),
        (day("2026-03-01"), "silver"),
        (day("2026-05-01"), "gold"),
    ]


def test_later_exports_of_the_history_add_their_versions_as_if_all_had_come_at_once(tmp_path):
    later = version(ACME, "2026-09-15 08:00:00", "platinum", active="true")
    ended = {**PRESENT, "_fivetran_active": "false"}
    step = company(tmp_path / "step")
    sent(step, "2026-08-31", *FORMER, PRESENT)
    read(step)
    sent(step, "2026-10-30", *FORMER, ended, later)
    found = read(step)
    whole = company(tmp_path / "whole")
    shutil.copytree(step.config.parent / "sent", whole.config.parent / "sent")
    assert found.values("accounts", *COLUMNS) == read(whole).values("accounts", *COLUMNS)
    assert found.values("accounts", "known_from", "tier") == [
        (day("2025-06-01"), "bronze"),
        (day("2026-03-02"), "silver"),
        (day("2026-05-01"), "gold"),
        (day("2026-09-15"), "platinum"),
    ]


def test_an_export_of_the_present_before_the_history_was_kept_says_what_it_said(tmp_path):
    where = company(tmp_path)
    sent(where, "2026-06-30", {"id": ACME, "tier_c": "gold", "created_date": "2025-06-01 08:00:00"})
    sent(where, "2026-10-30", version(ACME, "2026-08-01 08:00:00", "silver"),
         version(ACME, "2026-09-01 08:00:00", "bronze", active="true"))  # fmt: skip
    assert read(where).values("accounts", "known_from", "tier") == [
        (day("2025-06-01"), "gold"),
        (day("2026-08-01"), "silver"),
        (day("2026-09-01"), "bronze"),
    ]


def test_a_merged_account_was_never_another_than_the_one_that_is_left(tmp_path):
    where = company(tmp_path)
    gone = {"is_deleted": "true", "master_record_id": ACME}
    sent(where, "2026-10-30", *FORMER, PRESENT, version(BOLT, "2025-07-01 08:00:00", "lead"),
         version(BOLT, "2026-05-01 08:00:00", "lead", active="true", **gone))  # fmt: skip
    found = read(where)
    assert found.values("account_links", "source_account_id", "account_id") == [(BOLT, ACME)]
    assert {key for key, _, _ in found.values("accounts", *COLUMNS)} == {ACME}
    assert [tier for _, _, tier in found.values("accounts", *COLUMNS)] == ["bronze", "silver", "gold"]
