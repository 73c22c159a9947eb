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


def _mail_sandbox(settings: Settings) -> Provider:
    from dmat.channels.sandbox import MailSandbox

    return MailSandbox(settings.home / SANDBOX / "email")


# channel -> name -> how it is opened; of those that are connected, the first one is taken
VENDORS: Mapping[str, Mapping[str, Opener]] = MappingProxyType(
    {
        "email": {"sendgrid": _sendgrid},
    }
)
SANDBOXES: Mapping[str, Opener] = MappingProxyType(
    {
        "email": _mail_sandbox,
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
    if named and named != SANDBOX and not settings.is_connected(named):
        raise InvalidInputError(field, f"{named} is not connected", f"set DMAT_{named.upper()}_URL too")
    return named or next((name for name in names if name != SANDBOX and settings.is_connected(name)), SANDBOX)


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
