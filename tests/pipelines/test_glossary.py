"""What readers are told of the config's definitions."""

from pipelines.publish.glossary import milestone_rows
from tests.frames import config

STEPS = [
    {"name": "kickoff", "within_days": 14},
    {"name": "a_first_report", "within_days": 30, "is_value": True},
    {"name": "team", "within_days": 90},
]


def test_milestones_are_numbered_in_the_configs_order() -> None:
    assert milestone_rows(config(onboarding={"milestones": STEPS})).rows() == [
        ("kickoff", 1, 14, False),
        ("a_first_report", 2, 30, True),
        ("team", 3, 90, False),
    ]


def test_there_may_be_no_milestones() -> None:
    assert milestone_rows(config()).is_empty()
