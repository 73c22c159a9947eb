"""Under test: the SQL of any rule gives the people that plain Python finds, on DuckDB and on PostgreSQL.

Hypothesis draws rules and worlds. `DMAT_RULES=many` draws far more of both, for a look before a release.
"""

from __future__ import annotations

import os
from functools import cache

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rule_oracle import members
from rule_worlds import CATALOGUE, OTHERS, create_tables, make_world, rules

from dmat.segments.compiler import compile_rule
from dmat.segments.rules import parse
from dmat.segments.words import sentence

MANY = os.environ.get("DMAT_RULES") == "many"
SEEDS = range(60 if MANY else 6)
PARSED_OTHERS = {key: parse(document) for key, document in OTHERS.items()}
drawn = settings(
    max_examples=4000 if MANY else 150,
    deadline=None,
    derandomize=not MANY,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@cache
def world_of(seed):
    return make_world(seed)


@cache
def duckdb_of(seed):
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    create_tables(connection.execute, world_of(seed), "?")
    return connection


@pytest.fixture(scope="module")
def postgres_of(postgres_server):
    """Gives a connection to the database of a world."""
    address = postgres_server.replace("postgresql+psycopg://", "postgresql://")
    connections = {}

    def of(seed):
        if seed not in connections:
            with psycopg.connect(f"{address}/postgres", autocommit=True) as admin:
                name = f"rules_{seed}"
                admin.execute(f"drop database if exists {name}")
                admin.execute(
                    f"create database {name} template template0 locale_provider icu icu_locale 'und' locale 'C.UTF-8'"
                )
            connections[seed] = psycopg.connect(f"{address}/{name}", autocommit=True)
            create_tables(connections[seed].execute, world_of(seed), "%s")
        return connections[seed]

    yield of
    for connection in connections.values():
        connection.close()


def expected(document, seed):
    return members(document, CATALOGUE, world_of(seed), OTHERS)


def compiled(document, seed, dialect):
    world = world_of(seed)
    return compile_rule(parse(document), CATALOGUE, world.now, world.zone, dialect, PARSED_OTHERS)


@drawn
@given(rules, st.sampled_from(SEEDS))
def test_duckdb_gives_the_people_that_plain_python_finds(document, seed):
    query = compiled(document, seed, "duckdb")
    rows = duckdb_of(seed).execute(query.sql, list(query.parameters)).fetchall()
    assert len(rows) == len(set(rows))
    assert {row[0] for row in rows} == expected(document, seed), query.readable


@pytest.mark.postgres
@settings(drawn, suppress_health_check=[*HealthCheck])
@given(document=rules, seed=st.sampled_from(SEEDS))
def test_postgresql_gives_the_people_that_plain_python_finds(postgres_of, document, seed):
    query = compiled(document, seed, "postgres")
    rows = postgres_of(seed).execute(query.sql, query.parameters).fetchall()
    assert {row[0] for row in rows} == expected(document, seed), query.readable


@drawn
@given(rules, st.sampled_from(SEEDS))
def test_every_rule_reads_as_a_sentence_and_compiles_for_spark(document, seed):
    rule = parse(document)
    said = sentence(rule, CATALOGUE)
    assert said[0].isupper()
    assert said.endswith(".")
    assert "None" not in said
    assert "SELECT" in compiled(document, seed, "spark").sql
