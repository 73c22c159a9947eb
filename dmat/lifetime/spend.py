"""What a purchase is worth: the gamma-gamma model of mean order values.

Belongs here: likelihood, fit, expected value of a customer's next purchase. Stays out: how many there will be
(`purchases.py`).

Values of a customer's orders vary around his mean (gamma, shape p); means vary between customers (inverse gamma, shape
q, scale gamma). What a customer spends is taken to be independent of how often he buys (Fader and Hardie 2013, "The
gamma-gamma model of monetary value").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from dmat.errors import InvalidInputError

Floats = NDArray[np.float64]
_MOST_LOG = 12.0


@dataclass(frozen=True)
class SpendFit:
    """A fitted model.

    Attributes:
        p, q: shapes of the two distributions.
        gamma: scale, in the unit of the values.
        log_likelihood: of all customers.
        customers: how many there were.
        is_converged: whether the optimiser says that it is done.
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: float
    is_converged: bool


def fit_spend(orders: Floats, mean_value: Floats, customers: Floats) -> SpendFit:
    """The parameters under which the mean order values are likeliest; arguments are parallel, one entry a cell.

    Args:
        orders: how many orders the mean is of; shape (cells,).
        mean_value: mean value of those orders, above 0; shape (cells,).
        customers: how many customers each cell stands for; shape (cells,).

    Raises:
        InvalidInputError: a value or a number of orders is not above 0, or there is no customer.
    """
    if not len(orders) or not customers.sum() > 0:
        raise InvalidInputError("customers", "there is none", "at least one customer with an order")
    for name, values in (("orders", orders), ("mean_value", mean_value)):
        if not (values > 0).all():
            raise InvalidInputError(name, "has values that are not above 0", "more than 0")
    scale, total = float(np.average(mean_value, weights=customers)), float(customers.sum())
    means = mean_value / scale

    def loss(logs: Floats) -> float:
        return -_log_likelihood(orders, means, customers, *np.exp(logs)) / total

    bounds = [(-_MOST_LOG, _MOST_LOG)] * 3
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    start = np.log(np.array([5.0, 4.0, 1.0]))
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options=options)
    p, q, gamma = (float(value) for value in np.exp(found.x))
    whole = _log_likelihood(orders, mean_value, customers, p, q, gamma * scale)
    return SpendFit(p, q, gamma * scale, whole, total, bool(found.success))


def expected_value(fit: SpendFit, orders: Floats, mean_value: Floats) -> Floats:
    """The value to expect of an order of a customer: his mean drawn towards that of all; shape (cells,).

    NaN where q + p x orders is not above 1, so that no expectation exists.
    """
    below = fit.p * orders + fit.q - 1
    value = fit.p * (fit.gamma + orders * mean_value) / np.where(below > 0, below, 1.0)
    found: Floats = np.where(below > 0, value, np.nan)
    return found


def _log_likelihood(orders: Floats, means: Floats, customers: Floats, p: float, q: float, gamma: float) -> float:
    shape = p * orders
    each = (
        gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma)
        + (shape - 1) * np.log(means) + shape * np.log(orders) - (shape + q) * np.log(gamma + orders * means)
    )  # fmt: skip
    return float((each * customers).sum())
