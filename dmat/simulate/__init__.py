"""A make-believe company with known truth, and vendors that behave like the real ones.

Belongs here: the company's people and what they did (`company.py` and its parts), the hidden truth behind it
(`truth.py`), the one definition of every vendor's payload (`payloads.py`), the vendors' server (`vendors/`) and
the world that goes on living (`world.py`).
Stays out: anything the product itself needs. Nothing outside this package may read schema `truth`, except tests.
"""

from dmat.simulate.order_lines import OrdersReport
from dmat.simulate.setup import Simulation, read_orders_report, simulate

__all__ = ["OrdersReport", "Simulation", "read_orders_report", "simulate"]
