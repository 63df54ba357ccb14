"""Query, Mutation and Subscription, assembled from the files of the nouns.

To add a noun, import its classes here and put them into the tuples; a field defined twice fails at
import, a type without description or without a relation for its ids in the tests.
"""

from resolvers.hub_schema import HubSchema
from resolvers.mutations.annotations import AnnotationMutations
from resolvers.mutations.containers import ContainerMutations
from resolvers.mutations.history import HistoryMutations
from resolvers.mutations.images import ImageMutations
from resolvers.mutations.ontologies import OntologyMutations
from resolvers.mutations.operations import OperationMutations
from resolvers.mutations.people import PeopleMutations
from resolvers.mutations.rois import RoiMutations
from resolvers.mutations.screens import ScreenMutations
from resolvers.queries.annotations import AnnotationQueries
from resolvers.queries.containers import ContainerQueries
from resolvers.queries.history import HistoryQueries
from resolvers.queries.images import ImageQueries
from resolvers.queries.nodes import NodeQueries
from resolvers.queries.ontologies import OntologyQueries
from resolvers.queries.operations import OperationQueries
from resolvers.queries.people import PeopleQueries
from resolvers.queries.rois import RoiQueries
from resolvers.queries.screens import ScreenQueries
from resolvers.subscriptions import EventSubscriptions, JobSubscriptions
from schema.annotations import ANNOTATION_TYPES
from schema.shapes import SHAPE_TYPES

QUERIES: tuple[type, ...] = (
    NodeQueries,
    ContainerQueries,
    ScreenQueries,
    ImageQueries,
    RoiQueries,
    AnnotationQueries,
    OntologyQueries,
    OperationQueries,
    PeopleQueries,
    HistoryQueries,
)
MUTATIONS: tuple[type, ...] = (
    ContainerMutations,
    ScreenMutations,
    ImageMutations,
    RoiMutations,
    AnnotationMutations,
    OntologyMutations,
    OperationMutations,
    PeopleMutations,
    HistoryMutations,
)
SUBSCRIPTIONS: tuple[type, ...] = (JobSubscriptions, EventSubscriptions)

TYPES: tuple[type, ...] = (*ANNOTATION_TYPES, *SHAPE_TYPES)
"""Types no field returns by name: implementations of an interface found only through `node`."""

graphql_schema = HubSchema(QUERIES, MUTATIONS, SUBSCRIPTIONS, TYPES)
