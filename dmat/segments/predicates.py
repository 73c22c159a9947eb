"""What each operator means, as a sqlglot expression over one value: always true or false, never unknown.

Belongs here: one function for each kind of operator. Stays out: where the value comes from (`compiler.py`), words.

A positive operator on an unknown value is false; a negative one is exactly `not` of its positive one. Texts are bound
parameters; numbers, days and moments are typed literals made from Python's own numbers and times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlglot import exp

from dmat.segments.catalogue import Catalogue, Field, Property
from dmat.segments.moments import (
    anniversaries_between,
    day_start,
    local_day,
    month_of,
    next_day,
    shift,
    shift_day,
    week_of,
)
from dmat.segments.operators import NUMERIC_TYPES, find_operator
from dmat.segments.tree import Duration, Value

Moment = date | datetime
OF_ZONE = Callable[[str], Moment]


@dataclass
class Setting:
    """What a predicate needs besides the value: now, zones, regions, the dialect, and where texts are bound."""

    catalogue: Catalogue
    now: datetime
    zone: str
    dialect: str
    parameters: list[str] = field(default_factory=list)

    def bind(self, text: str) -> exp.Expr:
        """A placeholder for a text; its name is its place in `parameters`."""
        self.parameters.append(text)
        return exp.cast(exp.Placeholder(this=f"dmat_{len(self.parameters) - 1}_"), "text")


@dataclass(frozen=True)
class Target:
    """A value to be judged: the expression, its type, and what else decides.

    `zone_column` is where the person's zone stands, None when the workspace's zone counts. `bound_times` multiplies
    what the value is compared with: an average is compared as a sum with the bound times the count, without rounding.
    """

    value: exp.Expr
    type: str
    data_type: str = ""
    zone_column: exp.Expr | None = None
    bound_times: exp.Expr | None = None

    @property
    def is_day(self) -> bool:
        """Whether the value is a day rather than a moment."""
        return self.data_type.lower() == "date"


def target_of(
    found: Field | Property, table: str, currency: str | None, zone_column: exp.Expr | None, setting: Setting
) -> Target:
    """The column of a field or property in a table alias; amounts in another currency than asked for are unknown."""
    value: exp.Expr = exp.column(found.column, table, quoted=True)
    if found.data_type.lower() in ("double", "float", "real", "double precision"):
        value = exp.func("NULLIF", value, exp.cast(exp.Literal.string("NaN"), "double"))
    if currency and found.currency_column:
        own = exp.func("UPPER", exp.column(found.currency_column, table, quoted=True))
        value = exp.Case().when(own.eq(setting.bind(currency.upper())), value)
    return Target(value, found.type, found.data_type, zone_column)


def predicate(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    """Whether the operator holds for the value; true or false for each row."""
    operator = find_operator(target.type, op)
    assert_known(operator is not None, op)
    if operator is not None and operator.is_negative_of:
        return exp.not_(exp.paren(predicate(target, operator.is_negative_of, value, setting)))
    if op == "is_known":
        return target.value.copy().is_(exp.null()).not_()
    kind = "number" if target.type in NUMERIC_TYPES else target.type
    return two_valued(_KINDS[kind](target, op, value, setting))


def assert_known(holds: bool, what: str) -> None:
    """Stop at what checking should have refused.

    Raises:
        ValueError: it was not refused.
    """
    if not holds:
        raise ValueError(f"not checked before: {what[:80]}")


def two_valued(condition: exp.Expr) -> exp.Expr:
    """Unknown becomes false."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def moment_literal(value: Moment) -> exp.Expr:
    """A day or a moment as a typed literal."""
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ", timespec="microseconds")), "timestamp")
    return exp.cast(exp.Literal.string(value.isoformat()), "date")


def number_literal(value: int | float, type_: str) -> exp.Expr:
    """A number as a typed literal; of money the cents."""
    if type_ == "money":
        return exp.convert(int(Decimal(repr(value)) * 100))
    if isinstance(value, int):
        return exp.convert(value)
    return exp.cast(exp.Literal.string(repr(value)), "double")


# -- text ------------------------------------------------------------------------------------------------------------


def _lower(value: exp.Expr) -> exp.Expr:
    return exp.Lower(this=value)


