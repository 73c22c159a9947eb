"""Under test: handing mails to a real SMTP relay that refuses, defers, cuts or loses its answer; each at most once."""

from __future__ import annotations

import email
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import policy
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from mail_relay import mail_relay

from dmat.channels.contract import MailBatch, OutgoingMail, Sought
from dmat.connectors.smtp import Relay, Smtp
from dmat.errors import (
    AmbiguousError,
    DeadAddressError,
    DeferredError,
    InvalidInputError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
    VendorUnreachableError,
)
from dmat.settings import load_settings

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"


def make_mail(number=0, text="Hi", html="<p>Grüße</p>"):
    return OutgoingMail(
        f"{ID[:-2]}{number:02d}", f"p{number}@example.com", "Änn", "hello@shop.example", "The Shop", "Grüße", html,
        text, {"List-Unsubscribe": "<https://api.example/u/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        reply_to="answers@shop.example",
    )  # fmt: skip


@pytest.fixture
def connect(tmp_path):
    """`connect(port, ...)` -> a relay's provider, with little patience."""
    opened = []

    def make(port, scheme="smtp+plain", seconds=5.0, **settings):
        found = load_settings(tmp_path, smtp_url=f"{scheme}://127.0.0.1:{port}", **settings)
        found.clock.set(datetime(2026, 3, 4, 12))
        provider = Smtp(found, reply_seconds=seconds, data_seconds=seconds)
        opened.append(provider)
        return provider

    yield make
    for provider in opened:
        provider.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A context for the relay, and the file of who signed it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.example")])
    start = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, start + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "ca.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context, str(folder / "ca.pem")


def test_a_mail_arrives_whole_and_once(connect):
    text = "Hi\n.\n..two dots\n-- \nthe end"
    with mail_relay() as relay:
        assert "queued as q-1" in connect(relay.port, bounce_email="bounces@shop.example").send(make_mail(text=text))
    [(sender, recipients, raw)] = relay.mails
    assert (sender, recipients) == ("bounces@shop.example", ["p0@example.com"])
    message = email.message_from_bytes(raw, policy=policy.default)
    assert (message["Subject"], message["From"]) == ("Grüße", "The Shop <hello@shop.example>")
    assert message["Message-ID"] == f"<{ID[:-2]}00@shop.example>"
    assert message["List-Unsubscribe"] == "<https://api.example/u/1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Reply-To"] == "answers@shop.example"
    assert message["Date"] == "Wed, 04 Mar 2026 12:00:00 +0000"
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n").strip() == text
    assert message.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"


def test_without_a_bounce_address_bounces_go_to_the_sender(connect):
    with mail_relay() as relay:
        connect(relay.port).send(make_mail())
    assert relay.mails[0][0] == "hello@shop.example"


def test_connections_are_kept_and_shared(connect):
    with mail_relay() as relay:
        provider = connect(relay.port, smtp_connections=3)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: provider.send(make_mail(number)), range(40)))
    assert sorted(recipients[0] for _, recipients, _ in relay.mails) == sorted(f"p{n}@example.com" for n in range(40))
    assert 1 <= relay.sessions <= 3


@pytest.mark.parametrize(("step", "reply", "error", "status"), [
    ("mail", "421 4.3.2 closing", VendorUnavailableError, None),
    ("mail", "451 4.3.0 not now", RateLimitedError, None),
    ("mail", "452 4.3.1 disk is full", RateLimitedError, None),
    ("mail", "530 5.7.0 sign in first", VendorRefusedError, 401),
    ("mail", "550 5.7.1 you may not send as this", VendorRefusedError, 403),
    ("rcpt", "450 4.2.0 greylisted", DeferredError, None),
    ("rcpt", "452 4.2.2 mailbox full", DeferredError, None),
    ("rcpt", "550 5.1.1 no such user", DeadAddressError, 550),
    ("rcpt", "550 5.7.1 we do not like you", VendorRefusedError, 550),
    ("rcpt", "554 no", VendorRefusedError, 554),
    ("data", "451 4.3.0 not now", RateLimitedError, None),
    ("data", "554 5.6.0 spam", VendorRefusedError, 554),
    ("data", "552 5.3.4 too big", VendorRefusedError, 552),
    ("mail", "cut", VendorUnavailableError, None),
    ("rcpt", "cut", VendorUnavailableError, None),
    ("mail", "silent", VendorUnavailableError, None),
    ("rcpt", "silent", VendorUnavailableError, None),
    ("data", "cut", AmbiguousError, None),
    ("data", "silent", AmbiguousError, None),
    ("taken", "cut", AmbiguousError, None),
    ("taken", "silent", AmbiguousError, None),
    ("taken", "251 odd", AmbiguousError, None),
])  # fmt: skip
def test_each_reply_means_what_it_means_and_the_mail_is_handed_over_once(connect, step, reply, error, status):
    with mail_relay() as relay:
        relay.replies[step] = reply
        provider = connect(relay.port, seconds=0.4 if reply == "silent" else 5.0)
        with pytest.raises(error) as caught:
            provider.send(make_mail())
        assert type(caught.value) is error
        assert getattr(caught.value, "status", None) == status
        assert len(relay.mails) == (1 if step == "taken" else 0)


