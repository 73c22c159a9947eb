"""Under test: tokens of machines. Shown once, kept as a hash, limited to scopes, over when they are over."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON

from dmat.errors import InvalidInputError, NotFoundError, NotPermittedError
from dmat.store.access import ROLE_SCOPES, SCOPES, Caller, caller_of_user
from dmat.store.tables import api_tokens
from dmat.store.tokens import caller_of_token, create_token, list_tokens, revoke_token
from dmat.store.users import User
from dmat.store.workspace_values import read_audit

READS = ["segments:read"]


def test_a_token_opens_with_its_scopes_and_no_others(both_stores):
    secret = create_token(both_stores, "crm", ["segments:read", "people:read"], "ann@shop.example", now=NOON)
    caller = caller_of_token(both_stores, secret, NOON)
    assert caller == Caller("token:crm", frozenset({"segments:read", "people:read"}))
    with pytest.raises(NotPermittedError, match=r"segments:write.*admin, marketer"):
        caller.require("segments:write")


def test_the_secret_is_nowhere_in_the_store(both_stores):
    secret = create_token(both_stores, "crm", READS, "ann@shop.example", now=NOON)
    with both_stores.read() as connection:
        row = str(connection.execute(sa.select(api_tokens)).all())
    assert secret not in row
    assert secret not in str(read_audit(both_stores))


@pytest.mark.parametrize("wrong", ["", "dmat_", "dmat_guess", "no prefix", "dmat_" + "x" * 10_000])
def test_a_guess_opens_nothing(store, wrong):
    create_token(store, "crm", READS, "ann@shop.example", now=NOON)
    assert caller_of_token(store, wrong, NOON) is None


def test_a_token_ends_with_its_days_or_when_it_is_revoked(store):
    short = create_token(store, "short", READS, "ann@shop.example", days=1, now=NOON)
    long = create_token(store, "long", READS, "ann@shop.example", now=NOON)
    tomorrow = NOON + timedelta(days=1, seconds=1)
    assert caller_of_token(store, short, NOON) is not None
    assert caller_of_token(store, short, tomorrow) is None
    assert caller_of_token(store, long, tomorrow) is not None
    revoke_token(store, "long", "ann@shop.example", NOON)
    revoke_token(store, "long", "ann@shop.example", NOON)
    assert caller_of_token(store, long, NOON) is None
    assert [line["action"] for line in read_audit(store)].count("token revoked") == 1


def test_the_list_says_when_a_token_was_last_used_to_the_minute(store):
    secret = create_token(store, "crm", READS, "ann@shop.example", now=NOON)
    for seconds in (0, 30, 90):
        caller_of_token(store, secret, NOON + timedelta(seconds=seconds))
    [token] = list_tokens(store)
    assert (token.name, token.scopes, token.last_used_at) == (
        "crm",
        ("segments:read",),
        NOON + timedelta(seconds=90),
    )


@pytest.mark.parametrize(("changes", "field", "allowed"), [
    ({"name": "CRM"}, "name", "a-z"), ({"name": "x" * 101}, "name", "at most 100"), ({"name": ""}, "name", "a-z"),
    ({"scopes": []}, "scope", "segments:read"), ({"scopes": ["segments:*"]}, "scope", "people:export"),
    ({"days": 0}, "days", "1 to 3650"), ({"name": "taken"}, "name", "not taken"),
])  # fmt: skip
def test_a_token_that_cannot_be_made_says_which_field_and_what_is_allowed(store, changes, field, allowed):
    create_token(store, "taken", READS, "ann@shop.example")
    with pytest.raises(InvalidInputError) as caught:
        create_token(store, **({"name": "crm", "scopes": READS, "by": "ann@shop.example"} | changes))
    assert caught.value.field == field
    assert allowed in caught.value.allowed


def test_revoking_what_is_not_there_is_an_error(store):
    with pytest.raises(NotFoundError):
        revoke_token(store, "nothing", "ann@shop.example")


def test_each_role_has_scopes_and_sales_changes_nothing_but_leads_and_notes():
    def scopes(role):
        return caller_of_user(User(1, "a@shop.example", "", role)).scopes

    assert scopes("admin") == scopes("marketer") == frozenset(SCOPES)
    assert "segments:write" not in scopes("sales")
    assert "people:export" not in scopes("sales")
    assert {scope for scope in scopes("sales") if not scope.endswith(":read")} == {"leads:write", "people:write"}
    assert not {"people:read", "people:export"} & scopes("analyst")
    assert all(ROLE_SCOPES[role] <= frozenset(SCOPES) for role in ROLE_SCOPES)
