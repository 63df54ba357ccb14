"""The hub as one actor sees it: every service, over one catalog. Made once per request."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from adapters.activity import Activities
from adapters.annotation_links import AnnotationLinks
from adapters.annotations import Annotations
from adapters.attached_files import AttachedFiles
from adapters.attachments import Attachments
from adapters.channels import Channels
from adapters.clipboard import Clipboard
from adapters.companions import Companions
from adapters.configuration import Configuration
from adapters.containers import Containers
from adapters.counts import Counts
from adapters.crops import Crops
from adapters.declared import Declared
from adapters.described import Descriptions
from adapters.disciplines import Disciplines
from adapters.events import Events
from adapters.exports import Exports
from adapters.external import External
from adapters.external_jobs import ExternalJobs
from adapters.external_places import ExternalPlaces
from adapters.file_access import FileAccess
from adapters.file_drafts import FileDrafts
from adapters.files import Files
from adapters.graph import Graph
from adapters.history import History
from adapters.image_drafts import ImageDrafts
from adapters.image_pages import ImagePages
from adapters.images import Images
from adapters.imports import Imports
from adapters.infrastructure import Infrastructure
from adapters.job_accounts import JobAccounts
from adapters.job_data import JobFiles
from adapters.job_parameters import JobParameters
from adapters.jobs.service import Jobs
from adapters.layers import Layers
from adapters.linking import Linking
from adapters.listing import Listing
from adapters.members import Members
from adapters.ontologies import Ontologies
from adapters.paths import Paths
from adapters.people import People
from adapters.pixels import PixelAccess
from adapters.placed import Placed
from adapters.placements import Placements
from adapters.planes import Planes
from adapters.port_rules import PortRules
from adapters.profiles import Profiles
from adapters.project_operations import ProjectOperations
from adapters.projections import Projections
from adapters.projects import Projects
from adapters.properties import Properties
from adapters.raw_samples import RawSamples
from adapters.renderings import Renderings
from adapters.reviews import Reviews
from adapters.roi_edits import RoiEdits
from adapters.roi_lists import RoiLists
from adapters.roi_terms import RoiTerms
from adapters.rois import Rois
from adapters.saved_searches import SavedSearches
from adapters.screens import Screens
from adapters.scripts import Scripts
from adapters.search import Search
from adapters.shape_pictures import ShapePictures
from adapters.shape_statistics import ShapeStatistics
from adapters.shares import Shares
from adapters.space import Space
from adapters.storages import Storages
from adapters.subjects import Subjects
from adapters.tags import Tags
from adapters.tallies import Tallies
from adapters.tasks import Tasks
from adapters.thumbnails import Thumbnails
from adapters.timeline import Timeline
from adapters.tracks import Tracks
from adapters.tree import Tree
from adapters.uploaded_files import UploadedFiles
from adapters.uploads import Uploads
from store.access.cache import VerdictCache
from store.actor import Actor
from store.catalog import Catalog
from store.pixels.statistics import Histogram, Statistics


class Hub:
    """Hands out the services; each is made when first asked for."""

    def __init__(
        self, infrastructure: Infrastructure, actor: Actor, views: VerdictCache | None = None
    ) -> None:
        self.infrastructure = infrastructure
        self.actor = actor
        self.catalog = Catalog(infrastructure.database, actor)
        self._views = views if views is not None else VerdictCache()

    @cached_property
    def people(self) -> People:
        """Accounts, groups, grants, tokens and sessions."""
        return People(self.catalog)

    @cached_property
    def members(self) -> Members:
        """Who is in projects."""
        return Members(self.catalog)

    @cached_property
    def layers(self) -> Layers:
        """Default layers and representatives of projects."""
        return Layers(self.catalog)

    @cached_property
    def projects(self) -> Projects:
        """Projects as studies."""
        return Projects(self.catalog)

    @cached_property
    def placed(self) -> Placed:
        """Images in projects by what clients name them with."""
        return Placed(self.catalog)

    @cached_property
    def tallies(self) -> Tallies:
        """How much was drawn in projects."""
        return Tallies(self.catalog)

    @cached_property
    def disciplines(self) -> Disciplines:
        """Fields of work."""
        return Disciplines(self.catalog)

    @cached_property
    def saved_searches(self) -> SavedSearches:
        """Searches kept under a name."""
        return SavedSearches(self.catalog)

    @cached_property
    def tasks(self) -> Tasks:
        """How far things have come that clients do step by step."""
        return Tasks(self.catalog)

    @cached_property
    def activity(self) -> Activities:
        """Who looked at what."""
        return Activities(self.catalog)

    @cached_property
    def shares(self) -> Shares:
        """Objects given to people together."""
        return Shares(self.catalog)

    @cached_property
    def timeline(self) -> Timeline:
        """What came or changed when."""
        return Timeline(self.catalog)

    @cached_property
    def space(self) -> Space:
        """How much space things take."""
        return Space(self.infrastructure, self.catalog)

    @cached_property
    def configuration(self) -> Configuration:
        """What the hub is set to."""
        return Configuration(self.infrastructure, self.catalog)

    @cached_property
    def containers(self) -> Containers:
        """Projects, datasets, screens, plates and images in their hierarchy."""
        return Containers(self.catalog)

    @cached_property
    def screens(self) -> Screens:
        """What is inside plates."""
        return Screens(self.catalog)

    @cached_property
    def counts(self) -> Counts:
        """How much containers hold."""
        return Counts(self.catalog)

    @cached_property
    def listing(self) -> Listing:
        """Lists by offset, for clients that page so."""
        return Listing(self.catalog)

    @cached_property
    def paths(self) -> Paths:
        """Where objects lie in the hierarchy."""
        return Paths(self.catalog)

    @cached_property
    def search(self) -> Search:
        """Objects by the words in and on them."""
        return Search(self.catalog)

    @cached_property
    def images(self) -> Images:
        """Images, channels and rendering settings."""
        return Images(self.catalog)

    @cached_property
    def image_pages(self) -> ImagePages:
        """Images by offset, wherever they lie."""
        return ImagePages(self.catalog)

    @cached_property
    def placements(self) -> Placements:
        """Images in projects."""
        return Placements(self.catalog)

    @cached_property
    def planes(self) -> Planes:
        """Planes and their numbers."""
        return Planes(self.catalog)

    @cached_property
    def declared(self) -> Declared:
        """Images and planes that are only declared."""
        return Declared(self.catalog)

    @cached_property
    def companions(self) -> Companions:
        """Files beside images."""
        return Companions(self.catalog)

    @cached_property
    def renderings(self) -> Renderings:
        """How images are shown: everybody's settings."""
        return Renderings(self.catalog)

    def clipboard(self, session_id: int | None) -> Clipboard:
        """What was copied in one of the actor's sessions."""
        return Clipboard(self.catalog, session_id)

    @cached_property
    def pixels(self) -> PixelAccess:
        """Samples and pictures."""
        return PixelAccess(self.infrastructure, self.catalog, self.images, self._views)

    @cached_property
    def raw_samples(self) -> RawSamples:
        """Boxes of samples, of modest size."""
        return RawSamples(self.infrastructure, self.pixels)

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Small pictures of many images."""
        return Thumbnails(self.infrastructure, self.images, self.pixels)

    @cached_property
    def imports(self) -> Imports:
        """Bringing files in."""
        return Imports(self.infrastructure, self.catalog, self.images)

    @cached_property
    def image_drafts(self) -> ImageDrafts:
        """Images made of samples that are sent."""
        return ImageDrafts(self.infrastructure, self.catalog, self.images)

    @cached_property
    def file_drafts(self) -> FileDrafts:
        """Files that are sent in ranges."""
        return FileDrafts(self.infrastructure, self.catalog, self.files)

    @cached_property
    def file_access(self) -> FileAccess:
        """The bytes of stored files, for whoever sees what names them."""
        return FileAccess(self.infrastructure, self.catalog, self.files)

    @cached_property
    def files(self) -> Files:
        """Files as they were uploaded."""
        return Files(self.infrastructure, self.catalog)

    @cached_property
    def rois(self) -> Rois:
        """Regions of interest with their shapes and terms."""
        return Rois(self.catalog)

    @cached_property
    def roi_lists(self) -> RoiLists:
        """Regions and shapes by offset, with what writing them takes."""
        return RoiLists(self.catalog)

    @cached_property
    def roi_edits(self) -> RoiEdits:
        """Many edits of one image's regions at once."""
        return RoiEdits(self.catalog)

    @cached_property
    def shape_pictures(self) -> ShapePictures:
        """Masks, and small views of where shapes lie."""
        return ShapePictures(self.infrastructure)

    @cached_property
    def crops(self) -> Crops:
        """Parts of images as pictures."""
        return Crops(self.infrastructure)

    @cached_property
    def profiles(self) -> Profiles:
        """Samples in single pixels, and how samples are distributed."""
        return Profiles(self.infrastructure)

    @cached_property
    def subjects(self) -> Subjects:
        """What pictures are asked of."""
        return Subjects(self.catalog, self.pixels, self.planes, self.rois, self._views)

    @cached_property
    def shape_statistics(self) -> ShapeStatistics:
        """Grey values inside shapes."""
        return ShapeStatistics(self.infrastructure, self.images, self.rois)

    @cached_property
    def tracks(self) -> Tracks:
        """Objects followed through time or depth."""
        return Tracks(self.catalog)

    @cached_property
    def roi_terms(self) -> RoiTerms:
        """Single terms on single regions, with the verdicts of classifiers."""
        return RoiTerms(self.catalog)

    @cached_property
    def reviews(self) -> Reviews:
        """Reviews of images in projects, and the copies they leave."""
        return Reviews(self.catalog)

    @cached_property
    def annotations(self) -> Annotations:
        """Tags, key-values, comments, files and values on any object."""
        return Annotations(self.catalog)

    @cached_property
    def annotation_links(self) -> AnnotationLinks:
        """Who attached which annotation to what."""
        return AnnotationLinks(self.catalog)

    @cached_property
    def attachments(self) -> Attachments:
        """Files, maps, tags and ratings on many objects at once."""
        return Attachments(self.infrastructure, self.catalog)

    @cached_property
    def storages(self) -> Storages:
        """Where uploads lie, and whose they are."""
        return Storages(self.catalog)

    @cached_property
    def uploaded_files(self) -> UploadedFiles:
        """Files as they were sent, with how far they have come."""
        return UploadedFiles(self.catalog)

    @cached_property
    def uploads(self) -> Uploads:
        """Files that are sent, made images in projects."""
        return Uploads(
            self.infrastructure, self.catalog, self.imports, self.placements, self.properties
        )

    @cached_property
    def attached_files(self) -> AttachedFiles:
        """Files on objects, by the links that attach them."""
        return AttachedFiles(self.catalog)

    @cached_property
    def properties(self) -> Properties:
        """Named texts on objects."""
        return Properties(self.catalog)

    @cached_property
    def tags(self) -> Tags:
        """Tags as a list of words, and what they are put on."""
        return Tags(self.catalog)

    @cached_property
    def descriptions(self) -> Descriptions:
        """Descriptions as things of their own."""
        return Descriptions(self.catalog)

    @cached_property
    def linking(self) -> Linking:
        """Many links of the hierarchy and of tags at once."""
        return Linking(self.catalog)

    @cached_property
    def tree(self) -> Tree:
        """What containers hold, by page number."""
        return Tree(self.catalog)

    @cached_property
    def channels(self) -> Channels:
        """Names of channels."""
        return Channels(self.catalog)

    @cached_property
    def ontologies(self) -> Ontologies:
        """Ontologies, terms and relations."""
        return Ontologies(self.catalog)

    @cached_property
    def exports(self) -> Exports:
        """Bringing images out."""
        return Exports(self.infrastructure, self.pixels)

    @cached_property
    def graph(self) -> Graph:
        """Many objects at once, saved or deleted as one act."""
        return Graph(self.catalog)

    @cached_property
    def history(self) -> History:
        """Commands, undo, and the trash."""
        return History(self.catalog)

    @cached_property
    def events(self) -> Events:
        """What happens in the hub, as it happens."""
        return Events(self.infrastructure.feed, self.catalog)

    @cached_property
    def jobs(self) -> Jobs:
        """Operations, and the jobs that run them."""
        return Jobs(self.infrastructure, self.catalog)

    @cached_property
    def external(self) -> External:
        """Operations that run elsewhere, and the ports of all."""
        return External(self.catalog)

    @cached_property
    def port_rules(self) -> PortRules:
        """Rules on the values of ports."""
        return PortRules(self.catalog)

    @cached_property
    def external_jobs(self) -> ExternalJobs:
        """Jobs opened in a project, which an algorithm elsewhere carries out."""
        return ExternalJobs(self.catalog)

    @cached_property
    def job_accounts(self) -> JobAccounts:
        """The accounts that jobs draw under."""
        return JobAccounts(self.catalog)

    @cached_property
    def job_parameters(self) -> JobParameters:
        """What jobs are given, as text."""
        return JobParameters(self.catalog)

    @cached_property
    def job_files(self) -> JobFiles:
        """Files that jobs keep."""
        return JobFiles(self.infrastructure, self.catalog)

    @cached_property
    def project_operations(self) -> ProjectOperations:
        """Operations that projects offer."""
        return ProjectOperations(self.catalog)

    @cached_property
    def external_places(self) -> ExternalPlaces:
        """Trusted sources of code, and servers that run it."""
        return ExternalPlaces(self.catalog)

    @cached_property
    def scripts(self) -> Scripts:
        """Python files of operations."""
        return Scripts(self.infrastructure, self.catalog)

    @cached_property
    def projections(self) -> Projections:
        """Planes made one."""
        return Projections(self.catalog, self.images, self.jobs)

    async def histogram(self, image_id: int, **plane: Any) -> Histogram:
        """Return the histogram of one plane of a channel."""
        return await self.pixels.histogram(await self.pixels.view(image_id), **plane)

    async def statistics(self, image_id: int, **plane: Any) -> Statistics:
        """Return figures over one plane of a channel."""
        return await self.pixels.statistics(await self.pixels.view(image_id), **plane)
