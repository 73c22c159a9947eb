"""Amazon SNS, as the messenger of SES: its signing certificates, and confirming the subscription of our webhook.

Belongs here: the two addresses of Amazon's that are visited, and the rule which addresses those may be. Stays out: what
is signed and what events say (`dmat/channels/vendors/ses.py`).

An address is visited only when it is https, at `sns.<region of our topic>.amazonaws.com`, and of the documented form;
no redirect is followed. A certificate is kept; after a failure none is fetched for five seconds, so that nobody can
keep us fetching.
"""

from __future__ import annotations

import re
import threading
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dmat.errors import UnverifiedError, VendorUnavailableError

SECONDS = 3.0
PAUSE_SECONDS = 5.0
MOST_CERTIFICATES = 16
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_keys: dict[str, rsa.RSAPublicKey] = {}
_lock = threading.Lock()
_failed_at = [float("-inf")]


def host_of_topic(topic_arn: str) -> str:
    """The host of SNS that a topic (`arn:aws:sns:<region>:...`) is on.

    Raises:
        UnverifiedError: it is not the name of a topic.
    """
    found = re.fullmatch(r"arn:aws(-cn|-us-gov)?:sns:([a-z0-9-]{6,30}):\d{12}:[A-Za-z0-9_.-]{1,260}", topic_arn)
    if not found:
        raise UnverifiedError("DMAT_SES_TOPIC_ARN is not the name of a topic (arn:aws:sns:region:account:name)")
    return f"sns.{found.group(2)}.amazonaws.com" + (".cn" if found.group(1) == "-cn" else "")


def certificate_key(url: str, topic_arn: str, epoch: float) -> rsa.RSAPublicKey:
    """The public key of a signing certificate, fetched once.

    Raises:
        UnverifiedError: the address is not one of Amazon's certificates, or it cannot be fetched now.
    """
    parsed = urlsplit(url)
    is_theirs = parsed.scheme == "https" and parsed.netloc == host_of_topic(topic_arn) and not parsed.query
    if not is_theirs or not _CERTIFICATE.fullmatch(parsed.path):
        raise UnverifiedError("the certificate is not at the address that Amazon keeps them at")
    with _lock:
        if url in _keys:
            return _keys[url]
        if epoch - _failed_at[0] < PAUSE_SECONDS:
            raise UnverifiedError("the certificate could not be fetched a moment ago")
        try:
            pem = _fetch(url)
            remember(url, pem)
        except (httpx.HTTPError, ValueError) as error:
            _failed_at[0] = epoch
            raise UnverifiedError(f"the certificate cannot be fetched: {type(error).__name__}") from None
        return _keys[url]


def remember(url: str, pem: bytes) -> None:
    """Keep a certificate's key.

    Raises:
        ValueError: it is not a certificate with an RSA key.
    """
    key = x509.load_pem_x509_certificate(pem).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")
    if len(_keys) >= MOST_CERTIFICATES:
        _keys.clear()
    _keys[url] = key


def _fetch(url: str) -> bytes:
    answer = httpx.get(url, timeout=SECONDS, follow_redirects=False)
    answer.raise_for_status()
    if answer.status_code != 200:
        raise ValueError("no certificate")
    return answer.content[:20_000]


def is_signed(key: rsa.RSAPublicKey, signature: bytes, text: bytes, version: str) -> bool:
    """Whether the signature (version 1: SHA-1, 2: SHA-256) is of this text."""
    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(version)
    if algorithm is None:
        return False
    try:
        key.verify(signature, text, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def confirmation_url(url: str, topic_arn: str) -> str:
    """The address that confirms a subscription, after a look at it.

    Raises:
        UnverifiedError: it does not confirm our topic at Amazon.
    """
    parsed = urlsplit(url)
    asked = parse_qs(parsed.query)
    is_theirs = parsed.scheme == "https" and parsed.netloc == host_of_topic(topic_arn) and parsed.path in ("", "/")
    if not is_theirs or asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [topic_arn]:
        raise UnverifiedError("the address does not confirm the subscription of our topic at Amazon")
    return url


def confirm_subscription(url: str, topic_arn: str, client: httpx.Client | None = None) -> None:
    """Visit the address of a verified SubscriptionConfirmation.

    Raises:
        UnverifiedError: see `confirmation_url`.
        VendorUnavailableError: Amazon did not take it; it asks again.
    """
    checked = confirmation_url(url, topic_arn)
    try:
        asking = client.get if client else httpx.get
        status = asking(checked, timeout=SECONDS, follow_redirects=False).status_code
    except httpx.HTTPError as error:
        raise VendorUnavailableError(f"the subscription is not confirmed: {type(error).__name__}") from None
    if status != 200:
        raise VendorUnavailableError(f"the subscription is not confirmed: Amazon answered {status}")
