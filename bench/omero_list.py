"""A list of 200 of 100,000 images, as clients of the JSON API read it, against a bare handler.

The bare handler is a Starlette route over the driver alone: it knows neither people nor permissions
and writes the same bytes, count included, from the same database. Both are called by ASGI in one
process. Page 400 is asked by offset, as such clients do. On SQLite, and on PostgreSQL where it is
installed or ``IMAGEHUB_BENCH_DATABASE`` names a server.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiosqlite
import asyncpg
import orjson
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.tokens import Scope, Tokens
from bench.measure import Row, awaited, row, show, take_turns
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database, connect
from store.settings import Settings
from store.statement import table
from store.tables.access import Label
from store.tables.containers import Dataset, DatasetImage
from store.tables.images import Image, Pixels
from store.tables.people import ROOT, Group, GroupLevel, Membership, User
from store.unit import Unit
from tests.fixtures.postgres import server_of_its_own
from web.app import create_app
from web.bootstrap import prepare

IMAGES, DATASETS, OWNERS = 100_000, 1000, 5
PAGE = 200
LAST = 400  # the page clients reach by offset
PATH = "/api/v0/m/images/"
OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
Ask = Callable[[str, list[Any]], Awaitable[list[Mapping[str, Any]]]]


def main() -> list[Row]:
    """Measure on SQLite, and on PostgreSQL where there is one."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}"
        with asyncio.Runner() as runner:
            found += _on(runner, Path(folder), url, "SQLite")
    with tempfile.TemporaryDirectory() as folder, _postgres() as server:
        if server is not None:
            with asyncio.Runner() as runner:
                found += _on_postgres(runner, Path(folder), server)
    return found


@contextmanager
def _postgres() -> Iterator[URL | None]:
    named = os.environ.get("IMAGEHUB_BENCH_DATABASE")
    if named:
        yield make_url(named.replace("postgresql://", "postgresql+asyncpg://"))
        return
    with server_of_its_own() as url:
        yield url


def _on_postgres(runner: asyncio.Runner, folder: Path, server: URL) -> list[Row]:
    name = f"imagehub_bench_{uuid4().hex[:8]}"

    async def say(statement: str) -> None:
        connection = await asyncpg.connect(_dsn(server))
        await connection.execute(statement)
        await connection.close()

    runner.run(say(f"CREATE DATABASE {name} TEMPLATE template0"))
    try:
        url = server.set(database=name).render_as_string(hide_password=False)
        return _on(runner, folder, url, "PostgreSQL")
    finally:
        runner.run(say(f"DROP DATABASE {name} WITH (FORCE)"))


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _on(runner: asyncio.Runner, folder: Path, url: str, name: str) -> list[Row]:
    settings = Settings(
        data=folder / "data", database=url, job_workers=0, root_password="root of it"
    )
    runner.run(prepare(settings, operations=False))
    tokens = runner.run(_filled(url))
    app = create_app(settings)
    running, opened = app.router.lifespan_context(app), _driver(url)
    runner.run(running.__aenter__())
    ask = runner.run(opened.__aenter__())
    try:
        rows: list[Row] = []
        for who, token in tokens.items():
            rows += _measured(runner, app, _bare(ask, token[0]), token, f"{name}, {who}")
        return rows
    finally:
        runner.run(opened.__aexit__(None, None, None))
        runner.run(running.__aexit__(None, None, None))


# what is in the hub


