"""What a unit of work disturbed: the rows whose placements, labels, groups or counts must follow.

Every row that comes, goes or moves is noted here as it is written; `store.upkeep` brings what is
derived from it up to date once, at the end of the unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import SQLModel

from store.tables.access import Grant
from store.tables.containers import Dataset, DatasetImage, Placement, Project, ProjectDataset
from store.tables.files import Storage, StorageMember, StoredFile
from store.tables.images import Image
from store.tables.rois import Roi
from store.tables.screens import Plate, Screen, ScreenPlate, Well, WellSample


@dataclass(slots=True)
class Touched:
    """Rows whose place in the hierarchy, group or grants a unit of work has changed."""

    projects: set[int] = field(default_factory=set)
    datasets: set[int] = field(default_factory=set)
    images: set[int] = field(default_factory=set)
    screens: set[int] = field(default_factory=set)
    plates: set[int] = field(default_factory=set)
    wells: set[int] = field(default_factory=set)
    files: set[int] = field(default_factory=set)
    storages: set[int] = field(default_factory=set)
    # Links made anew, not restored: only they bring an excluded placement back.
    linked_datasets: set[tuple[int, int]] = field(default_factory=set)  # (project, dataset)
    linked_images: set[tuple[int, int]] = field(default_factory=set)  # (dataset, image)
    # Moved to another group, with what borrows theirs.
    moved_images: set[int] = field(default_factory=set)
    moved_plates: set[int] = field(default_factory=set)
    drawn: Counter[int] = field(default_factory=Counter)  # image → how many regions more it has

    @property
    def anything(self) -> bool:
        """Whether placements or labels may have to follow."""
        return bool(
            self.projects or self.datasets or self.images or self.screens or self.plates
            or self.wells or self.files or self.storages
        )  # fmt: skip

    def came(self, noun: type[SQLModel], rows: Iterable[Any]) -> None:
        """Note rows that were inserted."""
        listed = list(rows)
        self._note(noun, listed)
        if noun is ProjectDataset:
            self.linked_datasets.update((row.project_id, row.dataset_id) for row in listed)
        elif noun is DatasetImage:
            self.linked_images.update((row.dataset_id, row.image_id) for row in listed)
        elif noun is Roi:
            self.drawn.update(row.image_id for row in listed)

    def returned(self, noun: type[SQLModel], rows: Iterable[Any]) -> None:
        """Note rows that were taken back out of the trash."""
        listed = list(rows)
        self._note(noun, listed)
        if noun is Roi:
            self.drawn.update(row.image_id for row in listed)

    def went(self, noun: type[SQLModel], rows: Iterable[Any]) -> None:
        """Note rows that were trashed or removed."""
        listed = list(rows)
        self._note(noun, listed)
        if noun is Roi:
            self.drawn.subtract(row.image_id for row in listed)

    def moved(self, noun: type[SQLModel], before: Any, after: Any, changed: Iterable[str]) -> None:
        """Note a row some of whose fields changed."""
        fields = _PLACES.get(noun, frozenset()) & set(changed)
        if not fields:
            return
        self._note(noun, (before, after))
        if "group_id" in fields and noun is Image:
            self.moved_images.add(after.id)
        elif "group_id" in fields and noun is Plate:
            self.moved_plates.add(after.id)

    def _note(self, noun: type[SQLModel], rows: Sequence[Any]) -> None:
        if noun is Grant:
            for row in rows:
                _GRANTED[row.target_type](self).add(row.target_id)
        elif noun in _NOTED:
            column, chosen = _NOTED[noun]
            chosen(self).update(getattr(row, column) for row in rows)


_Set = Callable[[Touched], "set[int]"]

# noun → the column that names what is disturbed, and the set that gathers it.
_NOTED: Mapping[type[SQLModel], tuple[str, _Set]] = {
    Project: ("id", lambda touched: touched.projects),
    Dataset: ("id", lambda touched: touched.datasets),
    Image: ("id", lambda touched: touched.images),
    Screen: ("id", lambda touched: touched.screens),
    Plate: ("id", lambda touched: touched.plates),
    ProjectDataset: ("dataset_id", lambda touched: touched.datasets),
    DatasetImage: ("image_id", lambda touched: touched.images),
    ScreenPlate: ("plate_id", lambda touched: touched.plates),
    Placement: ("image_id", lambda touched: touched.images),
    Well: ("id", lambda touched: touched.wells),
    WellSample: ("image_id", lambda touched: touched.images),
    StoredFile: ("id", lambda touched: touched.files),
    Storage: ("id", lambda touched: touched.storages),
    StorageMember: ("storage_id", lambda touched: touched.storages),
}
_GRANTED: Mapping[str, _Set] = {
    "project": _NOTED[Project][1],
    "dataset": _NOTED[Dataset][1],
    "image": _NOTED[Image][1],
    "screen": _NOTED[Screen][1],
    "plate": _NOTED[Plate][1],
}

# Rows of these nouns are read back when they go or return, because something follows from them.
FOLLOWED: frozenset[type[SQLModel]] = frozenset({*_NOTED, Grant, Roi})

# noun → the columns that say where a row stands.
_PLACES: Mapping[type[SQLModel], frozenset[str]] = {
    Project: frozenset({"group_id"}),
    Dataset: frozenset({"group_id"}),
    Screen: frozenset({"group_id"}),
    Plate: frozenset({"group_id"}),
    Image: frozenset({"group_id", "file_id"}),
    ProjectDataset: frozenset({"project_id", "dataset_id"}),
    DatasetImage: frozenset({"dataset_id", "image_id"}),
    ScreenPlate: frozenset({"screen_id", "plate_id"}),
    Placement: frozenset({"state", "project_id", "image_id"}),
    Well: frozenset({"plate_id"}),
    WellSample: frozenset({"well_id", "image_id"}),
    StoredFile: frozenset({"storage_id"}),
    Storage: frozenset({"owner_id"}),
    Grant: frozenset({"target_type", "target_id"}),
}
