"""Special functions of scipy, loaded when the first of them is called.

Belongs here: typed doors to `scipy.special`, which takes longer to load than all of the rest of this package.
Stays out: statistics. All of them take and return float arrays of any common shape.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = Array | float
Places: TypeAlias = NDArray[Any]  # positions or truth values


def _scipy() -> ModuleType:
    from scipy import special

    module: ModuleType = special
    return module


def ndtr(x: Floats) -> Any:
    """Normal distribution function, right in the lower tail down to 1e-308."""
    return _scipy().ndtr(x)


def log_ndtr(x: Floats) -> Any:
    """Its logarithm; finite far beyond where `ndtr` is zero."""
    return _scipy().log_ndtr(x)


def ndtri(p: Floats) -> Any:
    """Quantile of the normal distribution."""
    return _scipy().ndtri(p)


def ndtri_exp(log_p: Floats) -> Any:
    """Quantile of the normal distribution from the logarithm of the probability."""
    return _scipy().ndtri_exp(log_p)


def stdtr(df: Floats, t: Floats) -> Any:
    """Student's t distribution function; normal where `df` is infinite."""
    return _scipy().stdtr(df, t)


def stdtrit(df: Floats, p: Floats) -> Any:
    """Quantile of Student's t."""
    return _scipy().stdtrit(df, p)


def nct_sf(df: float, nc: float, t: float) -> float:
    """Upper tail of the non-central t."""
    return float(1.0 - _scipy().nctdtr(df, nc, t))


def chdtrc(df: Floats, x: Floats) -> Any:
    """Upper tail of chi-square."""
    return _scipy().chdtrc(df, x)


def betainc(a: Floats, b: Floats, x: Floats) -> Any:
    """Regularised incomplete beta function: the beta distribution function."""
    return _scipy().betainc(a, b, x)


def betaincinv(a: Floats, b: Floats, p: Floats) -> Any:
    """Quantile of the beta distribution."""
    return _scipy().betaincinv(a, b, p)


def betaln(a: Floats, b: Floats) -> Any:
    """Logarithm of the beta function."""
    return _scipy().betaln(a, b)


def gammaln(x: Floats) -> Any:
    """Logarithm of the gamma function."""
    return _scipy().gammaln(x)
