"""Every signature against a known answer: the vendors' own examples where they publish one."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dmat.simulate.connection import public_key_text
from dmat.simulate.vendors import signatures

# published with SendGrid's own event webhook library
SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu"
    "/1FwCM/QmGUhA=="
)
SENDGRID_SIGNATURE = "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0="
SENDGRID_BODY = b'{"category":"example_payload","event":"test_event","message_id":"message_id"}'


def verifies(key_text: str, signature: str, timestamp: str, body: bytes) -> bool:
    """SendGrid's way to verify, which its published vector confirms below."""
    key = load_der_public_key(base64.b64decode(key_text))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(base64.b64decode(signature), timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def test_the_way_sendgrid_is_verified_accepts_the_vendors_own_vector() -> None:
    assert verifies(SENDGRID_KEY, SENDGRID_SIGNATURE, "1588788367", SENDGRID_BODY)
    assert not verifies(SENDGRID_KEY, SENDGRID_SIGNATURE, "1588788368", SENDGRID_BODY)


def test_sendgrid_signatures_of_the_simulated_vendor_verify_in_that_way() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signature = signatures.sign_sendgrid(key, "1588788367", SENDGRID_BODY)
    assert verifies(public_key_text(key), signature, "1588788367", SENDGRID_BODY)
    assert not verifies(public_key_text(key), signature, "1588788367", SENDGRID_BODY + b" ")


def test_twilio_signs_as_in_the_vector_of_its_own_library() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212",
        "Caller": "+14158675309",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signatures.sign_twilio("12345", url, fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_meta_signs_as_in_the_published_example_of_x_hub_signature_256() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signatures.sign_meta("It's a Secret to Everybody", b"Hello, World!") == expected


@pytest.mark.parametrize("sign", [signatures.sign_shopify, signatures.sign_woocommerce])
def test_shops_sign_the_raw_body_with_hmac_sha256_in_base64(sign) -> None:  # type: ignore[no-untyped-def]
    # RFC 4231, test case 2
    expected = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    assert sign("Jefe", b"what do ya want for nothing?") == base64.b64encode(expected).decode()


def test_hubspot_signs_method_address_body_and_timestamp() -> None:
    text = b"POSThttps://x.test/h{}1700000000000"
    expected = base64.b64encode(hmac.new(b"sec", text, hashlib.sha256).digest()).decode()
    assert signatures.sign_hubspot("sec", "POST", "https://x.test/h", b"{}", "1700000000000") == expected
