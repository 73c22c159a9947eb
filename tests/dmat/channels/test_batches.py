"""Under test: batches cut to what a provider takes, nobody lost and nobody twice; placeholders filled once."""

from __future__ import annotations

import random

import orjson
import pytest

from dmat.channels.batches import cut_batch, fill_placeholders
from dmat.channels.contract import Abilities, MailBatch, Recipient
from dmat.connectors.sendgrid import batch_body


def make_batch(count, value="Ann", html="<p>-dm0-</p>"):
    people = [Recipient(f"m{n}", f"p{n}@example.com", "", {"-dm0-": value}) for n in range(count)]
    return MailBatch("hello@shop.example", "Shop", "For -dm0-", html, "-dm0-", people)


def ids(cut):
    return [[person.message_id for person in part.recipients] for part in cut.parts]


def test_a_batch_is_cut_at_the_number_of_people():
    cut = cut_batch(Abilities(batch=2), make_batch(5))
    assert ids(cut) == [["m0", "m1"], ["m2", "m3"], ["m4"]]
    assert cut.whole == []


def test_a_batch_is_cut_at_the_size_of_its_body():
    cut = cut_batch(Abilities(batch=1000, batch_bytes=20_000), make_batch(30, "x" * 3000))
    assert [i for part in ids(cut) for i in part] == [f"m{n}" for n in range(30)]
    assert all(sum(len(p.values["-dm0-"]) for p in part.recipients) < 20_000 for part in cut.parts)
    assert len(cut.parts) > 5


def test_a_person_whose_values_are_too_large_gets_a_mail_of_their_own():
    batch = make_batch(1, "\u00fc" * 600)
    cut = cut_batch(Abilities(batch=1000, values_bytes=1000), batch)
    assert cut.parts == []
    [mail] = cut.whole
    assert mail.html == "<p>" + "\u00fc" * 600 + "</p>"
    assert mail.custom_args == {"dmat_message_id": "m0"}


def test_content_that_is_too_large_for_a_batch_leaves_one_by_one():
    cut = cut_batch(Abilities(batch=1000, batch_bytes=5000), make_batch(2, html="x" * 6000))
    assert (cut.parts, [mail.message_id for mail in cut.whole]) == ([], ["m0", "m1"])


def test_a_value_that_looks_like_a_placeholder_never_meets_a_provider_that_replaces_twice():
    cut = cut_batch(Abilities(batch=1000), make_batch(1, "-dm0- and -dm1-"))
    assert cut.whole[0].text == "-dm0- and -dm1-"


def test_a_provider_without_batches_gets_whole_mails():
    cut = cut_batch(Abilities(), make_batch(2))
    assert [mail.subject for mail in cut.whole] == ["For Ann", "For Ann"]


def test_an_unknown_placeholder_stays():
    assert fill_placeholders("-dm0--dm1-", {"-dm0-": "-dm1-"}) == "-dm1--dm1-"


@pytest.mark.parametrize("limit", [8_000, 30_000, 200_000])
@pytest.mark.parametrize("is_copied", [False, True])
def test_no_body_is_larger_than_its_provider_takes_and_nobody_is_lost(limit, is_copied):
    chance = random.Random(limit)
    people = [
        Recipient(
            f"{n:036d}", f"p{n}@example.com", "Ünn" * chance.randrange(4),
            {f"-dm{k}-": "".join(chance.choices('a"\\ü\n🎉', k=chance.randrange(200))) for k in range(5)},
            {"List-Unsubscribe": "<https://api.example/u/" + "t" * chance.randrange(200) + ">"},
            {"dmat_step": "s" * chance.randrange(40)},
        )
        for n in range(300)
    ]  # fmt: skip
    batch = MailBatch("hello@shop.example", "Shop", "For -dm0-", '<p class="x">-dm1-</p>' * 20, "-dm2-", people)
    cut = cut_batch(Abilities(batch=100, batch_bytes=limit, copies_content=is_copied), batch)
    made = [person.message_id for part in cut.parts for person in part.recipients]
    assert sorted(made + [mail.message_id for mail in cut.whole]) == [person.message_id for person in people]
    body_of = copies if is_copied else batch_body
    assert all(len(orjson.dumps(body_of(part))) <= limit for part in cut.parts)
    assert all(len(part.recipients) <= 100 for part in cut.parts)
    assert cut.parts


def copies(part):
    """Each mail whole, its placeholders still in it."""
    return [{**person.values, "html": part.html, "text": part.text, "subject": part.subject, "to": person.to_email}
            for person in part.recipients]  # fmt: skip
