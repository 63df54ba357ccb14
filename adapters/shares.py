"""Shares: objects given to people together, at one moment, with one end and perhaps a message.

A share has no table. It is the grants that one command gave, which have its giver and its moment in
common, and any of their ids stands for it. Whoever was granted as much or more on an object keeps
that, and closing this share will not take it away; a grant that gives less, or has ended, becomes a
part of this share. The message is a comment on every object, for all who can see the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import func, or_, select

from adapters.annotation_values import checked_value
from adapters.grants import check_end, checked_level
from store.access.capabilities import Can
from store.access.visible import LABELLED
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unauthenticated
from store.paging import Keyset, OrderKey, Page, apply_keyset, finish_page
from store.statement import cols
from store.tables.access import Grant, GrantLevel
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.people import SYSTEM_GROUP, USER_GROUP, Group, User, UserKind
from store.unit import Unit

Target = tuple[str, int]  # type and id of what is given

NAMESPACE = "imagehub/share"
MOST_OBJECTS = 500
MOST_GRANTS = 1000
NEWEST = (OrderKey("created_at", int, descending=True), OrderKey("id", int, descending=True))
_ORDER = tuple(GrantLevel)
_NEVER = 2**63
_grant, _annotation = cols(Grant), cols(Annotation)
_link = cols(AnnotationLink)
_user, _group = cols(User), cols(Group)


@dataclass(frozen=True, slots=True)
class Share:
    """Grants given together, those the actor may see; `id` is the lowest of theirs.

    `expires_at` is the latest end of any, None for never.
    """

    id: int
    given_by: int
    created_at: int
    grants: Sequence[Grant]
    message: str | None

    @property
    def expires_at(self) -> int | None:
        ends = [one.expires_at for one in self.grants]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def active(self) -> bool:
        """Whether it still opens anything."""
        return self.expires_at is None or self.expires_at > now_ms()


class Shares:
    """Verbs on shares. Each needs the right to share every object, or to manage it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def give(
        self,
        targets: Iterable[Target],
        *,
        user_ids: Iterable[int] = (),
        group_ids: Iterable[int] = (),
        level: str = GrantLevel.READ,
        expires_at: int | None = None,
        message: str | None = None,
    ) -> Share:
        """Give objects to people and groups in one command; return what was newly given.

        `expires_at` in ms UTC. Raises NotFound, Forbidden, Invalid, TooLarge beyond 500 objects or
        1,000 grants, and Conflict if everybody has it all already, or if somebody holds a grant of
        a higher level that ends earlier, or the other way round.
        """
        objects = list(dict.fromkeys(targets))
        people, groups = list(dict.fromkeys(user_ids)), list(dict.fromkeys(group_ids))
        _check_numbers(objects, len(people) + len(groups))
        if {SYSTEM_GROUP, USER_GROUP} & set(groups):
            raise Invalid("groups", "the built-in groups cannot be granted anything.")
        chosen = checked_level(level)
        check_end(expires_at)
        text = None if not message else checked_value(AnnotationKind.COMMENT, message)

        async def work(unit: Unit) -> int:
            await self._may_share(unit, objects)
            await _check_grantees(unit, people, groups)
            grantees = [(id, None) for id in people] + [(None, id) for id in groups]
            there = await self._there(unit, objects, people, groups)
            weaker = [one for one in there.values() if _gives_less(one, chosen, expires_at)]
            moment, giver = now_ms(), unit.actor.author_id
            new = [
                (user, group, *target, chosen, expires_at, giver, moment)
                for target in objects
                for user, group in grantees
                if (user, group, *target) not in there
            ]
            if not new and not weaker:
                raise Conflict("Everybody named was given all of this before; nothing is new.")
            unit.journal.summary = f"share {len(objects)} objects with {len(grantees)}"
            unit.journal.undoable = False
            await unit.command_id()
            same = {"level": chosen, "expires_at": expires_at}
            await unit.put_many(Grant, weaker, same | {"given_by": giver, "created_at": moment})
            ids: Sequence[int] = await unit.add_many(Grant, _COLUMNS, new)
            for id in ids:
                unit.tell("created", Grant, SimpleNamespace(id=id))
            if text is not None:
                await _say(unit, text, objects, moment)
            given = [*ids, *(one.id for one in weaker)]
            return min(given)

        return await self.get(await self._catalog.write("share", work))

    async def get(self, id: int) -> Share:
        """Return the share of one of its grants. Raises NotFound."""
        grant = await self._own(id)
        (share,) = await self._filled(
            [SimpleNamespace(id=grant.id, given_by=grant.given_by, created_at=grant.created_at)]
        )
        return share

    async def by_me(self, keyset: Keyset) -> Page[Share]:
        """Return one page of what the actor gave, links too, the newest first: order `NEWEST`.

        Three statements.
        """
        return await self._page(_grant.given_by == self._account(), keyset)

    async def count_by_me(self) -> int:
        """Count what `by_me` goes through."""
        return await self._count(_grant.given_by == self._account())

    async def with_me(self, keyset: Keyset) -> Page[Share]:
        """Return one page of what the actor and their groups were given and can still open."""
        return await self._page(self._given_me(), keyset)

    async def count_with_me(self) -> int:
        """Count what `with_me` goes through."""
        return await self._count(self._given_me())

    async def extend(self, id: int, expires_at: int | None) -> Share:
        """Give a share another end, in ms UTC; None for never. Raises as `give`."""
        check_end(expires_at)

        async def work(unit: Unit) -> None:
            grants = await self._of_unit(unit, id)
            unit.journal.summary = f"change the end of a share of {len(grants)} grants"
            await unit.put_many(Grant, grants, {"expires_at": expires_at})

        await self._catalog.write("extend_share", work)
        return await self.get(id)

    async def close(self, id: int) -> int:
        """Take back everything that a share gave; return how many grants. Raises as `give`."""

        async def work(unit: Unit) -> int:
            grants = await self._of_unit(unit, id)
            unit.journal.summary = f"close a share of {len(grants)} grants"
            await unit.remove_many(Grant, [grant.id for grant in grants])
            return len(grants)

        return await self._catalog.write("close_share", work)

    # inside

    def _account(self) -> int:
        user_id = self._catalog.actor.user_id
        if user_id is None:
            raise Unauthenticated
        return user_id

    def _given_me(self) -> Any:
        user_id = self._account()
        mine = or_(
            _grant.user_id == user_id,
            self._catalog.members(_grant.grantee_group_id, self._catalog.actor.groups),
        )
        fresh = or_(_grant.expires_at.is_(None), _grant.expires_at > now_ms())
        return mine & fresh & (_grant.given_by != user_id)

    def _grouped(self, *where: Any) -> Any:
        return (
            select(func.min(_grant.id).label("id"), _grant.given_by, _grant.created_at)
            .where(_grant.id.in_(self._catalog.visible_ids(Grant)), *where)
            .group_by(_grant.given_by, _grant.created_at)
            .subquery()
        )

    async def _page(self, where: Any, keyset: Keyset) -> Page[Share]:
        found = self._grouped(where)
        statement = apply_keyset(
            select(found), {"created_at": found.c.created_at, "id": found.c.id}, keyset
        )
        page = finish_page(await self._catalog.rows(statement), keyset)
        shares = await self._filled(page.rows)
        return Page(shares, page.has_next, page.has_previous, keyset, keyset.position_of)

    async def _count(self, where: Any) -> int:
        return await self._catalog.count(select(self._grouped(where)))

    async def _filled(self, found: Sequence[Any]) -> list[Share]:
        """Return shares with their grants and messages, in order. Two statements."""
        grants: dict[tuple[int, int], list[Grant]] = {}
        for grant in await self._catalog.all(Grant, self._given_when(found)):
            grants.setdefault((grant.given_by, grant.created_at), []).append(grant)
        messages = await self._messages(found)
        return [
            Share(
                one.id, one.given_by, one.created_at,
                self._shown(grants.get((one.given_by, one.created_at), [])),
                messages.get((one.given_by, one.created_at)),
            )
            for one in found
        ]  # fmt: skip

    def _shown(self, grants: Sequence[Grant]) -> Sequence[Grant]:
        """Leave out links that others made: only who may make some is told of them."""
        mine = self._catalog.actor.user_id
        return [one for one in grants if one.link_hash is None or one.given_by == mine]

    def _given_when(self, found: Sequence[Any]) -> Any:
        return (
            self._catalog.select(Grant)
            .where(
                self._catalog.members(_grant.given_by, {one.given_by for one in found}),
                self._catalog.members(_grant.created_at, {one.created_at for one in found}),
            )
            .order_by(_grant.id)
        )

    async def _messages(self, found: Sequence[Any]) -> dict[tuple[int, int], str]:
        if not found:
            return {}
        rows = await self._catalog.all(
            Annotation,
            self._catalog.select(Annotation).where(
                _annotation.kind == AnnotationKind.COMMENT.value,
                _annotation.ns == NAMESPACE,
                self._catalog.members(_annotation.owner_id, {one.given_by for one in found}),
                self._catalog.members(_annotation.created_at, {one.created_at for one in found}),
            ),
        )
        return {(row.owner_id, row.created_at): row.text or "" for row in rows}

    async def _own(self, id: int) -> Grant:
        """Return a grant the actor sees and gave or got. Raises NotFound."""
        grant = await self._catalog.one(Grant, id)
        actor = self._catalog.actor
        people = (grant.user_id, grant.given_by)
        mine = actor.user_id is not None and actor.user_id in people
        if not (mine or grant.grantee_group_id in actor.groups or actor.sees_all):
            raise NotFound("share", id)
        return grant

    async def _of_unit(self, unit: Unit, id: int) -> list[Grant]:
        """Return the grants of a share, judged: all of them may be changed by the actor."""
        grant = await unit.one(Grant, id)
        grants = await unit.all(
            Grant,
            _grant.given_by == grant.given_by,
            _grant.created_at == grant.created_at,
            order=_grant.id,
        )
        await self._may_share(unit, [(one.target_type, one.target_id) for one in grants])
        return list(grants)

    async def _may_share(self, unit: Unit, targets: Sequence[Target]) -> None:
        """Raise NotFound or Forbidden for the first object the actor may not share."""
        for name, noun in LABELLED.items():
            wanted = [id for kind, id in targets if kind == name]
            if not wanted:
                continue
            seen = {row.id for row in await unit.all(noun, unit.members(cols(noun).id, wanted))}  # type: ignore[attr-defined]  # nouns have one
            for id in wanted:
                if id not in seen:
                    raise NotFound(name, id)
        asked = [SimpleNamespace(target_type=name, target_id=id) for name, id in targets]
        allowed = await unit.judge.capabilities(Grant, asked)
        for (name, id), can in zip(targets, allowed, strict=True):
            if not can & Can.EDIT:
                raise Forbidden("share", name, id)

    async def _there(
        self, unit: Unit, objects: Sequence[Target], people: Sequence[int], groups: Sequence[int]
    ) -> dict[tuple[int | None, int | None, str, int], Grant]:
        found = await unit.all(
            Grant,
            or_(
                unit.members(_grant.user_id, people),
                unit.members(_grant.grantee_group_id, groups),
            ),
            unit.members(_grant.target_id, [id for _, id in objects]),
            order=_grant.id,
        )
        return {
            (one.user_id, one.grantee_group_id, one.target_type, one.target_id): one
            for one in found
        }


