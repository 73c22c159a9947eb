"""Under test: the house rules of tables. Contracts, descriptions, personal columns, unit tests of rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt" / "models"
PERSONAL = {"email", "contact_email", "phone", "contact_phone", "first_name", "last_name", "full_name", "birthday"}


@cache
def described(folder: str) -> dict[str, dict]:
    """Model name -> its yml, for all models under a folder."""
    found = {}
    for file in sorted((MODELS / folder).rglob("*.yml")):
        for model in (yaml.safe_load(file.read_text()) or {}).get("models", []):
            found[model["name"]] = model
    return found


def unit_tested() -> set[str]:
    names = set()
    for file in (ROOT / "dbt").rglob("*.yml"):
        if "target" in file.parts:
            continue
        names |= {test["model"] for test in (yaml.safe_load(file.read_text()) or {}).get("unit_tests", [])}
    return names


MARTS = sorted((MODELS / "marts").rglob("*.sql"))


@pytest.mark.parametrize("sql", MARTS, ids=lambda file: file.stem)
def test_every_mart_has_an_enforced_contract_and_every_column_a_description(sql):
    model = described("marts").get(sql.stem)
    assert model, f"{sql.stem} has no yml"
    assert model.get("description")
    assert (model.get("config", {}).get("contract") or {}).get("enforced") is True
    missing = [c["name"] for c in model["columns"] if not c.get("description") or not c.get("data_type")]
    assert missing == []


@pytest.mark.parametrize("sql", MARTS, ids=lambda file: file.stem)
def test_personal_columns_are_tagged(sql):
    model = described("marts")[sql.stem]
    untagged = [
        column["name"]
        for column in model["columns"]
        if column["name"] in PERSONAL
        and "pii" not in (column.get("config", {}).get("tags") or column.get("tags") or [])
    ]
    assert untagged == []


def test_every_rule_bearing_model_has_a_unit_test():
    """A model says `meta: {rule: ...}` in its config when it decides something."""
    bearing = {
        name
        for folder in ("intermediate", "marts", "staging")
        for name, model in described(folder).items()
        if (model.get("config", {}).get("meta") or {}).get("rule")
    }
    assert len(bearing) >= 6
    assert bearing - unit_tested() == set()


def test_money_is_whole_cents_and_never_a_float():
    guilty = [
        f"{name}.{column['name']}"
        for name, model in described("marts").items()
        for column in model["columns"]
        if column["name"].endswith("_cents") and column["data_type"].lower() not in {"bigint", "integer", "hugeint"}
    ]
    assert guilty == []
