"""Stored files: originals and attachments, the storages they lie in, and their use by images."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from sqlmodel import Field

from store.tables.columns import Keyed, Link, Named, Owned, index, live_unique, one_of


class FileRole(StrEnum):
    """What a file is to an image."""

    ORIGINAL = "original"
    COMPANION = "companion"
    ASSOCIATED = "associated"


class FileStatus(IntEnum):
    """How far an upload has come: even below 100 under way, odd failed, even from 100 on done."""

    UPLOADED = 0
    DETECTING_FORMAT = 10
    ERROR_FORMAT = 11
    EXTRACTING_DATA = 20
    ERROR_EXTRACTION = 21
    CONVERTING = 30
    ERROR_CONVERSION = 31
    DEPLOYING = 40
    ERROR_DEPLOYMENT = 41
    UNPACKING = 50
    ERROR_UNPACKING = 51
    CHECKING_INTEGRITY = 60
    ERROR_INTEGRITY = 61
    DEPLOYED = 100
    EXTRACTED = 102
    CONVERTED = 104
    UNPACKED = 106


class StorageLevel(StrEnum):
    """What a member of a storage may do with its files."""

    READ = "read"
    WRITE = "write"


class Storage(Named, Owned, table=True):
    """A place for uploads; every user gets one."""

    __tablename__ = "storage"


class StorageMember(Link, table=True):
    """A user who may use a storage of somebody else."""

    __tablename__ = "storage_member"
    __table_args__ = (one_of("level", StorageLevel), live_unique("storage_id", "user_id"))

    storage_id: int = Field(foreign_key="storage.id")
    user_id: int = Field(foreign_key="user_.id")
    level: str = StorageLevel.READ.value


class StoredFile(Named, Owned, table=True):
    """A file as uploaded. Its bytes lie under their hash: one blob may have many rows.

    A root with its children is a set of files that belong together; the set's id is the root's.
    """

    __tablename__ = "stored_file"
    __table_args__ = (index("storage_id", "id"), index("parent_id"), index("sha256"))

    storage_id: int = Field(foreign_key="storage.id")
    parent_id: int | None = Field(default=None, foreign_key="stored_file.id")
    media_type: str = "application/octet-stream"
    size: int = 0
    sha256: str | None = None
    status: int = 0


class ImageFile(Named, Keyed, table=True):
    """A file that belongs to an image: its original, a companion, or something beside it."""

    __tablename__ = "image_file"
    __table_args__ = (one_of("role", FileRole), index("image_id"), index("file_id"))

    image_id: int = Field(foreign_key="image.id")
    file_id: int = Field(foreign_key="stored_file.id")
    role: str = FileRole.ORIGINAL.value
    type: str | None = None
    progress: int = 0
    created_at: int = Field(default=None, nullable=False)
    trashed_by: int | None = None
