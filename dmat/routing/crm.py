"""What each CRM is told of a lead: who has it, and what became of it, in that CRM's own fields.

Belongs here: the CRMs that there are, their kinds of push, their stages and payloads. Stays out: when something is told
(`handing.py`, `deals.py`), pushing (`dmat/scoring/pushing.py`), the vendors (`dmat/connectors`).
A rep has one owner id; its form says which CRM it is of.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from dmat.routing.reps import Rep
from dmat.scoring.leads import Lead
from dmat.scoring.live import Score
from dmat.scoring.matrix import SEEDS
from dmat.scoring.pushing import HUBSPOT, HUBSPOT_DEAL, SALESFORCE, SALESFORCE_OPPORTUNITY
from dmat.scoring.words import explain
from dmat.settings import Settings

LONGEST_NOTE = 2000
_SALESFORCE_USER = re.compile(r"005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_CLOSES_IN = timedelta(days=30)


@dataclass(frozen=True)
class Crm:
    """One CRM.

    Attributes:
        vendor: its name, as settings call it.
        record, deal: the kinds of push of a lead and of its deal.
        stages: status of a lead -> stage of the deal that it has then.
        record_of: what it is told of a lead that somebody got.
        deal_of: what it is told of a lead that sales qualified; takes the lead and the owner's id.
    """

    vendor: str
    record: str
    deal: str
    stages: Mapping[str, str]
    record_of: Callable[[Lead, Score, Rep], dict[str, Any]]
    deal_of: Callable[[Lead, str], dict[str, Any]]


def _hubspot_owner(owner: str) -> str:
    return "" if _SALESFORCE_USER.fullmatch(owner) else owner


def _salesforce_owner(owner: str) -> str:
    return owner if _SALESFORCE_USER.fullmatch(owner) else ""


@cache
def _country_names() -> dict[str, str]:
    with open(SEEDS / "country_defaults.csv", encoding="utf-8", newline="") as file:
        return {row["country_code"]: row["country_name"].replace(" & ", " and ") for row in csv.DictReader(file)}


def country_name(code: str) -> str:
    """A country in English, as lists of CRMs have it; a code that is not known stays as it is."""
    return _country_names().get(code, code)


def deal_name(lead: Lead) -> str:
    """The name of a deal; it carries the number of the lead, by which the deal is found again."""
    end = f" (lead {lead.lead_id})"
    return f"{(lead.company_name or lead.name or lead.email)[: 120 - len(end)]}{end}"


def hubspot_contact(lead: Lead, score: Score, rep: Rep) -> dict[str, Any]:
    """The contact: standard properties of HubSpot; the owner when the rep has one there."""
    first, _, last = lead.name.partition(" ")
    properties = {
        "firstname": first, "lastname": last, "phone": lead.phone, "company": lead.company_name,
        "jobtitle": lead.job_title, "country": lead.country_code, "state": lead.region,
        "lifecyclestage": "marketingqualifiedlead", "hs_lead_status": "NEW",
        "hubspot_owner_id": _hubspot_owner(rep.crm_owner_id), "message": explain(score)[:LONGEST_NOTE],
    }  # fmt: skip
    return {"email": lead.email, "properties": properties}


def hubspot_deal(lead: Lead, owner: str) -> dict[str, Any]:
    """The deal: standard properties and stages of HubSpot's default pipeline."""
    closed = f"{lead.status_at:%Y-%m-%dT%H:%M:%SZ}" if lead.status in ("won", "lost") else ""
    properties = {
        "dealstage": HUBSPOT_STAGES[lead.status], "pipeline": "default", "hubspot_owner_id": _hubspot_owner(owner),
        "closedate": closed,
    }  # fmt: skip
    return {"email": lead.email, "name": deal_name(lead), "properties": properties}


def salesforce_lead(lead: Lead, score: Score, rep: Rep) -> dict[str, Any]:
    """The lead: standard fields of Salesforce; the owner when the rep is a user there."""
    first, _, last = lead.name.rpartition(" ")
    fields = {
        "FirstName": first[:40], "LastName": last[:80], "Phone": lead.phone[:40], "Company": lead.company_name,
        "Title": lead.job_title[:128], "Industry": lead.industry[:40], "Country": country_name(lead.country_code),
        "State": lead.region[:80], "LeadSource": "Web", "OwnerId": _salesforce_owner(rep.crm_owner_id),
        "Description": explain(score)[:LONGEST_NOTE],
    }  # fmt: skip
    return {"email": lead.email, "fields": fields}


def salesforce_opportunity(lead: Lead, owner: str) -> dict[str, Any]:
    """The opportunity: standard fields and stages; an open one is expected to close in thirty days."""
    closes = lead.status_at if lead.status in ("won", "lost") else lead.status_at + _CLOSES_IN
    fields = {
        "StageName": SALESFORCE_STAGES[lead.status], "CloseDate": f"{closes:%Y-%m-%d}", "LeadSource": "Web",
        "OwnerId": _salesforce_owner(owner),
    }  # fmt: skip
    last_name = lead.name.rpartition(" ")[2] or lead.email.partition("@")[0]
    return {"email": lead.email, "name": deal_name(lead), "last_name": last_name, "fields": fields}


HUBSPOT_STAGES = {"qualified": "qualifiedtobuy", "won": "closedwon", "lost": "closedlost"}
SALESFORCE_STAGES = {"qualified": "Qualification", "won": "Closed Won", "lost": "Closed Lost"}
CRMS = (
    Crm("hubspot", HUBSPOT, HUBSPOT_DEAL, HUBSPOT_STAGES, hubspot_contact, hubspot_deal),
    Crm("salesforce", SALESFORCE, SALESFORCE_OPPORTUNITY, SALESFORCE_STAGES, salesforce_lead, salesforce_opportunity),
)


def connected_crms(settings: Settings) -> list[Crm]:
    """The CRMs that are told."""
    return [crm for crm in CRMS if settings.is_connected(crm.vendor)]
