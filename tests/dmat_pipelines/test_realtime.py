"""Under test: the light code location stays light, and holds the sensors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg

from dmat_pipelines.realtime import build_realtime_defs
from dmat_pipelines.resources import WorkspaceResource

ROOT = Path(__file__).resolve().parents[2]


def test_the_light_location_imports_neither_dbt_nor_pandas():
    code = (
        "import json, sys, dmat_pipelines.realtime;"
        "print(json.dumps([m for m in ('dbt', 'dagster_dbt', 'pandas', 'panel') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_its_resources_can_be_swapped(tmp_path):
    defs = build_realtime_defs({"workspace": WorkspaceResource(home=str(tmp_path))})
    dg.Definitions.validate_loadable(defs)
    assert {sensor.name for sensor in defs.sensors} == {
        "cart_abandoned", "deliveries_waiting", "campaign_due", "journey_due", "lead_due", "test_due",
        "figures_due", "crm_sync_asked",
    }  # fmt: skip
