"""Under test: the look is legible in both themes, and the pages do without the typeface."""

from __future__ import annotations

import re

import pytest

from apps import tokens


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [("ink", "bg"), ("ink", "surface"), ("ink-2", "surface"), ("ink-2", "bg"), ("ink-2", "sunken"),
     ("primary", "surface"), ("primary", "primary-soft"), ("on-primary", "primary"), ("success", "success-soft"),
     ("warning", "warning-soft"), ("error", "error-soft"), ("info", "info-soft"), ("error", "surface")],
)  # fmt: skip
def test_text_is_legible_on_its_ground(mode, ink, ground):
    chosen = tokens.MODES[mode]
    assert contrast(chosen[ink], chosen[ground]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_edges_of_controls_are_visible(mode):
    chosen = tokens.MODES[mode]
    assert contrast(chosen["control"], chosen["surface"]) >= 3


def test_both_themes_name_the_same_tokens():
    assert tokens.LIGHT.keys() == tokens.DARK.keys()


def test_without_a_build_no_typeface_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(tokens, "BUILD", tmp_path)
    assert "@font-face" not in tokens.css_tokens("light")
    assert "system-ui" in tokens.css_tokens("light")


def test_the_style_sheet_names_only_tokens_that_exist():
    from apps.assets import FOLDER

    known = {*tokens.LIGHT, *tokens.SIZES}
    for file in FOLDER.glob("*.css"):
        used = set(re.findall(r"var\(--d-([a-z0-9-]+)\)", file.read_text()))
        assert used <= known, file.name
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", file.read_text()), file.name
