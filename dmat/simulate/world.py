"""The living company: from the end of its written past on, moved forward by the workspace's clock.

Belongs here: `World.step(now)` - who visits, who leaves a cart, who comes back - and making due happenings happen.
Stays out: what the company itself does (`business.py`), how a person reacts to a message (`reactions.py`), rows and
records (`shopping.py`), posting webhooks (`vendors/webhooks.py`). The same seed and the same sequence of steps give the
same world.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from dmat.simulate.business import Business
from dmat.simulate.crowd import Crowd
from dmat.simulate.diary import Diary, Happening, Mail
from dmat.simulate.mail_counts import note_event
from dmat.simulate.reactions import Truth, react_to_mail, react_to_text, read_letter
from dmat.simulate.records import Records
from dmat.simulate.shopping import Shopping
from dmat.simulate.tables import create_tables

LONGEST_PIECE, HOUR = timedelta(days=1), timedelta(hours=1)
CANCELLED_SHARE, SENT_BACK_SHARE, KNOWN_SHARE, OUTLET_SHARE = 0.025, 0.07, 0.92, 0.8
WINDOW_CLOSED = 131047  # WhatsApp: more than 24 hours since the person wrote
BLOCKING = {"bounce": "Bounced Address", "spamreport": "Spam Reporting Address", "unsubscribe": "Unsubscribed Address"}


@dataclass
class StepReport:
    """What one step did."""

    advanced_to: str = ""
    visits_count: int = 0
    happenings_count: int = 0
    orders_count: int = 0
    rendered_count: int = 0


class World:
    """The company's life; one step at a time, mails are accepted at any time."""

    def __init__(
        self, records: Records, diary: Diary, clock: Callable[[], datetime], public_url: str = "", seed: int = 20_26
    ) -> None:
        self.records, self.diary, self._clock, self.seed = records, diary, clock, seed
        self._public_url = public_url
        self._lock = threading.Lock()
        create_tables(records.cursor())
        self._crowd: Crowd | None = None
        self._business = Business(diary, seed)
        if not diary.read_state("stepped_to"):
            self._remember_blocked()
            diary.write_state("stepped_to", (records.newest_change() or clock()).isoformat())

    def _remember_blocked(self) -> None:
        """Addresses that bounced, complained or unsubscribed in the past are on the vendor's list already."""
        sql = "select distinct lower(email), event from email_events where list_contains(?::varchar[], event)"
        found = self.records.cursor().execute(sql, [list(BLOCKING)]).fetchall()
        with self.diary.transaction():
            for email, event in found:
                self.diary.block(email, BLOCKING[event])

    @property
    def stepped_to(self) -> datetime:
        """The moment that the world has reached."""
        return datetime.fromisoformat(self.diary.read_state("stepped_to"))

    def accept_mails(self, mails: list[Mail], asked: dict[str, Any]) -> None:
        """Keep mails that were acknowledged; what people do with them follows in the next step."""
        with self.diary.transaction():
            for mail in mails:
                self.diary.add_mail(mail)
            self.diary.expect(Happening(mail.accepted_at, "mail", {"id": mail.sg_message_id}) for mail in mails)

    def accept_text(self, channel: str, message: dict[str, Any], at: datetime) -> None:
        """Keep a text message that was acknowledged; `message` has sid, account, to, from, body and a callback."""
        with self.records.lock, self.diary.transaction():
            if channel == "twilio":
                shopping = Shopping(self.records.cursor())
                shopping.add_text(sid=message["sid"], to_number=message["to"], from_number=message["from"],
                                  body=message["body"], status="queued", direction="outbound-api", created_at=at,
                                  updated_at=at)  # fmt: skip
                shopping.render_changed()
            self.diary.expect([Happening(at, "text", {"channel": channel, **message})])
            self.diary.count(f"texts_{channel}")

    def step(self, now: datetime) -> StepReport:
        """Move the world on to `now`, a day at a time at most."""
        report = StepReport()
        with self._lock:
            reached = self.stepped_to
            while reached < now:
                until = min(now, reached + LONGEST_PIECE)
                self._piece(reached, until, report)
                reached = until
            self._piece(reached, reached, report)
        report.advanced_to = reached.isoformat()
        return report

    def _piece(self, since: datetime, until: datetime, report: StepReport) -> None:
        """One piece of time, in one transaction of the records and one of the diary."""
        with self.records.lock, self.diary.transaction():
            connection = self.records.cursor()
            connection.begin()
            try:
                shopping = Shopping(connection)
                self._business.plan(connection, since, until)
                for start, end in _hours(since, until):
                    report.visits_count += self._visits(shopping, start, end)
                    self._do_what_is_due(shopping, end, report)
                self._do_what_is_due(shopping, until, report)
                report.rendered_count += shopping.render_changed()
                if until > since:
                    self.diary.write_state("stepped_to", until.isoformat())
                connection.commit()
            finally:
                connection.close()

    def _do_what_is_due(self, shopping: Shopping, until: datetime, report: StepReport) -> None:
        while due := self.diary.take_due(until):
            for happening in due:
                self._happen(shopping, happening, report)

    def _people(self, shopping: Shopping) -> Crowd:
        """Everybody's habits, read when they are first needed."""
        if self._crowd is None:
            self._crowd = Crowd.read(shopping.connection)
        return self._crowd

    def _visits(self, shopping: Shopping, since: datetime, until: datetime) -> int:
        """Draw the visits between two moments and what will come of them."""
        crowd = self._people(shopping)
        seed = [self.seed, int(since.replace(tzinfo=UTC).timestamp() * 1000)]
        visits = crowd.draw_visits(np.random.default_rng(seed), since, until)
        shopping.changed.setdefault("ga4_sessions", set()).update(crowd.write_visits(shopping.connection, visits))
        self.diary.expect(happening for visit in visits for happening in visit.leads_to)
        return len(visits)

    def _happen(self, shopping: Shopping, happening: Happening, report: StepReport) -> None:
        doings: dict[str, Callable[[Shopping, Happening], Any]] = {
            "mail": self._mail, "mail_event": self._mail_event, "one_click": self._one_click, "text": self._text,
            "text_status": self._text_status, "text_answer": self._text_answer, "text_click": self._text_click,
            "click_visit": self._click_visit,
            "cart": self._cart, "cart_touch": self._cart_touch, "order": self._order, "refund": self._refund,
            "form": self._form, **self._business.doings,
        }  # fmt: skip
        done = doings[happening.kind](shopping, happening)
        report.happenings_count += 1
        report.orders_count += happening.kind == "order" and bool(done)

    # people and shopping

    def _person(self, shopping: Shopping, person_id: int | None) -> dict[str, Any] | None:
        return shopping.one("select * from people where person_id = ?", [person_id])

    def _cart(self, shopping: Shopping, happening: Happening) -> None:
        crowd = self._people(shopping)
        person = self._person(shopping, happening.payload["person_id"])
        if person is None:
            return
        rng = np.random.default_rng(happening.payload["seed"])
        basket = crowd.fill_basket(rng)
        if person["outlet_customer_id"] is not None and rng.random() < OUTLET_SHARE:
            if rng.random() < crowd.completion[crowd.place[person["person_id"]]]:
                order = shopping.order_at_outlet(person, happening.due_at, basket)
                self._tell("woocommerce", "order.created", happening.due_at, _outlet_webhook(order))
            return
        token, key = rng.bytes(16).hex(), rng.bytes(16).hex()
        if rng.random() > KNOWN_SHARE:
            person = person | {"customer_id": None}
        shopping.start_cart(person, happening.due_at, basket, token, key)
        self._tell_shop("checkouts/update", happening.due_at, {"token": token, "email": person["email"]})
        self.diary.expect(crowd.cart_future(rng, person["person_id"], token, happening.due_at))

    def _cart_touch(self, shopping: Shopping, happening: Happening) -> None:
        cart = shopping.touch_cart(happening.payload["token"], happening.due_at)
        if cart is not None:
            self._tell_shop("checkouts/update", happening.due_at, {"token": cart["token"]})

    def _order(self, shopping: Shopping, happening: Happening) -> dict[str, Any] | None:
        """The cart is ordered; some orders are cancelled, some come back weeks later."""
        order = shopping.order_cart(happening.payload["token"], happening.due_at, happening.payload.get("code"))
        if order is None:
            return None
        self._tell_shop("orders/create", happening.due_at, _order_webhook(order))
        rng = np.random.default_rng([self.seed, order["order_id"]])
        draw, at = rng.random(), happening.due_at
        if draw < CANCELLED_SHARE:
            due = at + timedelta(hours=float(rng.uniform(0.2, 30)))
            self.diary.expect([Happening(due, "refund", {"order_id": order["order_id"], "is_cancelled": True})])
        elif draw < CANCELLED_SHARE + SENT_BACK_SHARE:
            due = at + timedelta(days=float(rng.uniform(3, 25)))
            self.diary.expect([Happening(due, "refund", {"order_id": order["order_id"], "is_cancelled": False})])
        return order

    def _refund(self, shopping: Shopping, happening: Happening) -> None:
        shopping.refund_order(happening.payload["order_id"], happening.due_at, happening.payload["is_cancelled"])

    def _form(self, shopping: Shopping, happening: Happening) -> None:
        person = self._person(shopping, happening.payload["person_id"])
        if person is None:
            return
        at = happening.due_at
        shopping.submit_form(person, at, happening.payload["form_id"], happening.payload["agrees"])
        contact_id = shopping.know_contact(person, at)
        if contact_id is not None:
            milliseconds = int(at.replace(tzinfo=UTC).timestamp() * 1000)
            created = {"eventId": contact_id, "subscriptionType": "contact.creation", "objectId": contact_id,
                       "occurredAt": milliseconds, "portalId": 62515, "appId": 54321, "attemptNumber": 0,
                       "changeSource": "FORM", "subscriptionId": 1}  # fmt: skip
            self.diary.add_posts("hubspot", [(at, created)])

    def _click_visit(self, shopping: Shopping, happening: Happening) -> None:
        person = self._person(shopping, happening.payload["person_id"])
        if person is not None:
            source = Crowd.source_of_link(happening.payload["url"], happening.payload.get("source", ""))
            shopping.visit(person, happening.due_at, **source, device="mobile", browser="Safari",
                           page_views=3, engagement_seconds=60)  # fmt: skip

    def _tell_shop(self, topic: str, at: datetime, body: dict[str, Any]) -> None:
        self._tell("shopify", topic, at, {**body, "updated_at": _iso(at)})

    def _tell(self, hook: str, topic: str, at: datetime, body: dict[str, Any]) -> None:
        self.diary.add_posts(hook, [(at, {"topic": topic, "body": body})])

    # messages

    def _truth(self, shopping: Shopping, address: str, cart_token: str | None) -> Truth:
        """What is true of whoever reads: the owner of the cart, or of the address; of a stranger, the average."""
        cart = shopping.one("select person_id from carts where token = ?", [cart_token]) if cart_token else None
        known = self._people(shopping).find_truth(address, cart["person_id"] if cart else None)
        return known or replace(Truth(), is_bouncing=address.startswith("bounce"))

    def _mail(self, shopping: Shopping, happening: Happening) -> None:
        """An accepted mail starts its course."""
        mail = self.diary.mails("sg_message_id = ?", [happening.payload["id"]])[0]
        body = orjson.loads(mail.body)
        content = "\n".join(str(part.get("value", "")) for part in body["content"])
        identity = {
            "email": mail.to_email,
            "sg_message_id": mail.sg_message_id,
            "smtp-id": f"<{mail.sg_message_id.split('.')[0]}@dmat.example>",
            "category": body["categories"][0] if len(body["categories"]) == 1 else body["categories"],
            **body["custom_args"],
        }
        ordinal = self.diary.mail_ordinal(mail)
        seed = [self.seed, zlib.crc32(mail.to_email.encode()), ordinal]
        letter = read_letter(content, body["headers"])
        person = self._truth(shopping, mail.to_email, letter.cart_token)
        blocked = self.diary.blocked_reason(mail.to_email)
        self.diary.expect(react_to_mail(person, letter, identity, mail.accepted_at, seed, blocked))

    def _mail_event(self, shopping: Shopping, happening: Happening) -> None:
        """An event of a mail: note it, and queue it for the webhook."""
        event = {key: value for key, value in happening.payload.items() if value not in (None, [], "")}
        name = event["event"]
        number = self.diary.read_state("event_number", "0")
        self.diary.write_state("event_number", str(int(number) + 1))
        event["timestamp"] = int(happening.due_at.replace(tzinfo=UTC).timestamp())
        event["sg_event_id"] = f"dmat{self.seed}{int(number):016d}"
        note_event(self.diary, event, happening.due_at)
        if name in BLOCKING:
            self.diary.block(event["email"], BLOCKING[name])
        self.diary.count(f"mail_{name}")
        self.diary.add_posts("sendgrid", [(happening.due_at, event)])

    def _one_click(self, shopping: Shopping, happening: Happening) -> None:
        self.diary.count("one_click")
        self.diary.add_posts("one_click", [(happening.due_at, happening.payload)])

    def _text(self, shopping: Shopping, happening: Happening) -> None:
        """A text message starts its course."""
        message = happening.payload
        seed = [self.seed, zlib.crc32(message["to"].encode()), int(happening.due_at.timestamp())]
        letter = read_letter(message["body"])
        person = self._truth(shopping, message["to"], letter.cart_token)
        identity = {key: value for key, value in message.items() if key not in ("body", "is_free")}
        failure = WINDOW_CLOSED if message.get("is_free") and not self._wrote_lately(message["to"], happening) else 0
        self.diary.expect(react_to_text(person, letter, happening.due_at, seed, identity, failure))

    def _wrote_lately(self, number: str, happening: Happening) -> bool:
        """Whether this person wrote on WhatsApp within the last day: only then a free text arrives."""
        at = self.diary.read_state(f"whatsapp_answer:{number}")
        return bool(at) and happening.due_at < datetime.fromisoformat(at) + LONGEST_PIECE

    def _text_click(self, shopping: Shopping, happening: Happening) -> None:
        self.diary.count("text_click")
        self.diary.add_posts("text_click", [(happening.due_at, happening.payload)])

    def _text_status(self, shopping: Shopping, happening: Happening) -> None:
        message, at = happening.payload, happening.due_at
        if message["channel"] == "whatsapp":
            self.diary.add_posts("whatsapp", [(at, whatsapp_status(message, at))])
        elif message["status"] != "read":
            shopping.change_text(message["sid"], message["status"], at, message.get("error_code"))
            if message.get("callback"):
                self.diary.add_posts("twilio", [(at, {"url": message["callback"], "fields": twilio_status(message)})])

    def _text_answer(self, shopping: Shopping, happening: Happening) -> None:
        message, at = happening.payload, happening.due_at
        if message["channel"] == "whatsapp":
            self.diary.write_state(f"whatsapp_answer:{message['to']}", at.isoformat())
            self.diary.add_posts("whatsapp", [(at, whatsapp_answer(message, at))])
            return
        if message["body"] == "STOP":
            self.diary.block(message["to"], "Unsubscribed Number")
        sid = "SM" + f"{zlib.crc32(message['sid'].encode()):032x}"
        shopping.add_text(sid=sid, to_number=message["from"], from_number=message["to"], body=message["body"],
                          status="received", direction="inbound", created_at=at, sent_at=at, updated_at=at)  # fmt: skip
        fields_ = {"MessageSid": sid, "SmsSid": sid, "AccountSid": message["account"], "From": message["to"],
                   "To": message["from"], "Body": message["body"], "NumMedia": "0"}  # fmt: skip
        self.diary.add_posts("twilio", [(at, {"fields": fields_})])


