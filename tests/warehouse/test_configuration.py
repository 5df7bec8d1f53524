"""The one config is read whole, or what is wrong with it is told: file, line, key and what was expected."""

import copy
import datetime as dt
import hashlib
import re
from pathlib import Path

import pytest
import yaml

from warehouse.configuration import LoadedConfig, load_config
from warehouse.errors import ConfigError

GOOD = """\
company: Tidewater
as_of: 2025-03-31
first_month: 2024-02-01
reporting:
  currency: EUR
  time_zone: Europe/Berlin
segments: [industry, tier]
sources:
  crm:
    form: canonical
    folder: exports/crm
    files:
      accounts: accounts.csv
      tickets: ["tickets-*.csv", old.csv]
publishing:
  keep_versions: 3
"""


@pytest.fixture
def loaded(tmp_path):
    """Load a text as the config; the file is customer_success.yaml of a folder of its own."""

    def load(text: str | bytes) -> LoadedConfig:
        path = tmp_path / "customer_success.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path)

    return load


@pytest.fixture
def faults(loaded):
    """What is said of a wrong config, as (line, the rest); each fault must name the file first."""

    def told(text: str | bytes) -> list[tuple[int, str]]:
        with pytest.raises(ConfigError) as found:
            loaded(text)
        out = []
        for line in str(found.value).splitlines():
            named = re.fullmatch(r"(.*customer_success\.yaml), line (\d+): (.+)", line)
            assert named, f"names no file and line: {line}"
            assert Path(named[1]).exists()
            out.append((int(named[2]), named[3]))
        return out

    return told


def with_line(number: int, text: str) -> str:
    """The good config with another text in one of its lines."""
    lines = GOOD.splitlines()
    lines[number - 1] = text
    return "\n".join(lines) + "\n"


def without_line(number: int) -> str:
    lines = GOOD.splitlines()
    del lines[number - 1]
    return "\n".join(lines) + "\n"


class TestAGoodConfig:
    def test_is_read_with_its_types(self, loaded):
        config = loaded(GOOD).config
        assert config.company == "Tidewater"
        assert (config.as_of, config.first_month) == (dt.date(2025, 3, 31), dt.date(2024, 2, 1))
        assert (config.reporting.currency, config.reporting.zone.key) == ("EUR", "Europe/Berlin")
        assert config.segments == ("industry", "tier")
        assert config.sources["crm"].files == {"accounts": "accounts.csv", "tickets": ["tickets-*.csv", "old.csv"]}
        assert config.publishing.keep_versions == 3

    def test_has_defaults_where_it_is_silent(self, loaded):
        text = "company: T\nfirst_month: 2024-02-01\nreporting: {currency: USD}\nsources: {a: {form: canonical}}\n"
        config = loaded(text).config
        assert config.as_of is None
        assert config.reporting.time_zone == "UTC"
        assert config.first_built_month == dt.date(2023, 2, 1)
        assert (config.sources["a"].folder, config.sources["a"].files) == ("", {})
        assert config.publishing.keep_versions == 5
        assert not config.privacy.publish_comments
        assert not config.privacy.publish_person_ids

    def test_computes_from_history_from_where_it_is_given(self, loaded):
        assert loaded(GOOD + "history_from: 2023-11-01\n").config.first_built_month == dt.date(2023, 11, 1)

    def test_is_known_by_the_hash_of_its_file(self, loaded):
        assert loaded(GOOD).sha256 == hashlib.sha256(GOOD.encode()).hexdigest()

    def test_names_files_from_its_own_folder(self, loaded, tmp_path):
        assert loaded(GOOD).file("exports/crm") == tmp_path / "exports" / "crm"

    def test_segments_that_accounts_lack_are_extra(self, loaded):
        assert loaded(GOOD).config.extra_segments == ("tier",)

    def test_a_segment_may_be_called_plan_and_is_the_accounts_own(self, loaded):
        assert loaded(with_line(7, "segments: [plan, industry, interval]")).config.extra_segments == (
            "plan",
            "interval",
        )

    def test_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(self, loaded):
        text = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
        assert loaded(text).config == loaded(GOOD).config


