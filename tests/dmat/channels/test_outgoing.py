"""Under test: the parts of a message become what a channel's providers take, with the rules of the channel kept."""

from __future__ import annotations

import pytest

from dmat.channels.outgoing import Part, build_outgoing
from dmat.errors import InvalidInputError

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
PHONE, LINK = "+4915112345678", "https://dmat.example/u/1"


def part(channel, address=PHONE, **more):
    texts = {name: more.pop(name) for name in list(more) if name not in Part.__dataclass_fields__}
    return Part(channel, ID, address, texts, opt_out_url=LINK, **more)


def test_an_sms_says_how_to_leave_in_the_readers_language(settings):
    message = build_outgoing(settings, part("sms", text=" Sale!\x00 ", locale="de-AT"))
    assert (message.channel, message.to, message.text) == ("sms", PHONE, "Sale!\nAbmelden: STOP antworten")


def test_a_sender_that_takes_no_replies_gives_a_link_to_leave_by(settings):
    settings.twilio_url, settings.twilio_sender = "https://api.twilio.com", "TheShop"
    assert build_outgoing(settings, part("sms", text="Sale!")).text == f"Sale!\nOpt out: {LINK}"
    settings.twilio_sender = "+15005550006"
    assert build_outgoing(settings, part("sms", text="Sale!")).text == "Sale!\nReply STOP to opt out"


def test_a_transactional_sms_is_left_as_it_is(settings):
    assert build_outgoing(settings, part("sms", text="Your code: 1234", is_marketing=False)).text == "Your code: 1234"


def test_a_whatsapp_template_takes_its_values_line_by_line(settings):
    message = build_outgoing(settings, part(
        "whatsapp", template_name="spring_sale", template_category="utility", body_values="Ada\n12 EUR",
        button_values="cart/1", header_media_url="https://shop.example/a.png", text="shown in previews", locale="de",
    ))  # fmt: skip
    template = message.template
    assert (template.name, template.language, template.category) == ("spring_sale", "de", "utility")
    assert (template.body_values, template.button_values) == (["Ada", "12 EUR"], ["cart/1"])
    assert (template.header_media_url, message.media_url) == ("https://shop.example/a.png", "")


def test_a_free_whatsapp_text_may_be_a_picture_alone(settings):
    message = build_outgoing(settings, part("whatsapp", text="", header_media_url="https://shop.example/a.png"))
    assert (message.text, message.media_url, message.template) == ("", "https://shop.example/a.png", None)
    assert build_outgoing(settings, part("whatsapp", text=" Hi ")).text == "Hi"


def test_a_push_carries_our_id(settings):
    push = build_outgoing(settings, part("push", "t0ken-of-a-device", title="Sale", body="Today"))
    assert push.data == {"dmat_message_id": ID}


def test_a_call_says_what_the_template_says_to_the_address_of_the_workspace(settings):
    settings.outgoing_webhook_url = "https://partner.example/x"
    call = build_outgoing(settings, part("webhook", "person:7", body='{"text": "Hi", "n": [1]}'))
    assert (call.message_id, call.url, call.payload) == (ID, "https://partner.example/x", {"text": "Hi", "n": [1]})


@pytest.mark.parametrize(("bad", "field"), [
    (part("sms", "0151", text="x"), "to"), (part("whatsapp", "0151", text="x"), "to"), (part("sms", text=" "), "text"),
    (part("sms", text="x" * 1700), "text"), (part("whatsapp", text=""), "text"),
    (part("push", "t0ken-of-a-device"), "body"), (part("webhook", "person:7", body="{"), "body"),
    (part("webhook", "person:7", body="[1]"), "body"), (part("webhook", "person:7"), "body"),
])  # fmt: skip
def test_what_no_provider_takes_names_the_field(settings, bad, field):
    with pytest.raises(InvalidInputError) as caught:
        build_outgoing(settings, bad)
    assert caught.value.field == field
