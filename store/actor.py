"""Who is asking: identity, standing in groups, grants, and the labels that follow from them.

An `Actor` is loaded once per request (`store.access.load`) and is immutable; every permission
question about a labelled row is then answered from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from store.access.capabilities import GRANT, MEMBER, Can, oversight

ROOT_ID = 2


class Labelled(Protocol):
    """A row that carries its own access label: project, dataset, image, screen, plate."""

    @property
    def owner_id(self) -> int: ...
    @property
    def group_id(self) -> int: ...
    @property
    def label_id(self) -> int | None: ...


class Owned(Protocol):
    """A row with an owner and a group but no label of its own."""

    @property
    def owner_id(self) -> int: ...
    @property
    def group_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """An actor's place in one group."""

    level: int
    leader: bool


@dataclass(frozen=True, slots=True)
class HidingProject:
    """A project whose layers are hidden from this actor: of members, of managers, or of both."""

    project_id: int
    members: bool
    managers: bool
    manager_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Actor:
    """The person, job or link on whose behalf the store is asked.

    The account of a job acts with the rights of its human, `user_id`, and draws as `job_user_id`;
    `within` is the project of the job, outside of which it sees and changes nothing.
    `labels` maps a label to what the actor may do to rows under it by group level and by grants;
    ownership is added per row. `projects` holds the actor's grant level on each project.
    """

    user_id: int | None = None
    username: str = ""
    groups: Mapping[int, Standing] = field(default_factory=dict)
    default_group: int | None = None
    administrator: bool = False
    full: bool = False
    read_only: bool = False
    scopes: frozenset[str] = frozenset()
    labels: Mapping[int, Can] = field(default_factory=dict)
    projects: Mapping[int, str] = field(default_factory=dict)
    grants: Mapping[int, str] = field(default_factory=dict)
    storages: Mapping[int, str] = field(default_factory=dict)
    levels: Mapping[int, int] = field(default_factory=dict)  # group → level, for administrators
    hiding: tuple[HidingProject, ...] = ()
    job_user_id: int | None = None
    job_id: int | None = None
    within: int | None = None
    # What rules work out from the rest once; never copied to another actor.
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @staticmethod
    def system() -> Actor:
        """Return the hub itself: migrations, the demo, the job runner."""
        return Actor(user_id=None, username="system", administrator=True, full=True)

    @staticmethod
    def nobody() -> Actor:
        """Return the actor of a request that carries no credential."""
        return Actor(read_only=True)

    @property
    def author_id(self) -> int:
        """The account that commands are written under; the hub itself writes as root."""
        return ROOT_ID if self.user_id is None else self.user_id

    @property
    def draws_as(self) -> int:
        """The account that regions and terms are shown under: a job's own, else the author's."""
        return self.author_id if self.job_user_id is None else self.job_user_id

    @property
    def signed_in(self) -> bool:
        """Whether this is an account, not a bare link or nobody."""
        return self.user_id is not None or self.full

    @property
    def sees_all(self) -> bool:
        """Whether no predicate limits what the actor reads."""
        return self.full or self.administrator

    def in_group(self, group_id: int) -> Can:
        """What the actor may do to rows of others in this group, grants apart."""
        if self.full:
            return self.capped(Can.ALL)
        if self.administrator:
            return self.capped(oversight(self.levels.get(group_id, 0)))
        standing = self.groups.get(group_id)
        if standing is None:
            return Can.NOTHING
        if standing.leader:
            return self.capped(oversight(standing.level) | MEMBER[standing.level])
        return self.capped(MEMBER[standing.level])

    def can(self, row: Labelled) -> Can:
        """What the actor may do to a labelled row."""
        allowed = self.given(row)
        if self.owns(row):
            allowed |= self.capped(Can.ALL)
        return allowed

    def given(self, row: Labelled) -> Can:
        """What group and grants give on a labelled row, ownership apart."""
        if self.full:
            return self.capped(Can.ALL)
        granted = self.labels.get(row.label_id or 0, Can.NOTHING)
        own = getattr(row, "id", None)
        if own is not None and own in self.grants:
            granted |= GRANT[self.grants[own]]
        return self.capped(granted | self.in_group(row.group_id))

    def can_owned(self, row: Owned) -> Can:
        """What group and ownership alone give."""
        allowed = self.in_group(row.group_id)
        if self.owns(row):
            allowed |= self.capped(Can.ALL)
        return allowed

    def owns(self, row: Owned) -> bool:
        """Whether the actor owns the row and is still a member of its group."""
        return (
            self.user_id is not None
            and row.owner_id == self.user_id
            and (row.group_id in self.groups)
        )

    def manages(self, project: Owned, project_id: int) -> bool:
        """Whether the actor may change members and settings of a project."""
        return not self.read_only and self.oversees(project, project_id)

    def oversees(self, project: Owned, project_id: int) -> bool:
        """Whether nothing in a project is hidden from the actor, who may only read it perhaps."""
        if self.projects.get(project_id) == "manage" or self.owns(project):
            return True
        return self.leads(project.group_id)

    def leads(self, group_id: int) -> bool:
        """Whether the actor oversees the group: its leader, or an administrator."""
        standing = self.groups.get(group_id)
        return self.sees_all or bool(standing and standing.leader)

    def capped(self, allowed: Can) -> Can:
        """Apply the cap of guests and read-only tokens."""
        return allowed & Can.READ if self.read_only else allowed
