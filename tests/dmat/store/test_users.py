"""Under test: who may enter. Passwords are kept as argon2id, tokens as hashes, guessing is slowed down."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON

from dmat.errors import InvalidInputError
from dmat.store import users
from dmat.store.tables import sign_ins
from dmat.store.tables import users as users_table
from dmat.store.workspace_values import read_audit

PASSWORD = "a long enough secret"


@pytest.fixture
def ann(both_stores):
    return users.create_user(both_stores, "Ann@Shop.example", PASSWORD, "admin", "Ann")


def test_the_right_password_lets_in_and_the_wrong_one_does_not(both_stores, ann):
    assert users.authenticate(both_stores, " ann@shop.example ", PASSWORD) == ann
    assert users.authenticate(both_stores, "ann@shop.example", "another secret") is None
    assert users.authenticate(both_stores, "nobody@shop.example", PASSWORD) is None


def test_a_password_is_kept_as_argon2id_only(both_stores, ann):
    with both_stores.read() as connection:
        kept = connection.execute(sa.select(users_table.c.password_hash)).scalar_one()
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


def test_guessing_is_slowed_down_even_for_the_right_password(both_stores, ann):
    for _ in range(users.FREE_ATTEMPTS):
        assert users.authenticate(both_stores, ann.email, "a wrong guess", NOON) is None
    assert users.authenticate(both_stores, ann.email, PASSWORD, NOON + timedelta(seconds=1)) is None
    later = NOON + timedelta(seconds=users.LOCK_SECONDS + 2)
    assert users.authenticate(both_stores, ann.email, PASSWORD, later) == ann
    assert users.authenticate(both_stores, ann.email, PASSWORD, later) == ann


def test_each_further_guess_waits_longer_up_to_a_limit(both_stores, ann):
    now = NOON
    for _ in range(20):
        users.authenticate(both_stores, ann.email, "a wrong guess", now)
        with both_stores.read() as connection:
            now += timedelta(seconds=users.seconds_until_next_attempt(connection, ann.email, now))
    users.authenticate(both_stores, ann.email, "a wrong guess", now)
    with both_stores.read() as connection:
        assert users.seconds_until_next_attempt(connection, ann.email, now) == users.LONGEST_LOCK_SECONDS


def test_a_token_signs_in_until_it_ends_and_is_kept_only_as_a_hash(both_stores, ann):
    token = users.sign_in(both_stores, ann, NOON)
    assert users.user_of_token(both_stores, token, NOON) == ann
    assert users.user_of_token(both_stores, token + "x", NOON) is None
    assert users.user_of_token(both_stores, None) is None
    assert users.user_of_token(both_stores, token, NOON + timedelta(days=users.SESSION_DAYS)) is None
    with both_stores.read() as connection:
        assert token not in str(connection.execute(sa.select(sign_ins)).all())


def test_signing_out_ends_the_session(both_stores, ann):
    token = users.sign_in(both_stores, ann)
    users.sign_out(both_stores, token)
    assert users.user_of_token(both_stores, token) is None


def test_a_new_password_or_a_lock_signs_out_everywhere(both_stores, ann):
    token = users.sign_in(both_stores, ann)
    users.set_password(both_stores, ann.email, "quite another secret")
    assert users.user_of_token(both_stores, token) is None
    assert users.authenticate(both_stores, ann.email, PASSWORD) is None
    token = users.sign_in(both_stores, ann)
    users.set_active(both_stores, ann.email, False)
    assert users.user_of_token(both_stores, token) is None
    assert users.authenticate(both_stores, ann.email, "quite another secret") is None


def test_an_address_has_one_user(both_stores, ann):
    with pytest.raises(InvalidInputError, match="has a user already"):
        users.create_user(both_stores, "ANN@shop.example", PASSWORD)


@pytest.mark.parametrize(("email", "password", "role"), [
    ("no address", PASSWORD, "admin"), ("b@shop.example", "short", "admin"), ("b@shop.example", PASSWORD, "king"),
])  # fmt: skip
def test_a_bad_user_is_refused_with_what_is_allowed(both_stores, email, password, role):
    with pytest.raises(InvalidInputError, match="allowed"):
        users.create_user(both_stores, email, password, role)


def test_an_admin_may_everything_and_the_others_what_their_role_says():
    assert users.User(1, "a", "", "admin").may("sales")
    assert users.User(1, "a", "", "sales").may("sales", "marketer")
    assert not users.User(1, "a", "", "analyst").may("sales")


def test_changes_to_users_are_in_the_audit_trail(both_stores, ann):
    users.set_active(both_stores, ann.email, False)
    assert [line["action"] for line in read_audit(both_stores)] == ["user locked out", "user created"]
