"""The inputs: a name, what is given, what is wrong with it, and what must be told. Expectations came first."""

import io
import zipfile

from tests.integration.small_company import ONE_MONTH
from tests.malformed.kinds import (
    Malformed,
    MalformedRow,
    called,
    command,
    environment,
    file,
    holes,
    replace_in_accounts,
    replaced,
    setting,
    source,
    text,
    written,
)

NAN, INF = float("nan"), float("inf")
MARK = "Quux"
"""A name that stands in inputs and in no message."""
CSV = {"form": "canonical", "folder": "crm", "files": {"accounts": "accounts.csv"}}
POINTS = {"weight": 1, "zero_at": 0, "full_at": 1}
TARGET = {"metric": "nrr", "month": "2024-01-01", "target": 1, "owner": "Kim", "review_on": "2024-12-31"}
FINITE = "input should be a finite number"


def excel_workbook() -> bytes:
    """A workbook's bytes: an archive of several files, of which one says what the others are."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            archive.writestr(name, "<x/>")
    return packed.getvalue()


def points(**changed: object) -> dict[str, object]:
    """Settings with other points of one health input."""
    return {"health": {"inputs": {"payment": {**POINTS, **changed}}}}


def scale(lowest: float, highest: float, low: float, high: float) -> dict[str, object]:
    """Settings with one CSAT scale."""
    return {"feedback": {"csat": [{"scale": [lowest, highest], "positive": [low, high]}]}}


def files(pattern: object) -> dict[str, object]:
    """Sources with another pattern of the accounts' file."""
    return {"crm": {**CSV, "files": {"accounts": pattern}}}


def targets(*changed: dict[str, object]) -> dict[str, object]:
    """Settings with targets."""
    return {"targets": [{**TARGET, **one} for one in changed]}


