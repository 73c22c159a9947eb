"""Google Ads Customer Match by the Data Manager API v1, which takes the place of the jobs of the Google Ads API.

A list is looked for by its integration code before it is made. People are added and removed 10,000 a request; Google
takes a request in at once and works it off later, so an accepted request is all that we know. Everybody whom we hand
over has agreed, which each request says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import orjson

from dmat.channels.identities import Identity, for_google
from dmat.connectors.contract import Connector, list_of
from dmat.connectors.google_tokens import ServiceAccount
from dmat.connectors.http import VendorHttp
from dmat.errors import InvalidInputError, VendorRefusedError, VendorUnavailableError
from dmat.settings import Settings

if TYPE_CHECKING:
    from dmat.channels.retargeting import Rows, Session

SCOPE = "https://www.googleapis.com/auth/datamanager"
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


class GoogleAds(Connector):
    """The customer lists of one Google Ads account.

    Raises:
        InvalidInputError: the account is not set, or the key file of the service account cannot be read.
    """

    vendor: ClassVar[str] = "google_ads"
    resources: ClassVar[tuple[str, ...]] = ()
    name = "google_ads"
    batch = 10_000

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        if not settings.google_ads_account.isdigit():
            raise InvalidInputError("DMAT_GOOGLE_ADS_ACCOUNT", "is no customer id", "digits only")
        file = settings.google_ads_credentials_file
        self._keys = ServiceAccount(self.vendor, "DMAT_GOOGLE_ADS_CREDENTIALS_FILE", file, SCOPE, client)
        return VendorHttp(self.vendor, settings.google_ads_url, client=client)

    def identify(self, identity: Identity) -> Any | None:
        """See `AudienceProvider.identify`."""
        return for_google(identity)

    def ensure_list(self, key: str, title: str) -> str:
        """See `AudienceProvider.ensure_list`."""
        path, token = f"/v1/accountTypes/GOOGLE_ADS/accounts/{self.settings.google_ads_account}/userLists", ""
        while True:
            following = f"&pageToken={token}" if token else ""
            body = self._read(f"{path}?pageSize=1000{following}")
            lists = list_of(body, "userLists", self.vendor) if body.get("userLists") else []
            for item in lists:
                if item.get("integrationCode") == key:
                    return str(item["id"])
            token = str(body.get("nextPageToken") or "")
            if not token:
                break
        return self._id_of(self._ask(path, list_body(key, title)))

    def add(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """See `AudienceProvider.add`."""
        consent = {"consent": GRANTED, "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"}}
        self._ask("/v1/audienceMembers:ingest", {**members_body(self.settings, vendor_id, rows), **consent})

    def remove(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """See `AudienceProvider.remove`."""
        self._ask("/v1/audienceMembers:remove", members_body(self.settings, vendor_id, rows))

    def _headers(self) -> dict[str, str]:
        login = self.settings.google_ads_login_account
        named = {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{login}"} if login else {}
        return {"Authorization": f"Bearer {self._keys.token()}", **named}

    def _read(self, path: str) -> dict[str, Any]:
        response = self.http.send("GET", path, headers=self._headers())
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise VendorUnavailableError("google_ads answered something that is not JSON") from None
        if not isinstance(body, dict):
            raise self.refused(200, "the answer is no list of lists")
        return body

    def _ask(self, path: str, body: dict[str, Any]) -> httpx.Response:
        try:
            return self.http.send("POST", path, json=body, headers=self._headers())
        except VendorRefusedError as error:
            if error.status == 401:
                self._keys.forget()
            raise

    def _id_of(self, response: httpx.Response) -> str:
        try:
            return str(orjson.loads(response.content)["id"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise self.refused(200, "the answer names no list") from None

    def close(self) -> None:
        """Close the connections."""
        self._keys.close()
        super().close()


def list_body(key: str, title: str) -> dict[str, Any]:
    """The body that makes a list."""
    return {
        "displayName": title,
        "description": "Kept by DMAT; do not change by hand.",
        "integrationCode": key,
        "ingestedUserListInfo": {
            "uploadKeyTypes": ["CONTACT_ID"],
            "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
        },
    }


def members_body(settings: Settings, vendor_id: str, rows: Rows) -> dict[str, Any]:
    """The body that adds or removes people."""
    account = {"accountType": "GOOGLE_ADS", "accountId": settings.google_ads_account}
    login = settings.google_ads_login_account
    destination: dict[str, Any] = {"operatingAccount": account, "productDestinationId": vendor_id}
    if login:
        destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": login}
    return {
        "destinations": [destination],
        "audienceMembers": [{"userData": {"userIdentifiers": row}} for row in rows],
        "encoding": "HEX",
    }
