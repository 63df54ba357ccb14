"""Projects and datasets, their links, and placements: an image as seen in one project."""

from __future__ import annotations

from enum import StrEnum

from sqlmodel import Field

from store.tables.columns import (
    Described,
    Keyed,
    KeyText,
    Link,
    MaybeNamed,
    Named,
    Owned,
    index,
    listed,
    live_index,
    live_unique,
    one_of,
)


class ProjectMode(StrEnum):
    """How far people below manager may change what is bound to a project."""

    CLASSIC = "classic"
    RESTRICTED = "restricted"
    READ_ONLY = "read_only"


class PlacementState(StrEnum):
    """Whether an image is in a project now, was once, or was taken out by name."""

    LIVE = "live"
    LEFT = "left"
    EXCLUDED = "excluded"


class Project(Described, Named, Owned, table=True):
    """A study: datasets, an ontology, members, and rules for what is drawn in it."""

    __tablename__ = "project"
    __table_args__ = (one_of("mode", ProjectMode), *listed())

    label_id: int | None = Field(default=None, foreign_key="label.id")
    ontology_id: int | None = Field(default=None, foreign_key="ontology.id")
    mode: str = ProjectMode.CLASSIC.value
    closed: bool = False
    blind: bool = False
    downloadable: bool = True
    hide_members: bool = False
    hide_managers: bool = False
    inbox_dataset_id: int | None = Field(default=None, foreign_key="dataset.id")


class Dataset(Described, Named, Owned, table=True):
    """A set of images."""

    __tablename__ = "dataset"
    __table_args__ = listed()

    label_id: int | None = Field(default=None, foreign_key="label.id")
    # No foreign key: it says where the dataset came from and stays when that project is purged.
    made_for_project_id: int | None = None


class ProjectDataset(Link, table=True):
    """A dataset in a project; `name_key` is the dataset's."""

    __tablename__ = "project_dataset"
    __table_args__ = (
        live_unique("project_id", "dataset_id"),
        live_index("project_id", "name_key", "dataset_id"),
    )

    project_id: int = Field(foreign_key="project.id")
    dataset_id: int = Field(foreign_key="dataset.id")
    name_key: str = Field(sa_type=KeyText)


class DatasetImage(Link, table=True):
    """An image in a dataset; `name_key` is the image's."""

    __tablename__ = "dataset_image"
    __table_args__ = (
        live_unique("dataset_id", "image_id"),
        live_index("dataset_id", "name_key", "image_id"),
    )

    dataset_id: int = Field(foreign_key="dataset.id")
    image_id: int = Field(foreign_key="image.id")
    name_key: str = Field(sa_type=KeyText)


class Placement(MaybeNamed, Keyed, table=True):
    """An image in a project, with what that project says about it: one row for ever.

    The name, sizes and scale given here win over the image's own within the project.
    """

    __tablename__ = "placement"
    __table_args__ = (
        one_of("state", PlacementState),
        index("image_id", "project_id", unique=True),
        index("project_id", "state", "id"),
        index("slice_base", unique=True),
    )

    project_id: int = Field(foreign_key="project.id")
    image_id: int = Field(foreign_key="image.id")
    state: str = PlacementState.LIVE.value
    slice_base: int | None = None
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    fps: float | None = None
    magnification: float | None = None
    reviewer_id: int | None = Field(default=None, foreign_key="user_.id")
    review_started_at: int | None = None
    review_stopped_at: int | None = None
    added_by: int = Field(foreign_key="user_.id")
    created_at: int = Field(default=None, nullable=False)
    updated_at: int | None = None
    version: int = 1


class ProjectRepresentative(Link, table=True):
    """A user to ask about a project."""

    __tablename__ = "project_representative"
    __table_args__ = (live_unique("project_id", "user_id"),)

    project_id: int = Field(foreign_key="project.id")
    user_id: int = Field(foreign_key="user_.id")


class DefaultLayer(Link, table=True):
    """A user whose ROIs a project shows first."""

    __tablename__ = "default_layer"
    __table_args__ = (live_unique("project_id", "user_id"),)

    project_id: int = Field(foreign_key="project.id")
    user_id: int = Field(foreign_key="user_.id")
    hidden: bool = False


class ProjectOperation(Link, table=True):
    """An operation offered in a project."""

    __tablename__ = "project_operation"
    __table_args__ = (live_unique("project_id", "operation_id"),)

    project_id: int = Field(foreign_key="project.id")
    operation_id: int = Field(foreign_key="operation.id")
