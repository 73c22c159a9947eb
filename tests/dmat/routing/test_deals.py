"""Under test: a lead that sales qualified has one deal in the CRM, whose stage follows it; twice is one deal."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import httpx
import orjson
import pytest
from lead_world import LEAD_NOON, hire, hot, route

from dmat.connectors.hubspot import HubSpot, deal_body, deal_search
from dmat.errors import VendorRefusedError
from dmat.routing.deals import plan_deals
from dmat.scoring.leads import set_status, take_in
from dmat.scoring.pushing import (
    HUBSPOT,
    HUBSPOT_DEAL,
    SALESFORCE,
    SALESFORCE_OPPORTUNITY,
    push_due,
    pushes_of,
)
from dmat.settings import load_settings

KINDS = (HUBSPOT, HUBSPOT_DEAL, SALESFORCE, SALESFORCE_OPPORTUNITY)
DEAL = {
    "email": "john@example.com",
    "name": "Acme (lead 1)",
    "properties": {"dealstage": "qualifiedtobuy", "closedate": ""},
}


class Crm:
    """A CRM in memory that answers as HubSpot does."""

    def __init__(self, **strange):
        self.deals, self.asked, self.strange = {}, [], strange

    def __call__(self, request):
        body = orjson.loads(request.content)
        self.asked.append((request.method, request.url.path))
        if request.url.path.endswith("batch/upsert"):
            return httpx.Response(200, json={"results": [{"id": "77"}]})
        if request.url.path.endswith("search"):
            name = body["filterGroups"][0]["filters"][0]["value"]
            found = [{"id": key} for key, deal in self.deals.items() if deal["dealname"] == name]
            return httpx.Response(200, json={"total": len(found), "results": found})
        number = request.url.path.rpartition("/")[2] if request.method == "PATCH" else str(900 + len(self.deals))
        self.deals[number] = self.deals.get(number, {}) | body["properties"]
        return httpx.Response(201, json=self.strange.get("answer", {"id": number}))

    def connect(self, tmp_path):
        settings = load_settings(tmp_path, hubspot_url="https://hubspot.example", hubspot_token="pat-1")
        client = httpx.Client(transport=httpx.MockTransport(self), base_url="https://hubspot.example")
        return HubSpot(settings, client=client)


def test_a_deal_is_made_once_with_its_contact_and_then_changed(tmp_path):
    crm = Crm()
    hubspot = crm.connect(tmp_path)
    first = hubspot.put_deal(DEAL)
    again = hubspot.put_deal(DEAL | {"properties": {"dealstage": "closedwon"}})
    assert (first, again, len(crm.deals)) == ("900", "900", 1)
    assert crm.deals["900"] == {"dealname": "Acme (lead 1)", "dealstage": "closedwon"}
    assert crm.asked[2] == ("POST", "/crm/v3/objects/deals")
    assert crm.asked[-1] == ("PATCH", "/crm/v3/objects/deals/900")


def test_an_answer_without_a_number_is_refused(tmp_path):
    with pytest.raises(VendorRefusedError, match="names no deal"):
        Crm(answer={}).connect(tmp_path).put_deal(DEAL)


def test_who_is_qualified_has_a_deal_that_follows_until_won(lead_world):
    world = lead_world
    world.settings = world.settings.model_copy(update={"hubspot_url": "https://hubspot.example"})
    hire(world, "john", crm_owner_id="42")
    number = hot(world, company_name="Acme")
    route(world)
    assert plan_deals(world.settings, world.store, LEAD_NOON) == 0  # contacted or new: no deal yet
    set_status(world.store, number, "qualified", LEAD_NOON, "john")
    assert [plan_deals(world.settings, world.store, LEAD_NOON) for _ in range(2)] == [1, 0]
    told = []
    ways = {HUBSPOT_DEAL: lambda payload: told.append(payload) or "900"}
    push_due(world.store, ways, LEAD_NOON)
    set_status(world.store, number, "won", LEAD_NOON, "john")
    assert plan_deals(world.settings, world.store, LEAD_NOON) == 1
    push_due(world.store, ways, LEAD_NOON)
    assert [(each["name"], each["properties"]["dealstage"]) for each in told] == [
        (f"Acme (lead {number})", "qualifiedtobuy"), (f"Acme (lead {number})", "closedwon"),
    ]  # fmt: skip
    assert told[0]["properties"]["hubspot_owner_id"] == "42"
    assert [row["state"] for row in pushes_of(world.store, number) if row["kind"] == HUBSPOT_DEAL] == ["done", "done"]


def test_an_older_status_that_still_waits_does_not_set_the_stage_back(lead_world):
    settings = lead_world.settings.model_copy(update={"hubspot_url": "https://hubspot.example"})
    lead, _ = take_in(lead_world.store, {"email": "yes@example.com"}, LEAD_NOON, "ann")
    for status in ("qualified", "won"):
        set_status(lead_world.store, lead.lead_id, status, LEAD_NOON, "ann")
        plan_deals(settings, lead_world.store, LEAD_NOON)
    told = []
    push_due(lead_world.store, {HUBSPOT_DEAL: lambda payload: told.append(payload) or "900"}, LEAD_NOON)
    assert [each["properties"]["dealstage"] for each in told] == ["closedwon"]


def test_a_deal_that_was_lost_is_open_again_when_the_lead_is_qualified_again(lead_world):
    world = lead_world
    world.settings = world.settings.model_copy(update={"hubspot_url": "https://hubspot.example"})
    lead, _ = take_in(world.store, {"email": "yes@example.com"}, LEAD_NOON, "ann")
    told = []
    for day, status in enumerate(("qualified", "lost", "qualified", "won")):
        now = LEAD_NOON + timedelta(days=day)
        set_status(world.store, lead.lead_id, status, now, "ann")
        assert [plan_deals(world.settings, world.store, now) for _ in range(2)] == [1, 0]
        push_due(world.store, {HUBSPOT_DEAL: lambda payload: told.append(payload) or "900"}, now)
    assert [each["properties"]["dealstage"] for each in told] == [
        "qualifiedtobuy", "closedlost", "qualifiedtobuy", "closedwon",
    ]  # fmt: skip


def test_who_was_lost_before_was_never_a_deal(lead_world):
    settings = lead_world.settings.model_copy(update={"hubspot_url": "https://hubspot.example"})
    lead, _ = take_in(lead_world.store, {"email": "no@example.com"}, LEAD_NOON, "ann")
    set_status(lead_world.store, lead.lead_id, "lost", LEAD_NOON, "ann")
    assert plan_deals(settings, lead_world.store, LEAD_NOON) == 0


def test_without_a_crm_nothing_is_planned(lead_world):
    lead, _ = take_in(lead_world.store, {"email": "yes@example.com"}, LEAD_NOON, "ann")
    set_status(lead_world.store, lead.lead_id, "won", LEAD_NOON, "ann")
    assert plan_deals(lead_world.settings, lead_world.store, LEAD_NOON) == 0


def test_each_connected_crm_has_its_own_deal_with_its_own_stages_and_owner(lead_world):
    world = lead_world
    both = {"hubspot_url": "https://hubspot.example", "salesforce_url": "https://acme.my.salesforce.example"}
    world.settings = world.settings.model_copy(update=both)
    hire(world, "john", crm_owner_id="005000000000001")
    number = hot(world, company_name="A" * 200, name="Jo van Dyk", email="jo@example.com", country_code="AG")
    route(world)
    set_status(world.store, number, "qualified", LEAD_NOON, "john")
    assert [plan_deals(world.settings, world.store, LEAD_NOON) for _ in range(2)] == [2, 0]
    told = {}
    push_due(world.store, {kind: partial(keep, told, kind) for kind in KINDS}, LEAD_NOON)
    assert {kind: (deal.get("fields") or deal["properties"]) for kind, deal in told.items()} == {
        "hubspot": told["hubspot"]["properties"],
        "hubspot_deal": {
            "dealstage": "qualifiedtobuy", "pipeline": "default", "hubspot_owner_id": "", "closedate": "",
        },
        "salesforce": told["salesforce"]["fields"],
        "salesforce_opportunity": {
            "StageName": "Qualification", "CloseDate": "2026-04-03", "LeadSource": "Web", "OwnerId": "005000000000001",
        },
    }  # fmt: skip
    assert told["salesforce_opportunity"]["name"] == told["hubspot_deal"]["name"]
    assert told["salesforce_opportunity"]["name"].endswith(f"A (lead {number})")
    assert len(told["salesforce_opportunity"]["name"]) == 120
    assert told["salesforce_opportunity"]["last_name"] == "Dyk"
    lead = told["salesforce"]["fields"]
    assert (lead["FirstName"], lead["LastName"], lead["OwnerId"]) == ("Jo van", "Dyk", "005000000000001")
    assert lead["Country"] == "Antigua and Barbuda"
    assert told["hubspot"]["properties"]["hubspot_owner_id"] == ""


def keep(told, kind, payload):
    told[kind] = payload
    return "1"


@pytest.mark.shared
def test_what_we_ask_agrees_with_the_models_of_hubspot(shared_dir):
    import jsonschema_rs

    document = orjson.loads((shared_dir / "contracts" / "hubspot" / "crm_models_from_sdk.json").read_bytes())
    definitions = document["modules"]["deals"]
    bodies = {"PublicObjectSearchRequest": deal_search("x"),
              "SimplePublicObjectInputForCreate": deal_body("x", {"dealstage": "closedwon"}, "77")}  # fmt: skip
    for name, body in bodies.items():
        if name in definitions:
            jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": definitions}).validate(body)
    assert "SimplePublicObjectInputForCreate" in definitions
