"""Where visits come from: the traffic channels with their share, their campaigns and their hidden strength.

Belongs here: the list of channels, and what advertising on them costs.
Stays out: drawing visits (`traffic.py`) and the days of spend (`media.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Channel:
    """One way to the shop; `strength` multiplies a person's chance that a visit ends in an order (truth)."""

    name: str
    source: str
    medium: str
    share: float
    strength: float
    campaigns: tuple[str, ...]
    platform: str = ""
    click_cents: int = 0


_UNPAID = ("(not set)",)
CHANNELS: tuple[Channel, ...] = (
    Channel("organic search", "google", "organic", 0.26, 1.00, ("(organic)",)),
    Channel("direct", "(direct)", "(none)", 0.20, 1.30, ("(direct)",)),
    Channel("paid search", "google", "cpc", 0.17, 1.10, ("brand", "generic", "shopping"), "google", 140),
    Channel("paid social", "facebook", "paid_social", 0.10, 0.65, ("prospecting", "retargeting", "lookalike"),
            "meta", 95),
    Channel("organic social", "instagram", "social", 0.09, 0.50, _UNPAID),
    Channel("business social", "linkedin", "paid_social", 0.03, 0.80, ("offices", "gifting"), "linkedin", 450),
    Channel("other search", "bing", "organic", 0.03, 0.90, ("(organic)",)),
    Channel("referral", "partner-blog.example", "referral", 0.07, 0.95, ("(referral)",)),
    Channel("video", "tiktok", "social", 0.05, 0.35, _UNPAID),
    Channel("email", "newsletter", "email", 0.00, 1.60, ()),
)  # fmt: skip
EMAIL = len(CHANNELS) - 1
CAMPAIGNS: tuple[str, ...] = tuple(dict.fromkeys(campaign for channel in CHANNELS for campaign in channel.campaigns))
DEVICES = ("mobile", "desktop", "tablet")
BROWSERS = ("Chrome", "Safari", "Firefox", "Edge", "Samsung Internet")
LANDING_PAGES = ("/", "/collections/all", "/collections/sale", "/products", "/journal", "/business", "/about")


def channel_shares() -> np.ndarray:
    """Share of each channel among visits that are drawn (e-mail visits come from clicks instead), adding to 1."""
    shares = np.array([channel.share for channel in CHANNELS])
    return np.asarray(shares / shares.sum())


def channel_strengths() -> np.ndarray:
    """Multiplier of each channel, scaled so that the average drawn visit has 1."""
    strengths = np.array([channel.strength for channel in CHANNELS])
    return np.asarray(strengths / float((strengths * channel_shares()).sum()))


def draw_campaigns(rng: np.random.Generator, channel: np.ndarray) -> np.ndarray:
    """Index in `CAMPAIGNS` for each visit's channel; -1 for e-mail, whose campaign is the mailing."""
    sizes = np.array([max(len(c.campaigns), 1) for c in CHANNELS])
    width = int(sizes.max())
    table = np.full((len(CHANNELS), width), -1)
    for row, each in enumerate(CHANNELS):
        table[row, : len(each.campaigns)] = [CAMPAIGNS.index(name) for name in each.campaigns]
    return np.asarray(table[channel, (rng.random(len(channel)) * sizes[channel]).astype(np.int64)])
