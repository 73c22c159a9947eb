"""How a person reacts to a message, as their hidden truth says.

Belongs here: from (truth, message, moment) to the things that will happen: delivery, bounces, opens by machines and by
people around their best hour, clicks, an order of the cart, unsubscribing, complaining. Stays out: making them happen
(`world.py`) and posting them (`vendors/webhooks.py`).

Planted effect: a delivered recovery mail adds `recovery_effect`, plus `discount_effect` when it carries a code, to the
`return_rate` with which people come back by themselves; whoever orders because of it opens and clicks it first. So the
difference between mailed and held-out carts is the truth, thinned by bounces only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dmat.simulate.diary import Happening

CART_LINK = re.compile(r"/checkouts/ac/([A-Za-z0-9_-]+)/recover")
CODE = re.compile(r"[?&;]discount=([A-Za-z0-9_-]+)")
LINK = re.compile(r"""href=["'](https?://[^"']+)["']""")
PLAIN_LINK = re.compile(r"""https?://[^\s"'<>\\]+""")
UNSUBSCRIBE_WORDS = ("unsubscribe", "preferences", "mailto:")
TEXT_CLICKS = 0.8  # a text is read by nearly everybody, and clicked by as many as click in an opened mail, or fewer
MACHINE_AGENT = "Mozilla/5.0"
SCANNER_AGENT = "Mozilla/5.0 (compatible; LinkProtect/4.2)"
HUMAN_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile",
)


@dataclass(frozen=True)
class Truth:
    """What is true of one person; the defaults are those of somebody the company does not know."""

    person_id: int | None = None
    time_zone: str = "UTC"
    best_hour: int = 18
    return_rate: float = 0.0
    open_rate: float = 0.33
    click_rate: float = 0.15
    recovery_effect: float = 0.0
    discount_effect: float = 0.0
    sms_effect: float = 0.0
    unsubscribe_rate: float = 0.003
    complaint_rate: float = 0.0003
    reply_rate: float = 0.02
    is_machine_opener: bool = False
    is_bouncing: bool = False
    is_scanned: bool = False

    def pull(self, effect: float) -> float:
        """Chance that a message makes somebody order who would not have come back: so the effects add up."""
        return effect / (1 - self.return_rate) if self.return_rate < 1 else 0.0


@dataclass(frozen=True)
class Letter:
    """What a person sees of a message: its links, its cart, its code."""

    links: tuple[str, ...]
    cart_token: str | None
    code: str | None
    unsubscribe_url: str | None = None

    @property
    def main_link(self) -> str:
        """Where most readers click."""
        carts = [link for link in self.links if CART_LINK.search(link)]
        return (carts or list(self.links) or [""])[0]


def read_letter(content: str, headers: dict[str, Any] | None = None) -> Letter:
    """The links in a mail's HTML (or in a text message, where they stand bare)."""
    text = content.replace("&amp;", "&")
    found = LINK.findall(text) or [link.rstrip(".,;:!?)") for link in PLAIN_LINK.findall(text)]
    links = tuple(link for link in found if not any(word in link.lower() for word in UNSUBSCRIBE_WORDS))
    cart, code = CART_LINK.search(text), CODE.search(text)
    listed = {name.lower(): str(value) for name, value in (headers or {}).items()}
    url = re.search(r"<(https?://[^>]+)>", listed.get("list-unsubscribe", ""))
    has_one_click = "one-click" in listed.get("list-unsubscribe-post", "").lower()
    return Letter(
        links, cart[1] if cart else None, code[1] if code else None, url[1] if url and has_one_click else None
    )


@dataclass
class Reaction:
    """The course of one mail: what will happen, in no particular order."""

    person: Truth
    letter: Letter
    identity: dict[str, Any]
    rng: np.random.Generator
    happenings: list[Happening] = field(default_factory=list)

    def seconds(self, low: float, high: float) -> timedelta:
        """A random time between two bounds."""
        return timedelta(seconds=float(self.rng.uniform(low, high)))

    def happens(self, probability: float) -> bool:
        """A draw."""
        return bool(self.rng.random() < probability)

    def event(self, name: str, at: datetime, **more: Any) -> None:
        """One event of the vendor at a moment."""
        self.happenings.append(Happening(at, "mail_event", {**self.identity, "event": name, **more}))


def react_to_mail(
    person: Truth, letter: Letter, identity: dict[str, Any], accepted_at: datetime, seed: list[int], blocked: str | None
) -> list[Happening]:
    """Everything that will happen because of one mail; `identity` is what each event carries of the mail."""
    course = Reaction(person, letter, identity, np.random.default_rng(seed))
    if blocked is not None:
        course.event("dropped", accepted_at + course.seconds(0.2, 1), reason=blocked, status="5.0.0")
        return course.happenings
    course.event("processed", accepted_at + course.seconds(0.2, 1))
    if person.is_bouncing:
        course.event("bounce", accepted_at + course.seconds(2, 15), type="bounce", status="5.1.1",
                     reason="550 5.1.1 The email account that you tried to reach does not exist.")  # fmt: skip
        return course.happenings
    delivered_at = accepted_at + course.seconds(1.5, 6)
    if course.happens(0.01):
        course.event("deferred", delivered_at, response="451 4.7.1 Try again later", attempt="1")
        delivered_at += course.seconds(600, 2400)
    course.event("delivered", delivered_at, response="250 2.0.0 OK", ip="203.0.113.25", tls=1)
    _machines(course, delivered_at)
    _people(course, delivered_at)
    return course.happenings