def _gives_less(grant: Grant, level: str, expires_at: int | None) -> bool:
    """Whether a grant gives less than a level until an end. Raises Conflict if neither gives all.

    One that has ended gives nothing.
    """
    if grant.expires_at is not None and grant.expires_at <= now_ms():
        return True
    lower = _ORDER.index(GrantLevel(grant.level)) - _ORDER.index(GrantLevel(level))
    shorter = _end(grant.expires_at) - _end(expires_at)
    if (lower < 0 < shorter) or (shorter < 0 < lower):
        raise Conflict(
            f"Grant {grant.id} on {grant.target_type} {grant.target_id} gives {grant.level} with "
            "another end; change or revoke it first, since one grant cannot have two ends.",
            noun="grant",
            id=grant.id,
        )
    return lower < 0 or shorter < 0


def _end(expires_at: int | None) -> int:
    return _NEVER if expires_at is None else expires_at


_COLUMNS = (
    "user_id", "grantee_group_id", "target_type", "target_id", "level", "expires_at", "given_by",
    "created_at",
)  # fmt: skip


async def _check_grantees(unit: Unit, people: Sequence[int], groups: Sequence[int]) -> None:
    known = {row.id: row for row in await unit.all(User, unit.members(_user.id, people))}
    for id in people:
        if id not in known:
            raise NotFound("user", id)
        if known[id].kind != UserKind.HUMAN.value:
            raise Conflict(f"User {id} is the account of a job; grant to its human.")
    there = {row.id for row in await unit.all(Group, unit.members(_group.id, groups))}
    for id in groups:
        if id not in there:
            raise NotFound("group", id)