class TestVariables:
    def test_are_filled_in_from_the_environment(self, loaded, monkeypatch):
        monkeypatch.setenv("COMPANY", "Tide & Co")
        assert loaded(with_line(1, "company: The ${COMPANY} Ltd")).config.company == "The Tide & Co Ltd"

    def test_a_relative_folder_is_taken_from_the_working_directory(self, loaded, monkeypatch, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        monkeypatch.setenv("EXPORTS_DIR", "sent/crm")
        folder = loaded(with_line(11, "    folder: ${EXPORTS_DIR}/today")).config.sources["crm"].folder
        assert folder == str(tmp_path.resolve() / "elsewhere" / "sent" / "crm" / "today")

    def test_an_absolute_folder_stays(self, loaded, monkeypatch, tmp_path):
        monkeypatch.setenv("EXPORTS_DIR", str(tmp_path / "sent"))
        assert loaded(with_line(11, "    folder: ${EXPORTS_DIR}")).file(str(tmp_path / "sent")).is_absolute()

    def test_what_is_not_a_folder_is_not_made_a_path(self, loaded, monkeypatch):
        monkeypatch.setenv("NAME", "a/b")
        assert loaded(with_line(1, "company: ${NAME}")).config.company == "a/b"

    def test_a_value_cannot_bring_more_yaml(self, loaded, monkeypatch):
        monkeypatch.setenv("NAME", "x\nsegments: [country]\n# ${HOME}: {")
        config = loaded(with_line(1, "company: ${NAME}")).config
        assert config.company.startswith("x\nsegments")
        assert config.segments == ("industry", "tier")

    @pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
    def test_one_that_is_not_set_is_told_with_its_line(self, faults, monkeypatch, value):
        monkeypatch.delenv("EXPORTS_DIR", raising=False)
        if value is not None:
            monkeypatch.setenv("EXPORTS_DIR", value)
        ((line, said),) = faults(with_line(11, "    folder: ${EXPORTS_DIR}"))
        assert line == 11
        assert said.startswith("set EXPORTS_DIR in the environment")

    def test_in_a_comment_they_are_left_alone(self, loaded, monkeypatch):
        monkeypatch.delenv("NOWHERE_DIR", raising=False)
        assert loaded("# ${NOWHERE_DIR}\n" + GOOD).config.company == "Tidewater"


class TestAWrongConfig:
    @pytest.mark.parametrize(
        ("text", "line", "said"),
        [
            (with_line(16, "  keep_version: 3"), 16, "publishing: no such key; did you mean keep_versions?"),
            (GOOD + "colour: red\n", 17, "the file: no such key; expected one of company, as_of, first_month"),
            (without_line(1), 1, "company: missing"),
            (without_line(5), 4, "reporting.currency: missing"),
            (without_line(10), 9, "sources.crm.form: missing"),
            (with_line(1, "company: [a, b]"), 1, "company: input should be a valid string"),
            (with_line(1, "company: 5"), 1, "company: input should be a valid string"),
            (with_line(2, "as_of: yesterday"), 2, "as_of: input should be a valid date"),
            (with_line(2, "as_of: 2025-03-31 12:00:00"), 2, "as_of: "),
            (
                with_line(3, "first_month: 2024-02-15"),
                3,
                "first_month: expected the first day of a month, like 2024-02-01",
            ),
            (with_line(3, "first_month: 2024-02"), 3, "first_month: input should be a valid date"),
            (with_line(5, "  currency: EURO"), 5, "reporting.currency: expected an ISO 4217 code, like EUR"),
            (with_line(5, "  currency: eur"), 5, "reporting.currency: expected an ISO 4217 code, like EUR"),
            (
                with_line(6, "  time_zone: Berlin"),
                6,
                "reporting.time_zone: expected an IANA time zone, like Europe/Berlin",
            ),
            (
                with_line(6, "  time_zone: +01:00"),
                6,
                "reporting.time_zone: expected an IANA time zone, like Europe/Berlin",
            ),
            (with_line(7, "segments: industry"), 7, "segments: input should be a valid tuple"),
            (
                with_line(7, "segments: [industry, month]"),
                7,
                "segments.1: the warehouse has a column month of its own",
            ),
            (with_line(7, "segments: [Plan]"), 7, "segments.0: accounts have the column plan: write it so"),
            (with_line(7, "segments: ['a b']"), 7, "segments.0: expected a column of accounts to slice by"),
            (with_line(16, "  keep_versions: 0"), 16, "publishing.keep_versions: input should be greater than 0"),
            (with_line(16, "  keep_versions: many"), 16, "publishing.keep_versions: input should be a valid integer"),
            ("segments: []\n" + without_line(7).split("sources")[0], 1, "sources: missing"),
            (
                without_line(7).split("sources")[0] + "sources: {}\n",
                7,
                "sources: dictionary should have at least 1 item",
            ),
            (
                GOOD + "feedback:\n  csat:\n    - {scale: [1, 5], positive: [4, 5]}\n    - {scale: [1, 5]}\n",
                20,
                "feedback.csat.1.positive: missing",
            ),
            (GOOD + "health:\n  coverage: 1.5\n", 18, "health.coverage: input should be less than or equal to 1"),
            (
                GOOD + "health:\n  inputs:\n    usage_rate: {weight: 1, zero_at: 2, full_at: 2}\n",
                19,
                "health.inputs.usage_rate: expected zero_at and full_at to differ",
            ),
            (GOOD + "health:\n  inputs:\n    mood: {weight: 1, zero_at: 0, full_at: 2}\n", 19, "health.inputs.…"),
            (
                GOOD + "finance:\n  gross_margin:\n    - {month: 2024-01-02, share: 0.7}\n",
                19,
                "finance.gross_margin.0.month: expected the first day",
            ),
            (
                GOOD + "sentiment:\n  scores:\n    red: 7\n",
                19,
                "sentiment.scores.red: input should be less than or equal to 5",
            ),
            (
                GOOD + "onboarding:\n  milestones:\n    - name: live\n",
                19,
                "onboarding.milestones.0.within_days: missing",
            ),
            (
                with_line(11, "    crm: hubspot"),
                8,
                "sources: expected one of the sources as crm of crm",
            ),
        ],
    )
    def test_tells_the_line_the_key_and_what_was_expected(self, faults, text, line, said):
        ((where, what),) = faults(text)
        assert where == line
        assert what.startswith(said)

    def test_two_targets_of_a_metric_may_begin_in_two_months(self, loaded):
        target = "  - {metric: nps, month: 2024-0%d-01, target: 30, owner: Kim, review_on: 2024-06-01}\n"
        assert len(loaded(GOOD + "targets:\n" + target % 1 + target % 2).config.targets) == 2

    @pytest.mark.parametrize(
        ("text", "line", "key"),
        [
            (GOOD + "company: Other\n", 17, "company"),
            (with_line(6, "  currency: USD"), 6, "currency"),
            (with_line(14, "      accounts: more.csv"), 14, "accounts"),
        ],
    )
    def test_a_key_given_twice_is_told_at_the_second(self, faults, text, line, key):
        assert faults(text) == [(line, f"{key} is given twice; leave one of them out")]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            (with_line(7, "segments: [industry, tier"), 8),
            (with_line(5, "\tcurrency: EUR"), 5),
            (with_line(1, "company: 'Tidewater"), 17),
            (with_line(7, "segments: *nothing"), 7),
            (GOOD + "---\ncompany: Second\n", 17),
            (with_line(1, "company: !!python/name:os.system"), 1),
        ],
    )
    def test_what_is_not_yaml_is_told_with_its_line(self, faults, text, line):
        ((where, said),) = faults(text)
        assert where == line
        assert said.startswith("not YAML: ")

    @pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "- a\n- b\n", "just words\n"])
    def test_what_is_no_mapping_is_told(self, faults, text):
        ((line, said),) = faults(text)
        assert (line, said.split(":")[0]) == (1, "the file")

    def test_tells_all_faults_at_once_each_with_its_line(self, faults):
        text = with_line(16, "  keep_versions: -1").replace("EUR", "EURO").replace("Europe/Berlin", "Berlin")
        text = text.replace("2024-02-01", "2024-02-02") + "colour: red\n"
        found = {line: said.split(":")[0] for line, said in faults(text)}
        assert found == {
            3: "first_month",
            5: "reporting.currency",
            6: "reporting.time_zone",
            16: "publishing.keep_versions",
            17: "the file",
        }

    def test_a_missing_file_is_told_and_how_to_name_another(self, tmp_path):
        with pytest.raises(ConfigError) as found:
            load_config(tmp_path / "nowhere.yaml")
        assert str(found.value) == f"{tmp_path / 'nowhere.yaml'}: no such file; CONFIG= names the config"

    def test_a_folder_is_no_config(self, tmp_path):
        with pytest.raises(ConfigError, match="no such file"):
            load_config(tmp_path)

    @pytest.mark.parametrize(
        ("text", "line"),
        [(with_line(2, "as_of: 2025-02-30"), 2), (with_line(3, "first_month: 2024-13-01"), 3)],
    )
    def test_a_day_the_calendar_does_not_have_is_told_with_its_line(self, faults, text, line):
        ((where, _),) = faults(text)
        assert where == line

    def test_a_control_character_is_told_as_not_yaml(self, faults):
        ((_, said),) = faults(with_line(1, "company: Tide\x07water"))
        assert said.startswith("not YAML: ")

    def test_a_file_that_is_not_utf_8_is_told(self, loaded):
        with pytest.raises(ConfigError, match=r"customer_success\.yaml.*UTF-8"):
            loaded(GOOD.replace("Tidewater", "Müller").encode("latin-1"))

    def test_a_key_that_is_a_list_is_told(self, faults):
        ((line, _),) = faults(GOOD + "? [a, b]\n: c\n")
        assert line == 17


