"""Amazon SES: hands over one e-mail at a time (API v2, SendEmail with the mail as MIME), signed with Signature v4.

SES has neither an idempotency key nor a lookup. Our message id travels as an e-mail tag and comes back in every event
of the configuration set, by way of SNS; an ambiguous mail is resolved by such an event only.
botocore computes the signature and nothing else; the request is ours.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Generator
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dmat.channels.contract import Abilities, OutgoingMail, Sought
from dmat.channels.mime import as_bytes
from dmat.connectors.contract import Connector
from dmat.connectors.http import VendorHttp
from dmat.connectors.mail_answers import arguments_of, json_answer, one_by_one, refused_account
from dmat.errors import InvalidInputError, VendorRefusedError
from dmat.settings import Settings

NOT_OUR_MAIL = ("SendingPausedException", "AccountSuspendedException", "MailFromDomainNotVerifiedException",
                "LimitExceededException", "not verified")  # fmt: skip
_UNFIT_FOR_A_TAG = re.compile(r"[^A-Za-z0-9_-]")
MOST_TAGS = 10


class Ses(Connector):
    """Sends through one account and region; safe to share between threads."""

    vendor: ClassVar[str] = "ses"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "ses"
    channel = "email"
    abilities = Abilities(in_flight=32, tracks_clicks=True)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        secret = settings.ses_secret_key
        signer = AwsSignature(settings.ses_access_key, secret.get_secret_value(), region_of(settings))
        return AwsHttp(self.vendor, settings.ses_url, auth=signer, secrets=[secret], client=client)

    def send(self, message: OutgoingMail) -> str:
        """Hand over one mail, once, and give SES's message id.

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted; only an event can tell.
            VendorRefusedError: 4xx, the mail or the key is wrong; 403 also for an account that may not send.
        """
        body = mail_body(message, self.settings.ses_configuration_set)
        try:
            response = self.http.send("POST", "/v2/email/outbound-emails", json=body)
        except VendorRefusedError as error:
            raise refused_account(error, NOT_OUR_MAIL) from None
        return str(json_answer(response).get("MessageId", ""))

    send_batch = one_by_one

    def find_message(self, sought: Sought) -> str | None:
        """SES cannot be asked.

        Raises:
            VendorRefusedError: always.
        """
        raise VendorRefusedError(self.vendor, 501, "messages cannot be looked up; an event tells")


def mail_body(mail: OutgoingMail, configuration_set: str = "") -> dict[str, Any]:
    """The body of `POST /v2/email/outbound-emails`; tags take letters, digits, `_` and `-` only."""
    tags = [tuple(_UNFIT_FOR_A_TAG.sub("-", text)[:256] for text in pair) for pair in arguments_of(mail).items()]
    body: dict[str, Any] = {
        "FromEmailAddress": mail.from_email,
        "Destination": {"ToAddresses": [mail.to_email]},
        "Content": {"Raw": {"Data": base64.b64encode(as_bytes(mail)).decode()}},
        "EmailTags": [{"Name": name, "Value": value} for name, value in tags[:MOST_TAGS]],
    }
    if configuration_set:
        body["ConfigurationSetName"] = configuration_set
    return body


def region_of(settings: Settings) -> str:
    """The region that requests are signed for.

    Raises:
        InvalidInputError: the setting is empty and the address names none.
    """
    host = urlsplit(settings.ses_url).hostname or ""
    found = re.fullmatch(r"email(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?", host)
    region = settings.ses_region or (found.group(1) if found else "")
    if not region:
        raise InvalidInputError("DMAT_SES_REGION", "it is empty and DMAT_SES_URL names no region", "e.g. eu-central-1")
    return region


class AwsHttp(VendorHttp):
    """AWS names the kind of an error in a header."""

    def explain(self, response: httpx.Response) -> str:
        """See `VendorHttp.explain`."""
        return f"{response.headers.get('x-amzn-errortype', '')} {response.text}"


class AwsSignature(httpx.Auth):
    """Signs a request as it leaves, over its body."""

    requires_request_body = True

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._signer = SigV4Auth(Credentials(access_key, secret_key), "ses", region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`."""
        signed = AWSRequest(request.method, str(request.url), headers={"Host": request.url.netloc.decode()})
        signed.headers["Content-Type"] = request.headers["Content-Type"]
        signed.data = request.content
        self._signer.add_auth(signed)
        for name in ("Authorization", "X-Amz-Date"):
            request.headers[name] = signed.headers[name]
        yield request
