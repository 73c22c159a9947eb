"""The living world keeps its planted truth: mailed carts come back more often than others by exactly the effect."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import orjson

from dmat.simulate.company import generate, write_world
from dmat.simulate.crowd import Crowd
from dmat.simulate.diary import Diary, Mail
from dmat.simulate.records import Records
from dmat.simulate.world import World

END = datetime(2026, 10, 1, 9)
CARTS, RETURN, EFFECT = 900, 0.15, 0.25


def test_mailed_carts_return_more_often_than_held_out_ones_by_the_planted_effect(tmp_path: Path) -> None:
    write_world(generate(200, 3, END, months=1), tmp_path / "company.duckdb")
    records, diary = Records.open(tmp_path / "company.duckdb"), Diary(tmp_path / "world.sqlite")
    plant(records)
    world = World(records, diary, lambda: END)
    leave_carts(records, diary)
    world.accept_mails([mail(number) for number in range(0, CARTS, 2)], {})
    world.step(END + timedelta(days=7))
    rates = [
        records.cursor().execute(
            "select avg((completed_at is not null)::integer) from carts where token like 'tok%'"
            " and (cart_id % 2 = 0) = ?", [is_mailed],
        ).fetchall()[0][0]
        for is_mailed in (True, False)
    ]  # fmt: skip
    deviation = 4 * math.sqrt((0.4 * 0.6 + 0.15 * 0.85) / (CARTS / 2))
    assert abs(rates[1] - RETURN) < deviation
    assert abs(rates[0] - rates[1] - EFFECT) < deviation
    records.close()
    diary.close()


def plant(records: Records) -> None:
    records.cursor().execute(
        "update truth.people set visits_per_month = 0.0001, completion_rate = 0.0, return_rate = ?,"
        " recovery_effect = ?, discount_effect = ?, is_bouncing = false, complaint_rate = 0, unsubscribe_rate = 0",
        [RETURN, EFFECT - 0.05, 0.05],
    )


def leave_carts(records: Records, diary: Diary) -> None:
    """Carts that were left just now, each with the future it would have without a mail."""
    cursor = records.cursor()
    cursor.execute(
        "insert into carts by name select range as cart_id, 'tok' || range as token, 'k' as recovery_key,"
        " 1 + range // 2 % 200 as person_id, ?::timestamp as created_at, ?::timestamp as updated_at,"
        f" 'EUR' as currency_code, 4000 as total_cents from range({CARTS})",
        [END, END],
    )
    cursor.execute(f"insert into cart_lines select range, 1, 1, 1, 4000 from range({CARTS})")
    crowd = Crowd.read(cursor)
    for number in range(CARTS):
        rng = np.random.default_rng([5, number])
        diary.expect(crowd.cart_future(rng, 1 + number // 2 % 200, f"tok{number}", END))


def mail(number: int) -> Mail:
    link = f"https://shop.example/checkouts/ac/tok{number}/recover?discount=COMEBACK10"
    content = [{"value": f"<a href='{link}'>Cart</a>"}]
    body = orjson.dumps({"headers": {}, "categories": [], "custom_args": {}, "content": content}).decode()
    return Mail(
        f"m{number}", f"m{number}", f"p{number}@mail.example", "a@b.example", "s", END, "processed", 0, 0, END, body
    )
