"""Annotating many objects as one act: files, maps, tags and ratings, each call one command.

`adapters.annotations` holds the verbs on single annotations. Here several are made, attached and
taken off together, so that one undo takes all of it back and a refusal leaves nothing behind.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from adapters.annotation_values import checked_namespace, checked_value
from adapters.attaching import (
    Pairs,
    Target,
    attach,
    complete,
    group_for,
    insert,
    objects_of,
    replace_pairs,
    targeted,
    tell_objects,
)
from adapters.containers import checked_name
from adapters.files import PLAIN, forget, storage_of
from adapters.infrastructure import Infrastructure
from store.access.capabilities import Can
from store.access.visible import ANNOTATABLE
from store.catalog import Catalog
from store.errors import Forbidden, Invalid
from store.files import StoredBlob, Stream
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.files import StoredFile
from store.unit import Unit

MOST_STARS = 5
_annotation, _link = cols(Annotation), cols(AnnotationLink)


@dataclass(frozen=True, slots=True)
class Retagged:
    """Ids of the tags that were attached, taken off, and made anew."""

    added: tuple[int, ...]
    removed: tuple[int, ...]
    made: tuple[int, ...]


class Attachments:
    """Verbs that annotate several objects at once."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    # files

    async def add_file(
        self,
        name: str,
        source: Stream | Iterable[bytes],
        targets: Iterable[Target],
        *,
        media_type: str | None = None,
        ns: str | None = None,
        description: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Annotation:
        """Keep a file and attach it to objects; the media type follows from the name if not given.

        Raises Invalid for a name, TooLarge beyond the upload limit, NotFound or Forbidden for an
        object: these are asked first, so that what is refused fills no disk.
        """
        title, wanted = checked_name(name), _some(targets)
        stated: dict[str, Any] = {"ns": checked_namespace(ns), "description": description}
        if extra is not None:
            stated["extra"] = dict(extra)
        await self._require(wanted)
        files, limit = self._infrastructure.files, self._infrastructure.settings.upload_limit
        blob = await self._infrastructure.run_long(files.receive, source, limit)

        async def work(unit: Unit) -> Annotation:
            unit.journal.summary = f"attach file {title} to {len(wanted)} objects"
            objects = await objects_of(unit, wanted)
            group = group_for(unit, None, objects.values())
            file = await unit.add(
                _file(title, blob, media_type, await storage_of(unit), unit, group)
            )
            note = await insert(unit, AnnotationKind.FILE, file.id, (), group, **stated)
            await attach(unit, [note.id], objects)
            return note

        try:
            return await self._catalog.write("attach_file", work)
        except Exception:
            await forget(self._infrastructure, blob.sha256)
            raise

    async def _require(self, targets: Sequence[Target]) -> None:
        """Raise NotFound or Forbidden unless all objects may be annotated; reads only."""
        for word in dict.fromkeys(noun for noun, _ in targets):
            ids = [id for name, id in targets if name == word]
            if word not in ANNOTATABLE:
                raise Invalid("targets", f"a {word} cannot be annotated.")
            found = await self._catalog.by_ids(ANNOTATABLE[word], ids)
            rows: list[Any] = [row for row in found if row is not None]
            complete(word, ids, [row.id for row in rows])
            allowed = await self._catalog.capabilities(ANNOTATABLE[word], rows)
            for row, can in zip(rows, allowed, strict=True):
                if not can & Can.ANNOTATE:
                    raise Forbidden("annotate", word, row.id)

    # maps

    async def add_map(
        self, pairs: Pairs, targets: Iterable[Target], *, ns: str | None = None, each: bool = False
    ) -> list[int]:
        """Make a map on all objects, or with `each` one map of its own on each; return the ids."""
        content, space = checked_value(AnnotationKind.MAP, pairs), checked_namespace(ns)
        wanted = _some(targets)

        async def work(unit: Unit) -> list[int]:
            unit.journal.summary = f"attach key-values to {len(wanted)} objects"
            objects = await objects_of(unit, wanted)
            shares = [{target: row} for target, row in objects.items()] if each else [objects]
            made = []
            for share in shares:
                note = await insert(unit, AnnotationKind.MAP, content, share.values(), ns=space)
                await attach(unit, [note.id], share)
                made.append(note.id)
            return made

        return await self._catalog.write("attach_map", work)

    async def replace_maps(self, ids: Sequence[int], pairs: Pairs) -> None:
        """Give maps other pairs; unchanged ones keep their ids. Raises Invalid for another kind."""
        content = checked_value(AnnotationKind.MAP, pairs)
        wanted = list(dict.fromkeys(ids))

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"change key-values of {len(wanted)} annotations"
            for id in wanted:
                row = await unit.one(Annotation, id, can=Can.EDIT)
                if row.kind != AnnotationKind.MAP.value:
                    raise Invalid("annotation", f"annotation {id} is no map.")
                if await replace_pairs(unit, id, content):
                    await unit.grow(Annotation, row)

        await self._catalog.write("update_annotation", work)

    # tags

    async def retag(
        self,
        targets: Iterable[Target],
        tag_ids: Collection[int],
        new: Sequence[tuple[str, str | None]] = (),
    ) -> Retagged:
        """Make these tags the ones that the actor put on all of the objects, in one command.

        Tags the actor had put on every object and that are not named are taken off; what others
        attached stays. `new` are texts and descriptions of tags to make. Raises Invalid for an
        annotation that is no tag.
        """
        wanted, chosen = _some(targets), list(dict.fromkeys(tag_ids))
        fresh = [(checked_value(AnnotationKind.TAG, text), about or None) for text, about in new]

        async def work(unit: Unit) -> Retagged:
            objects = await objects_of(unit, wanted)
            links = await _own_links(unit, wanted, AnnotationKind.TAG)
            mine = [id for id, found in links.items() if len(found) == len(wanted)]
            added = [id for id in chosen if id not in mine]
            removed = [id for id in mine if id not in chosen]
            await _require_tags(unit, added)
            await attach(unit, added, objects)
            cut = [link.id for id in removed for link in links[id]]
            if cut:
                await unit.trash(AnnotationLink, cut)
                await tell_objects(unit, set(wanted))
            made = []
            for text, about in fresh:
                note = await insert(
                    unit, AnnotationKind.TAG, text, objects.values(), description=about
                )
                await attach(unit, [note.id], objects)
                made.append(note.id)
            unit.journal.summary = (
                f"tag {len(wanted)} objects: {len(added) + len(made)} added, {len(removed)} removed"
            )
            return Retagged(tuple(added), tuple(removed), tuple(made))

        return await self._catalog.write("retag", work)

    # ratings

    async def rate(self, targets: Iterable[Target], stars: int, *, ns: str) -> None:
        """Set the actor's own rating of each object, from 1 to 5 stars; 0 takes it away.

        A rating is a whole number in the namespace given; those of others stay.
        """
        if not 0 <= stars <= MOST_STARS:
            raise Invalid("rating", f"must be from 0 to {MOST_STARS}, found {stars}.")
        wanted = _some(targets)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"rate {len(wanted)} objects with {stars}"
            objects = await objects_of(unit, wanted)
            rated = await _own_links(unit, wanted, AnnotationKind.LONG, ns)
            kept = await self._rerate(unit, rated, stars) if rated else set()
            for target, row in objects.items():
                if stars and target not in kept:
                    note = await insert(unit, AnnotationKind.LONG, stars, [row], ns=ns)
                    await attach(unit, [note.id], {target: row})

        await self._catalog.write("rate", work)

    async def _rerate(
        self, unit: Unit, rated: Mapping[int, Sequence[Any]], stars: int
    ) -> set[Target]:
        """Change or take off ratings that are there; return the objects that have one now.

        A rating that lies on another object too, or is somebody else's row, is left as it is and
        only taken off here.
        """
        counts: dict[int, int] = {}
        for (id,) in await unit.rows(
            select(_link.annotation_id).where(
                unit.members(_link.annotation_id, rated), _link.trashed_by.is_(None)
            )
        ):
            counts[id] = counts.get(id, 0) + 1
        kept: set[Target] = set()
        for id, links in rated.items():
            targets = {(one.target_type, one.target_id) for one in links}
            row = await unit.one(Annotation, id)
            alone = counts[id] == 1 and row.owner_id == unit.actor.author_id
            if alone and stars and not targets & kept:
                await unit.put(Annotation, row, {"whole": stars})
                kept |= targets
            elif alone:
                await unit.trash(Annotation, [id])
            else:
                await unit.trash(AnnotationLink, [one.id for one in links])
        return kept


def _some(targets: Iterable[Target]) -> list[Target]:
    wanted = list(dict.fromkeys(targets))
    if not wanted:
        raise Invalid("targets", "name at least one object.")
    return wanted


def _file(
    title: str, blob: StoredBlob, media_type: str | None, storage: int, unit: Unit, group: int
) -> StoredFile:
    return StoredFile(
        storage_id=storage, name=title, size=blob.size, sha256=blob.sha256,
        media_type=media_type or mimetypes.guess_type(title)[0] or PLAIN,
        owner_id=unit.actor.author_id, group_id=group,
    )  # fmt: skip


async def _own_links(
    unit: Unit, targets: Sequence[Target], kind: AnnotationKind, ns: str | None = None
) -> dict[int, list[Any]]:
    """Return the links the actor made from annotations of a kind to judged objects."""
    statement = (
        select(*table(AnnotationLink).c)
        .join(table(Annotation), _annotation.id == _link.annotation_id)
        .where(
            targeted(unit.members, targets),
            _link.owner_id == unit.actor.author_id,
            _link.trashed_by.is_(None),
            _annotation.trashed_by.is_(None),
            _annotation.kind == kind.value,
        )
        .order_by(_link.annotation_id, _link.id)
    )
    if ns is not None:
        statement = statement.where(_annotation.ns == ns)
    found: dict[int, list[Any]] = {}
    for row in await unit.rows(statement):
        found.setdefault(row.annotation_id, []).append(row)
    return found


async def _require_tags(unit: Unit, ids: Sequence[int]) -> None:
    rows = await unit.all(Annotation, unit.members(_annotation.id, ids)) if ids else []
    complete("tag", ids, [row.id for row in rows])
    for row in rows:
        if row.kind != AnnotationKind.TAG.value:
            raise Invalid("tags", f"annotation {row.id} is no tag.")
