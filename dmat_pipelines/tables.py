"""dbt models as assets: one asset a table, its key is its path, its tests are its checks, its raw tables its roots.

Belongs here: translating dbt's manifest for Dagster, and multi-assets (`conform`, `decide`, `evaluate`) that run models
by the warm runner. Stays out: SQL (`dbt/`) and how dbt is run (`dmat_pipelines/conform/runner.py`).

A model's group follows from its schema: what was sent and what came of it (and whatever reads that) is `evaluate`, what
is made from the log of segments (and whatever reads that) is `decide`, the rest is `conform`. Nothing that is decided
may read `evaluate`, so the graph has no way back; the loop closes in the store and in the world (the ledger's export
and the providers' events are captured like any other source).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from dmat.warehouse import Workspace
from dmat_pipelines.conform.runner import NodeResult, run_models
from dmat_pipelines.resources import WorkspaceResource
from dmat_pipelines.telling import DATA_VERSION

EVALUATED = frozenset({"deliveries", "evaluation", "operations"})
DECIDED = frozenset({"segment_changes"})  # sources that `decide` writes: tables made from them come after it
GROUPS = ("conform", "decide", "evaluate")
MESSAGES = dg.AssetKey(["deliveries", "fct_messages"])
SENT_MESSAGES = dg.AssetKey(["store", "sent_messages"])
ASSET_TYPES = ("model", "seed", "snapshot")
WRITER_POOL = "warehouse_writer"
HOT = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=2), warn_window=timedelta(minutes=30))
NIGHTLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))

Manifest = Mapping[str, Any]


class BuildConfig(dg.Config):
    """How to build: everything from scratch, or only what changed."""

    full: bool = False


class TableTranslator(DagsterDbtTranslator):
    """Key = schema and table; group = the verb; freshness by the tag `hot`."""

    def __init__(self, groups: Mapping[str, str]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_code_references=False))
        self.groups = groups

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`["people", "dim_people"]` for `people.dim_people`."""
        return table_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The verb that builds the table."""
        return self.groups.get(dbt_resource_props["unique_id"])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What its yml says of it."""
        return str(dbt_resource_props.get("description") or "")


def table_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """The asset key of a model, seed or source: its schema and its name in the warehouse."""
    name = node.get("identifier") or node.get("alias") or node["name"]
    return dg.AssetKey([str(node["schema"]), str(name)])


def group_models(manifest: Manifest) -> dict[str, str]:
    """Unique id -> group, for every node that is a table; whoever reads a table is never in an earlier group."""
    nodes = manifest["nodes"]
    late = _with_readers(manifest, {uid for uid, node in nodes.items() if node["schema"] in EVALUATED})
    sources = {uid for uid, source in manifest["sources"].items() if source["name"] in DECIDED}
    decided = _with_readers(manifest, sources)
    return {
        uid: "evaluate" if uid in late else "decide" if uid in decided else "conform"
        for uid, node in nodes.items()
        if _is_table(node)
    }


def _with_readers(manifest: Manifest, first: set[str]) -> set[str]:
    found, waiting = set(first), list(first)
    while waiting:
        readers = set(manifest["child_map"].get(waiting.pop(), [])) - found
        found |= readers
        waiting += readers
    return found


def hot_tables(manifest: Manifest) -> list[dg.AssetKey]:
    """Keys of the tables that the micro-batch refreshes."""
    return [table_key(node) for node in manifest["nodes"].values() if _is_table(node) and "hot" in node["tags"]]


def raw_tables(manifest: Manifest) -> dict[dg.AssetKey, str]:
    """Keys of all raw tables that models read, with their descriptions."""
    return {table_key(source): str(source.get("description") or "") for source in manifest["sources"].values()}


def _is_table(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] in ASSET_TYPES and node["config"].get("materialized") != "ephemeral"


def build_table_assets(manifest: Manifest) -> list[dg.AssetsDefinition]:
    """The multi-assets `conform`, `decide` and `evaluate`."""
    translator = TableTranslator(group_models(manifest))
    return [_table_assets(manifest, translator, group) for group in GROUPS]


