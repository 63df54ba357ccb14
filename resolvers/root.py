"""Query, Mutation and Subscription, assembled from the files of the nouns.

To add a noun, import its classes here and put them into the tuples; a field defined twice fails at
import, a type without description or without a relation for its ids in the tests.
"""

from resolvers.hub_schema import HubSchema
from resolvers.queries.nodes import NodeQueries

QUERIES: tuple[type, ...] = (NodeQueries,)
MUTATIONS: tuple[type, ...] = ()
SUBSCRIPTIONS: tuple[type, ...] = ()

TYPES: tuple[type, ...] = ()
"""Types no field returns by name: implementations of an interface found only through `node`."""

graphql_schema = HubSchema(QUERIES, MUTATIONS, SUBSCRIPTIONS, TYPES)
