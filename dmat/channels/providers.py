"""Which provider takes the messages of a channel: the named one, else the connected one, else a sandbox.

Belongs here: the one table of providers, in the order in which a connected one is chosen. Stays out: vendors
(`dmat/connectors`) and sandboxes (`dmat/channels/sandbox.py`); each is imported when it is opened and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dmat.channels.contract import Provider
from dmat.errors import InvalidInputError
from dmat.settings import Settings

SANDBOX = "sandbox"
Opener = Callable[[Settings], Provider]


def _sendgrid(settings: Settings) -> Provider:
    from dmat.connectors.sendgrid import SendGrid

    return SendGrid(settings)


def _brevo(settings: Settings) -> Provider:
    from dmat.connectors.brevo import Brevo

    return Brevo(settings)


def _ses(settings: Settings) -> Provider:
    from dmat.connectors.ses import Ses

    return Ses(settings)


def _postmark(settings: Settings) -> Provider:
    from dmat.connectors.postmark import Postmark

    return Postmark(settings)


def _resend(settings: Settings) -> Provider:
    from dmat.connectors.resend import Resend

    return Resend(settings)


def _smtp(settings: Settings) -> Provider:
    from dmat.connectors.smtp import Smtp

    return Smtp(settings)


def _mail_sandbox(settings: Settings) -> Provider:
    from dmat.channels.sandbox import MailSandbox

    return MailSandbox(settings.home / SANDBOX / "email")


def _twilio_sms(settings: Settings) -> Provider:
    from dmat.connectors.twilio import TwilioTexts

    return TwilioTexts(settings, "sms")


def _twilio_whatsapp(settings: Settings) -> Provider:
    from dmat.connectors.twilio import TwilioTexts

    return TwilioTexts(settings, "whatsapp")


def _whatsapp(settings: Settings) -> Provider:
    from dmat.connectors.whatsapp import WhatsApp

    return WhatsApp(settings)


def _vonage(settings: Settings) -> Provider:
    from dmat.connectors.vonage import Vonage

    return Vonage(settings)


def _fcm(settings: Settings) -> Provider:
    from dmat.connectors.fcm import Fcm

    return Fcm(settings)


def _onesignal(settings: Settings) -> Provider:
    from dmat.connectors.onesignal import OneSignal

    return OneSignal(settings)


def _outgoing_webhook(settings: Settings) -> Provider:
    from dmat.connectors.outgoing_webhook import OutgoingWebhook

    return OutgoingWebhook(settings)


def _folder_sandbox(channel: str) -> Opener:
    def opened(settings: Settings) -> Provider:
        from dmat.channels.folder_sandbox import FolderSandbox

        return FolderSandbox(channel, settings.home / SANDBOX / channel)

    return opened


# channel -> name -> how it is opened; of those that are connected, the first one is taken
VENDORS: Mapping[str, Mapping[str, Opener]] = MappingProxyType(
    {
        "email": {
            "sendgrid": _sendgrid,
            "brevo": _brevo,
            "ses": _ses,
            "postmark": _postmark,
            "resend": _resend,
            "smtp": _smtp,
        },
        "sms": {"twilio": _twilio_sms, "vonage": _vonage},
        "whatsapp": {"whatsapp": _whatsapp, "twilio": _twilio_whatsapp},
        "push": {"fcm": _fcm, "onesignal": _onesignal},
        "webhook": {"outgoing_webhook": _outgoing_webhook},
    }
)
# what a connected vendor needs besides, to take a channel: a setting that is not empty
NEEDS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("sms", "twilio"): "twilio_sender",
        ("sms", "vonage"): "vonage_sender",
        ("whatsapp", "whatsapp"): "whatsapp_phone_id",
        ("whatsapp", "twilio"): "twilio_whatsapp_sender",
        ("push", "fcm"): "fcm_credentials_file",
        ("push", "onesignal"): "onesignal_app",
        ("webhook", "outgoing_webhook"): "outgoing_webhook_secret",
    }
)
SANDBOXES: Mapping[str, Opener] = MappingProxyType(
    {
        "email": _mail_sandbox,
        "sms": _folder_sandbox("sms"),
        "whatsapp": _folder_sandbox("whatsapp"),
        "push": _folder_sandbox("push"),
        "webhook": _folder_sandbox("webhook"),
    }
)


def provider_names(channel: str) -> tuple[str, ...]:
    """The providers that a channel may have, the sandbox last.

    Raises:
        InvalidInputError: no provider is known for this channel.
    """
    if channel not in SANDBOXES:
        raise InvalidInputError("channel", f"{channel!r} has no providers", ", ".join(SANDBOXES))
    return (*VENDORS.get(channel, {}), SANDBOX)


def chosen_name(settings: Settings, channel: str) -> str:
    """The provider that `DMAT_<CHANNEL>_PROVIDER` names, else the first that is connected, else `sandbox`.

    Raises:
        InvalidInputError: the setting names none of the channel, or one that is not connected.
    """
    names = provider_names(channel)
    named = str(getattr(settings, f"{channel}_provider", ""))
    field = f"DMAT_{channel.upper()}_PROVIDER"
    if named and named not in names:
        raise InvalidInputError(field, f"{named!r} is not a provider of {channel}", ", ".join(names))
    if named and named != SANDBOX and (missing := missing_setting(settings, channel, named)):
        raise InvalidInputError(field, f"{named} is not connected", f"set {missing} too")
    return named or next((n for n in names if n != SANDBOX and not missing_setting(settings, channel, n)), SANDBOX)


def missing_setting(settings: Settings, channel: str, name: str) -> str:
    """The first setting that a vendor still needs before it can take a channel; empty when it can."""
    if not settings.is_connected(name):
        return f"DMAT_{name.upper()}_URL"
    needed = NEEDS.get((channel, name), "")
    return f"DMAT_{needed.upper()}" if needed and not getattr(settings, needed) else ""


def open_provider(settings: Settings, channel: str) -> Provider:
    """Open the provider that takes the messages of `channel`; close it when done.

    Raises:
        InvalidInputError: see `chosen_name`.
    """
    name = chosen_name(settings, channel)
    return SANDBOXES[channel](settings) if name == SANDBOX else VENDORS[channel][name](settings)


def is_sandbox(provider: Provider) -> bool:
    """Whether nothing really leaves."""
    return provider.name == SANDBOX
