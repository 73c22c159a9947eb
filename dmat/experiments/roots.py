"""Roots of many monotone functions at once.

Belongs here: Chandrupatla's method on arrays. Stays out: what the functions mean.

Source: T. R. Chandrupatla, "A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function
without using derivatives", Advances in Engineering Software 28 (1997) 145-149.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dmat.experiments.special import Array

_TINY = 1e-15


def find_roots(
    function: Callable[[Array], Array], low: Array, high: Array, rtol: float = 4e-16, rounds: int = 100,
    start: Array | None = None,
) -> Array:  # fmt: skip
    """Where `function` (elementwise, continuous) is zero between `low` and `high`.

    Where it has the same sign at both ends, the end with the smaller absolute value is returned. With a `start` near
    all roots a few steps of the secant method are tried first.
    """
    if start is not None:
        near = _secant(function, np.asarray(low), np.asarray(high), start)
        if near is not None:
            return near
    a, b = np.array(high, dtype=float), np.array(low, dtype=float)
    fa, fb = function(a), function(b)
    is_out = np.sign(fa) * np.sign(fb) > 0
    c, fc = a.copy(), fa.copy()
    t = np.full_like(a, 0.5)
    for _ in range(rounds):
        x = a + t * (b - a)
        fx = function(x)
        is_same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(is_same, a, b), np.where(is_same, fa, fb)
        b, fb = np.where(is_same, b, a), np.where(is_same, fb, fa)
        a, fa = x, fx
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        width = np.abs(b - a)
        near = (rtol * np.abs(best) + _TINY * rtol) / np.where(width > 0, width, 1.0)
        is_done = (near > 0.5) | (width == 0) | (fa == 0) | (fb == 0) | is_out
        if is_done.all():
            break
        t = _step(a, b, c, fa, fb, fc, near)
    ends = np.where(np.abs(function(np.asarray(high, float))) < np.abs(function(np.asarray(low, float))), high, low)
    best = np.where(fa == 0, a, np.where(np.abs(fa) < np.abs(fb), a, b))
    return np.asarray(np.where(is_out, ends, best))


def _secant(function: Callable[[Array], Array], low: Array, high: Array, start: Array) -> Array | None:
    """Secant steps within the ends; None when they have not all come to rest after eight."""
    before = np.clip(start, low, high)
    f_before = function(before)
    at = np.clip(before + f_before, low, high)
    for _ in range(8):
        f_at = function(at)
        if (np.abs(f_at) <= 1e-15).all() and ((at > low) & (at < high)).all():
            return np.asarray(at)
        slope = f_at - f_before
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(slope != 0, f_at * (at - before) / slope, 0.0)
        before, f_before, at = at, f_at, np.clip(at - np.nan_to_num(step), low, high)
    return None


def _step(a: Array, b: Array, c: Array, fa: Array, fb: Array, fc: Array, near: Array) -> Array:
    """Inverse quadratic interpolation where it can be trusted, else halving."""
    with np.errstate(divide="ignore", invalid="ignore"):
        xi = (a - b) / (c - b)
        phi = (fa - fb) / (fc - fb)
        is_quadratic = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        inverse = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    t = np.where(is_quadratic & np.isfinite(inverse), inverse, 0.5)
    least = np.minimum(near, 0.5)
    return np.asarray(np.clip(t, least, 1 - least))
