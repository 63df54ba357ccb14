"""Rules that the whole schema keeps, whatever nouns it has."""

from collections.abc import Iterator

from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, is_enum_type

from resolvers.loaders import NODES, RELATIONS
from resolvers.root import graphql_schema

FOREIGN = ("__", "_", "link__")
"""Introspection and the federation describe their own types and fields elsewhere."""


def undescribed() -> Iterator[str]:
    for name, kind in graphql_schema._schema.type_map.items():
        if name.startswith(FOREIGN):
            continue
        if name not in ("Query", "Mutation", "Subscription") and not kind.description:
            yield name
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field_name.startswith(FOREIGN) and not field.description:
                    yield f"{name}.{field_name}"
        elif is_enum_type(kind):
            yield from (
                f"{name}.{key}" for key, value in kind.values.items() if not value.description
            )


def test_every_type_field_and_enum_value_is_described() -> None:
    assert list(undescribed()) == []


def test_every_object_with_an_id_is_found_by_it() -> None:
    schema = graphql_schema._schema
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    types = graphql_schema.schema_converter.type_map
    nouns = {types[kind.name].definition.origin.noun() for kind in schema.get_possible_types(node)}
    assert nouns <= set(NODES)
    assert set(NODES.values()) <= set(RELATIONS)


def test_the_schema_prints_as_a_subgraph() -> None:
    sdl = graphql_schema.as_str()
    assert "scalar _Any" in sdl
    assert "node(id: ID!): Node" in sdl
