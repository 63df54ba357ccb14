"""The stage of the demo: its people and groups, and looking things up before making them.

Everything is done through the hub of a demo account, under the same rules as for everybody. What is
there already, by owner and name, stays as it is; so the demo can be repeated, and completed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.annotations import Target
from adapters.drawing import NewRoi
from adapters.hub import Hub
from adapters.imports import ImportOptions
from adapters.infrastructure import Infrastructure
from adapters.passwords import PASSWORDS
from adapters.people import People
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.settings import Settings
from store.statement import cols
from store.tables.annotations import Annotation, AnnotationKind
from store.tables.images import Image
from store.tables.people import GroupLevel, User
from store.tables.rois import Roi

WELL_KNOWN = Settings(data=Path()).demo_password

# name → how open it is to its members, and what it is for
GROUPS: dict[str, tuple[GroupLevel, str]] = {
    "lab": (GroupLevel.read_annotate, "Members read and annotate what the others own."),
    "readers": (GroupLevel.read_only, "Members read what the others own."),
    "vault": (GroupLevel.private, "Nobody sees what the others own."),
    "outside": (GroupLevel.private, "A group of its own, with none of the others' data."),
}
# account → its groups; the first is where new things go
PEOPLE: dict[str, tuple[str, ...]] = {
    "owner": ("lab",),
    "annotator": ("lab",),
    "reader": ("readers",),
    "stranger": ("outside",),
}
ROOT_IN = ("lab", "readers", "vault")


@dataclass(slots=True)
class Scene:
    """What the acts of the demo share. `folder` is for files that are about to be imported."""

    infrastructure: Infrastructure
    folder: Path
    people: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)

    async def hub(self, name: str) -> Hub:
        """Return the hub as an account sees it now."""
        actor = await load_actor(self.infrastructure.database, self.people[name])
        return Hub(self.infrastructure, actor)

    def system(self) -> People:
        """Return the people as the hub itself sees them."""
        return People(Catalog(self.infrastructure.database, Actor.system()))

    async def cast(self) -> None:
        """Make groups and accounts; a new account has no password until the demo is complete."""
        people = self.system()
        for name, (level, purpose) in GROUPS.items():
            group = await people.groups.by_name(name)
            if group is None:
                group = await people.groups.create(name, level=level, description=purpose)
            self.groups[name] = group.id
        for name, groups in PEOPLE.items():
            person = await people.by_username(name)
            if person is None:
                person = await people.create(
                    name, groups=[self.groups[group] for group in groups],
                    first_name=name.capitalize(), last_name="Demo",
                )  # fmt: skip
            self.people[name] = person.id
        root = await people.by_username("root")
        if root is not None:
            self.people["root"] = root.id
            (there,) = await people.groups.of_users([root.id])
            for name in ROOT_IN:
                if self.groups[name] not in {one.group_id for one in there}:
                    await people.groups.put_member(self.groups[name], root.id)

    async def known(self) -> bool:
        """Tell whether the well-known password is, or will be, that of a demo account."""
        password = self.infrastructure.settings.demo_password
        for row in await self._accounts():
            if row.password_hash is None:
                if password == WELL_KNOWN:
                    return True
            elif (await PASSWORDS.check(row.password_hash, WELL_KNOWN)).right:
                return True
        return False

    async def open_doors(self) -> None:
        """Give the accounts that have none yet their password."""
        for row in await self._accounts():
            if row.password_hash is None:
                await self.system().set_password(row.id, self.infrastructure.settings.demo_password)

    async def _accounts(self) -> list[User]:
        catalog = Catalog(self.infrastructure.database, Actor.system())
        return [await catalog.one(User, self.people[name]) for name in PEOPLE]


async def container(
    hub: Hub, noun: Any, name: str, group_id: int, *, into: int | None = None, **fields: Any
) -> Any:
    """Return the actor's own container of this name in a group, made if there is none."""
    found = await own(hub, noun, cols(noun).name == name, cols(noun).group_id == group_id)
    if found:
        return found[0]
    return await hub.containers.create(noun, name=name, group_id=group_id, into=into, **fields)


async def own(hub: Hub, noun: Any, *where: Any) -> Sequence[Any]:
    """Return what the actor owns of a noun, oldest first."""
    row = cols(noun)
    statement = hub.catalog.select(noun).where(row.owner_id == hub.actor.author_id, *where)
    return await hub.catalog.all(noun, statement.order_by(row.id))


async def imported(
    scene: Scene,
    hub: Hub,
    name: str,
    make: Callable[[Path], None],
    *,
    dataset_id: int | None = None,
    group_id: int | None = None,
) -> Image:
    """Return the actor's own image of this name; `make` writes the file it is imported from."""
    row = cols(Image)
    where = [row.name == name] + ([] if group_id is None else [row.group_id == group_id])
    found = await own(hub, Image, *where)
    if found:
        image: Image = found[0]
        return image
    path = scene.folder / name
    await scene.infrastructure.run(make, path)
    options = ImportOptions(dataset_id=dataset_id, group_id=group_id, name=name)
    try:
        (made,) = await hub.imports.files([path], options)
    finally:
        path.unlink(missing_ok=True)
    return made


async def noted(
    hub: Hub, kind: AnnotationKind, name: str, value: Any, targets: Sequence[Target], **fields: Any
) -> Annotation:
    """Return the actor's own annotation of this kind and name, made and attached if new."""
    row = cols(Annotation)
    found = await own(hub, Annotation, row.kind == kind.value, row.name == name)
    if found:
        note: Annotation = found[0]
        return note
    return await hub.annotations.create(kind, value, name=name, targets=targets, **fields)


async def drawn(
    hub: Hub, image_id: int, news: Sequence[NewRoi], *, project_id: int | None = None
) -> list[int]:
    """Return the ids of the actor's own regions of these names on an image, drawn if new."""
    row = cols(Roi)
    names = [new.name or "" for new in news]
    there = {
        one.name: one.id
        for one in await own(hub, Roi, row.image_id == image_id, row.name.in_(names))
    }
    fresh = [new for new in news if new.name not in there]
    if fresh:
        ids = await hub.rois.create_many(image_id, fresh, project_id=project_id)
        there |= {new.name: id for new, id in zip(fresh, ids, strict=True)}
    return [there[name] for name in names]
