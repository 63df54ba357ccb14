"""Every table of the hub, one file per family of nouns; importing this makes the metadata whole."""

from __future__ import annotations

from sqlmodel import SQLModel

from store.tables.access import Grant, Label, LabelObject, Session, Token
from store.tables.activity import Activity
from store.tables.annotations import Annotation, AnnotationLink, KeyValue
from store.tables.containers import (
    Dataset,
    DatasetImage,
    DefaultLayer,
    Placement,
    Project,
    ProjectDataset,
    ProjectOperation,
    ProjectRepresentative,
)
from store.tables.files import ImageFile, Storage, StorageMember, StoredFile
from store.tables.history import Change, Command, Event
from store.tables.images import Channel, Image, ImageSlice, LabelSet, Pixels, Rendering
from store.tables.jobs import Job, JobData, JobIo, JobLog, JobParameter
from store.tables.ontologies import Ontology, RelationTerm, Term
from store.tables.operations import Operation, Port
from store.tables.people import Group, Membership, User, UserRole
from store.tables.results import ResultRow, ResultTable, WorkspaceObject
from store.tables.rois import Roi, RoiTerm, RoiTrack, Shape, Track
from store.tables.screens import Acquisition, Plate, Screen, ScreenPlate, Well, WellSample
from store.tables.sources import (
    ExternalRef,
    ImageGroup,
    ImageGroupItem,
    RoiGroup,
    RoiGroupItem,
    SavedSearch,
    Setting,
    Source,
)

# Parents before children, so that rows can be inserted in this order.
ALL: tuple[type[SQLModel], ...] = (
    Group,
    User,
    Membership,
    UserRole,
    Grant,
    Session,
    Token,
    Label,
    LabelObject,
    Command,
    Change,
    Event,
    Activity,
    Setting,
    Source,
    ExternalRef,
    SavedSearch,
    Ontology,
    Term,
    RelationTerm,
    Storage,
    StorageMember,
    StoredFile,
    Operation,
    Port,
    Dataset,
    Project,
    Job,
    JobParameter,
    JobData,
    JobIo,
    JobLog,
    Image,
    Pixels,
    Channel,
    Rendering,
    LabelSet,
    ImageFile,
    ProjectDataset,
    DatasetImage,
    Placement,
    ProjectRepresentative,
    DefaultLayer,
    ProjectOperation,
    ImageSlice,
    Screen,
    Plate,
    ScreenPlate,
    Acquisition,
    Well,
    WellSample,
    Roi,
    Shape,
    RoiTerm,
    Track,
    RoiTrack,
    Annotation,
    KeyValue,
    AnnotationLink,
    ResultTable,
    ResultRow,
    WorkspaceObject,
    ImageGroup,
    ImageGroupItem,
    RoiGroup,
    RoiGroupItem,
)

__all__ = ["ALL", *(noun.__name__ for noun in ALL)]
