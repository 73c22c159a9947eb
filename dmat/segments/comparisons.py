"""What an operator means on a column of values: one truth value each, the unknown never makes a positive one true.

Belongs here: every operator of `operators.py` on arrays, except those on lists. Stays out: where the column comes from
(`conditions.py`, `event_conditions.py`); the same in SQL (`compiler.py`), which is the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dmat.segments.bitmaps import Flags
from dmat.segments.blocks import in_blocks
from dmat.segments.catalogue import Catalogue
from dmat.segments.columns import Column, TextQuestion
from dmat.segments.operators import NUMERIC_TYPES, find_operator

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "equals": np.equal,
    "greater_than": np.greater,
    "at_least": np.greater_equal,
    "less_than": np.less,
    "at_most": np.less_equal,
}


@dataclass(frozen=True)
class Asked:
    """What is asked: type of the value, operator, value beside it."""

    type: str
    op: str
    value: Any = None


def positive(asked: Asked) -> tuple[Asked, bool]:
    """The question without its `not`, and whether it had one."""
    operator = find_operator(asked.type, asked.op)
    if operator is not None and operator.is_negative_of:
        return Asked(asked.type, operator.is_negative_of, asked.value), True
    return asked, False


def compare(asked: Asked, column: Column, catalogue: Catalogue) -> Flags | None:
    """Where a positive question is true; None when arrays cannot say (dates are asked apart)."""
    if asked.op == "is_known":
        return column.is_known()
    if asked.type in NUMERIC_TYPES and column.kind in ("integer", "real"):
        return compare_numbers(asked, column)
    if asked.type in ("boolean", "consent") and column.kind == "boolean":
        return column.where_known(column.values if asked.op in ("is_true", "is_granted") else ~column.values)
    if asked.type == "geography" and column.kind == "text":
        return _in_countries(asked, column, catalogue)
    if asked.type == "text" and column.kind == "text":
        question = _text_question(asked)
        return None if question is None else column.answers(question)
    return None


def compare_numbers(asked: Asked, column: Column) -> Flags:
    """Where a comparison of numbers is true; money is compared in cents."""
    factor = 100 if asked.type == "money" else 1
    values = column.values
    if asked.op == "between":
        low, high = (in_units(each, factor) for each in asked.value)
        return column.where_known(_against(np.greater_equal, values, low) & _against(np.less_equal, values, high))
    return column.where_known(_against(_COMPARE[asked.op], values, in_units(asked.value, factor)))


def in_units(value: float, factor: int) -> float:
    """A value of a rule in the units of the column: exact where it is whole."""
    if factor == 1:
        return value
    return int(Decimal(repr(value)) * factor)


def _against(compare: Callable[[Any, Any], Any], values: npt.NDArray[Any], limit: float) -> Flags:
    """Compare without widening the values, also with a limit that their type cannot hold."""
    if values.dtype.kind == "i":
        bounds = np.iinfo(values.dtype)
        if not (float(limit).is_integer() and bounds.min <= limit <= bounds.max):
            return _against_unheld(compare, values, limit)
        limit = values.dtype.type(int(limit))
    return in_blocks(lambda some: compare(some, limit), values)


def _against_unheld(compare: Callable[[Any, Any], Any], values: npt.NDArray[Any], limit: float) -> Flags:
    bounds = np.iinfo(values.dtype)
    if limit < bounds.min or limit > bounds.max:
        return np.full(len(values), bool(compare(0.0, limit)), np.bool_)
    lower = values.dtype.type(int(np.floor(limit)))  # between two whole numbers: nobody equals it
    if compare is np.equal:
        return np.zeros(len(values), np.bool_)
    above: Flags = values > lower
    return above if compare in (np.greater, np.greater_equal) else ~above


def _text_question(asked: Asked) -> TextQuestion | None:
    if asked.op == "one_of":
        wanted = pc.utf8_lower(pa.array(list(asked.value), pa.large_string()))
        return lambda texts: pc.is_in(texts, value_set=wanted)
    text = pc.utf8_lower(pa.scalar(str(asked.value), pa.large_string())).as_py()
    questions: dict[str, TextQuestion] = {
        "equals": lambda texts: pc.equal(texts, pa.scalar(text, pa.large_string())),
        "contains": lambda texts: pc.match_substring(texts, text),
        "starts_with": lambda texts: pc.starts_with(texts, text),
        "ends_with": lambda texts: pc.ends_with(texts, text),
    }
    return questions.get(asked.op)


def _in_countries(asked: Asked, column: Column, catalogue: Catalogue) -> Flags:
    """Country codes are compared as they stand."""
    names: list[str] = [str(name) for name in asked.value]
    if asked.op == "in_region":
        names = [country for key in names for country in catalogue.regions[key].countries]
    wanted = pa.array(sorted({name.upper() for name in names}), pa.large_string())
    return column.answers(lambda texts: pc.is_in(texts, value_set=wanted), in_lower_case=False)