def _machines(course: Reaction, delivered_at: datetime) -> None:
    if course.person.is_machine_opener and course.happens(0.95):
        course.event("open", delivered_at + course.seconds(5, 300), useragent=MACHINE_AGENT, ip="17.58.101.12",
                     sg_machine_open=True)  # fmt: skip
    if course.person.is_scanned:
        at = delivered_at + course.seconds(1, 4)
        for link in course.letter.links[:10]:
            course.event("click", at, url=link, useragent=SCANNER_AGENT, ip="198.51.100.77")


def _people(course: Reaction, delivered_at: datetime) -> None:
    person, letter = course.person, course.letter
    effect = person.recovery_effect + (person.discount_effect if letter.code else 0.0)
    orders = letter.cart_token is not None and course.happens(person.pull(effect))
    opens = orders or course.happens(person.open_rate)
    clicks = orders or (opens and bool(letter.main_link) and course.happens(person.click_rate))
    leaves, complains = course.happens(person.unsubscribe_rate), course.happens(person.complaint_rate)
    if not (opens or leaves or complains):
        return
    opened_at = reading_moment(person, delivered_at, course.rng)
    agent = {"useragent": HUMAN_AGENTS[int(course.rng.integers(len(HUMAN_AGENTS)))], "ip": "192.0.2.44"}
    course.event("open", opened_at, sg_machine_open=False, **agent)
    if clicks:
        clicked_at = opened_at + course.seconds(8, 180)
        course.event("click", clicked_at, url=letter.main_link, **agent)
        course.happenings.append(_visit(course, clicked_at))
        if orders:
            due = clicked_at + course.seconds(240, 2400)
            course.happenings.append(Happening(due, "order", {"token": letter.cart_token, "code": letter.code}))
    elif complains:
        course.event("spamreport", opened_at + course.seconds(10, 120))
    elif leaves:
        _leave(course, opened_at + course.seconds(10, 120))


def _visit(course: Reaction, at: datetime) -> Happening:
    return Happening(at, "click_visit", {"person_id": course.person.person_id, "url": course.letter.main_link})


def _leave(course: Reaction, at: datetime) -> None:
    """Unsubscribe: by the mail program's one-click button where there is one, else by the vendor's link."""
    if course.letter.unsubscribe_url:
        body = {"url": course.letter.unsubscribe_url}
        course.happenings.append(Happening(at, "one_click", body))
    else:
        course.event("unsubscribe", at)


def reading_moment(person: Truth, delivered_at: datetime, rng: np.random.Generator) -> datetime:
    """When a reader opens: soon, if it is about their best hour or by chance; else around their next best hour."""
    local = delivered_at.replace(tzinfo=UTC).astimezone(ZoneInfo(person.time_zone))
    hour = local.hour + local.minute / 60
    distance = abs((hour - (person.best_hour + 0.5) + 12) % 24 - 12)
    if distance <= 1.5 or rng.random() < 0.4:
        return delivered_at + timedelta(seconds=20 + float(rng.exponential(1800)))
    hours = (person.best_hour + 0.5 + float(rng.normal(0, 0.6)) - hour) % 24
    return delivered_at + timedelta(hours=max(0.02, hours))


def react_to_text(
    person: Truth, letter: Letter, sent_at: datetime, seed: list[int], identity: dict[str, Any], failure: int = 0
) -> list[Happening]:
    """What will happen because of one SMS or WhatsApp message: statuses, a click, an order of the cart, an answer.

    Args:
        person: who reads it.
        letter: its links.
        sent_at: when it was taken.
        seed: of the draws.
        identity: what each status carries of the message.
        failure: the vendor's error with which it fails whoever reads it; 0: none.
    """
    rng = np.random.default_rng(seed)
    moment = sent_at + timedelta(seconds=float(rng.uniform(0.3, 1)))
    happenings = [Happening(moment, "text_status", {**identity, "status": "sent"})]
    moment += timedelta(seconds=float(rng.uniform(1, 6)))
    if person.is_bouncing or failure:
        failed = {**identity, "status": "undelivered", "error_code": failure or 30003}
        return [Happening(moment, "text_status", failed)] if failure else [
            *happenings, Happening(moment, "text_status", failed),
        ]  # fmt: skip
    happenings.append(Happening(moment, "text_status", {**identity, "status": "delivered"}))
    moment += timedelta(seconds=float(rng.exponential(600)))
    happenings.append(Happening(moment, "text_status", {**identity, "status": "read"}))
    orders = bool(letter.links) and rng.random() < person.pull(person.sms_effect)
    if rng.random() < person.reply_rate:
        answer = "STOP" if rng.random() < 0.5 else "Thank you!"
        happenings.append(Happening(moment + timedelta(seconds=40), "text_answer", {**identity, "body": answer}))
    if orders or (letter.links and rng.random() < TEXT_CLICKS * person.click_rate):
        clicked_at = moment + timedelta(seconds=float(rng.uniform(3, 60)))
        wait = float(rng.uniform(240, 2400)) if orders else 0.0
        click = {"url": letter.main_link, "agent": HUMAN_AGENTS[0], "person_id": person.person_id, "wait": wait}
        happenings.append(Happening(clicked_at, "text_click", click))
    return happenings


def follow_text_link(click: dict[str, Any], target: str, at: datetime) -> list[Happening]:
    """What comes of a click in a text once it is seen where the link leads: a visit, and an order of the cart there.

    Args:
        click: the payload of `text_click`.
        target: the address at the end of the link.
        at: when it was clicked.
    """
    visit = {"person_id": click["person_id"], "url": target, "source": "text"}
    happenings = [Happening(at, "click_visit", visit)]
    cart, code = CART_LINK.search(target), CODE.search(target)
    if click["wait"] and cart:
        order = {"token": cart[1], "code": code[1] if code else None}
        happenings.append(Happening(at + timedelta(seconds=click["wait"]), "order", order))
    return happenings
