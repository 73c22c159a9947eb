"""The figures of a report that was made, as the screen shows them: each leads to where it comes from.

Belongs here: from kept figures to cells with links. Stays out: making a report (`dmat/reports`), the panel that a link
opens (`apps/screens/analytics`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote

from apps.screens.analytics.pieces import opens, within
from apps.screens.analytics.wording import bucket_words, moved, shown, unit_of, value_words
from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import load
from dmat.metrics.question import UNKNOWN, Filter, Question, read_address
from dmat.reports.making import Figures, Made, metric_columns

Column = Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """One value: in words, and the address that tells where it comes from; empty when there is none to tell."""

    text: str
    link: str = ""
    is_number: bool = True


@dataclass(frozen=True)
class KeyFigure:
    """A figure on its own, with its change against the period before."""

    name: str
    cell: Cell
    change: str
    arrow: str
    tone: str


@dataclass(frozen=True)
class Shown:
    """A section: key figures, or a table of which `left_out` rows are only in the files."""

    title: str
    figures: tuple[KeyFigure, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int
    missing: tuple[str, ...]
    address: str


def shown_sections(made: Made, most: int) -> tuple[Shown, ...]:
    """The sections of a report, with at most so many rows each."""
    return tuple(_section(section, most) for section in made.figures["sections"])


def _section(section: Figures, most: int) -> Shown:
    question = _question(section)
    is_alone = section["is_key_figures"]
    rows = () if is_alone else tuple(_row(row, section, question) for row in section["rows"][:most])
    figures = tuple(_key_figure(column, section, question) for column in metric_columns(section)) if is_alone else ()
    left = 0 if is_alone else max(0, len(section["rows"]) - most)
    return Shown(section["title"], figures, tuple(section["columns"]), rows, left, tuple(section["missing"]),
                 section["address"])  # fmt: skip


def _question(section: Figures) -> Question | None:
    """What the section asked; None when it cannot be asked any more."""
    try:
        return read_address(parse_qsl(section["address"], keep_blank_values=True))
    except InvalidInputError:
        return None


def _key_figure(column: Column, section: Figures, question: Question | None) -> KeyFigure:
    key = column["key"]
    cell = Cell(_value(section["totals"][key], column, section), _link(key, question))
    one = load().metrics.get(key)
    change, arrow, tone = moved(section["changes"].get(key), one) if one else ("", "flat", "neutral")
    return KeyFigure(column["name"], cell, change, arrow, tone)


def _row(row: Sequence[Any], section: Figures, question: Question | None) -> tuple[Cell, ...]:
    pairs = list(zip(row, section["columns"], strict=True))
    only, asked = [], question
    for value, column in pairs:
        if column["role"] == "grain" and asked is not None:
            asked = within(asked, date.fromisoformat(str(value)))
        elif column["key"] == "segment" and asked is not None:
            asked = asked.model_copy(update={"segment": str(value or "")})
        elif column["role"] == "dimension":
            only.append(Filter(dimension=column["key"], values=(UNKNOWN if value is None else str(value),)))
    return tuple(
        Cell(_value(value, column, section), _link(column["key"], asked, only))
        if column["role"] == "metric" else Cell(_value(value, column, section), is_number=False)
        for value, column in pairs
    )  # fmt: skip


def _link(key: str, question: Question | None, only: Sequence[Filter] = ()) -> str:
    if question is None or key not in load().metrics:
        return ""
    token = opens(key, question, only)
    return f"/analytics?figure={quote(token)}" if token else ""


def _value(value: Any, column: Column, section: Figures) -> str:
    if column["role"] == "grain":
        return bucket_words(date.fromisoformat(str(value)), column["key"])
    if column["role"] == "dimension":
        return value_words(column["key"], None if value is None else str(value), section["labels"])
    one = load().metrics.get(column["key"])
    return shown(value, unit_of(one) if one else column["unit"], section["currency"])
