"""The look in numbers: every colour, size and typeface of the screens. Nothing else names one.

Belongs here: tokens for light and dark, as CSS variables and as the theme of Panel Material UI.
Stays out: rules of layout (`assets/screens.css`, which only uses the variables).
"""

from __future__ import annotations

from typing import Any, Literal

from apps.assets import BUILD

Mode = Literal["light", "dark"]

FONT = "'Inter Variable', Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

LIGHT = {
    "bg": "#F7F8FA", "surface": "#FFFFFF", "sunken": "#F1F3F6", "border": "#E3E6EB", "control": "#7A8494",
    "ink": "#15202E", "ink-2": "#4F5B6B", "primary": "#2B4ACB", "primary-strong": "#213A9F", "on-primary": "#FFFFFF",
    "primary-soft": "#EEF2FF", "success": "#14734A", "success-soft": "#E6F4EC", "warning": "#8F5200",
    "warning-soft": "#FFF3DC", "error": "#B4232A", "error-soft": "#FDECEC", "info": "#0B63B5", "info-soft": "#E8F1FB",
    "context": "#C5CBD5", "scrim": "rgba(21, 32, 46, 0.42)", "focus": "rgba(43, 74, 203, 0.55)",
    "series-0": "#2B4ACB", "series-1": "#D9651C", "series-2": "#22A57E", "series-3": "#A77EC8",
    "series-4": "#54233A", "series-5": "#790D08",
}  # fmt: skip

DARK = {
    "bg": "#0F141B", "surface": "#171E28", "sunken": "#121923", "border": "#2A3442", "control": "#7A8698",
    "ink": "#E8EDF4", "ink-2": "#A5B1C2", "primary": "#8FA6FF", "primary-strong": "#B3C3FF", "on-primary": "#0F141B",
    "primary-soft": "#1E2A52", "success": "#5FCB96", "success-soft": "#12301F", "warning": "#F0B45A",
    "warning-soft": "#352408", "error": "#FF8F8F", "error-soft": "#3A1618", "info": "#74B7F7", "info-soft": "#10273F",
    "context": "#465263", "scrim": "rgba(0, 0, 0, 0.6)", "focus": "rgba(143, 166, 255, 0.65)",
    "series-0": "#8FA6FF", "series-1": "#F39A5B", "series-2": "#61EDC7", "series-3": "#D80B6B",
    "series-4": "#E1E014", "series-5": "#8951F3",
}  # fmt: skip

MODES: dict[Mode, dict[str, str]] = {"light": LIGHT, "dark": DARK}

SIZES = {
    "sidebar": "224px", "header": "56px", "content": "1240px", "pad": "24px", "pad-phone": "16px",
    "radius-card": "12px", "radius": "8px", "radius-small": "6px", "font": FONT, "mono": MONO,
    "text-title": "650 24px/32px", "text-heading": "620 17px/24px", "text-subheading": "600 15px/22px",
    "text-body": "400 14px/20px", "text-small": "400 13px/18px", "text-caption": "400 12px/16px",
    "text-figure": "650 34px/40px",
}  # fmt: skip

_RANGES = {
    "latin": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,"
    "U+20AC,U+2122,U+2190-2193,U+2212,U+2215,U+FEFF,U+FFFD",
    "latin-ext": "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+1D00-1DBF,U+1E00-1E9F,U+1EF2-1EFF,"
    "U+2020,U+20A0-20AB,U+20AD-20C0,U+2113,U+2C60-2C7F,U+A720-A7FF",
    "greek": "U+0370-0377,U+037A-037F,U+0384-038A,U+038C,U+038E-03A1,U+03A3-03FF",
    "cyrillic": "U+0301,U+0400-045F,U+0490-0491,U+04B0-04B1,U+2116",
    "vietnamese": "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+0300-0301,U+0303-0304,"
    "U+0308-0309,U+0323,U+0329,U+1EA0-1EF9,U+20AB",
}


def _variables(tokens: dict[str, str]) -> str:
    return ";".join(f"--d-{name}:{value}" for name, value in tokens.items())


def _font_faces() -> str:
    """`@font-face` rules for the files of the build that are there; none without a build."""
    rules = []
    for subset, characters in _RANGES.items():
        name = f"inter-{subset}-wght-normal.woff2"
        if (BUILD / name).exists():
            rules.append(
                "@font-face{font-family:'Inter Variable';font-weight:100 900;font-display:swap;"
                f"src:url('/assets/build/{name}') format('woff2');unicode-range:{characters}}}"
            )
    return "".join(rules)


def css_tokens(mode: Mode) -> str:
    """Variables for a document that starts in `mode`; `<html data-theme>` switches between both at once."""
    return (
        _font_faces()
        + f":root{{{_variables(SIZES)};{_variables(MODES[mode])};color-scheme:{mode}}}"
        + "".join(
            f":root[data-theme={name}]{{{_variables(tokens)};color-scheme:{name}}}" for name, tokens in MODES.items()
        )
    )


def css_of_system() -> str:
    """Variables for a page without a switch: light, or dark where the reader's system is; a system typeface."""
    dark = f":root{{{_variables(DARK)};color-scheme:dark}}"
    light = f":root{{{_variables(SIZES)};{_variables(LIGHT)};color-scheme:light}}"
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _material(tokens: dict[str, str], mode: Mode) -> dict[str, Any]:
    body = {"fontFamily": FONT, "fontSize": 14, "htmlFontSize": 16}
    return {
        "palette": {
            "mode": mode,
            "primary": {"main": tokens["primary"], "dark": tokens["primary-strong"],
                        "contrastText": tokens["on-primary"]},
            **{name: {"main": tokens[name]} for name in ("success", "warning", "error", "info")},
            "background": {"default": tokens["bg"], "paper": tokens["surface"]},
            "divider": tokens["border"],
            "text": {"primary": tokens["ink"], "secondary": tokens["ink-2"]},
        },
        "shape": {"borderRadius": 8},
        "typography": {**body, "button": {"textTransform": "none", "fontWeight": 560, "fontSize": ".875rem"}},
        "components": _components(),
    }  # fmt: skip


def _components() -> dict[str, Any]:
    surface = {"backgroundColor": "var(--d-surface)", "color": "var(--d-ink)", "backgroundImage": "none"}
    headings = {name: "div" for name in ("h1", "h2", "h3", "h4", "h5", "h6", "body1", "body2", "inherit")}
    return {
        "MuiButton": {"defaultProps": {"disableElevation": True}, "styleOverrides": {"root": {"minHeight": 36}}},
        "MuiTypography": {"defaultProps": {"variantMapping": headings}},
        "MuiLinearProgress": {"defaultProps": {"aria-label": "Loading"}},
        "MuiCircularProgress": {"defaultProps": {"aria-label": "Loading"}},
        "MuiList": {"defaultProps": {"aria-label": "Sections"}},
        "MuiToolbar": {"styleOverrides": {"root": {
            "minHeight": "56px !important", "height": 56, "padding": "0 12px !important", "margin": "0 !important"}}},
        "MuiAppBar": {"styleOverrides": {"root": {
            **surface, "boxShadow": "none", "borderBottom": "1px solid var(--d-border)", "height": 56}}},
        "MuiDrawer": {"styleOverrides": {"paper": {**surface, "borderRight": "1px solid var(--d-border)"}}},
    }  # fmt: skip


def theme_config() -> dict[str, Any]:
    """The theme of Panel Material UI, for light and dark."""
    return {mode: _material(tokens, mode) for mode, tokens in MODES.items()}
