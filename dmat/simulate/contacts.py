"""What each source knows of a person, with the dirt that sources have.

Belongs here: shop, outlet and CRM records and form submissions: other spellings, second addresses, other ways to write
a phone, gaps, a few addresses that are none. `truth.identities` says which records are the same human.
Stays out: who the humans are (`people.py`).
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from dmat.simulate.catalogue import FORM_SHARES, FORMS
from dmat.simulate.channels import CAMPAIGNS, CHANNELS, channel_shares, draw_campaigns
from dmat.simulate.columns import NONE, moments, numbers, stage, words
from dmat.simulate.mailing import MailReactions
from dmat.simulate.markets import MARKETS
from dmat.simulate.people import SHOP_CUSTOMER_BASE, People
from dmat.simulate.rhythm import DAY, HOUR, Calendar

CRM_BASE = 20_000_000
EXACT, UPPER, TITLE, TAGGED, SECOND, MISSING, BROKEN = range(7)
CLEAN_SHARES = (0.84, 0.04, 0.12, 0.0, 0.0, 0.0, 0.0)
DUPLICATE_SHARES = (0.0, 0.0, 0.0, 0.55, 0.45, 0.0, 0.0)
TYPED_SHARES = (0.70, 0.06, 0.10, 0.04, 0.06, 0.03, 0.01)
CRM_SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "OFFLINE", "REFERRALS", "SOCIAL_MEDIA", "DIRECT_TRAFFIC")


def _email(kind: str) -> str:
    return f"""case {kind} when {UPPER} then upper(p.email) when {TITLE} then upper(left(p.email, 1)) || p.email[2:]
        when {TAGGED} then replace(p.email, '@', '+shop@') when {SECOND} then p.second_email when {MISSING} then null
        when {BROKEN} then case p.person_id % 4 when 0 then replace(p.email, '@', '@@')
            when 1 then replace(p.email, '@', '') when 2 then 'n/a' else ' ' || p.email || ' ' end
        else p.email end"""


def _name(column: str, kind: str) -> str:
    """0-10 of 20 spell it right; then accents lost, capitals, lower case, initial, spaces, emoji, nothing."""
    return f"""case {kind} when 11 then strip_accents(p.{column}) when 12 then strip_accents(p.{column})
        when 13 then upper(p.{column}) when 14 then lower(p.{column}) when 15 then p.{column} || ' '
        when 16 then left(p.{column}, 1) || '.' when 17 then p.{column} || ' 🌸' when 18 then null
        else p.{column} end"""


def _phone(kind: str) -> str:
    """National, with 00, with spaces, as people type it; some leave it out."""
    prefix = "case p.country_code " + " ".join(f"when '{m.code}' then {len(m.dialling)}" for m in MARKETS) + " end"
    return f"""case {kind} when 0 then '00' || p.phone[2:] when 1 then '0' || substr(p.phone, 2 + {prefix})
        when 2 then left(p.phone, 1 + {prefix}) || ' ' || substr(p.phone, 2 + {prefix}, 3) || ' '
            || substr(p.phone, 5 + {prefix})
        when 3 then left(p.phone, 1 + {prefix}) || ' (0)' || substr(p.phone, 2 + {prefix}) when 4 then null
        else p.phone end"""


def _dirt(rng: np.random.Generator, size: int, shares: tuple[float, ...]) -> dict[str, np.ndarray]:
    return {
        "email_kind": rng.choice(len(shares), size, p=shares), "name_kind": rng.integers(0, 20, size),
        "phone_kind": rng.integers(0, 12, size),
    }  # fmt: skip


def write_shop_customers(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, people: People, mail: MailReactions
) -> None:
    """Write `shop_customers`: those who signed up and those whom a cart made known; `carts` must be there."""
    size = len(people)
    synced = rng.random(size) < 0.6
    columns = {
        "person_id": people.ids, "is_signed_up": people.in_shop, "consented_at": moments(people.email_consent),
        "withdrawn_at": moments(np.where(synced, mail.withdrawn, NONE)), **_dirt(rng, size, CLEAN_SHARES),
        "is_copy": np.zeros(size, bool),
    }  # fmt: skip
    copies = np.flatnonzero(people.is_duplicated)
    copied = {
        "person_id": people.ids[copies], "is_signed_up": rng.random(len(copies)) < 0.5,
        "consented_at": moments(np.full(len(copies), NONE)), "withdrawn_at": moments(np.full(len(copies), NONE)),
        **_dirt(rng, len(copies), DUPLICATE_SHARES), "is_copy": np.ones(len(copies), bool),
    }  # fmt: skip
    connection.register("drawn_customers", pa.concat_tables([pa.table(columns), pa.table(copied)]))
    connection.execute(_INSERT_SHOP)
    connection.unregister("drawn_customers")


_INSERT_SHOP = f"""
    insert into shop_customers by name
    with activity as (
        select customer_id, min(created_at) as first_at, max(completed_at) as last_at from carts
        where customer_id is not null group by customer_id
    ), known as (
        select d.*, {SHOP_CUSTOMER_BASE} + d.person_id * 4 + d.is_copy::integer as customer_id from drawn_customers as d
    ), dated as (
        select k.*, a.last_at, coalesce(least(case when k.is_signed_up then p.joined_at end, a.first_at),
            a.first_at, p.joined_at) as created_at
        from known as k join people as p using (person_id) left join activity as a on a.customer_id = k.customer_id
        where k.is_signed_up or a.customer_id is not null
    )
    select d.customer_id, d.person_id, d.created_at,
        greatest(d.created_at, d.last_at, d.withdrawn_at, d.consented_at) as updated_at,
        {_name("first_name", "d.name_kind")} as first_name, {_name("last_name", "(d.name_kind + 9) % 20")} as last_name,
        p.locale, {_email("d.email_kind")} as email,
        case when d.withdrawn_at is not null and p.customer_id is not null then 'UNSUBSCRIBED'
            when d.consented_at is not null and p.customer_id is not null then 'SUBSCRIBED'
            else 'NOT_SUBSCRIBED' end as email_state,
        case when p.customer_id is not null then coalesce(d.withdrawn_at, d.consented_at) end as email_state_at,
        p.phone as phone,
        case when d.is_copy then 'NOT_SUBSCRIBED' when p.sms_consent = 'granted' then 'SUBSCRIBED'
            when p.sms_consent = 'withdrawn' then 'UNSUBSCRIBED' else 'NOT_SUBSCRIBED' end as sms_state,
        case when not d.is_copy then p.sms_consent_at end as sms_state_at,
        p.country_code, p.city, p.zip,
        case when p.person_id % 23 = 0 then ['vip'] when d.last_at is null then ['newsletter'] else [] end as tags
    from dated as d join people as p using (person_id)"""


def write_outlet_customers(connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, people: People) -> None:
    """Write `outlet_customers`: accounts of the second, older shop."""
    some = np.flatnonzero(people.in_outlet)
    shares = tuple(0.0 if kind in (MISSING, BROKEN) else share for kind, share in enumerate(TYPED_SHARES))
    scaled = tuple(share / sum(shares) for share in shares)
    stage(connection, "drawn_customers", {
        "person_id": people.ids[some], "created_at": moments(people.joined[some]), **_dirt(rng, len(some), scaled)
    })  # fmt: skip
    connection.execute(_INSERT_OUTLET)
    connection.unregister("drawn_customers")


_INSERT_OUTLET = f"""
    insert into outlet_customers by name
    select p.outlet_customer_id as customer_id, d.person_id, d.created_at, d.created_at as updated_at,
        {_name("first_name", "d.name_kind")} as first_name, {_name("last_name", "(d.name_kind + 9) % 20")} as last_name,
        {_email("d.email_kind")} as email, {_phone("d.phone_kind")} as phone,
        lower(strip_accents(p.first_name)) || p.person_id as username, p.country_code, p.city, p.zip
    from drawn_customers as d join people as p using (person_id)"""


def write_crm_contacts(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, people: People, calendar: Calendar
) -> None:
    """Write `crm_contacts`; `deals` must be there (they decide the stage of life)."""
    primary = np.flatnonzero(people.in_crm)
    copies = primary[rng.random(len(primary)) < 0.06]
    person = np.concatenate([primary, copies])
    is_copy = np.arange(len(person)) >= len(primary)
    created = np.minimum(people.joined[person] + rng.integers(0, 30 * DAY, len(person)), calendar.end_second - 2 * HOUR)
    updated = np.minimum(created + rng.integers(0, 120 * DAY, len(person)), calendar.end_second - HOUR)
    dirt = _dirt(rng, len(person), TYPED_SHARES)
    dirt["email_kind"] = np.where(is_copy & (dirt["email_kind"] == EXACT), SECOND, dirt["email_kind"])
    stage(connection, "drawn_contacts", {
        "person_id": people.ids[person], "is_copy": is_copy, "created_at": moments(created),
        "updated_at": moments(updated), "source": words(CRM_SOURCES, rng.integers(0, len(CRM_SOURCES), len(person))),
        "knows_zone": rng.random(len(person)) < 0.55, "stage_kind": rng.integers(0, 4, len(person)), **dirt,
    })  # fmt: skip
    connection.execute(_INSERT_CRM)
    connection.unregister("drawn_contacts")


_INSERT_CRM = f"""
    insert into crm_contacts by name
    with dealt as (
        select contact_id, bool_or(is_won) as has_won, max(updated_at) as last_at from deals group by contact_id
    ), known as (
        select d.*, {CRM_BASE} + d.person_id * 4 + d.is_copy::integer as contact_id from drawn_contacts as d
    )
    select k.contact_id, k.person_id, k.created_at, greatest(k.updated_at, w.last_at) as updated_at,
        {_name("first_name", "k.name_kind")} as first_name, {_name("last_name", "(k.name_kind + 9) % 20")} as last_name,
        {_email("k.email_kind")} as email, {_phone("k.phone_kind")} as phone, p.job_title, p.company_id,
        c.name as company_name, case when k.stage_kind < 3 then p.country_code end as country_code,
        case when k.knows_zone then p.time_zone end as time_zone, p.birthday,
        case when w.has_won then 'customer' when w.contact_id is not null then 'opportunity'
            else ['subscriber', 'lead', 'lead', 'marketingqualifiedlead'][k.stage_kind + 1] end as lifecycle_stage,
        case when w.contact_id is not null then 'OPEN_DEAL' when k.stage_kind = 1 then 'NEW'
            when k.stage_kind = 2 then 'ATTEMPTED_TO_CONTACT' end as lead_status, k.source
    from known as k join people as p using (person_id) left join companies as c on c.company_id = p.company_id
    left join dealt as w on w.contact_id = k.contact_id"""


def write_form_submissions(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, people: People, calendar: Calendar,
    mail: MailReactions, first_id: int,
) -> None:  # fmt: skip
    """Write `form_submissions`; a person known only by forms gave the consent in the first of them."""
    some = np.flatnonzero(people.in_forms)
    person = np.repeat(some, np.minimum(rng.geometric(0.72, len(some)), 4))
    is_first = np.concatenate([[True], person[1:] != person[:-1]]) if len(person) else np.zeros(0, bool)
    span = np.maximum(calendar.end_second - HOUR - people.joined[person], 1)
    at = people.joined[person] + (rng.random(len(person)) * span).astype(np.int64)
    agreed, left = people.email_consent[person], mail.withdrawn[person]
    at = np.where(is_first & (agreed != NONE) & ~people.in_shop[person], agreed, at)
    consents = (agreed != NONE) & (at >= agreed) & ((left == NONE) | (at < left)) & (rng.random(len(person)) < 0.85)
    consents |= (agreed != NONE) & is_first & ~people.in_shop[person]
    order = np.argsort(at, kind="stable")
    person, at, consents = person[order], at[order], consents[order]
    size = len(person)
    channel = rng.choice(len(CHANNELS), size, p=channel_shares())
    tagged = np.array([bool(c.platform) for c in CHANNELS])[channel]
    stage(connection, "drawn_forms", {
        "submission_id": first_id + np.arange(size), "person_id": people.ids[person], "submitted_at": moments(at),
        "form_id": rng.choice(len(FORMS), size, p=FORM_SHARES) + 1, "email_consent": consents,
        "knows_client": rng.random(size) < 0.9, "utm_source": words([c.source for c in CHANNELS],
        np.where(tagged, channel, NONE)), "utm_medium": words([c.medium for c in CHANNELS],
        np.where(tagged, channel, NONE)), "utm_campaign": words(CAMPAIGNS, np.where(tagged,
        draw_campaigns(rng, channel), NONE)), "fills_phone": numbers(rng.integers(0, 3, size)),
        **_dirt(rng, size, TYPED_SHARES),
    })  # fmt: skip
    connection.execute(_INSERT_FORMS)
    connection.unregister("drawn_forms")


_INSERT_FORMS = f"""
    insert into form_submissions by name
    select d.submission_id, d.person_id, d.form_id, d.submitted_at, d.submitted_at as modified_at,
        case when d.knows_client then p.client_id end as client_id,
        case when d.email_consent or d.email_kind = {MISSING} then p.email else {_email("d.email_kind")} end as email,
        {_name("first_name", "d.name_kind")} as first_name, {_name("last_name", "(d.name_kind + 9) % 20")} as last_name,
        case when d.fills_phone = 0 then {_phone("d.phone_kind")} end as phone, c.name as company,
        p.job_title, d.email_consent, false as sms_consent, d.utm_source, d.utm_medium, d.utm_campaign
    from drawn_forms as d join people as p using (person_id) left join companies as c on c.company_id = p.company_id"""


def write_identities(connection: duckdb.DuckDBPyConnection) -> None:
    """Write `truth.identities` (which records are the same human) and `truth.shared_addresses` (couples)."""
    connection.execute(
        """insert into truth.identities
        select 'shopify:' || customer_id, person_id from shop_customers
        union all select 'woocommerce:' || customer_id, person_id from outlet_customers
        union all select 'hubspot:' || contact_id, person_id from crm_contacts
        union all select 'wordpress_form:' || submission_id, person_id from form_submissions"""
    )
    connection.execute(
        """insert into truth.shared_addresses
        select a.email, a.person_id, b.person_id from people as a join people as b
        on a.email = b.email and a.person_id <> b.person_id"""
    )
