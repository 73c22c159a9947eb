"""Under test: the rules of SMS - segments and their cost, the way out, senders, what a marketer is told of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmat.channels import sms
from dmat.channels.addresses import is_valid
from dmat.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the pair does not fit in the first part any more
        ("ж" * 70, "UCS-2", 70, 1),
        ("ж" * 71, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("ж" * 66 + "😀" + "ж" * 66, "UCS-2", 134, 3),
        ("Grüße à Noël, ñandú", "UCS-2", 19, 1),  # ë and ú are not in the alphabet
        ("Grüße à Dieter, ñ Ç é", "GSM-7", 21, 1),
    ],
)
def test_a_text_is_counted_in_the_parts_that_networks_send(text, encoding, units, count):
    assert sms.count_segments(text) == sms.Segments(encoding, units, count)


@given(st.text(max_size=700))
def test_parts_hold_the_whole_text_and_none_is_wasted(text):
    segments = sms.count_segments(text)
    room = 153 if segments.encoding == "GSM-7" else 67
    alone = 160 if segments.encoding == "GSM-7" else 70
    assert segments.count >= -(-segments.units // alone)
    assert segments.count <= 1 or (segments.count - 1) * (room - 1) < segments.units <= segments.count * room


def test_typographic_signs_are_written_plainly_and_cost_less():
    text = "“Spring” – it’s here… " + "x" * 100
    assert sms.count_segments(text).encoding == "UCS-2"
    assert sms.count_segments(sms.plain_signs(text)) == sms.Segments("GSM-7", 124, 1)


def test_the_cost_follows_the_longest_prefix_and_names_the_day_of_its_price(settings):
    germany = sms.estimate_cost(settings, "+4915112345678", 2)
    assert (germany.micros, germany.currency, germany.as_of) == (190_000, "EUR", "2026-01-01")
    assert sms.estimate_cost(settings, "+35312345678", 1).micros == 65_000
    assert sms.estimate_cost(settings, "+99912345678", 1).micros == sms.estimate_cost(settings, "", 1).micros


def test_a_workspace_brings_its_own_prices(settings, tmp_path):
    settings.sms_prices_file = str(tmp_path / "prices.csv")
    (tmp_path / "prices.csv").write_text("prefix,micros,currency,as_of\n,50000,USD,2026-06-01\n+49,10,USD,2026-06-02\n")
    assert sms.estimate_cost(settings, "+4915112345678", 3) == sms.Cost(30, "USD", "2026-06-02")


@pytest.mark.parametrize("text", ["", "prefix,micros\n,1\n", "prefix,micros,currency,as_of\n49,1,EUR,x\n",
                                  "prefix,micros,currency,as_of\n,cheap,EUR,x\n", None])  # fmt: skip
def test_a_table_of_prices_that_cannot_be_used_names_the_setting(settings, tmp_path, text):
    file = tmp_path / "bad.csv"
    if text is not None:
        file.write_text(text)
    settings.sms_prices_file = str(file)
    sms.read_prices.cache_clear()
    with pytest.raises(InvalidInputError, match="DMAT_SMS_PRICES_FILE"):
        sms.estimate_cost(settings, "+49151", 1)


def test_every_text_says_how_to_leave_in_the_readers_language_and_once():
    assert sms.with_opt_out("Sale!", "de_DE") == "Sale!\nAbmelden: STOP antworten"
    assert sms.with_opt_out("Sale!", "xx") == "Sale!\nReply STOP to opt out"
    assert sms.with_opt_out("Sale! STOP to end") == "Sale! STOP to end"
    assert sms.with_opt_out("Nonstop sale") != "Nonstop sale"
    link = "https://shop.example/u/1"
    assert sms.with_opt_out("Sale!", "de", link) == f"Sale!\nAbmelden: {link}"
    assert sms.with_opt_out(f"Sale! {link}", "de", link) == f"Sale! {link}"


def test_lines_to_leave_by_stay_in_the_cheap_alphabet():
    for line in (*sms.OPT_OUT_LINES.values(), *sms.OPT_OUT_LINK.values()):
        assert sms.count_segments(line).encoding == "GSM-7"


@pytest.mark.parametrize(("sender", "is_valid_one", "replies"), [
    ("+4915112345678", True, True), ("4915112345678", True, True), ("12345", True, True), ("MG" + "0" * 32, True, True),
    ("TheShop", True, False), ("The Shop 24", True, False), ("TheShopOfAll", False, False), ("", False, False),
    ("12", False, False), ("Shöp", False, False), ("+0151", False, False),
])  # fmt: skip
def test_a_sender_is_a_number_a_short_code_a_service_or_a_short_name(sender, is_valid_one, replies):
    assert (sms.is_valid_sender(sender), sms.takes_replies(sender)) == (is_valid_one, replies)


def test_a_marketer_is_told_what_a_text_costs_and_what_networks_block():
    codes = {
        hint.code for hint in sms.look_at("“Sale” " + "x" * 300 + " https://bit.ly/x https://shop.example/" + "y" * 40)
    }
    assert codes == {"ucs2", "long", "no_opt_out", "shared_shortener", "long_link"}
    assert sms.look_at("Sale today. Reply STOP to opt out") == []
    assert [hint.is_fault for hint in sms.look_at(" ")][:1] == [True]
    assert [hint.code for hint in sms.look_at("x" * 1601 + " STOP") if hint.is_fault] == ["text"]


def test_control_signs_do_not_travel():
    assert sms.clean_text(" a\x00b\x1b\r\nc\x7f ") == "ab\nc"


@pytest.mark.parametrize(("channel", "address", "expected"), [
    ("sms", "+4915112345678", True), ("sms", "+12", False), ("sms", "4915112345678", False),
    ("sms", "+0151123456", False), ("sms", "+49 151 1234567", False), ("sms", "+4915112345678901", False),
    ("sms", "+491511234567\n", False),
    ("whatsapp", "+4915112345678", True), ("whatsapp", "whatsapp:+49151", False), ("sms", "+４９15112345678", False),
    ("email", "ann@shop.example", True), ("email", "ann", False),
    ("push", "fGx:APA91b-_x", True), ("push", "a b c d e f g", False), ("push", "", False),
    ("webhook", "person:17", True), ("webhook", "person:x", False), ("webhook", "https://shop.example/x", False),
    ("banner", "anything", True),
])  # fmt: skip
def test_an_address_has_the_form_of_its_channel(channel, address, expected):
    assert is_valid(channel, address) is expected
