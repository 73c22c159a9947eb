"""GraphQL as Shopify answers it: check a query, know its cost, cut the stored payload to what was asked.

Belongs here: the plan of a query and what follows from it. Stays out: finding records, keys and limits (`shopify.py`).

Cost: an object is 1 point, a scalar nothing, a connection its page size on a logarithmic scale times the cost of one
node. Shopify publishes no formula for that scale; 1.5 x log2(page size) gives the figures seen in its answers
(250 variants with an inventory item each: 24 points; 3 and 10 line items of an order: 23 and 43 points in all).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values, get_variable_values

from dmat.simulate.vendors import shopify_schema

SCHEMA = shopify_schema.build()
Composite = GraphQLObjectType | GraphQLInterfaceType
#: fetches what an object that is stored by its id only has besides: (type name, id) -> payload
Fetch = Callable[[str, str], dict[str, Any] | None]


@dataclass
class Planned:
    """One field of a query: where it is read, where it is written, and what is asked of it."""

    answer_key: str
    name: str
    type_name: str
    is_list: bool
    is_connection: bool
    node: FieldNode
    definition: GraphQLField
    children: list[Planned] = field(default_factory=list)
    only_on: str = ""

    def child(self, name: str) -> Planned | None:
        """The first child field of that name."""
        return next((child for child in self.children if child.name == name), None)

    @property
    def node_plan(self) -> Planned | None:
        """What is asked of each node of a connection, by `nodes` or by `edges`; None for other fields."""
        edges = self.child("edges")
        return self.child("nodes") or (edges.child("node") if edges else None)

    def nodes_of(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        """The nodes in the answer of a connection, wherever they were asked for."""
        nodes, edges = self.child("nodes"), self.child("edges")
        if nodes:
            found: list[dict[str, Any]] = value[nodes.answer_key]
            return found
        node = edges.child("node") if edges else None
        return [edge[node.answer_key] for edge in value[edges.answer_key]] if edges and node else []

    def arguments(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The field's arguments with the variables put in."""
        return get_argument_values(self.definition, self.node, variables)


@dataclass(frozen=True)
class Plan:
    """A checked query: its top fields, or the errors that Shopify would give."""

    fields: tuple[Planned, ...]
    operation: OperationDefinitionNode | None
    errors: tuple[dict[str, Any], ...] = ()

    def variables(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The coerced variables, and the errors in them."""
        if self.operation is None:
            return {}, []
        coerced = get_variable_values(SCHEMA, self.operation.variable_definitions or (), dict(given))
        if isinstance(coerced, list):
            return {}, [_worded(error) for error in coerced]
        return coerced, []


@lru_cache(maxsize=256)
def plan_query(text: str) -> Plan:
    """Parse and check a query against the schema; plans are kept, since clients repeat their queries."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return Plan((), None, (_worded(error),))
    errors = validate(SCHEMA, document)
    operation = next((part for part in document.definitions if isinstance(part, OperationDefinitionNode)), None)
    if errors or operation is None or SCHEMA.query_type is None:
        return Plan((), None, tuple(_worded(error) for error in errors))
    planned = _plan_fields(operation.selection_set, SCHEMA.query_type, _fragments(document))
    return Plan(tuple(planned), operation)


def _worded(error: GraphQLError) -> dict[str, Any]:
    worded: dict[str, Any] = {"message": error.message}
    if error.locations:
        worded["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.message.startswith("Cannot query field"):
        field_name, type_name = error.message.split("'")[1], error.message.split("'")[3]
        worded["message"] = f"Field '{field_name}' doesn't exist on type '{type_name}'"
        worded["extensions"] = {"code": "undefinedField", "typeName": type_name, "fieldName": field_name}
    return worded


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)}


def _plan_fields(
    selection: SelectionSetNode, parent: Composite, fragments: dict[str, FragmentDefinitionNode]
) -> list[Planned]:
    planned: list[Planned] = []
    for part in selection.selections:
        if isinstance(part, FieldNode):
            planned.append(_plan_field(part, parent, fragments))
        elif isinstance(part, InlineFragmentNode):
            on = _condition(part.type_condition, parent)
            planned.extend(_narrowed(_plan_fields(part.selection_set, on, fragments), on, parent))
        elif isinstance(part, FragmentSpreadNode):
            fragment = fragments[part.name.value]
            on = _condition(fragment.type_condition, parent)
            planned.extend(_narrowed(_plan_fields(fragment.selection_set, on, fragments), on, parent))
    return planned


def _condition(node: NamedTypeNode | None, parent: Composite) -> Composite:
    """The type that a fragment is about."""
    named = SCHEMA.get_type(node.name.value) if node else parent
    return named if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) else parent


def _narrowed(planned: list[Planned], on: Composite, parent: Composite) -> list[Planned]:
    """Fields of a fragment that is narrower than its parent are asked of that type only."""
    if on is not parent and isinstance(on, GraphQLObjectType):
        for one in planned:
            one.only_on = one.only_on or on.name
    return planned


