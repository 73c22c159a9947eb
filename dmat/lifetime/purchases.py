"""Repeat purchases: BG/NBD and MBG/NBD by maximum likelihood, over cells of equal customers.

Belongs here: likelihood, fit, chance to be alive, expected purchases. Stays out: what purchases are worth (`spend.py`).

While alive a customer buys at a rate that differs by customer (gamma, shape r, rate alpha); after a purchase he stops
with a chance that differs too (beta, a and b). In BG/NBD (Fader, Hardie and Lee 2005, "Counting your customers the easy
way", Marketing Science 24(2)) nobody stops after the first purchase, so who never came back is alive for certain; in
MBG/NBD (Batislam, Denizel and Filiztekin 2007, International Journal of Research in Marketing 24(3)) that chance comes
after the first purchase too. MBG/NBD is what the tables use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, hyp2f1

from dmat.errors import InvalidInputError

Floats = NDArray[np.float64]
MODELS = ("mbg_nbd", "bg_nbd")
_STARTS = ((0.5, 5.0, 0.8, 2.0), (1.0, 10.0, 1.0, 1.0))
_MOST_LOG = 12.0


@dataclass(frozen=True)
class Histories:
    """What customers did until now, one entry a cell of equal customers (parallel arrays).

    Attributes:
        frequency: repeat purchases; shape (cells,).
        recency: time from the first purchase to the last, 0 where there is no repeat; shape (cells,).
        age: time from the first purchase to now; shape (cells,).
        customers: how many customers each cell stands for; shape (cells,).

    Raises:
        InvalidInputError: shapes differ, a value is negative, recency is above age, or without a repeat not 0.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    customers: Floats

    def __post_init__(self) -> None:
        for name in ("recency", "age", "customers"):
            if getattr(self, name).shape != self.frequency.shape:
                raise InvalidInputError(name, f"has {getattr(self, name).size} entries", f"{self.frequency.size}")
        for name in ("frequency", "recency", "age", "customers"):
            if not (getattr(self, name) >= 0).all():
                raise InvalidInputError(name, "has negative or missing values", "0 or more")
        if not (self.recency <= self.age).all():
            raise InvalidInputError("recency", "is above the age of a customer", "at most the age")
        if ((self.frequency == 0) & (self.recency > 0)).any():
            raise InvalidInputError("recency", "is above 0 without a repeat purchase", "0")


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        model: mbg_nbd or bg_nbd.
        r, alpha: shape and rate of the gamma distribution of purchase rates; alpha in units of time.
        a, b: parameters of the beta distribution of the chance to stop.
        log_likelihood: of all customers.
        customers: how many there were.
        is_converged: whether the optimiser says that it is done.
    """

    model: str
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: float
    is_converged: bool

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        """r, alpha, a, b."""
        return self.r, self.alpha, self.a, self.b


def fit_purchases(histories: Histories, model: str = "mbg_nbd") -> Fit:
    """The parameters under which the histories are likeliest, sought on their logarithms (from a second start
    when the first leads nowhere).

    Raises:
        InvalidInputError: the model is not known, or nobody ever bought again.
    """
    if model not in MODELS:
        raise InvalidInputError("model", f"{model!r} is not known", ", ".join(MODELS))
    if not (histories.frequency * histories.customers).sum() > 0:
        raise InvalidInputError("frequency", "nobody bought a second time", "at least one repeat purchase")
    scale = float(histories.age.max() or 1.0) / 10  # alpha near 1 whatever the unit of time
    scaled = Histories(histories.frequency, histories.recency / scale, histories.age / scale, histories.customers)
    total = float(histories.customers.sum())

    def loss(logs: Floats) -> float:
        return -log_likelihood(scaled, model, *np.exp(logs)) / total

    bounds = [(-_MOST_LOG, _MOST_LOG)] * 4
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    for start in _STARTS:
        found = minimize(loss, np.log(start), method="L-BFGS-B", bounds=bounds, options=options)
        if found.success:
            break
    r, alpha, a, b = (float(value) for value in np.exp(found.x))
    fitted = (r, alpha * scale, a, b)
    return Fit(model, *fitted, log_likelihood(histories, model, *fitted), total, bool(found.success))


def log_likelihood(histories: Histories, model: str, r: float, alpha: float, a: float, b: float) -> float:
    """The log-likelihood of all customers."""
    x = histories.frequency
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    alive, dead = _branches(histories, model, r, alpha, a, b)
    return float(((common + np.logaddexp(alive, dead)) * histories.customers).sum())


def probability_alive(histories: Histories, fit: Fit) -> Floats:
    """The chance that a customer has not stopped; shape (cells,)."""
    alive, dead = _branches(histories, fit.model, *fit.parameters)
    chance: Floats = expit(alive - dead)
    return chance


def expected_purchases(histories: Histories, fit: Fit, horizon: float) -> Floats:
    """Purchases to expect of a customer within `horizon` from now; shape (cells,).

    Raises:
        InvalidInputError: the horizon is negative.
    """
    if not horizon >= 0:
        raise InvalidInputError("horizon", f"{horizon} is not possible", "0 or more, in the unit of the histories")
    r, alpha, a, b = fit.parameters
    a = a if abs(a - 1) > 1e-9 else 1 + 1e-9  # the formula has a hole there, and is smooth around it
    extra = 1.0 if fit.model == "mbg_nbd" else 0.0
    x, reach = histories.frequency, alpha + histories.age
    share = horizon / (reach + horizon)
    whole = a + b + x - 1 + extra
    tail = np.exp((r + x) * np.log1p(-share)) * hyp2f1(r + x, b + x + extra, whole, share)
    expected: Floats = whole / (a - 1) * (1 - tail) * probability_alive(histories, fit)
    return expected


def _branches(histories: Histories, model: str, r: float, alpha: float, a: float, b: float) -> tuple[Floats, Floats]:
    """Logs of the two ways a history can come about, but for what they share: still alive, or stopped at the last
    purchase."""
    x = histories.frequency
    extra = 1.0 if model == "mbg_nbd" else 0.0
    alive = betaln(a, b + x + extra) - (r + x) * np.log(alpha + histories.age)
    can_have_stopped = (x > 0) | (model == "mbg_nbd")
    purchases = np.where(can_have_stopped, x + extra - 1, 0.0)
    stopped = betaln(a + 1, b + purchases) - (r + x) * np.log(alpha + histories.recency)
    return alive, np.where(can_have_stopped, stopped, -np.inf)