def test_after_a_refusal_the_next_mail_leaves(connect):
    with mail_relay() as relay:
        relay.replies["rcpt p0@example.com"] = "550 5.1.1 no such user"
        provider = connect(relay.port)
        with pytest.raises(DeadAddressError):
            provider.send(make_mail(0))
        provider.send(make_mail(1))
    assert [recipients for _, recipients, _ in relay.mails] == [["p1@example.com"]]
    assert relay.sessions == 1


def test_a_connection_that_went_away_while_it_rested_costs_no_mail(connect):
    with mail_relay() as relay:
        provider = connect(relay.port)
        provider.send(make_mail(0))
        relay.replies["mail"] = "421 4.4.2 idle for too long"
        with pytest.raises(VendorUnavailableError):
            provider.send(make_mail(1))  # the new connection hears the same
        relay.replies.clear()
        provider.send(make_mail(1))
    assert [recipients[0] for _, recipients, _ in relay.mails] == ["p0@example.com", "p1@example.com"]


def test_where_nobody_listens_nothing_has_left(connect):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(VendorUnreachableError):
        connect(port).send(make_mail())


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mails_and_passwords_travel_encrypted(connect, certificate, scheme):
    context, authority = certificate
    with mail_relay(context, is_tls=scheme == "smtps", wants_sign_in=True) as relay:
        provider = connect(relay.port, scheme, smtp_ca_file=authority, smtp_user="dmat", smtp_password="hush")
        provider.send(make_mail())
    assert relay.was_encrypted == [True]
    assert relay.signed_in == ["dmat"]


def test_a_wrong_password_is_no_fault_of_the_mail(connect, certificate):
    context, authority = certificate
    with mail_relay(context, wants_sign_in=True) as relay:
        provider = connect(relay.port, "smtp", smtp_ca_file=authority, smtp_user="dmat", smtp_password="wrong-one")
        with pytest.raises(VendorRefusedError) as caught:
            provider.send(make_mail())
    assert caught.value.status == 401
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_relay_that_cannot_prove_who_it_is_gets_nothing(connect, certificate, scheme):
    with mail_relay(certificate[0], is_tls=scheme == "smtps") as relay, pytest.raises(VendorUnavailableError):
        connect(relay.port, scheme, seconds=2.0).send(make_mail())
    assert relay.mails == []


def test_a_relay_without_encryption_gets_nothing_unless_that_is_wanted(connect):
    with mail_relay() as relay, pytest.raises(VendorUnavailableError):
        connect(relay.port, "smtp").send(make_mail())
    assert relay.mails == []


def test_a_password_never_leaves_this_machine_in_the_clear(tmp_path):
    with pytest.raises(InvalidInputError, match="clear"):
        Smtp(load_settings(tmp_path, smtp_url="smtp+plain://relay.example", smtp_user="dmat"))


@pytest.mark.parametrize("url", ["", "relay.example:25", "http://relay.example", "smtp://", "smtp://u:p@relay.example",
                                 "smtp://relay.example/path", "smtp://relay.example:port"])  # fmt: skip
def test_an_address_that_is_none_is_named(tmp_path, url):
    with pytest.raises(InvalidInputError, match="DMAT_SMTP_URL"):
        Smtp(load_settings(tmp_path, smtp_url=url))


def test_ports_have_their_usual_numbers():
    assert [Relay.parse(f"{scheme}://x.example").port for scheme in ("smtp", "smtps", "smtp+plain")] == [587, 465, 25]


def test_a_relay_takes_no_batches_and_cannot_be_asked(connect):
    provider = connect(1)
    with pytest.raises(InvalidInputError):
        provider.send_batch(MailBatch("a@b.example", "", "", "", "", []))
    with pytest.raises(VendorRefusedError):
        provider.find_message(Sought(ID))


@pytest.mark.parametrize("changes", [{"to_email": "a@b.example>\r\nRSET"}, {"to_email": "ü@example.com"}])
def test_nobody_can_put_a_command_into_an_address(connect, changes):
    from dataclasses import replace

    with mail_relay() as relay, pytest.raises((VendorRefusedError, InvalidInputError)):
        connect(relay.port).send(replace(make_mail(), **changes))
    assert relay.mails == []