async def _say(unit: Unit, text: str, objects: Sequence[Target], moment: int) -> None:
    """Put the message onto every object, as a comment of the share's moment."""
    name, id = objects[0]
    (first,) = await unit.all(LABELLED[name], cols(LABELLED[name]).id == id)
    home: int = cast("Any", first).group_id
    comment = await unit.add(
        Annotation(
            kind=AnnotationKind.COMMENT.value,
            ns=NAMESPACE,
            text=text,
            text_key=None,
            owner_id=unit.actor.author_id,
            group_id=home if unit.judge.may_enter(home) else unit.actor.default_group or home,
            created_at=moment,
        )
    )
    await unit.add_many(
        AnnotationLink,
        ("owner_id", "annotation_id", "target_type", "target_id"),
        [(unit.actor.author_id, comment.id, *target) for target in objects],
    )


def _check_numbers(objects: Sequence[Target], grantees: int) -> None:
    if not objects:
        raise Invalid("objects", "name at least one object.")
    if not grantees:
        raise Invalid("users", "name at least one person or group.")
    for name, _ in objects:
        if name not in LABELLED:
            raise Invalid("objects", f"a {name} is not one of {', '.join(LABELLED)}.")
    if len(objects) > MOST_OBJECTS:
        raise TooLarge(f"A share of {len(objects)} objects", MOST_OBJECTS, "objects")
    if len(objects) * grantees > MOST_GRANTS:
        raise TooLarge(f"A share of {len(objects) * grantees} grants", MOST_GRANTS, "grants")