def _text(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    own = _lower(target.value.copy())
    if op == "one_of" and isinstance(value, tuple):
        return own.isin(*[_lower(setting.bind(str(text))) for text in dict.fromkeys(value)])
    text = str(value)
    if op == "equals":
        return own.eq(_lower(setting.bind(text)))
    plain = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    pattern = {"contains": f"%{plain}%", "starts_with": f"{plain}%", "ends_with": f"%{plain}"}[op]
    like = exp.Like(this=own, expression=_lower(setting.bind(pattern)))
    return exp.Escape(this=like, expression=exp.Literal.string("!"))


# -- numbers ---------------------------------------------------------------------------------------------------------

_COMPARISONS: dict[str, type[exp.Expr]] = {
    "equals": exp.EQ, "greater_than": exp.GT, "at_least": exp.GTE, "less_than": exp.LT, "at_most": exp.LTE,
}  # fmt: skip


def _number(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    if op == "between" and isinstance(value, tuple):
        low, high = value
        return exp.and_(
            _number(target, "at_least", low, setting), _number(target, "at_most", high, setting), copy=False
        )
    assert_known(isinstance(value, int | float), op)
    bound = number_literal(value, target.type)  # type: ignore[arg-type]
    if target.bound_times is not None:
        bound = exp.Mul(this=bound, expression=target.bound_times.copy())
    return _COMPARISONS[op](this=target.value.copy(), expression=bound)


def holds_for_zero(op: str, value: Value | None) -> bool:
    """Whether an operator that is no negative one holds for the number 0, in Python."""
    if op == "is_known":
        return True
    if isinstance(value, tuple):
        return float(value[0]) <= 0 <= float(value[1])
    assert_known(isinstance(value, int | float), op)
    number = float(value)  # type: ignore[arg-type]
    return {
        "equals": number == 0, "greater_than": number < 0, "at_least": number <= 0, "less_than": number > 0,
        "at_most": number >= 0,
    }[op]  # fmt: skip


# -- yes and no, lists, places ---------------------------------------------------------------------------------------


def _boolean(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    return exp.not_(target.value.copy()) if op == "is_false" else target.value.copy()


_LIST_SIZES = {"duckdb": "LEN", "postgres": "CARDINALITY", "spark": "SIZE"}


def _list(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    own = target.value.copy()
    if op == "is_not_empty":
        return exp.Anonymous(this=_LIST_SIZES[setting.dialect], expressions=[own]) > 0
    assert_known(isinstance(value, tuple), op)
    wanted = [setting.bind(str(text)) for text in dict.fromkeys(value)]  # type: ignore[arg-type]
    array = exp.Array(expressions=wanted)
    if setting.dialect == "duckdb":
        name = "LIST_HAS_ANY" if op == "contains_any" else "LIST_HAS_ALL"
        return exp.Anonymous(this=name, expressions=[own, array])
    if setting.dialect == "postgres":
        kind = exp.ArrayOverlaps if op == "contains_any" else exp.ArrayContainsAll
        return kind(this=exp.cast(own, "text[]", dialect="postgres"), expression=array)
    if op == "contains_any":
        return exp.Anonymous(this="ARRAYS_OVERLAP", expressions=[own, array])
    missing = exp.Anonymous(this="ARRAY_EXCEPT", expressions=[array, own])
    return exp.Anonymous(this="SIZE", expressions=[missing]).eq(0)


def _geography(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    names = [str(name) for name in value] if isinstance(value, tuple) else []
    if op == "in_region":
        names = [country for name in names for country in setting.catalogue.regions[name].countries]
    codes = sorted({name.upper() for name in names})
    return target.value.copy().isin(*[setting.bind(code) for code in codes]) if codes else exp.false()


# -- dates -----------------------------------------------------------------------------------------------------------


def by_zone(of_zone: OF_ZONE, zone_column: exp.Expr | None, setting: Setting) -> exp.Expr:
    """A moment that depends on the zone: of the workspace, or of each person."""
    return _by_zone(lambda zone: moment_literal(of_zone(zone)), of_zone, zone_column, setting)


def _by_zone(
    render: Callable[[str], exp.Expr],
    key: Callable[[str], object],
    zone_column: exp.Expr | None,
    setting: Setting,
) -> exp.Expr:
    usual = key(setting.zone)
    others: dict[object, list[str]] = {}
    for zone in setting.catalogue.zones if zone_column is not None else ():
        if key(zone) != usual:
            others.setdefault(key(zone), []).append(zone)
    if not others or zone_column is None:
        return render(setting.zone)
    case = exp.Case()
    for zones in others.values():
        names = [exp.Literal.string(zone) for zone in zones]
        case = case.when(zone_column.copy().isin(*names), render(zones[0]))
    return case.else_(render(setting.zone))


def _today(setting: Setting) -> Callable[[str], date]:
    return lambda zone: local_day(setting.now, zone)


_PERIODS: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda day: (day, next_day(day)),
    "this_week": week_of,
    "this_month": month_of,
}


def _bounds(target: Target, op: str, value: Value | None, setting: Setting) -> list[tuple[type[exp.Expr], OF_ZONE]]:
    """The comparisons that an operator asks for, each with its bound."""
    now, today = setting.now, _today(setting)
    if op in _PERIODS:
        period = _PERIODS[op]
        return _days(target, lambda zone: period(today(zone))[0], lambda zone: period(today(zone))[1])
    if isinstance(value, Duration):
        sign = 1 if op == "within_next" else -1
        if target.is_day:
            far: OF_ZONE = lambda zone: shift_day(today(zone), value, sign)  # noqa: E731
            low, high = (today, far) if sign > 0 else (far, today)
            return [(exp.GTE, low), (exp.LTE, high)]
        moment = shift(now, value, sign)
        start, last = (now, moment) if sign > 0 else (moment, now)
        return [(exp.GT, lambda zone: start), (exp.LTE, lambda zone: last)]
    return _day_bounds(target, op, value)


def _day_bounds(target: Target, op: str, value: Value | None) -> list[tuple[type[exp.Expr], OF_ZONE]]:
    days = [date.fromisoformat(str(day)) for day in (value if isinstance(value, tuple) else (value,))]
    bounds = _days(target, lambda zone: days[0], lambda zone: next_day(days[-1]))
    if op == "before":
        return [(exp.LT, bounds[0][1])]
    if op == "after":
        return [(exp.GTE, bounds[1][1])]
    return bounds


def _days(target: Target, first: OF_ZONE, end: OF_ZONE) -> list[tuple[type[exp.Expr], OF_ZONE]]:
    """From the beginning of `first` until the beginning of `end`."""
    if target.is_day:
        return [(exp.GTE, first), (exp.LT, end)]
    return [(exp.GTE, lambda zone: day_start(first(zone), zone)), (exp.LT, lambda zone: day_start(end(zone), zone))]


def _date(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    if op.startswith("anniversary"):
        return _anniversary(target, op, value, setting)
    parts = [
        comparison(this=target.value.copy(), expression=by_zone(bound, target.zone_column, setting))
        for comparison, bound in _bounds(target, op, value, setting)
    ]
    return exp.and_(*parts, copy=False)


def anniversary_ranges(op: str, value: Value | None, today: date) -> tuple[tuple[int, int], ...]:
    """Ranges of month * 100 + day in which the date must lie, seen from `today`."""
    if op == "anniversary_this_month":
        first, end = month_of(today)
        return anniversaries_between(first, end - timedelta(days=1))
    assert_known(isinstance(value, Duration), op)
    if op == "anniversary_within_next":
        return anniversaries_between(today, shift_day(today, value, 1))  # type: ignore[arg-type]
    return anniversaries_between(shift_day(today, value, -1), today)  # type: ignore[arg-type]


def _anniversary(target: Target, op: str, value: Value | None, setting: Setting) -> exp.Expr:
    own = target.value if target.is_day else _local(target, setting)
    month, day = (exp.Extract(this=exp.var(part), expression=own.copy()) for part in ("MONTH", "DAY"))
    number = exp.paren(exp.Add(this=exp.Mul(this=month, expression=exp.convert(100)), expression=day))

    def ranges(zone: str) -> tuple[tuple[int, int], ...]:
        return anniversary_ranges(op, value, local_day(setting.now, zone))

    def render(zone: str) -> exp.Expr:
        parts = [number.copy().between(low, high) for low, high in ranges(zone)]
        return exp.or_(*parts, copy=False)

    return _by_zone(render, ranges, target.zone_column, setting)


def _local(target: Target, setting: Setting) -> exp.Expr:
    """The moment as a clock in the zone shows it."""
    zone: exp.Expr = exp.Literal.string(setting.zone)
    if target.zone_column is not None and setting.catalogue.zones:
        known: Sequence[exp.Expr] = [exp.Literal.string(name) for name in setting.catalogue.zones]
        own = target.zone_column
        zone = exp.Case().when(own.copy().isin(*known), own.copy()).else_(zone)
    value = target.value.copy()
    if setting.dialect == "spark":
        return exp.Anonymous(this="FROM_UTC_TIMESTAMP", expressions=[value, zone])
    utc = exp.Anonymous(this="TIMEZONE", expressions=[exp.Literal.string("UTC"), value])
    return exp.Anonymous(this="TIMEZONE", expressions=[zone, utc])


_KINDS: dict[str, Callable[[Target, str, Value | None, Setting], exp.Expr]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "consent": _boolean,
    "list": _list,
    "geography": _geography,
    "date": _date,
}


def scaled(target: Target, times: exp.Expr) -> Target:
    """The same value, judged against bounds multiplied by an expression."""
    return replace(target, bound_times=times)
