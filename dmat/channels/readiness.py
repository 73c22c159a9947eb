"""Whether the provider of a channel has all the settings that it needs, to send and to hear what became of it.

Belongs here: the table of what each needs. Stays out: whether it answers (`dmat/doctor.py`), the provider itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import SecretStr

from dmat.channels.providers import SANDBOX, SANDBOXES, chosen_name
from dmat.settings import Settings


@dataclass(frozen=True)
class Needs:
    """Settings without which nothing can be sent, and those without which its events are refused."""

    to_send: tuple[str, ...]
    to_hear: tuple[str, ...]


EMAIL: Mapping[str, Needs] = MappingProxyType(
    {
        "sendgrid": Needs(("sendgrid_token",), ("sendgrid_webhook_public_key",)),
        "brevo": Needs(("brevo_token",), ("brevo_webhook_token",)),
        "ses": Needs(("ses_access_key", "ses_secret_key"), ("ses_configuration_set", "ses_topic_arn")),
        "postmark": Needs(("postmark_token",), ("postmark_webhook_password",)),
        "resend": Needs(("resend_token",), ("resend_webhook_secret",)),
        "smtp": Needs((), ()),
    }
)
SMS: Mapping[str, Needs] = MappingProxyType(
    {
        "twilio": Needs(("twilio_account", "twilio_token"), ()),  # the token signs the events too
        "vonage": Needs(("vonage_key",), ("vonage_webhook_secret",)),
    }
)
WHATSAPP: Mapping[str, Needs] = MappingProxyType(
    {
        "whatsapp": Needs(("whatsapp_token", "whatsapp_account"), ("whatsapp_webhook_secret",)),
        "twilio": Needs(("twilio_account", "twilio_token"), ()),
    }
)
PUSH: Mapping[str, Needs] = MappingProxyType(
    {
        "fcm": Needs((), ()),
        "onesignal": Needs(("onesignal_key",), ("onesignal_webhook_secret",)),
    }
)
NEEDS: Mapping[str, Mapping[str, Needs]] = MappingProxyType(
    {"email": EMAIL, "sms": SMS, "whatsapp": WHATSAPP, "push": PUSH}
)


@dataclass(frozen=True)
class Readiness:
    """One channel: who takes its messages, and the settings (`DMAT_...`) that are missing."""

    channel: str
    provider: str
    missing_to_send: tuple[str, ...] = ()
    missing_to_hear: tuple[str, ...] = ()

    @property
    def is_sandbox(self) -> bool:
        """Whether nothing really leaves."""
        return self.provider == SANDBOX


def readiness(settings: Settings, channel: str) -> Readiness:
    """How ready a channel is.

    Raises:
        InvalidInputError: it has no providers, or the one that is named cannot be had.
    """
    name = chosen_name(settings, channel)
    needs = NEEDS.get(channel, {}).get(name, Needs((), ()))
    if name == "vonage" and settings.vonage_application:  # a JWT takes the place of key and secret
        needs = Needs(("vonage_private_key_file",), needs.to_hear)
    return Readiness(channel, name, _missing(settings, needs.to_send), _missing(settings, needs.to_hear))


def channels_with_providers() -> tuple[str, ...]:
    """The channels that something can be sent over."""
    return tuple(SANDBOXES)


def _missing(settings: Settings, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"DMAT_{name.upper()}" for name in names if not _text(getattr(settings, name)))


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
