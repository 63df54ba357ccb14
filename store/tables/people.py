"""Who there is: users, groups, who belongs where, and roles of the whole hub."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from sqlmodel import Field

from store.tables.columns import (
    Keyed,
    KeyText,
    Named,
    Row,
    index,
    live_unique,
    name_key,
    one_of,
)

SYSTEM_GROUP, USER_GROUP, COMMONS_GROUP = 0, 1, 3
ROOT = 2


class GroupLevel(IntEnum):
    """How open the rows of a group are to its own members."""

    private = 0
    read_only = 1
    read_annotate = 2
    read_write = 3


class Role(IntEnum):
    """Roles in the whole hub; they have no table, their numbers are fixed ids."""

    guest = 11
    user = 12
    admin = 13
    super_admin = 14


class UserKind(StrEnum):
    """A person, or the account a job draws under."""

    HUMAN = "human"
    JOB = "job"


def _default_username_key(context: object) -> str:
    parameters = context.get_current_parameters()  # type: ignore[attr-defined]  # the insert's context
    return name_key(parameters["username"])


class User(Row, table=True):
    """An account: of a person, or of one job (kind job), which is never an owner."""

    __tablename__ = "user_"
    __table_args__ = (
        one_of("kind", UserKind),
        live_unique("username_key"),
        index("public_key", unique=True),
    )

    kind: str = UserKind.HUMAN.value
    username: str
    username_key: str = Field(
        default=None,
        nullable=False,
        sa_type=KeyText,
        sa_column_kwargs={"default": _default_username_key},
    )
    first_name: str = ""
    middle_name: str = ""
    last_name: str = ""
    email: str | None = None
    institution: str | None = None
    language: str = "en"
    password_hash: str | None = None
    enabled: bool = True
    default_group_id: int = Field(foreign_key="group_.id")
    public_key: str | None = None
    private_key_sealed: str | None = None
    admin_open_until: int | None = None
    human_id: int | None = Field(default=None, foreign_key="user_.id")
    # No foreign key: the job names this account, and the two are inserted together.
    job_id: int | None = None


class Group(Named, Row, table=True):
    """A group of users, whose level says what its members may do to each other's rows."""

    __tablename__ = "group_"
    __table_args__ = (live_unique("name_key"),)

    description: str = ""
    level: int = GroupLevel.private.value


class Membership(Keyed, table=True):
    """A user in a group, as plain member or as leader."""

    __tablename__ = "membership"
    __table_args__ = (index("user_id", "group_id", unique=True),)

    user_id: int = Field(foreign_key="user_.id")
    group_id: int = Field(foreign_key="group_.id")
    leader: bool = False


class UserRole(Keyed, table=True):
    """A role of a user; an administrator is whoever has 13 or 14, and nothing else says so."""

    __tablename__ = "user_role"
    __table_args__ = (index("user_id", "role", unique=True),)

    user_id: int = Field(foreign_key="user_.id")
    role: int
