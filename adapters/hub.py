"""The hub as one actor sees it: every service, over one catalog. Made once per request."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from adapters.annotations import Annotations
from adapters.containers import Containers
from adapters.events import Events
from adapters.exports import Exports
from adapters.files import Files
from adapters.history import History
from adapters.images import Images
from adapters.imports import Imports
from adapters.infrastructure import Infrastructure
from adapters.jobs.service import Jobs
from adapters.ontologies import Ontologies
from adapters.people import People
from adapters.pixels import PixelAccess
from adapters.rois import Rois
from adapters.screens import Screens
from adapters.tracks import Tracks
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
    def containers(self) -> Containers:
        """Projects, datasets, screens, plates and images in their hierarchy."""
        return Containers(self.catalog)

    @cached_property
    def screens(self) -> Screens:
        """What is inside plates."""
        return Screens(self.catalog)

    @cached_property
    def images(self) -> Images:
        """Images, channels and rendering settings."""
        return Images(self.catalog)

    @cached_property
    def pixels(self) -> PixelAccess:
        """Samples and pictures."""
        return PixelAccess(self.infrastructure, self.catalog, self.images, self._views)

    @cached_property
    def imports(self) -> Imports:
        """Bringing files in."""
        return Imports(self.infrastructure, self.catalog, self.images)

    @cached_property
    def files(self) -> Files:
        """Files as they were uploaded."""
        return Files(self.infrastructure, self.catalog)

    @cached_property
    def rois(self) -> Rois:
        """Regions of interest with their shapes and terms."""
        return Rois(self.catalog)

    @cached_property
    def tracks(self) -> Tracks:
        """Objects followed through time or depth."""
        return Tracks(self.catalog)

    @cached_property
    def annotations(self) -> Annotations:
        """Tags, key-values, comments, files and values on any object."""
        return Annotations(self.catalog)

    @cached_property
    def ontologies(self) -> Ontologies:
        """Ontologies, terms and relations."""
        return Ontologies(self.catalog)

    @cached_property
    def exports(self) -> Exports:
        """Bringing images out."""
        return Exports(self.infrastructure, self.pixels)

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

    async def histogram(self, image_id: int, **plane: Any) -> Histogram:
        """Return the histogram of one plane of a channel."""
        return await self.pixels.histogram(await self.pixels.view(image_id), **plane)

    async def statistics(self, image_id: int, **plane: Any) -> Statistics:
        """Return figures over one plane of a channel."""
        return await self.pixels.statistics(await self.pixels.view(image_id), **plane)