def _table_assets(manifest: Manifest, translator: TableTranslator, group: str) -> dg.AssetsDefinition:
    nodes = {
        table_key(manifest["nodes"][uid]): manifest["nodes"][uid]
        for uid, its_group in translator.groups.items()
        if its_group == group
    }
    specs = [_spec(manifest, translator, node) for node in nodes.values()]
    checks = _check_specs(manifest, translator.groups, nodes)

    @dg.multi_asset(
        name=f"{group}_tables", specs=specs, check_specs=list(checks.values()), can_subset=True, pool=WRITER_POOL
    )
    def build_tables(
        context: dg.AssetExecutionContext, config: BuildConfig, workspace: WorkspaceResource
    ) -> Iterator[Any]:
        """Build the selected tables with dbt, test them, publish."""
        chosen = {nodes[key]["unique_id"]: key for key in context.selected_asset_keys}
        names = [manifest["nodes"][uid]["name"] for uid in chosen]
        report = run_models(workspace.settings(), names, config.full, context.run_id)
        for result in report:
            if result.unique_id in chosen and result.is_ok:
                yield _materialized(chosen[result.unique_id], result, workspace.view())
            elif result.unique_id in checks and checks[result.unique_id].key in context.selected_asset_check_keys:
                yield _checked(checks[result.unique_id], result)
        failed = [result for result in report.failures if result.unique_id not in checks]
        if failed:
            raise dg.Failure("; ".join(f"{r.name}: {r.message}" for r in failed)[:4000], allow_retries=False)

    return build_tables


def _spec(manifest: Manifest, translator: TableTranslator, node: Mapping[str, Any]) -> dg.AssetSpec:
    spec = translator.get_asset_spec(manifest, node["unique_id"], None)
    if "marts" in node["fqn"]:
        spec = spec.replace_attributes(freshness_policy=HOT if "hot" in node["tags"] else NIGHTLY)
    return spec.merge_attributes(deps=[SENT_MESSAGES]) if spec.key == MESSAGES else spec  # read from its export


def _check_specs(
    manifest: Manifest, groups: Mapping[str, str], nodes: Mapping[dg.AssetKey, Mapping[str, Any]]
) -> dict[str, dg.AssetCheckSpec]:
    """Unique id of each dbt test -> the check it is; a failing test of severity `error` stops what comes after."""
    keys = {node["unique_id"]: key for key, node in nodes.items()}
    found: dict[str, dg.AssetCheckSpec] = {}
    for uid, test in manifest["nodes"].items():
        owner = _owner(test, groups) if test["resource_type"] == "test" else None
        if owner in keys:
            found[uid] = dg.AssetCheckSpec(
                test["name"],
                asset=keys[owner],
                description=test.get("description") or _words_of(test),
                blocking=test["config"].get("severity", "error").lower() == "error",
            )
    return found


def _words_of(test: Mapping[str, Any]) -> str:
    """A test without a description in words: what it asks of which columns, and what is allowed."""
    facts = test.get("test_metadata") or {}
    asked = dict(facts.get("kwargs") or {})
    asked.pop("model", None)
    columns = [asked.pop("column_name", None), *asked.pop("columns", [])]
    words = str(facts.get("name") or test["name"].removeprefix("assert_")).replace("_", " ").capitalize()
    about = f": {', '.join(str(name) for name in columns if name)}" if any(columns) else ""
    more = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in asked.items())
    return f"{words}{about}{f' ({more})' if more else ''}."


def _owner(test: Mapping[str, Any], groups: Mapping[str, str]) -> str | None:
    """The table that a test speaks of; of several that it compares, the one that is built last."""
    if test.get("attached_node"):
        return str(test["attached_node"])
    read = [uid for uid in test["depends_on"]["nodes"] if uid in groups]
    return max(read, key=lambda uid: (GROUPS.index(groups[uid]), read.index(uid)), default=None)


def _materialized(key: dg.AssetKey, result: NodeResult, view: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    schema, table = key.path
    metadata: dict[str, Any] = {"seconds": round(result.seconds, 3)}
    if result.rows_count is not None:
        metadata["dagster/row_count"] = result.rows_count
    if table.endswith("_summary"):
        rows = view.rows(f"select * from {schema}.{table} limit 20")
        metadata["outcome"] = dg.MetadataValue.json(json.loads(json.dumps(rows, default=str)))
    return dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=dg.DataVersion(DATA_VERSION))


def _checked(check: dg.AssetCheckSpec, result: NodeResult) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=result.is_ok and result.status != "warn",
        asset_key=check.asset_key,
        check_name=check.name,
        severity=severity,
        description=result.message or None,
        metadata={"failures": result.failures_count or 0, "seconds": round(result.seconds, 3)},
    )