async def _filled(url: str) -> dict[str, tuple[int, str]]:
    """Make a group, its people, datasets and images; return id and token of two readers."""
    database = connect(url)
    hub = Catalog(database, Actor.system())

    async def people(unit: Unit) -> tuple[int, int, list[int]]:
        lab = await unit.add(Group(name="Cell dynamics", level=GroupLevel.read_annotate))
        made = []
        for number in range(OWNERS):
            person = await unit.add(
                User(
                    username=f"person{number}", first_name="Mira", last_name=f"Olsen {number}",
                    institution="Institute", kind="human", default_group_id=lab.id,
                )
            )  # fmt: skip
            await unit.add(Membership(user_id=person.id, group_id=lab.id, leader=False))
            made.append(person.id)
        label = await unit.add(Label(group_id=lab.id, key=f"{lab.id}:"))
        return lab.id, label.id, made

    group, label, owners = await hub.write("people", people)
    async with database.turn(), database.writing() as connection:
        await _fill(database, connection, group, label, owners)
    async with database.reading() as connection:
        await connection.execute(text("ANALYZE" if "sqlite" in url else "VACUUM ANALYZE"))
    tokens = {}
    for who, id in (("member", owners[0]), ("administrator", ROOT)):
        actor = await load_actor(database, id)
        made = await Tokens(Catalog(database, actor)).create("bench", [Scope.READ, Scope.WRITE])
        tokens[who] = (id, made.plain)
    await database.close()
    return tokens


async def _fill(
    database: Database, connection: Any, group: int, label: int, owners: list[int]
) -> None:
    now = now_ms()
    first = await database.take_ids(connection, DATASETS)
    await database.bulk(
        connection, table(Dataset),
        ("id", "name", "name_key", "owner_id", "group_id", "created_at", "label_id"),
        [(first + n, f"Day {n}", f"day {n}", owners[n % OWNERS], group, now, label)
         for n in range(DATASETS)],
    )  # fmt: skip
    names = [f"hela dapi gfp {n:06}.ome.tif" for n in range(IMAGES)]
    random.Random(1).shuffle(names)
    image = await database.take_ids(connection, IMAGES)
    await database.bulk(
        connection, table(Image),
        ("id", "name", "name_key", "description", "owner_id", "group_id", "created_at", "label_id",
         "acquired_at"),
        [(image + n, names[n], names[n], "fixed cells, day three", owners[n % DATASETS % OWNERS],
          group, now, label, now - n) for n in range(IMAGES)],
    )  # fmt: skip
    await database.bulk(
        connection, table(Pixels),
        ("image_id", "size_t", "size_c", "size_z", "size_y", "size_x", "dtype",
         "significant_bits", "physical_size_x", "physical_size_y", "physical_size_z", "levels",
         "store_key", "sha256"),
        [(image + n, 1, 2, 11, 1536, 2048, "uint16", 12, 0.108, 0.108, 0.3, [],
          f"images/{n}.zarr", f"{n:064x}") for n in range(IMAGES)],
    )  # fmt: skip
    link = await database.take_ids(connection, IMAGES)
    await database.bulk(
        connection, table(DatasetImage),
        ("id", "owner_id", "created_at", "dataset_id", "image_id", "name_key"),
        [(link + n, owners[n % OWNERS], now, first + n % DATASETS, image + n, names[n])
         for n in range(IMAGES)],
    )  # fmt: skip


# the bare handler


@asynccontextmanager
async def _driver(url: str) -> AsyncIterator[Ask]:
    """Give a way to ask a database by its driver alone; ``$1`` stands for the first value."""
    if "sqlite" in url:
        async with aiosqlite.connect(make_url(url).database or "") as connection:
            connection.row_factory = aiosqlite.Row

            async def ask(statement: str, values: list[Any]) -> list[Any]:
                cursor = await connection.execute(statement.replace("$", "?"), values)
                return list(await cursor.fetchall())

            yield ask
        return
    async with asyncpg.create_pool(_dsn(make_url(url)), min_size=2, max_size=4) as pool:

        async def fetch(statement: str, values: list[Any]) -> list[Any]:
            return list(await pool.fetch(statement, *values))

        yield fetch


