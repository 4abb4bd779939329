"""Whatever colour an operator likes, what is written on it and in it can be read."""

from itertools import product

import pytest

from auth_service.appearance import Appearance, contrast

READABLE = 4.5
COLOURS = [f"#{red}{green}{blue}" for red, green, blue in product(("00", "55", "80", "bb", "ff"), repeat=3)]


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#2a5f9e", "#2a5f9e") == 1


@pytest.mark.parametrize(("accent", "ink"), [("#ffd60a", "#000000"), ("#2a5f9e", "#ffffff"), ("#ffffff", "#000000")])
def test_a_button_is_written_on_in_black_or_white_by_contrast(accent: str, ink: str) -> None:
    assert Appearance(site_name="", accent=accent).on_accent == ink


def test_every_colour_can_be_written_on_and_written_in() -> None:
    for accent in COLOURS:
        look = Appearance(site_name="", accent=accent)
        assert contrast(look.on_accent, accent) >= READABLE
        for paper in ("#ffffff", "#f3f4f6", "#1f242a", "#000000"):
            assert contrast(look.accent_on(paper), paper) >= READABLE


def test_a_colour_that_can_be_read_is_left_as_it_is() -> None:
    assert Appearance(site_name="", accent="#2a5f9e").accent_on("#ffffff") == "#2a5f9e"