CONFIGS = (
    # Numbers that are none, or that nothing can be computed with.
    setting(
        "engine-unknown", {"engine": {"kind": "duck"}}, "an engine that there is not", "engine.kind: input should be"
    ),
    setting(
        "engine-of-polars-with-a-master",
        {"engine": {"kind": "polars", "spark": "local[2]"}},
        "a master for Polars",
        "engine: expected kind: spark, as spark, staging and settings are Spark's",
    ),
    setting(
        "engine-misspelled",
        {"engine": {"kind": "spark", "setings": {}}},
        "a misspelled key of the engine",
        "engine: no such key; did you mean settings?",
    ),
    setting("weight-nan", points(weight=NAN), "a weight is NaN", f"health.inputs.payment.weight: {FINITE}"),
    setting("weight-infinite", points(weight=INF), "a weight is infinite", f"health.inputs.payment.weight: {FINITE}"),
    setting("weight-of-nothing", points(weight=0), "a weight is 0", "payment.weight: input should be greater than 0"),
    setting("weight-huge", points(weight=1e300), "a weight is 1e300", "payment.weight: expected a number from"),
    setting("weight-true", points(weight=True), "a weight is true", "payment.weight: expected a number"),
    setting("point-nan", points(zero_at=NAN), "a point is NaN", f"health.inputs.payment.zero_at: {FINITE}"),
    setting(
        "points-equal", points(zero_at=1), "0 and 100 points at one value", "expected zero_at and full_at to differ"
    ),
    setting("target-nan", targets({"target": NAN}), "a target is NaN", f"targets.0.target: {FINITE}"),
    setting("target-infinite", targets({"target": -INF}), "a target is -infinity", f"targets.0.target: {FINITE}"),
    setting(
        "target-of-no-metric",
        targets({"metric": "nnr"}),
        "a target of a metric that does not exist",
        "targets.0.metric: there is no such metric; did you mean nrr?",
    ),
    setting(
        "target-twice", targets({}, {"target": 2}), "two targets of one metric and month", "targets 1 and 2 are for"
    ),
    setting("review-by-number", targets({"review_on": 20241231}), "a day is a bare number", "targets.0.review_on: exp"),
    setting("band-nan", {"health": {"green_from": NAN}}, "a band begins at NaN", f"health.green_from: {FINITE}"),
    setting(
        "bands-crossed",
        {"health": {"green_from": 40, "yellow_from": 60}},
        "yellow begins above green",
        "health: expected yellow_from to be below green_from",
    ),
    setting(
        "bands-beyond", {"health": {"green_from": 120}}, "a band above all scores", "health.green_from: input should"
    ),
    setting(
        "discount-infinite", {"prediction": {"discount_rate": INF}}, "an infinite rate", f"discount_rate: {FINITE}"
    ),
    setting(
        "horizon-of-ages",
        {"prediction": {"horizon_months": 10**9}},
        "a horizon of a billion months",
        "prediction.horizon_months: input should be less than or equal to 600",
    ),
    setting(
        "deadline-of-ages",
        {"onboarding": {"milestones": [{"name": "live", "within_days": 10**12}]}},
        "a deadline after the end of the calendar",
        "onboarding.milestones.0.within_days: input should be less than or equal to 3660",
    ),
    setting("margin-nan", {"finance": {"gross_margin": [{"month": "2024-01-01", "share": NAN}]}}, "NaN", FINITE),
    setting(
        "margins-of-one-month",
        {"finance": {"gross_margin": [{"month": "2024-01-01", "share": s} for s in (0.7, 0.8)]}},
        "two margins from one month on",
        "finance.gross_margin: margins 1 and 2 are for the same; expected one",
    ),
    setting(
        "milestones-of-one-name",
        {"onboarding": {"milestones": [{"name": "live", "within_days": d} for d in (7, 14)]}},
        "two milestones of one name",
        "onboarding.milestones: milestones 1 and 2 are for the same; expected one",
    ),
    # CSAT scales.
    setting("scale-upside-down", scale(5, 1, 4, 5), "a scale from high to low", "expected scale: [lowest, highest]"),
    setting("scale-of-one", scale(3, 3, 3, 3), "a scale with one answer", "expected scale: [lowest, highest]"),
    setting("positive-upside-down", scale(1, 5, 5, 4), "positive from high to low", "expected positive: [lowest, high"),
    setting("positive-outside", scale(1, 5, 4, 6), "positive beyond the scale", "expected positive: [lowest, highest]"),
    setting("scale-nan", scale(1, NAN, 4, 5), "a scale that ends at NaN", f"feedback.csat.0.scale.1: {FINITE}"),
    # Days.
    setting(
        "as-of-number", {"as_of": 20240629}, "as_of is a bare number", "as_of: expected a day like 2026-05-31, not"
    ),
    setting("as-of-digits", {"as_of": "20240629"}, "as_of is digits", "as_of: expected a day like 2026-05-31, not"),
    setting("as-of-9999", {"as_of": "9999-12-31"}, "as_of at the end of time", "as_of: expected a day from 1970-01-01"),
    setting(
        "as-of-to-come",
        {"as_of": "2199-01-01"},
        "as_of still to come",
        "as_of: 2199-01-01 is still to come",
    ),
    setting(
        "as-of-before-all", {"as_of": "2024-05-31"}, "as_of before first_month", "expected first_month not to be af"
    ),
    setting(
        "history-1000", {"history_from": "1000-01-01"}, "a thousand years", "history_from: expected a day from 1970"
    ),
    setting(
        "history-late", {"history_from": "2024-07-01"}, "computed after published", "expected history_from not to be"
    ),
    setting(
        "month-number", {"first_month": 202406}, "a month is a number", "first_month: expected a day like 2026-05-31"
    ),
    setting(
        "month-mid", {"first_month": "2024-06-15"}, "a month from the 15th", "first_month: expected the first day of"
    ),
    setting(
        "currency-none", {"reporting": {"currency": MARK}}, "no currency", "reporting.currency: expected an ISO 4217"
    ),
    setting(
        "zone-of-the-machine",
        {"reporting": {"currency": "EUR", "time_zone": "localtime"}},
        "a time zone that differs from machine to machine",
        "expected an IANA time z",
    ),
    setting(
        "zone-none", {"reporting": {"currency": "EUR", "time_zone": MARK}}, "no time zone", "expected an IANA time z"
    ),
    # Segments.
    *(
        setting(
            f"segment-{name}",
            {"segments": [name]},
            "a segment is named like a column of ours",
            f"a column {name.lower()} of",
        )
        for name in ("value", "numerator", "denominator", "month", "account_id", "segment", "Value", "known", "all")
    ),
    *(
        setting(
            f"segment-{name}", {"segments": [name]}, "a segment is named like a part of a contract", "this name cannot"
        )
        for name in ("table", "grain", "validate", "Config", "fields")
    ),
    setting(
        "segments-case", {"segments": ["region", "Region"]}, "segments that differ by case alone", "segments.1: account"
    ),
    setting(
        "segments-own-case", {"segments": ["tier", "Tier"]}, "segments that differ by case", "segments 1 and 2 are for"
    ),
    setting(
        "segment-words", {"segments": [f"{MARK} B"]}, "a segment of two words", "segments.0: expected a column of acc"
    ),
    setting(
        "segment-long", {"segments": ["s" * 300]}, "a segment of 300 letters", "segments.0: expected a column of acc"
    ),
    setting(
        "segment-sql", {"segments": ['x"; DROP']}, "SQL for a segment", "segments.0: expected a column of accounts"
    ),
    setting(
        "segment-empty", {"segments": [""]}, "a segment without a name", "segments.0: expected a column of accounts"
    ),
    Malformed(
        "segment-values",
        "a segment of more values than slices are worth",
        "segments.2: this column of accounts has 12 values, more than the 10 of segment_values",
        lambda company: (
            company.configure(**ONE_MONTH, segment_values=10),
            replace_in_accounts(company, lambda n, row: {**row, "tier": f"t{n}", "is_internal": None}),
        )[0],
        ("run",),
    ),
    # Sources and their files.
    *(
        source(f"source-{kind}", {name: CSV}, wrong, "expected a source's name of at most 50 letters, digits, _ and -")
        for kind, name, wrong in (
            ("slash", f"{MARK}/b", "a source named with a slash"),
            ("dots", "..", "a source named .."),
            ("long", "s" * 300, "a source's name of 300 letters"),
            ("empty", "", "a source without a name"),
            ("colon", f"{MARK}:b", "a source named with the sign that parts it from ids"),
            ("line", f"{MARK}\nb", "a source's name of two lines"),
        )
    ),
    source("sources-none", {}, "no sources", "sources: dictionary should have at least 1 item"),
    source(
        "form-none",
        {"crm": {**CSV, "form": MARK}},
        "a form that does not exist",
        "sources.crm.form: there is no such f",
    ),
    source(
        "table-none",
        {"crm": {**CSV, "files": {MARK: "a.csv"}}},
        "a table of no form",
        "sources.crm.files: 1 of its tab",
    ),
    *(
        source(f"files-{kind}", files(pattern), wrong, f"sources.crm.files.accounts: expected {told}")
        for kind, pattern, wrong, told in (
            ("none", [], "an empty list of files", "at least one file"),
            ("empty", "", "a file without a name", "the name of a file"),
            ("slash", "/", "a pattern that is a slash", "the name of a file"),
            ("dots", "..", "a pattern that is ..", "the name of a file"),
            ("folder", "accounts/", "a folder for a file", "the name of a file"),
            ("stars", "**x", "a pattern that no tree ends", "a pattern like tickets-*.csv"),
            ("tree", "**/accounts.csv", "a pattern through all folders", "a pattern like tickets-*.csv"),
            ("in-folder", "*/accounts.csv", "a pattern in the folder", "a pattern like tickets-*.csv"),
            ("nul", "a\0.csv", "a pattern with a NUL", "a file's name of at most 255 bytes"),
            ("long", "a" * 300, "a name of 300 letters", "a file's name of at most 255 bytes"),
            ("number", 5, "a number for a file", "a file or pattern, or a list of them"),
        )
    ),
    source(
        "files-missing", files("nowhere.csv"), "a file that is not there", "crm.accounts: there is no file crm/nowhere"
    ),
    source(
        "folder-nul", {"crm": {**CSV, "folder": "a\0b"}}, "a folder with a NUL", "sources.crm.folder: expected a folder"
    ),
    source(
        "file-of-two",
        {"crm": CSV, "again": CSV},
        "a file that two sources name",
        "the sources crm (crm/accounts.csv) and again (crm/accounts.csv) name one file",
    ),
    source(
        "crm-none",
        {"crm": {**CSV, "crm": MARK}},
        "a CRM that is no source",
        "sources: expected one of the sources as crm of crm",
    ),
    # YAML.
    text("yaml-deep-list", f"deep: {'[' * 10_000}{']' * 10_000}\n", "nested 10,000 deep", "nested more than 20 deep"),
    text(
        "yaml-deep-map", f"deep: {'{a: ' * 10_000}1{'}' * 10_000}\n", "nested 10,000 deep", "nested more than 20 deep"
    ),
    text(
        "yaml-laughs",
        "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 19)),
        "aliases of aliases, half a million values",
        "more than 20,000 values, as aliases are written out",
    ),
    text("yaml-loop", "loop: &loop [*loop]\n", "an alias within itself", "nested more than 20 deep"),
    text("yaml-digits", f"number: {'9' * 5_000}\n", "a number of 5,000 digits", "a value is not of the kind"),
    text("yaml-kind", "day: !!timestamp x\n", "a text that is said to be a day", "a value is not of the kind"),
    text("yaml-tag", f"code: !!python/name:{MARK}.system\n", "a tag that runs code", "not YAML: could not determine"),
    text("yaml-alias", f"other: *{MARK}\n", "an alias of nothing", "not YAML: found undefined alias"),
    text("key-twice", "company: Two\n", "a key that stands twice", "company is given twice"),
    text("key-twice-unknown", f"{MARK}: 1\n{MARK}: 2\n", "an unknown key twice", "a key is given twice"),
    text("key-unknown", f"{MARK}: {MARK}\n", "a key that is unknown", "the file: no such key; expected one of company"),
    text("key-near", "target: []\n", "a key with a letter too few", "the file: no such key; did you mean targets?"),
    text(
        "variable-unset",
        "alerts: ${NOT_SET_ANYWHERE}\n",
        "a variable that is not set",
        "set NOT_SET_ANYWHERE in the en",
    ),
    text("key-number", "4711474711: 1\n", "a number for a key", "expected a word as a key; put it in quotes"),
    replaced("config-empty", b"", "an empty config", "the file: input should be a valid dictionary"),
    replaced("config-binary", bytes(range(256)), "a binary file for a config", "not UTF-8 text"),
    replaced("config-large", b"#" * (2 << 20), "a config of 2 MB", "larger than 1 MB, so no config"),
    Malformed(
        "config-gone",
        "the config is not there",
        "no such file; CONFIG= names the config",
        lambda company: company.config.unlink(),
    ),
)

