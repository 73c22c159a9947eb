"""Contrast of text and ground as WCAG 2.2 reckons it (relative luminance; 4.5 for text, 3 for large text).

Belongs here: colours as CSS writes them and their contrast. Stays out: which text stands on which ground.
"""

from __future__ import annotations

import re

Colour = tuple[int, int, int]
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})")
NAMES: dict[str, Colour] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192), "yellow": (255, 255, 0),
    "orange": (255, 165, 0), "navy": (0, 0, 128), "maroon": (128, 0, 0), "purple": (128, 0, 128),
}  # fmt: skip


def colour_in(text: str) -> Colour | None:
    """The first colour that a CSS value names; None when it names none that we know."""
    found = _HEX.search(text)
    if found:
        digits = found.group(1) if len(found.group(1)) == 6 else "".join(digit * 2 for digit in found.group(1))
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    parts = _RGB.search(text)
    if parts:
        red, green, blue = (min(int(part), 255) for part in parts.groups())
        return red, green, blue
    return next((colour for name, colour in NAMES.items() if re.search(rf"\b{name}\b", text, re.IGNORECASE)), None)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two colours, 1 (none) to 21 (black on white)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
