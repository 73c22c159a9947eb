"""Under test: what the model of repeat purchases expects of a real shop's customers is what they then did.

Fitted on five months of invoices, held against the seven weeks after them, which it has not seen.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from dmat.lifetime.purchases import Histories, expected_purchases, fit_purchases, probability_alive

pytestmark = pytest.mark.shared
UNTIL = "2011-05-01"
_CUSTOMERS = """
    with days as (
        select distinct CustomerID as customer, cast(strptime(InvoiceDate, '%m/%d/%y %H:%M') as date) as day
        from '{source}'
        where CustomerID is not null and InvoiceNo not like 'C%' and Quantity > 0
    )
    select
        count(*) filter (where day < date '{until}') - 1 as repeats,
        (max(day) filter (where day < date '{until}') - min(day)) / 7.0 as recency,
        (date '{until}' - min(day)) / 7.0 as age,
        count(*) filter (where day >= date '{until}') as later,
        (select date_diff('day', date '{until}', max(day)) / 7.0 from days) as weeks
    from days
    group by customer
    having min(day) < date '{until}'
"""


@pytest.fixture(scope="module")
def customers(shared_dir):
    source = shared_dir / "data" / "online_retail_2010-12_2011-06.parquet"
    if not source.is_file():
        pytest.skip("../shared/data has no Online Retail file")
    rows = duckdb.execute(_CUSTOMERS.format(source=source, until=UNTIL)).fetchall()
    return np.array(rows, np.float64).T


@pytest.fixture(scope="module")
def told(customers):
    repeats, recency, age, _, weeks = customers
    histories = Histories(repeats, recency, age, np.ones(len(age)))
    fit = fit_purchases(histories)
    return fit, expected_purchases(histories, fit, float(weeks[0])), probability_alive(histories, fit)


def test_as_many_purchases_come_as_are_expected(customers, told):
    fit, expected, _ = told
    assert fit.is_converged
    assert len(expected) > 2000
    assert expected.sum() == pytest.approx(customers[3].sum(), rel=0.15)


def test_whom_it_expects_more_of_buys_more(customers, told):
    _, expected, alive = told
    order = np.argsort(expected, kind="stable")
    tenths = [customers[3][part].mean() for part in np.array_split(order, 10)]
    assert tenths[-1] > 2 * tenths[-3] > 2 * tenths[0]
    assert np.corrcoef(expected, customers[3])[0, 1] > 0.6
    sure, doubtful = alive > np.quantile(alive, 0.8), alive < np.quantile(alive, 0.2)
    assert (customers[3][sure] > 0).mean() > (customers[3][doubtful] > 0).mean()