NAMES = (
    called(
        "name-day-first", "tickets-0001-01-01.csv", "a file named with the first day of all", "was made on 0001-01-01"
    ),
    called("name-day-none", "tickets-2024-02-31.csv", "a file named with a day that isn't", "was made on 2024-02-31"),
    called(
        "name-day-to-come", "tickets-2999-01-01.csv", "a file from the year 2999", "2999-01-01, which is still to come"
    ),
    Malformed(
        "time-to-come",
        "a file whose time is years ahead",
        "which is still to come",
        lambda company: written(company, "tickets", 4e9),
    ),
    Malformed(
        "time-1970",
        "snapshots whose time is 1970, and no as_of",
        "the exports speak for 1969-12-31 at the latest",
        lambda company: (company.configure(**ONE_MONTH, as_of=None), written(company, "accounts", 3600))[0],
    ),
)

FILES = (
    file(
        "file-nuls",
        "tickets",
        lambda _: bytes(9),
        "nothing but NULs",
        "tickets.csv: the file begins with nothing but N",
    ),
    Malformed(
        "file-2-gb",
        "two gigabytes of nothing",
        "tickets.csv: the file begins with nothing but NULs",
        lambda company: holes(company, 2 << 30),
        ("run",),
    ),
    file(
        "file-blank",
        "tickets",
        lambda _: b"\n" * (1 << 20),
        "a megabyte of empty lines",
        "tickets.csv: the file begins with nothing but blanks; expected a header",
    ),
    file(
        "file-one-line",
        "tickets",
        lambda _: b"x" * (2 << 20),
        "one line of two megabytes",
        "tickets.csv: the first line is longer than 1 MB; expected a header",
    ),
    file(
        "columns-100-000",
        "tickets",
        lambda _: (",".join(f"c{n}" for n in range(100_000)) + "\n").encode(),
        "100,000 columns",
        "tickets.csv: 100,000 columns, more than 2,000; export the form's columns only",
    ),
    file(
        "file-excel",
        "tickets",
        lambda _: excel_workbook(),
        "an Excel workbook",
        "this is an Excel workbook; save the sh",
    ),
    file(
        "file-gzip",
        "tickets",
        lambda _: b"\x1f\x8b\x08 and so on",
        "a compressed file that is damaged",
        "what is packed in it is broken off or d",
    ),
    file("file-utf-16", "tickets", lambda was: was.decode().encode("utf-16"), "UTF-16", "this is UTF-16; export it"),
    file("parquet-cut", "tickets", lambda _: b"PAR1 and no more", "a cut Parquet file", "not a readable Parquet file"),
    file(
        "file-empty",
        "tickets",
        lambda _: b"",
        "an empty file",
        "tickets.csv: the file is empty; expected a header with",
        "run",
    ),
    file(
        "file-header",
        "subscription_items",
        lambda was: was.splitlines(keepends=True)[0],
        "a header and no row",
        "subscription_items.csv: there is no row below the header",
        "run",
    ),
    file("file-quote", "tickets", lambda was: was + b'"', "a quote that never ends", "broken quoting", "run"),
)

