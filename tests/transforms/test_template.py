"""Texts with values in them."""

import polars as pl
import pytest

from transforms.template import filled

FRAME = pl.DataFrame({"word": ["a", "b", None], "n": [1, None, 3], "x": [0.5, 2.0, -1.25]})


def texts(template: str, *parts: str | pl.Expr) -> list[str | None]:
    return FRAME.select(text=filled(template, *parts))["text"].to_list()


def test_each_place_takes_its_part():
    assert texts("{} of {}: {}%", "word", "n", "x") == ["a of 1: 0.5%", None, None]


def test_a_place_may_stand_at_either_end_and_beside_another():
    assert texts("{}{}", "x", "x") == ["0.50.5", "2.02.0", "-1.25-1.25"]


def test_a_part_may_be_computed():
    assert texts("{}mo", pl.col("n") * 3) == ["3mo", None, "9mo"]


def test_without_a_part_there_is_no_text():
    assert texts("n is {}", "n") == ["n is 1", None, "n is 3"]


@pytest.mark.parametrize("parts", [(), ("n", "x")])
def test_as_many_parts_as_places_are_needed(parts: tuple[str, ...]):
    with pytest.raises(ValueError, match="1 places"):
        filled("{} days", *parts)
