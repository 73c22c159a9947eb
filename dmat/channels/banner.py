"""Placements on the site: what is shown there, to whom, on which pages, how often; and which banners a visitor gets.

Belongs here: the shape of a placement, keeping it, and choosing. Stays out: in-app messages of people
(`in_app.py`), what was seen (`seen.py`), the doors (`apps/api/web.py`), the script (`apps/api/site`).

Content is plain text in fields, never markup: the script puts it into the page as text.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError, NotFoundError
from dmat.messages.links import is_web_address
from dmat.store.engine import rows_of, upsert
from dmat.store.tables import programmes
from dmat.store.web_tables import web_placements

FIELDS = {"title": 200, "body": 1000, "button_text": 80, "url": 2000, "image_url": 2000, "image_alt": 300}
POSITIONS = {"banner": ("top", "bottom", "corner"), "in_app": ("modal", "full_screen", "slide_in")}
MOST_PATTERNS, LONGEST_PATTERN = 50, 300
_SPACE = uuid.UUID("6f1f2a1c-5f0e-5c8b-9d7e-2f6b0d1e4a77")


@dataclass(frozen=True)
class Placement:
    """Something on the site.

    Attributes:
        content: `title`, `body`, `button_text`, `url`, `image_url`, `image_alt`; empty for an in-app message whose
            words come from its template.
        position: one of `POSITIONS` of the channel.
        include: paths such as `/` or `/sale/*`; none means every page.
        exclude: paths on which it is never shown.
        cap_count: times that one visitor sees it at most within `cap_days`.
        share: share of visitors (0 to 1) who may see it; raising it adds visitors and takes none away.
        weight: against the other variants of the step.
        priority: of several for one position, the highest is shown.
    """

    channel: str
    programme: str
    programme_version: int
    step: str
    content: Mapping[str, str] = field(default_factory=dict)
    variant: str = ""
    position: str = "top"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cap_count: int = 3
    cap_days: int = 7
    share: float = 1.0
    weight: float = 1.0
    priority: int = 0

    @property
    def placement_id(self) -> str:
        """It follows from what it belongs to, so that putting it twice puts it once."""
        parts = (self.programme, str(self.programme_version), self.step, self.variant)
        return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))


def put_placement(connection: Connection, placement: Placement, now: datetime) -> str:
    """Show something from now on, inside the caller's transaction; give its id.

    Other versions of the same step are taken off. Doing it twice changes nothing; a share that was changed since stays.

    Raises:
        InvalidInputError: a field that cannot be.
    """
    row = _row(checked(placement), now)
    table = web_placements.c
    other = sa.and_(
        table.programme == placement.programme, table.step == placement.step,
        table.programme_version != placement.programme_version,
    )  # fmt: skip
    connection.execute(sa.update(web_placements).where(other, table.is_active).values(is_active=False, updated_at=now))
    statement = upsert(connection, web_placements).values(row)
    kept = {name: value for name, value in row.items() if name != "share"}
    connection.execute(statement.on_conflict_do_update(index_elements=["placement_id"], set_=kept))
    return placement.placement_id


def stop_placements(connection: Connection, programme: str, step: str = "", *, now: datetime) -> int:
    """Take what a step, or a whole programme, shows off the site; gives how many were on it."""
    table = web_placements.c
    query = sa.update(web_placements).where(table.programme == programme, table.is_active)
    if step:
        query = query.where(table.step == step)
    return int(connection.execute(query.values(is_active=False, updated_at=now)).rowcount)


def set_share(connection: Connection, programme: str, step: str, share: float, now: datetime) -> float:
    """Show a step's banner to another share of visitors (kept within 0 and 1); gives the share that is now.

    Raises:
        NotFoundError: the step shows nothing.
    """
    kept = min(max(share, 0.0), 1.0)
    table = web_placements.c
    query = sa.update(web_placements).where(table.programme == programme, table.step == step, table.is_active)
    if not connection.execute(query.values(share=kept, updated_at=now)).rowcount:
        raise NotFoundError(f"step {step} of {programme} shows nothing on the site")
    return kept


def shares(connection: Connection, programme: str) -> dict[str, float]:
    """Step -> share, for what a programme shows now."""
    table = web_placements.c
    query = sa.select(table.step, table.share).where(table.programme == programme, table.is_active)
    return {row.step: row.share for row in connection.execute(query)}


def live_placements(connection: Connection, now: datetime) -> list[Placement]:
    """What may be shown now: active, within its dates, its programme not paused."""
    table = web_placements.c
    paused = sa.select(programmes.c.programme).where(programmes.c.is_paused)
    query = sa.select(web_placements).where(
        table.is_active,
        sa.or_(table.starts_at.is_(None), table.starts_at <= now),
        sa.or_(table.ends_at.is_(None), table.ends_at > now),
        table.programme.not_in(paused),
        (table.programme + "/" + table.channel).not_in(paused),
    )
    return [_placement(row) for row in rows_of(connection, query.order_by(table.placement_id))]


def find_placement(connection: Connection, placement_id: str) -> Placement | None:
    """One placement, also one that is over."""
    found = rows_of(connection, sa.select(web_placements).where(web_placements.c.placement_id == placement_id))
    return _placement(found[0]) if found else None


def checked(placement: Placement) -> Placement:
    """The placement, if it can be shown.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    allowed = POSITIONS.get(placement.channel, ())
    if placement.position not in allowed:
        raise InvalidInputError("position", f"{placement.position!r} is unknown", ", ".join(allowed))
    for name in ("share", "weight"):
        if not 0 <= getattr(placement, name) <= 1:
            raise InvalidInputError(name, f"{getattr(placement, name)} is out of range", "0 to 1")
    if placement.cap_count < 1 or not 1 <= placement.cap_days <= 366:
        raise InvalidInputError("cap", "it is out of range", "at least once, in 1 to 366 days")
    patterns = (*placement.include, *placement.exclude)
    if len(patterns) > MOST_PATTERNS or any(not _is_pattern(each) for each in patterns):
        raise InvalidInputError("pages", "these are not paths", f"at most {MOST_PATTERNS} such as / or /sale/*")
    if placement.channel == "banner" or placement.content:
        check_content(placement.content)
    return placement


