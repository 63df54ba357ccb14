"""Query, Mutation and Subscription, assembled from the files of the nouns.

To add a noun, import its classes here and put them into the tuples; a field defined twice fails at
import, a type without description or without a relation for its ids in the tests.
"""

from resolvers.hub_schema import HubSchema
from resolvers.mutations.activity import ActivityMutations
from resolvers.mutations.annotations import AnnotationMutations
from resolvers.mutations.configuration import ConfigurationMutations
from resolvers.mutations.containers import ContainerMutations
from resolvers.mutations.drafts import DraftMutations
from resolvers.mutations.external import ExternalMutations
from resolvers.mutations.graph import GraphMutations
from resolvers.mutations.history import HistoryMutations
from resolvers.mutations.images import ImageMutations
from resolvers.mutations.members import MemberMutations
from resolvers.mutations.ontologies import OntologyMutations
from resolvers.mutations.operations import OperationMutations
from resolvers.mutations.people import PeopleMutations
from resolvers.mutations.projections import ProjectionMutations
from resolvers.mutations.renderings import RenderingMutations
from resolvers.mutations.reviews import ReviewMutations
from resolvers.mutations.rois import RoiMutations
from resolvers.mutations.screens import ScreenMutations
from resolvers.mutations.scripts import ScriptMutations
from resolvers.mutations.shares import ShareMutations
from resolvers.mutations.tracks import TrackMutations
from resolvers.queries.activity import ActivityQueries
from resolvers.queries.annotations import AnnotationQueries
from resolvers.queries.configuration import ConfigurationQueries
from resolvers.queries.containers import ContainerQueries
from resolvers.queries.drafts import DraftQueries
from resolvers.queries.enumerations import EnumerationQueries
from resolvers.queries.external import ExternalQueries
from resolvers.queries.history import HistoryQueries
from resolvers.queries.images import ImageQueries
from resolvers.queries.nodes import NodeQueries
from resolvers.queries.ontologies import OntologyQueries
from resolvers.queries.operations import OperationQueries
from resolvers.queries.paths import PathQueries
from resolvers.queries.people import PeopleQueries
from resolvers.queries.rois import RoiQueries
from resolvers.queries.screens import ScreenQueries
from resolvers.queries.scripts import ScriptQueries
from resolvers.queries.search import SearchQueries
from resolvers.queries.shares import ShareQueries
from resolvers.queries.space import SpaceQueries
from resolvers.queries.timeline import TimelineQueries
from resolvers.queries.tracks import TrackQueries
from resolvers.subscriptions import EventSubscriptions, JobSubscriptions
from schema.annotations import ANNOTATION_TYPES
from schema.shapes import SHAPE_TYPES

QUERIES: tuple[type, ...] = (
    NodeQueries,
    ContainerQueries,
    ActivityQueries,
    ScreenQueries,
    PathQueries,
    SearchQueries,
    DraftQueries,
    ImageQueries,
    RoiQueries,
    TrackQueries,
    AnnotationQueries,
    OntologyQueries,
    OperationQueries,
    ExternalQueries,
    ScriptQueries,
    PeopleQueries,
    ShareQueries,
    TimelineQueries,
    SpaceQueries,
    ConfigurationQueries,
    EnumerationQueries,
    HistoryQueries,
)
MUTATIONS: tuple[type, ...] = (
    ContainerMutations,
    MemberMutations,
    ActivityMutations,
    ScreenMutations,
    ImageMutations,
    DraftMutations,
    ProjectionMutations,
    RenderingMutations,
    RoiMutations,
    ReviewMutations,
    TrackMutations,
    AnnotationMutations,
    OntologyMutations,
    OperationMutations,
    ExternalMutations,
    ScriptMutations,
    PeopleMutations,
    ShareMutations,
    ConfigurationMutations,
    GraphMutations,
    HistoryMutations,
)
SUBSCRIPTIONS: tuple[type, ...] = (JobSubscriptions, EventSubscriptions)

TYPES: tuple[type, ...] = (*ANNOTATION_TYPES, *SHAPE_TYPES)
"""Types no field returns by name: implementations of an interface found only through `node`."""

graphql_schema = HubSchema(QUERIES, MUTATIONS, SUBSCRIPTIONS, TYPES)
