"""How a workspace is connected to the simulated vendors: addresses, keys and webhook secrets.

Belongs here: making the keys and writing `<home>/simulation/connection.env`, which `load_settings` reads. Stays out:
the vendors themselves (`dmat/simulate/vendors`). Keys are made once and kept, so that a workspace may be restarted;
the private half of SendGrid's webhook key stays beside the file and only the vendors' server reads it.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from dmat.settings import VENDORS, Settings
from dmat.simulate.payloads import ORGANIZATION, TWILIO_ACCOUNT

SENDGRID_KEY_FILE = "sendgrid_webhook_key.pem"


def simulation_dir(home: Path) -> Path:
    """Folder of everything that belongs to the make-believe company."""
    return home / "simulation"


def connection_path(home: Path) -> Path:
    """The file that connects a workspace to the simulated vendors."""
    return simulation_dir(home) / "connection.env"


def write_connection(settings: Settings) -> Path:
    """Write `connection.env` for `settings`; keys that are there already are kept, addresses are renewed."""
    path = connection_path(settings.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = _new_keys() | _fixed_names() | _read_env(path) | _addresses(settings)
    values["DMAT_SENDGRID_WEBHOOK_PUBLIC_KEY"] = public_key_text(load_signing_key(settings.home))
    lines = [f"{name}={values[name]}" for name in sorted(values)]
    _write_private(path, "# Simulated vendors: no real company, no real keys.\n" + "\n".join(lines) + "\n")
    return path


def load_signing_key(home: Path) -> ec.EllipticCurvePrivateKey:
    """The private key with which the simulated SendGrid signs its events; made on first use."""
    path = simulation_dir(home) / SENDGRID_KEY_FILE
    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_private(path, pem.decode())
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} does not hold an elliptic-curve key")
    return key


def public_key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The verification key as SendGrid shows it: base64 of the DER."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _addresses(settings: Settings) -> dict[str, str]:
    base = f"http://{settings.host}:{settings.vendors_port}"
    return {f"DMAT_{vendor.upper()}_URL": f"{base}/{vendor}" for vendor in VENDORS}


def _fixed_names() -> dict[str, str]:
    """Account names: not secret, the same in every make-believe company."""
    return {
        "DMAT_TWILIO_ACCOUNT": TWILIO_ACCOUNT,
        "DMAT_TWILIO_SENDER": "+4915999000111",
        "DMAT_WHATSAPP_ACCOUNT": "102290129340398",
        "DMAT_WHATSAPP_PHONE_ID": "106540352242922",
        "DMAT_META_ACCOUNT": "17841405822304914",
        "DMAT_META_AD_ACCOUNT": "act_1202003004005",
        "DMAT_LINKEDIN_ORGANIZATION": ORGANIZATION.rsplit(":", 1)[-1],
        "DMAT_GA4_PROPERTY": "312345678",
        "DMAT_WORDPRESS_USER": "dmat",
    }


def _new_keys() -> dict[str, str]:
    """A fresh key for each vendor, in the form that the vendor gives them."""
    word = secrets.token_hex
    return {
        "DMAT_SHOPIFY_TOKEN": "shpat_" + word(16),
        "DMAT_SHOPIFY_WEBHOOK_SECRET": "shpss_" + word(16),
        "DMAT_WOOCOMMERCE_KEY": "ck_" + word(20),
        "DMAT_WOOCOMMERCE_SECRET": "cs_" + word(20),
        "DMAT_WOOCOMMERCE_WEBHOOK_SECRET": word(16),
        "DMAT_HUBSPOT_TOKEN": "pat-eu1-" + word(16),
        "DMAT_HUBSPOT_WEBHOOK_SECRET": word(16),
        "DMAT_SENDGRID_TOKEN": "SG." + word(11) + "." + word(21),
        "DMAT_TWILIO_TOKEN": word(16),
        "DMAT_WHATSAPP_TOKEN": "EAA" + word(40),
        "DMAT_WHATSAPP_WEBHOOK_SECRET": word(16),
        "DMAT_META_TOKEN": "EAA" + word(40),
        "DMAT_LINKEDIN_TOKEN": "AQ" + word(40),
        "DMAT_GA4_TOKEN": "ya29." + word(40),
        "DMAT_WORDPRESS_TOKEN": word(12),
    }


def _read_env(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = [line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text)
    temporary.chmod(0o600)
    temporary.replace(path)
