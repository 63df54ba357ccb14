"""What one document may ask for: how deep, how wide, and how many objects at most.

Two passes, because each guards the next step. `shape_errors` needs only the parsed text and runs
before validation, whose time grows with the square of repeated fields. `cost` needs types and page
sizes: it is the largest number of objects the answer may hold, page size by page size down the
tree; scalar fields are free and so is introspection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from resolvers.paging import DEFAULT_PAGE, LARGEST_PAGE

UNPAGED_LIST = 10
"""How many objects a list without page arguments is taken to hold (channels, shapes, tags)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one request; each refusal names the bound and what was found."""

    characters: int = 100_000
    tokens: int = 5_000
    depth: int = 20
    aliases: int = 100
    root_fields: int = 30
    fields: int = 3_000
    objects: int = 250_000
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What a selection amounts to when its fragments are written out."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0


def shape_errors(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Return one error per bound that an operation of the document exceeds."""
    measure = _Measure(document)
    found: list[GraphQLError] = []
    for operation in _operations(document):
        shape = measure.of(operation.selection_set)
        checks = (
            ("levels deep", shape.depth, limits.depth),
            ("aliases", shape.aliases, limits.aliases),
            ("fields", shape.fields, limits.fields),
            ("fields at its root", measure.roots(operation), limits.root_fields),
        )
        found += [
            GraphQLError(
                f"This operation has {size:,} {what}; at most {limit:,} are allowed. "
                "Ask in several requests.",
                operation,
                extensions={"code": "too_large", "what": what, "found": size, "limit": limit},
            )
            for what, size, limit in checks
            if size > limit
        ]
    return found


class _Measure:
    """Shapes of selections; a fragment is measured once, so nesting spreads costs nothing."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._known: dict[str, Shape] = {}
        self._roots: dict[str, int] = {}

    def of(self, selections: SelectionSetNode | None) -> Shape:
        depth = aliases = fields = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                inner = self.of(node.selection_set)
                own = 0 if node.name.value.startswith("__") else 1 + inner.depth
                alias = 1 if node.alias else 0
                inner = Shape(own, inner.aliases + alias, inner.fields + 1)
            elif isinstance(node, FragmentSpreadNode):
                inner = self._fragment(node.name.value)
            else:
                inner = self.of(getattr(node, "selection_set", None))
            depth = max(depth, inner.depth)
            aliases += inner.aliases
            fields += inner.fields
        return Shape(depth, aliases, fields)

    def _fragment(self, name: str) -> Shape:
        if name not in self._known:
            self._known[name] = Shape()  # A cycle counts once; validation refuses it.
            if name in self._fragments:
                self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known[name]

    def roots(self, operation: OperationDefinitionNode) -> int:
        """Count the fields an operation starts with, through fragments."""
        return self._count_roots(operation.selection_set)

    def _count_roots(self, selections: SelectionSetNode | None) -> int:
        total = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                total += 1
            elif isinstance(node, FragmentSpreadNode):
                total += self._fragment_roots(node.name.value)
            else:
                total += self._count_roots(getattr(node, "selection_set", None))
        return total

    def _fragment_roots(self, name: str) -> int:
        if name not in self._roots:
            self._roots[name] = 0
            if name in self._fragments:
                self._roots[name] = self._count_roots(self._fragments[name].selection_set)
        return self._roots[name]


@dataclass(frozen=True, slots=True)
class Cost:
    """The largest number of objects an operation may return; `fixed` if no variable matters."""

    objects: int
    fixed: bool


def cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
) -> Cost:
    """Return the cost of one operation of a valid document with these (uncoerced) variables."""
    operation = next(
        (
            one
            for one in _operations(document)
            if operation_name is None or (one.name and one.name.value == operation_name)
        ),
        None,
    )
    root = schema.get_root_type(operation.operation) if operation else None
    if operation is None or root is None:
        return Cost(0, fixed=True)
    counter = _Cost(schema, document, operation, variables)
    return Cost(counter.of(operation.selection_set, root, None), not counter.varies)


class _Cost:
    """Counts objects; a page's size multiplies what is selected under its nodes and edges."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = _fragments(document)
        self._known: dict[tuple[str, int | None], int] = {}
        self._variables = variables
        self._defaults = {
            one.variable.name.value: one.default_value
            for one in operation.variable_definitions or ()
        }
        self.varies = False

    def of(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType, page: int | None
    ) -> int:
        """Count below one parent; `page` is the page size when the parent is a connection."""
        total = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                total += self._field(node, parent, page)
            elif isinstance(node, FragmentSpreadNode):
                total += self._fragment(node.name.value, page)
            else:
                condition = getattr(node, "type_condition", None)
                inner = self._schema.get_type(condition.name.value) if condition else parent
                total += self.of(getattr(node, "selection_set", None), inner or parent, page)
        return total

    def _fragment(self, name: str, page: int | None) -> int:
        key = (name, page)
        if key not in self._known:
            self._known[key] = 0
            fragment = self._fragments[name]
            parent = self._schema.get_type(fragment.type_condition.name.value)
            if parent is not None:
                self._known[key] = self.of(fragment.selection_set, parent, page)
        return self._known[key]

    def _field(self, node: FieldNode, parent: GraphQLNamedType, page: int | None) -> int:
        definition = _definition(parent, node.name.value)
        if definition is None:
            return 0
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return 0
        if "first" in definition.args:
            return 1 + self.of(node.selection_set, named, self._page_size(node))
        inner = self.of(node.selection_set, named, None)
        if page is not None:
            # Inside a connection: `nodes` and `edges` repeat once per object, `pageInfo` is free.
            repeated = is_list_type(get_nullable_type(definition.type))
            return page * (1 + inner) if repeated else 0
        return self._list_size(node, definition) * (1 + inner)

    def _page_size(self, node: FieldNode) -> int:
        for name in ("first", "last"):
            value = self._argument(node, name)
            if isinstance(value, int):
                return max(0, min(value, LARGEST_PAGE))
        return DEFAULT_PAGE

    def _list_size(self, node: FieldNode, definition: GraphQLField) -> int:
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        for argument in node.arguments or ():
            value = self._argument(node, argument.name.value)
            if argument.name.value in ("ids", "representations") and isinstance(value, list):
                return len(value)
        return UNPAGED_LIST

    def _argument(self, node: FieldNode, name: str) -> Any:
        value = next((one.value for one in node.arguments or () if one.name.value == name), None)
        return self._plain(value)

    def _plain(self, value: ValueNode | None) -> Any:
        """Return an int, or a list of the right length, as written or as the variable has it."""
        if isinstance(value, VariableNode):
            self.varies = True
            name = value.name.value
            if name in self._variables:
                return self._variables[name]
            return self._plain(self._defaults.get(name))
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, ListValueNode):
            return list(value.values)
        return None


def _definition(parent: GraphQLNamedType, name: str) -> GraphQLField | None:
    if name.startswith("__") or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return None
    found: GraphQLField | None = parent.fields.get(name)
    return found


def _operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (one for one in document.definitions if isinstance(one, OperationDefinitionNode))


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