_LIVE = "FROM image WHERE trashed_by IS NULL AND state = 'ready'"
_PAGE = f"""
SELECT i.id, i.name, i.description, i.acquired_at, i.series, i.owner_id, i.group_id,
  p.size_x, p.size_y, p.size_z, p.size_c, p.size_t, p.dtype, p.significant_bits,
  p.physical_size_x, p.physical_size_y, p.physical_size_z, p.sha256
FROM (SELECT id, name_key {_LIVE} ORDER BY name_key, id LIMIT $1 OFFSET $2) AS page
JOIN image AS i ON i.id = page.id JOIN pixels AS p ON p.image_id = page.id
ORDER BY page.name_key, page.id"""


def _bare(ask: Ask, me: int) -> Starlette:
    """Return an application of one route, written by hand for this one answer."""

    async def images(request: Request) -> Response:
        offset, limit = (int(request.query_params[name]) for name in ("offset", "limit"))
        found = await ask(_PAGE, [limit, offset])
        ((total,),) = await ask(f"SELECT count(*) {_LIVE}", [])
        owners = {one["owner_id"]: None for one in found}
        groups = {one["group_id"]: None for one in found}
        for table_, known in (("user_", owners), ("group_", groups)):
            listed = ", ".join(map(str, known))
            for one in await ask(f"SELECT * FROM {table_} WHERE id IN ({listed})", []):
                known[one["id"]] = one
        writer = _Writer(str(request.base_url) + PATH[1:], me, owners, groups)
        body = {
            "data": [writer.image(one) for one in found],
            "meta": {"totalCount": total, "offset": offset, "limit": limit, "maxLimit": 500},
            "experimenters": list(writer.owners.values()),
            "experimenterGroups": list(writer.groups.values()),
        }
        return Response(orjson.dumps(body), media_type="application/json")

    return Starlette(routes=[Route(PATH, images)])


class _Writer:
    """Writes the answer's objects; details of one owner are one object."""

    def __init__(self, base: str, me: int, owners: Any, groups: Any) -> None:
        self.base, self.me = base, me
        self.owners = {id: self._owner(one) for id, one in owners.items()}
        self.groups = {id: self._group(one) for id, one in groups.items()}
        self.full = {
            (owner, group): {
                "@type": "TBD#Details",
                "owner": self.owners[owner],
                "group": self.groups[group],
                "permissions": _permissions("rwra--", mine=me in (owner, ROOT)),
            }
            for owner in owners
            for group in groups
        }
        self.small = {
            key: {**one, "owner": {"@id": key[0]}, "group": {"@id": key[1]}}
            for key, one in self.full.items()
        }
        self.type = {
            "@id": 6, "@type": "TBD#PixelsType", "value": "uint16",
            "omero:details": {"@type": "TBD#Details", "permissions": _permissions("------")},
        }  # fmt: skip

    def _owner(self, one: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "@id": one["id"], "@type": f"{OME}Experimenter", "UserName": one["username"],
            "FirstName": one["first_name"], "LastName": one["last_name"],
            "Institution": one["institution"],
            "omero:details": {"@type": "TBD#Details", "permissions": _permissions("------")},
        }  # fmt: skip

    def _group(self, one: Mapping[str, Any]) -> dict[str, Any]:
        details = {"@type": "TBD#Details", "permissions": _permissions("rwra--", none=True)}
        return {
            "@id": one["id"], "@type": f"{OME}ExperimenterGroup", "Name": one["name"],
            "omero:details": details,
        }  # fmt: skip

    def image(self, one: Mapping[str, Any]) -> dict[str, Any]:
        key = (one["owner_id"], one["group_id"])
        address = f"{self.base}{one['id']}/"
        return {
            "@id": one["id"],
            "@type": f"{OME}Image",
            "Name": one["name"],
            "omero:series": one["series"],
            "omero:details": self.small[key],
            "Description": one["description"],
            "AcquisitionDate": one["acquired_at"],
            "Pixels": {
                "@id": one["id"],
                "@type": f"{OME}Pixels",
                "SizeX": one["size_x"],
                "SizeY": one["size_y"],
                "SizeZ": one["size_z"],
                "SizeC": one["size_c"],
                "SizeT": one["size_t"],
                "Type": self.type,
                "omero:details": self.full[key],
                "SignificantBits": one["significant_bits"],
                "PhysicalSizeX": _micrometres(one["physical_size_x"]),
                "PhysicalSizeY": _micrometres(one["physical_size_y"]),
                "PhysicalSizeZ": _micrometres(one["physical_size_z"]),
                "omero:sha1": one["sha256"],
            },
            "url:datasets": f"{address}datasets/",
            "url:image": address,
        }


