"""Storages: where uploads lie, and whose they are besides their owner's.

A member may read what lies in a storage and put files into it. Everybody has a storage: one who
asks for theirs and has none gets one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from adapters.containers import checked_name
from adapters.files import storage_of
from adapters.members import humans
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden
from store.statement import cols, table
from store.tables.files import Storage, StorageLevel, StorageMember, StoredFile
from store.tables.people import COMMONS_GROUP, User
from store.unit import Unit

_storage, _member, _file = cols(Storage), cols(StorageMember), cols(StoredFile)
_user = cols(User)


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a storage is somebody's: files, and their bytes."""

    user_id: int
    files: int
    size: int


class Storages:
    """Verbs on storages."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def mine(self) -> Sequence[Storage]:
        """Return the storages the actor owns or is a member of, the own ones first."""
        me = self._catalog.actor
        wanted = (_storage.owner_id == me.user_id) | _storage.id.in_(list(me.storages))
        statement = self._catalog.select(Storage).where(wanted).order_by(_storage.id)
        found = await self._catalog.all(Storage, statement)
        if not any(one.owner_id == me.user_id for one in found) and me.within is None:
            if me.read_only:
                return found
            await self._catalog.write("make_storage", storage_of)
            found = await self._catalog.all(Storage, statement)
        return sorted(found, key=lambda one: (one.owner_id != me.user_id, one.id))

    async def all(self) -> Sequence[Storage]:
        """Return every storage that the actor sees."""
        return await self._catalog.all(Storage, self._catalog.select(Storage).order_by(_storage.id))

    async def get(self, id: int) -> Storage:
        """Return a storage. Raises NotFound."""
        return await self._catalog.one(Storage, id)

    async def create(self, name: str, owner_id: int | None = None) -> Storage:
        """Make a storage, for oneself unless told. Raises Invalid, Forbidden, NotFound."""
        title = checked_name(name)

        async def work(unit: Unit) -> Storage:
            unit.journal.summary = f"create storage {title}"
            owner = unit.actor.author_id if owner_id is None else owner_id
            if owner != unit.actor.author_id:
                await humans(unit, [owner])
            group = unit.actor.default_group or COMMONS_GROUP
            return await unit.add(Storage(name=title, owner_id=owner, group_id=group))

        return await self._catalog.write("create_storage", work)

    async def rename(self, id: int, name: str) -> Storage:
        """Give a storage another name. Raises NotFound, Forbidden, Invalid."""
        title = checked_name(name)

        async def work(unit: Unit) -> Storage:
            unit.journal.summary = f"rename storage {id} to {title}"
            return await unit.change(Storage, id, name=title)

        return await self._catalog.write("update_storage", work)

    async def delete(self, id: int) -> Storage:
        """Put an empty storage into the trash. Raises NotFound, Forbidden, Conflict with files."""

        async def work(unit: Unit) -> Storage:
            row = await unit.one(Storage, id, can=Can.DELETE)
            unit.journal.summary = f"delete storage {row.name}"
            held = await unit.scalars(
                select(_file.id).where(_file.storage_id == id, _file.trashed_by.is_(None)).limit(1)
            )
            if held:
                raise Conflict(f"Storage {id} ({row.name}) holds files; delete them first.")
            await unit.trash(Storage, [id])
            return row

        return await self._catalog.write("delete_storage", work)

    # members

    async def members(self, id: int) -> list[int]:
        """Return the ids of the owner, then of the members of a storage. Raises NotFound."""
        row = await self.get(id)
        found = await self._catalog.all(
            StorageMember,
            self._catalog.select(StorageMember)
            .where(_member.storage_id == id)
            .order_by(_member.id),
        )
        return list(dict.fromkeys([row.owner_id, *(one.user_id for one in found)]))

    async def admit(self, id: int, user_ids: Iterable[int]) -> None:
        """Make people members who may read and write; those who are stay. Needs the right to share.

        Raises NotFound, Forbidden.
        """
        wanted = list(dict.fromkeys(user_ids))

        async def work(unit: Unit) -> None:
            row = await unit.one(Storage, id, can=Can.SHARE)
            unit.journal.summary = f"let {len(wanted)} into storage {row.name}"
            await humans(unit, wanted)
            there = set(
                await unit.scalars(
                    select(_member.user_id).where(
                        _member.storage_id == id, _member.trashed_by.is_(None)
                    )
                )
            )
            for user_id in wanted:
                if user_id not in there and user_id != row.owner_id:
                    await unit.add(
                        StorageMember(
                            storage_id=id, user_id=user_id, level=StorageLevel.WRITE.value,
                            owner_id=unit.actor.author_id,
                        )
                    )  # fmt: skip

        await self._catalog.write("admit_to_storage", work)

    async def expel(self, id: int, user_ids: Iterable[int]) -> None:
        """Take people out of a storage; its owner stays. Raises NotFound, Forbidden, Conflict."""
        wanted = set(user_ids)

        async def work(unit: Unit) -> None:
            row = await unit.one(Storage, id)
            if wanted != {unit.actor.user_id}:  # anybody may leave
                await unit.require(Storage, row, Can.SHARE)
            if row.owner_id in wanted:
                raise Conflict(f"The owner of storage {row.name} cannot leave it.")
            unit.journal.summary = f"take {len(wanted)} out of storage {row.name}"
            found = await unit.all(
                StorageMember,
                _member.storage_id == id,
                unit.members(_member.user_id, wanted),
                order=_member.id,
            )
            if found:
                await unit.discard(StorageMember, found)

        await self._catalog.write("expel_from_storage", work)

    async def shares(self, id: int) -> list[Share]:
        """Return how much of a storage is whose, members without files included."""
        people = await self.members(id)
        rows = await self._catalog.rows(
            select(_file.owner_id, func.count(), func.coalesce(func.sum(_file.size), 0))
            .select_from(table(StoredFile))
            .where(_file.storage_id == id)
            .group_by(_file.owner_id)
        )
        found = {owner: Share(owner, int(count), int(size)) for owner, count, size in rows}
        return [found.pop(one, Share(one, 0, 0)) for one in people] + list(found.values())


async def require_writable(catalog: Catalog, id: int) -> Storage:
    """Return a storage the actor may put files into. Raises NotFound, Forbidden."""
    row = await catalog.one(Storage, id)
    (can,) = await catalog.capabilities(Storage, [row])
    if not can & Can.EDIT and catalog.actor.storages.get(id) != StorageLevel.WRITE.value:
        raise Forbidden("upload to", "storage", id)
    return row