def _plan_field(node: FieldNode, parent: Composite, fragments: dict[str, FragmentDefinitionNode]) -> Planned:
    name = node.name.value
    key = node.alias.value if node.alias else name
    if name == "__typename":
        return Planned(key, name, parent.name, False, False, node, GraphQLField(parent))
    definition = parent.fields[name]
    bare = definition.type.of_type if is_non_null_type(definition.type) else definition.type
    named = get_named_type(definition.type)
    is_connection = named.name.endswith("Connection")
    planned = Planned(key, name, named.name, is_list_type(bare), is_connection, node, definition)
    if node.selection_set and isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        planned.children = _plan_fields(node.selection_set, named, fragments)
    return planned


def scale(count: int) -> float:
    """What a page of `count` nodes counts for."""
    return float(count) if count <= 1 else max(1.0, 1.5 * math.log2(count))


def cost_of(fields: Iterable[Planned], variables: dict[str, Any]) -> float:
    """Points that a query may cost at most: what is charged before it runs."""
    total = 0.0
    for one in fields:
        if not one.children:
            continue
        of_one = 1.0 + cost_of((one.node_plan or one).children, variables)
        if one.is_connection:
            asked = one.arguments(variables)
            of_one = scale(int(asked.get("first") or asked.get("last") or 0)) * (of_one if one.node_plan else 1.0)
        total += of_one
    return total


def cost_of_answer(fields: Iterable[Planned], answer: dict[str, Any]) -> float:
    """Points that the answer did cost; of a page, its first nodes stand for all."""
    total = 0.0
    for one in fields:
        value = answer.get(one.answer_key)
        if not one.children or value is None:
            continue
        if not one.is_connection:
            total += 1.0 + (0.0 if one.is_list else cost_of_answer(one.children, value))
        elif one.node_plan is not None:
            nodes = one.nodes_of(value)
            sample = [cost_of_answer(one.node_plan.children, node) for node in nodes[:10]]
            total += scale(len(nodes)) * (1.0 + sum(sample) / max(1, len(sample)))
    return total


def project(payload: dict[str, Any], fields: list[Planned], variables: dict[str, Any], fetch: Fetch) -> dict[str, Any]:
    """The part of `payload` that `fields` ask for."""
    answer: dict[str, Any] = {}
    for one in fields:
        if one.only_on and one.only_on not in (_type_of(payload), MEDIA):
            continue
        value = payload[one.name] if one.name in payload else _derived(one.name, payload)
        if not one.children:
            answer[one.answer_key] = one.type_name if one.name == "__typename" else value
        elif value is None:
            answer[one.answer_key] = None
        elif one.is_connection:
            answer[one.answer_key] = project_nested(value, one, variables, fetch)
        elif one.is_list:
            answer[one.answer_key] = [project(part, one.children, variables, fetch) for part in value]
        else:
            answer[one.answer_key] = project(_completed(value, one, fetch), one.children, variables, fetch)
    return answer


#: fields that follow from others and are not stored
DERIVED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "presentmentMoney": lambda payload: payload.get("shopMoney"),
    "discountCode": lambda payload: next(iter(payload.get("discountCodes", [])), None),
    "processedAt": lambda payload: payload.get("createdAt"),
    "tags": lambda payload: [],
    "test": lambda payload: False,
    "sourceName": lambda payload: "web",
}


MEDIA = "MediaImage"


def _type_of(payload: dict[str, Any]) -> str:
    """The type of a record, as its global id tells it."""
    parts = str(payload.get("id", "")).split("/")
    return parts[3] if len(parts) > 4 else ""


def _derived(name: str, payload: dict[str, Any]) -> Any:
    return DERIVED[name](payload) if name in DERIVED else None


def _completed(value: dict[str, Any], one: Planned, fetch: Fetch) -> dict[str, Any]:
    """An object that is stored by id only, with the rest of it when more than the id is asked."""
    if value.keys() == {"id"} and any(child.name not in ("id", "__typename") for child in one.children):
        return fetch(one.type_name, value["id"]) or value
    return value


def project_nested(value: dict[str, Any], one: Planned, variables: dict[str, Any], fetch: Fetch) -> dict[str, Any]:
    """A connection inside a record, whose nodes are stored with it; the cursor is the id of a node."""
    nodes = value.get("nodes", [])
    asked = one.arguments(variables)
    ids = [str(node.get("id", place)) for place, node in enumerate(nodes)]
    start = ids.index(asked["after"]) + 1 if asked.get("after") in ids else 0
    end = start + asked["first"] if asked.get("first") is not None else len(nodes)
    return wrap_connection(one, nodes[start:end], ids[start:end], variables, fetch, end < len(nodes), start > 0)


def wrap_connection(
    one: Planned,
    nodes: list[dict[str, Any]],
    cursors: list[str],
    variables: dict[str, Any],
    fetch: Fetch,
    has_next: bool,
    has_previous: bool,
) -> dict[str, Any]:
    """`nodes`, `edges` and `pageInfo`, as far as they were asked for."""
    page_info = {
        "hasNextPage": has_next,
        "hasPreviousPage": has_previous,
        "startCursor": cursors[0] if cursors else None,
        "endCursor": cursors[-1] if cursors else None,
    }
    answer: dict[str, Any] = {}
    for part in one.children:
        if part.name == "nodes":
            answer[part.answer_key] = [project(node, part.children, variables, fetch) for node in nodes]
        elif part.name == "edges":
            edges = [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=True)]
            answer[part.answer_key] = [project(edge, part.children, variables, fetch) for edge in edges]
        elif part.name == "pageInfo":
            answer[part.answer_key] = project(page_info, part.children, variables, fetch)
    return answer