MARK = "Quux"
"""A word that may be a person's name: wherever it stands in a config, it is told to nobody."""


def places(value: object, above: tuple = ()) -> list[tuple]:
    """The way to every key and value of a config."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in pairs for place in [(*above, key), *places(inner, (*above, key))]]


FULL = f"""\
{GOOD}feedback: {{csat: [{{scale: [1, 5], positive: [4, 5]}}]}}
onboarding: {{milestones: [{{name: live, within_days: 30}}]}}
sentiment: {{scores: {{red: 1, green: 5}}}}
health: {{inputs: {{payment: {{weight: 1, zero_at: 0, full_at: 1}}}}}}
targets: [{{metric: nrr, month: 2024-02-01, target: 1, owner: Kim, review_on: 2024-12-31}}]
"""


@pytest.mark.parametrize("bad", [MARK, {MARK: MARK}, 4711474711], ids=repr)
def test_no_value_and_no_unknown_key_of_a_config_is_told(loaded, bad):
    whole = yaml.safe_load(FULL)
    refused = 0
    for *way, last in places(whole):
        for as_key in (False, True):
            config = copy.deepcopy(whole)
            holder = config
            for step in way:
                holder = holder[step]
            if as_key and isinstance(holder, dict) and not isinstance(bad, (list, dict)):
                holder[bad] = holder.pop(last)
            else:
                holder[last] = bad
            try:
                loaded(yaml.safe_dump(config, allow_unicode=True, sort_keys=False))
            except ConfigError as fault:
                refused += 1
                told = str(fault)
                # The name of a source is a column of what is published.
                assert MARK not in told.replace(f"sources.{MARK}", "") and "4711474711" not in told, (way, last, told)
    assert refused > 30