def _hours(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A stretch of time in hours, since habits change with the hour."""
    while since < until:
        end = min(until, since + HOUR)
        yield since, end
        since = end


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _order_webhook(order: dict[str, Any]) -> dict[str, Any]:
    """The order as Shopify's webhooks give it (the REST form)."""
    return {
        "id": order["order_id"],
        "admin_graphql_api_id": f"gid://shopify/Order/{order['order_id']}",
        "name": f"#{order['order_id']}",
        "email": order["email"],
        "created_at": _iso(order["ordered_at"]),
        "currency": order["currency_code"],
        "total_price": f"{order['total_cents'] / 100:.2f}",
        "checkout_token": order["cart_token"],
        "discount_codes": [{"code": order["discount_code"]}] if order["discount_code"] else [],
    }


def _outlet_webhook(order: dict[str, Any]) -> dict[str, Any]:
    """The order as WooCommerce's webhooks give it, as far as a receiver needs it."""
    return {
        "id": order["order_id"],
        "number": str(order["order_id"]),
        "status": "completed",
        "currency": order["currency_code"],
        "date_created_gmt": _iso(order["ordered_at"])[:-1],
        "total": f"{order['total_cents'] / 100:.2f}",
        "billing": {"email": order["email"]},
    }


def twilio_status(message: dict[str, Any]) -> dict[str, str]:
    """The form of a Twilio status callback."""
    given = {
        "MessageSid": message["sid"], "SmsSid": message["sid"], "MessageStatus": message["status"],
        "SmsStatus": message["status"], "To": message["to"], "From": message["from"],
        "AccountSid": message["account"], "ApiVersion": "2010-04-01",
    }  # fmt: skip
    return given | ({"ErrorCode": str(message["error_code"])} if message.get("error_code") else {})


def _whatsapp_value(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": message["from"], "phone_number_id": message["account"]}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **more}
    return {"object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}]}  # fmt: skip


def whatsapp_status(message: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The status webhook of WhatsApp Cloud; our own data comes back in `biz_opaque_callback_data`."""
    status: dict[str, Any] = {
        "id": message["sid"],
        "status": "failed" if message["status"] == "undelivered" else message["status"],
        "timestamp": str(int(at.replace(tzinfo=UTC).timestamp())),
        "recipient_id": message["to"].lstrip("+"),
    }
    if message.get("opaque"):
        status["biz_opaque_callback_data"] = message["opaque"]
    if message.get("error_code"):
        status["errors"] = [{"code": message["error_code"], "title": "Message was not delivered"}]
    return _whatsapp_value(message, statuses=[status])


def whatsapp_answer(message: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A message that a person writes back."""
    number = message["to"].lstrip("+")
    text = {"from": number, "id": f"{message['sid']}R", "type": "text", "text": {"body": message["body"]},
            "timestamp": str(int(at.replace(tzinfo=UTC).timestamp()))}  # fmt: skip
    return _whatsapp_value(message, contacts=[{"wa_id": number, "profile": {"name": number}}], messages=[text])