def _micrometres(value: float) -> dict[str, Any]:
    return {"@type": "TBD#LengthI", "Unit": "MICROMETER", "Symbol": "µm", "Value": value}


def _permissions(perm: str, *, mine: bool = False, none: bool = False) -> dict[str, Any]:
    shared = perm != "------"
    return {
        "@type": "TBD#Permissions",
        "perm": perm,
        "canAnnotate": shared and not none,
        "canDelete": mine,
        "canEdit": mine,
        "canLink": mine,
        "isUserRead": shared,
        "isUserWrite": shared,
        "isGroupRead": shared,
        "isGroupAnnotate": shared,
        "isGroupWrite": False,
        "isWorldRead": False,
        "isWorldWrite": False,
    }


# measuring


async def _answer(app: Starlette, query: str, token: str) -> bytes:
    """Call an application by ASGI and return the body of its answer."""
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"answered with {message['status']}")
        sent.append(message.get("body", b""))

    headers = [(b"host", b"hub.test"), (b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": PATH, "raw_path": PATH.encode(), "root_path": "",
        "query_string": query.encode(), "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("hub.test", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return b"".join(sent)


def _measured(
    runner: asyncio.Runner, app: Starlette, bare: Starlette, who: tuple[int, str], name: str
) -> list[Row]:
    def query(page: int) -> str:
        return f"limit={PAGE}&offset={(page - 1) * PAGE}&normalize=true"

    def work(chosen: Starlette, page: int) -> Any:
        return awaited(runner, lambda _number: _answer(chosen, query(page), who[1]))

    for page in (1, LAST):
        ours = runner.run(_answer(app, query(page), who[1]))
        theirs = runner.run(_answer(bare, query(page), who[1]))
        if ours != theirs:
            raise RuntimeError(f"{name}: the two answers of page {page} differ")
    works = {
        "ours": work(app, 1), "bare": work(bare, 1),
        "ours late": work(app, LAST), "bare late": work(bare, LAST),
    }  # fmt: skip
    times = take_turns(works, 40, warm=5)
    counts = [_statements(runner, app, query(page), who[1]) for page in (1, LAST)]
    size = len(runner.run(_answer(app, query(1), who[1]))) // 1024
    return [
        row(
            f"{name}: list of {PAGE} images / bare handler", times["ours"] / times["bare"], 3.0,
            f"{times['ours']:.1f} ms / {times['bare']:.1f} ms, {size} KiB, of {IMAGES:,}; "
            f"{counts[0]} statements",
        ),
        row(
            f"{name}: page {LAST} / page 1", times["ours late"] / times["ours"], 3.0,
            f"{times['ours late']:.1f} ms / {times['ours']:.1f} ms; bare "
            f"{times['bare late']:.1f} ms; {counts[1]} statements",
        ),
    ]  # fmt: skip


def _statements(runner: asyncio.Runner, app: Starlette, query: str, token: str) -> int:
    """Count the statements of one request of somebody who is known already."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "PRAGMA" not in statement and "max(id)" not in statement:
            sent.append(statement)

    engine = app.state.services.database._engine.sync_engine
    runner.run(_answer(app, query, token))
    event.listen(engine, "before_cursor_execute", note)
    runner.run(_answer(app, query, token))
    event.remove(engine, "before_cursor_execute", note)
    return len(sent)


if __name__ == "__main__":
    show(main())
