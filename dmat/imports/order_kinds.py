"""What kind of line an imported order line is: a sale is a sale, and everything else is named for what it is.

Belongs here: the rules and their order. Stays out: what the kinds mean for revenue (`dbt/models/marts/commerce`).

No line is dropped: each gets the first kind whose rule fits, and the sums by kind equal the file's.

| kind | rule | in revenue of goods |
|---|---|---|
| adjustment | the invoice begins with `A` and a digit (bad debt), or the code is M, MANUAL, S, B, ADJUST ... | no |
| discount | the code is D or DISCOUNT | yes (negative) |
| shipping_or_fee | the code is POST, POSTAGE, DOT, C2, CARRIAGE, SHIPPING, BANK CHARGES, AMAZONFEE, CRUK ... | no |
| gift_voucher | the code begins with GIFT and a sign, or holds VOUCHER | no (it is paid with later) |
| cancellation | the invoice begins with `C` and a digit | yes (negative) |
| stock_correction | the quantity is negative and the price is 0: damage, loss, counting | no |
| return | the quantity is negative, the price is not 0, and the invoice is no cancellation | yes (negative) |
| adjustment | the price is negative | no |
| no_charge | the price is 0: gifts, samples, found goods, old mistakes | no (0) |
| sale | all the rest | yes |

A line without customer keeps its kind: it counts in revenue and belongs to no person.
"""

from __future__ import annotations

GOODS = ("sale", "cancellation", "return", "discount")
_ADJUSTMENTS = ("M", "MANUAL", "S", "SAMPLE", "SAMPLES", "B", "ADJUST", "ADJUST2", "ADJUSTMENT", "TEST001", "TEST002")
_DISCOUNTS = ("D", "DISCOUNT")
_FEES = (
    "POST", "POSTAGE", "DOT", "C2", "C3", "CARRIAGE", "SHIPPING", "VERSAND", "DELIVERY", "BANK CHARGES", "AMAZONFEE",
    "AMAZON FEE", "CRUK", "FEE",
)  # fmt: skip


def kind_sql() -> str:
    """SQL over the columns order_id, sku, quantity and unit_price: the kind of a line."""
    code = "upper(coalesce(sku, ''))"
    return f"""case
        when regexp_matches(order_id, '^[Aa][0-9]') or {code} in ({_list(_ADJUSTMENTS)}) then 'adjustment'
        when {code} in ({_list(_DISCOUNTS)}) then 'discount'
        when {code} in ({_list(_FEES)}) then 'shipping_or_fee'
        when regexp_matches({code}, '^GIFT[ _-]|VOUCHER') then 'gift_voucher'
        when regexp_matches(order_id, '^[Cc][0-9]') then 'cancellation'
        when quantity < 0 and unit_price = 0 then 'stock_correction'
        when quantity < 0 then 'return'
        when unit_price < 0 then 'adjustment'
        when unit_price = 0 then 'no_charge'
        else 'sale' end"""


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