def check_content(content: Mapping[str, str]) -> None:
    """Refuse content that cannot be shown safely.

    Raises:
        InvalidInputError: an unknown or too long field, no words at all, or a link that is no web address.
    """
    for name, text in content.items():
        if name not in FIELDS or not isinstance(text, str):
            raise InvalidInputError(f"content.{name}", "there is no such text", ", ".join(FIELDS))
        if len(text) > FIELDS[name] or "\x00" in text:
            raise InvalidInputError(f"content.{name}", "it is too long", f"{FIELDS[name]} characters")
    if not (content.get("title") or content.get("body")):
        raise InvalidInputError("content.title", "it says nothing", "a title or a body")
    for name in ("url", "image_url"):
        if content.get(name) and not is_safe_link(content[name]):
            raise InvalidInputError(f"content.{name}", "it is no address", "https://... or a path such as /sale")


def is_safe_link(url: str) -> bool:
    """A web address, or a path of the site itself; never a script or another site in disguise."""
    if re.search(r"[\x00-\x20\x7f\\]", url):
        return False
    return is_web_address(url) or (url.startswith("/") and not url.startswith("//"))


def _is_pattern(pattern: str) -> bool:
    return pattern.startswith(("/", "*")) and len(pattern) <= LONGEST_PATTERN


@lru_cache(maxsize=2048)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` stands for anything; runs of it are one, so that no pattern takes long."""
    parts = re.split(r"\*+", pattern)
    return re.compile("[^?#]*?".join(re.escape(part) for part in parts))


def is_on_page(placement: Placement, path: str) -> bool:
    """Whether it belongs on the page with this path."""
    if any(_compiled(each).fullmatch(path) for each in placement.exclude):
        return False
    return not placement.include or any(_compiled(each).fullmatch(path) for each in placement.include)


def choose_variant(variants: Sequence[Placement], visitor: str) -> Placement:
    """The variant of a step that a visitor always gets."""
    ordered = sorted(variants, key=lambda each: each.variant)
    point = draw(f"variant:{ordered[0].programme}:{ordered[0].step}", visitor) * sum(each.weight for each in ordered)
    for each in ordered:
        point -= each.weight
        if point < 0:
            return each
    return ordered[-1]


def choose_banners(
    placements: Iterable[Placement], visitor: str, path: str, is_full: Mapping[str, bool]
) -> list[Placement]:
    """The banners that a visitor gets on a page: at most one at each position.

    Args:
        placements: what is live.
        visitor: the id of the visitor's browser; the same id always gets the same answer.
        path: of the page.
        is_full: placement id -> whether the visitor saw it often enough or closed it.
    """
    steps: dict[tuple[str, str], list[Placement]] = {}
    for each in placements:
        if each.channel == "banner" and is_on_page(each, path):
            steps.setdefault((each.programme, each.step), []).append(each)
    chosen: dict[str, Placement] = {}
    for (programme, step), variants in sorted(steps.items()):
        mine = choose_variant(variants, visitor)
        if is_full.get(mine.placement_id) or draw(f"share:{programme}:{step}", visitor) >= mine.share:
            continue
        other = chosen.get(mine.position)
        if other is None or mine.priority > other.priority:
            chosen[mine.position] = mine
    return [chosen[position] for position in POSITIONS["banner"] if position in chosen]


def draw(salt: str, visitor: str) -> float:
    """A number from 0 to 1 that is always the same for a visitor and independent between salts."""
    digest = hashlib.sha256(f"{salt}:{visitor}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _row(placement: Placement, now: datetime) -> dict[str, Any]:
    same = ("channel", "programme", "programme_version", "step", "variant", "starts_at", "ends_at", "cap_count",
            "cap_days", "share", "weight", "priority")  # fmt: skip
    return {name: getattr(placement, name) for name in same} | {
        "placement_id": placement.placement_id,
        "is_active": True,
        "content": dict(placement.content),
        "look": {"position": placement.position},
        "pages": {"include": list(placement.include), "exclude": list(placement.exclude)},
        "updated_at": now,
    }


def _placement(row: Mapping[str, Any]) -> Placement:
    same = {name: row[name] for name in Placement.__dataclass_fields__ if name in row}
    pages = row["pages"]
    return Placement(
        **same, position=row["look"]["position"], include=tuple(pages["include"]), exclude=tuple(pages["exclude"])
    )