COMMANDS = (
    command("month-13", "run --months 2026-13", "a month that isn't", "MONTHS=2026-13: expected a month like 2026-05"),
    command("months-back", "run --months 2024-06..2024-05", "a range upside down", "expected MONTHS=2024-05..2024-06"),
    command(
        "month-outside", "run --months 2031-01", "a month without data", "MONTHS=2031-01: the data has 2024-06 to 2024"
    ),
    environment(
        "wait-word", {"LOCK_WAIT_SECONDS": MARK}, "run", "a word for seconds", "LOCK_WAIT_SECONDS: expected seconds"
    ),
    environment(
        "port-word", {"PORT": MARK}, "dev", "a word for a port", "PORT: expected the number of a port, like 3000"
    ),
    environment(
        "data-question", {"DATA_DIR": f"what?{MARK}"}, "run", "a data folder with ?", "DATA_DIR: expected a folder"
    ),
    environment(
        "data-percent", {"DATA_DIR": f"{MARK}%20"}, "run", "a data folder with %20", "DATA_DIR: expected a folder"
    ),
    Malformed(
        "data-is-a-file",
        "a file where the data folder should be",
        "reading or writing of company/data failed: File exists; mend that",
        lambda company: (company.data.rename(company.folder / "moved"), company.data.write_text(""))[0],
        ("run",),
    ),
)

