"""Activity: who opened what, where they looked, what they did in a viewer.

None of it is a command or an event. The caller's own sight is asked when something is noted, then
the hub itself writes it, so that guests leave traces as well. Traces of others inside a project are
for its managers; where somebody is in an image, anybody may see who sees the image. Rows older than
a year go when somebody opens a project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, or_, select

from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Forbidden, Invalid, NotFound, Unauthenticated
from store.paging import Keyset, OrderKey, Page
from store.statement import cols, table
from store.tables.access import GrantLevel
from store.tables.activity import Activity, ActivityKind
from store.tables.containers import Placement, Project
from store.tables.images import Image
from store.tables.rois import Roi, RoiKind
from store.unit import Unit

DAY_MS = 86_400_000
KEPT_MS = 365 * DAY_MS
ONLINE_MS = 5 * 60_000
TEXT_LENGTH = 255
NEWEST = (OrderKey("at", int, descending=True), OrderKey("id", int, descending=True))
Corner = tuple[float, float]  # x, y in image pixels, y down
_activity, _roi, _placement = cols(Activity), cols(Roi), cols(Placement)
_project = cols(Project)


@dataclass(frozen=True, slots=True)
class Which:
    """What a list of activity is narrowed to; None narrows nothing, times are ms UTC."""

    kind: ActivityKind | None = None
    project_id: int | None = None
    image_id: int | None = None
    user_id: int | None = None
    slice: int | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A time in a project: from a connection until the next, or the last trace before it."""

    row: Activity
    lasted: int  # ms
    viewed: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Look:
    """A look at an image: how long, in which visit, and what was drawn during it."""

    row: Activity
    lasted: int  # ms
    visit_id: int | None
    drawn: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What somebody did in a project in all; times in ms UTC, None for never."""

    first: int | None
    last: int | None
    counts: Mapping[str, int]
    drawn: int


class Activities:
    """Verbs on activity."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # noting

    async def note_view(
        self, image_id: int, *, project_id: int | None = None, mode: str | None = None
    ) -> Activity:
        """Note that the actor opened an image, perhaps in a project. Raises NotFound."""
        await self._require_placed(image_id, project_id)
        return await self._note(
            ActivityKind.VIEW, project_id, image_id, {"mode": _text("mode", mode)}
        )

    async def note_position(
        self,
        image_id: int,
        corners: Sequence[Corner],
        *,
        project_id: int | None = None,
        slice: int | None = None,
        zoom: float | None = None,
        rotation: float | None = None,
        broadcast: bool = False,
    ) -> Activity:
        """Note which part of an image the actor sees.

        `corners` are four (x, y) in image pixels, y down; `slice` the rank of the plane; `zoom` and
        `rotation` (degrees) as the viewer counts them. Raises NotFound, Invalid.
        """
        if len(corners) != 4:
            raise Invalid("corners", "four points are needed.")
        await self._require_placed(image_id, project_id)
        data = {
            "corners": [[x, y] for x, y in corners],
            "zoom": zoom, "rotation": rotation, "broadcast": broadcast,
        }  # fmt: skip
        return await self._note(ActivityKind.POSITION, project_id, image_id, data, slice)

    async def note_connection(
        self,
        project_id: int,
        *,
        os: str | None = None,
        browser: str | None = None,
        browser_version: str | None = None,
    ) -> Activity:
        """Note that the actor opened a project. Raises NotFound."""
        await self._catalog.one(Project, project_id)
        data = {
            "os": _text("os", os),
            "browser": _text("browser", browser),
            "browser_version": _text("browser_version", browser_version),
        }
        return await self._note(ActivityKind.CONNECTION, project_id, None, data)

    async def note_action(
        self, roi_id: int, action: str, *, project_id: int | None = None, slice: int | None = None
    ) -> Activity:
        """Note what the actor did with a region in a viewer, such as ``select``.

        It belongs to the region's project, or for an unbound one to `project_id`.
        """
        word = _text("action", action)
        if not word:
            raise Invalid("action", "is needed.")
        roi = await self._catalog.one(Roi, roi_id)
        data = {"action": word, "roi": roi.id, "kind": roi.kind, "author": roi.author_id}
        return await self._note(
            ActivityKind.ACTION, roi.project_id or project_id, roi.image_id, data, slice
        )

    async def _require_placed(self, image_id: int, project_id: int | None) -> None:
        await self._catalog.one(Image, image_id)
        if project_id is None:
            return
        found = await self._catalog.all(
            Placement,
            self._catalog.select(Placement).where(
                _placement.image_id == image_id, _placement.project_id == project_id
            ),
        )
        if not found:
            raise NotFound("project", project_id)

    async def _note(
        self,
        kind: ActivityKind,
        project_id: int | None,
        image_id: int | None,
        data: dict[str, Any],
        slice: int | None = None,
    ) -> Activity:
        user_id = self._catalog.actor.user_id
        if user_id is None:
            raise Unauthenticated
        at = now_ms()

        async def work(unit: Unit) -> Activity:
            if kind is ActivityKind.CONNECTION:
                await unit.execute(delete(table(Activity)).where(_activity.at < at - KEPT_MS))
            return await unit.add(
                Activity(
                    kind=kind.value, user_id=user_id, project_id=project_id, image_id=image_id,
                    slice=slice, at=at, data={k: v for k, v in data.items() if v is not None},
                ),
                tell=False,
            )  # fmt: skip

        as_hub = Catalog(self._catalog.database, Actor.system())
        return await as_hub.write("note_activity", work)

    # reading

    async def one(self, kind: ActivityKind, id: int) -> Activity:
        """Return one trace of a kind. Raises NotFound."""
        row = await self._catalog.one(Activity, id)
        if row.kind != kind.value:
            raise NotFound(kind.value, id)
        return row

    async def require_sight(self, project_id: int, user_id: int | None) -> None:
        """Raise Forbidden unless the traces are the actor's own or the project theirs to manage.

        Raises NotFound for a project that is not to be seen. `user_id` None means everybody.
        """
        project = await self._catalog.one(Project, project_id)
        actor = self._catalog.actor
        if user_id != actor.user_id and not actor.oversees(project, project_id):
            raise Forbidden(
                "read the activity of others in", "project", project_id, "only its managers may."
            )

    async def many(self, ids: Sequence[int]) -> dict[int, Activity]:
        """Return the visible ones of these traces by id. One statement."""
        statement = self._told(Which()).where(self._catalog.members(_activity.id, set(ids)))
        return {one.id: one for one in await self._catalog.all(Activity, statement)}

    async def page(self, which: Which, keyset: Keyset) -> Page[Activity]:
        """Return one page of what the actor may know of, whatever the project; order `NEWEST`."""
        return await self._catalog.page(Activity, self._told(which), keyset)

    async def count_told(self, which: Which) -> int:
        """Count what `page` goes through."""
        return await self._catalog.count(self._told(which))

    def _told(self, which: Which) -> Select[Any]:
        """Leave out visits and views of others in projects that the actor does not oversee."""
        statement, actor = self._list(which), self._catalog.actor
        if actor.sees_all:
            return statement
        led = [group for group in actor.groups if actor.leads(group)]
        managed = [id for id, level in actor.projects.items() if level == GrantLevel.MANAGE]
        mine = -1 if actor.user_id is None else actor.user_id
        overseen = select(_project.id).where(
            or_(
                _project.group_id.in_(led),
                (_project.owner_id == mine) & _project.group_id.in_(list(actor.groups)),
                self._catalog.members(_project.id, managed),
            )
        )
        return statement.where(
            or_(
                _activity.user_id == mine,
                _activity.kind.in_([ActivityKind.POSITION.value, ActivityKind.ACTION.value]),
                _activity.project_id.in_(overseen),
            )
        )

    async def count(self, which: Which) -> int:
        """Count traces."""
        return await self._catalog.count(self._list(which))

    async def window(
        self, which: Which, offset: int = 0, limit: int | None = None
    ) -> Sequence[Activity]:
        """Return traces from an offset on, the newest first."""
        statement = self._list(which).order_by(_activity.at.desc(), _activity.id.desc())
        return await self._catalog.all(Activity, statement.offset(offset).limit(limit))

    def _list(self, which: Which) -> Select[Any]:
        return self._catalog.select(Activity).where(*_narrowed(which))

    async def latest(self, which: Which) -> Sequence[Activity]:
        """Return the newest trace of each user, the newest first. One statement."""
        newest = select(func.max(_activity.id)).where(*_narrowed(which)).group_by(_activity.user_id)
        statement = self._catalog.select(Activity).where(_activity.id.in_(newest))
        return await self._catalog.all(Activity, statement.order_by(_activity.id.desc()))

    async def online(
        self, *, project_id: int | None = None, image_id: int | None = None
    ) -> list[int]:
        """Return who left any trace in the last five minutes, by user id."""
        which = Which(project_id=project_id, image_id=image_id, since=now_ms() - ONLINE_MS)
        rows = await self._catalog.rows(
            select(_activity.user_id).where(*_narrowed(which)).distinct()
        )
        return sorted(row.user_id for row in rows)

    async def opened_projects(self) -> dict[int, int]:
        """Return when the actor last opened each project, ms UTC. One statement."""
        which = Which(ActivityKind.CONNECTION, user_id=self._catalog.actor.author_id)
        rows = await self._catalog.rows(
            select(_activity.project_id, func.max(_activity.at).label("at"))
            .where(*_narrowed(which))
            .group_by(_activity.project_id)
        )
        return {row.project_id: row.at for row in rows}

    async def histogram(self, which: Which, width: int) -> list[tuple[int, int]]:
        """Return how many traces lie in each period of `width` ms that has any: (start, count)."""
        # The width stands in the text: PostgreSQL takes two parameters for two expressions.
        start = (
            _activity.at - _activity.at % bindparam("width", int(width), literal_execute=True)
        ).label("start")
        rows = await self._catalog.rows(
            select(start, func.count().label("n"))
            .where(*_narrowed(which))
            .group_by(start)
            .order_by(start)
        )
        return [(row.start, row.n) for row in rows]

    async def visits(self, rows: Sequence[Activity]) -> list[Visit]:
        """Return connections with how long they lasted and what was done. Two statements."""
        if not rows:
            return []
        traces, drawn = await self._around(rows)
        found = []
        for row in rows:
            mine = traces[row.user_id, row.project_id or 0]
            end = next(
                (at for kind, at, _ in mine if kind == ActivityKind.CONNECTION and at > row.at),
                None,
            )
            inside = [one for one in mine if row.at <= one[1] and (end is None or one[1] < end)]
            moments = [
                at
                for at in drawn[row.user_id, row.project_id or 0]
                if row.at <= at and (end is None or at < end)
            ]
            views = sum(1 for kind, _, _ in inside if kind == ActivityKind.VIEW)
            lasted = max((at for _, at, _ in inside), default=row.at) - row.at
            found.append(Visit(row, lasted, views, len(moments)))
        return found

    async def looks(self, rows: Sequence[Activity]) -> list[Look]:
        """Return views with how long they lasted and in which visit. Three statements."""
        if not rows:
            return []
        traces, drawn = await self._around(rows)
        visits = await self._visits_before(rows)
        found = []
        for row in rows:
            key = row.user_id, row.project_id or 0
            ends = [
                at
                for kind, at, _ in traces[key]
                if at > row.at and kind in (ActivityKind.VIEW, ActivityKind.CONNECTION)
            ]
            end = min(ends, default=None)
            last = max(
                (
                    at
                    for _, at, image in traces[key]
                    if image == row.image_id and row.at <= at and (end is None or at <= end)
                ),
                default=row.at,
            )
            lasted = (last if end is None else end) - row.at
            made = sum(1 for at in drawn[key] if row.at <= at and (end is None or at < end))
            before = [id for at, id in visits.get(key, ()) if at <= row.at]
            found.append(Look(row, lasted, before[-1] if before else None, made))
        return found

    async def _around(
        self, rows: Sequence[Activity]
    ) -> tuple[dict[tuple[int, int], list[Any]], dict[tuple[int, int], list[int]]]:
        """Return what the people of these rows did from the first of them on, by moment."""
        users = {row.user_id for row in rows}
        projects = {row.project_id or 0 for row in rows}
        since = min(row.at for row in rows)
        keys = {(user, project) for user in users for project in projects}
        traces: dict[tuple[int, int], list[Any]] = {key: [] for key in keys}
        drawn: dict[tuple[int, int], list[int]] = {key: [] for key in keys}
        for one in await self._catalog.rows(
            select(
                _activity.user_id, _activity.project_id, _activity.kind, _activity.at,
                _activity.image_id,
            )
            .where(
                self._catalog.members(_activity.project_id, projects),
                self._catalog.members(_activity.user_id, users),
                _activity.at >= since,
            )
            .order_by(_activity.at, _activity.id)
        ):  # fmt: skip
            traces[one.user_id, one.project_id].append((one.kind, one.at, one.image_id))
        for one in await self._catalog.rows(
            select(_roi.author_id, _roi.project_id, _roi.created_at).where(
                self._catalog.members(_roi.project_id, projects),
                self._catalog.members(_roi.author_id, users),
                _roi.created_at >= since,
            )
        ):
            drawn[one.author_id, one.project_id].append(one.created_at)
        return traces, drawn

    async def _visits_before(
        self, rows: Sequence[Activity]
    ) -> dict[tuple[int, int], list[tuple[int, int]]]:
        users = {row.user_id for row in rows}
        projects = {row.project_id or 0 for row in rows}
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for one in await self._catalog.rows(
            select(_activity.user_id, _activity.project_id, _activity.at, _activity.id)
            .where(
                _activity.kind == ActivityKind.CONNECTION.value,
                self._catalog.members(_activity.project_id, projects),
                self._catalog.members(_activity.user_id, users),
                _activity.at <= max(row.at for row in rows),
            )
            .order_by(_activity.at, _activity.id)
        ):
            found.setdefault((one.user_id, one.project_id), []).append((one.at, one.id))
        return found

    async def summary(self, project_id: int, user_id: int) -> Summary:
        """Return what somebody did in a project in all. Raises as `require_sight`."""
        await self.require_sight(project_id, user_id)
        which = Which(project_id=project_id, user_id=user_id)
        rows = await self._catalog.rows(
            select(
                _activity.kind, func.count().label("n"),
                func.min(_activity.at).label("first"), func.max(_activity.at).label("last"),
            )
            .where(*_narrowed(which))
            .group_by(_activity.kind)
        )  # fmt: skip
        visits = next((row for row in rows if row.kind == ActivityKind.CONNECTION), None)
        drawn = await self._catalog.count(
            self._catalog.select(Roi).where(
                _roi.project_id == project_id,
                _roi.author_id == user_id,
                _roi.kind == RoiKind.USER.value,
            )
        )
        return Summary(
            first=None if visits is None else visits.first,
            last=None if visits is None else visits.last,
            counts={row.kind: row.n for row in rows},
            drawn=drawn,
        )


def _narrowed(which: Which) -> list[Any]:
    tests = []
    for name in ("project_id", "image_id", "user_id", "slice"):
        wanted = getattr(which, name)
        if wanted is not None:
            tests.append(_activity[name] == wanted)
    if which.kind is not None:
        tests.append(_activity.kind == which.kind.value)
    if which.since is not None:
        tests.append(_activity.at >= which.since)
    if which.until is not None:
        tests.append(_activity.at < which.until)
    return tests


def _text(field: str, value: str | None) -> str | None:
    if value is None:
        return None
    if len(value) > TEXT_LENGTH or not value.isprintable():
        raise Invalid(field, f"use at most {TEXT_LENGTH} printable characters.")
    return value