ROWS = (
    MalformedRow(
        "created-year-1", "tickets", {"created_at": "0001-01-01T00:00:00Z"}, "created_at", "in the years 1900"
    ),
    MalformedRow("created-year-9999", "tickets", {"created_at": "9999-12-31T23:59:59Z"}, "created_at", "to 2199"),
    MalformedRow("used-year-9999", "usage_events", {"occurred_at": "9999-12-31T23:59:59Z"}, "occurred_at", "to 2199"),
    MalformedRow(
        "sent-year-1", "survey_responses", {"sent_at": "0001-01-01T00:00:00Z"}, "sent_at", "in the years 1900"
    ),
    MalformedRow("amount-of-no-number", "invoices", {"amount": "n/a"}, "amount", "expected a whole number"),
    MalformedRow("cost-mid-month", "costs", {"month": "2024-06-15"}, "month", "expected the first day of a month"),
    MalformedRow("rate-mid-month", "fx_rates", {"month": "2024-06-30"}, "month", "expected the first day of a month"),
    MalformedRow("category-blank", "costs", {"category": "support "}, "category", "without blanks around it"),
    MalformedRow("milestone-blank", "milestones", {"milestone": "kickoff "}, "milestone", "without blanks around it"),
    MalformedRow("link-blank", "account_links", {"source": " billing"}, "source", "without blanks around it"),
    MalformedRow("refund-below-zero", "invoices", {"refunded": "-1"}, "refunded", "from 0 to the amount"),
    MalformedRow("refund-above-amount", "invoices", {"refunded": "99999999"}, "refunded", "from 0 to the amount"),
    MalformedRow("one-off-above-amount", "invoices", {"one_off_amount": "99999999"}, "one_off_amount", "of the amount"),
    MalformedRow("paid-years-before", "invoices", {"paid_on": "2001-01-01"}, "paid_on", "12 months before issued_on"),
    MalformedRow("amount-beyond-all", "invoices", {"amount": "9" * 18}, "amount", "expected at most 1000000000000000"),
    MalformedRow("score-without-instant", "survey_responses", {"responded_at": ""}, "responded_at", "a value"),
    MalformedRow(
        "lost-and-renewed",
        "renewals",
        {"renewal_id": "R8", "outcome": "lost", "renewed_on": "2024-05-01"},
        "renewed_on",
        "no day, as the outcome is not renewed",
    ),
    MalformedRow(
        "renewed-before-its-term",
        "renewals",
        {"renewal_id": "R9", "outcome": "renewed", "renewed_on": "2001-01-01"},
        "renewed_on",
        "not below term_started_on",
    ),
    MalformedRow("id-null", "accounts", {"account_id": "NULL"}, "account_id", "a value, or nothing; not NULL"),
    MalformedRow("id-unknown", "accounts", {"account_id": "(unknown)"}, "account_id", "a value, or nothing"),
    MalformedRow("id-nan", "accounts", {"account_id": "NaN"}, "account_id", "not what a program writes for none"),
    MalformedRow("id-none", "tickets", {"ticket_id": "None"}, "ticket_id", "not what a program writes for none"),
    MalformedRow("id-blank", "accounts", {"account_id": " "}, "account_id", "expected some text"),
    MalformedRow("id-bell", "accounts", {"account_id": "A01\x07"}, "account_id", "an id without control"),
    MalformedRow("id-invisible", "accounts", {"account_id": "A\u200b01"}, "account_id", "or invisible characters"),
    MalformedRow("id-direction", "accounts", {"account_id": "A\u202e01"}, "account_id", "or invisible characters"),
    MalformedRow(
        "name-invisible",
        "accounts",
        {"account_id": "A99", "account_name": "\u200b\ufeff"},
        "account_name",
        "some text",
    ),
    MalformedRow("id-of-an-orphan", "accounts", {"account_id": "billing:cus_9"}, "account_id", "(source:id)"),
)
