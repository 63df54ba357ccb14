"""Scripts over GraphQL: added by administrators, seen by all, run in processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from adapters.hub import Hub
from adapters.infrastructure import Infrastructure
from adapters.jobs.catalogue import write_operations
from adapters.jobs.worker import Workers
from adapters.scripts import LARGEST
from schema.scalars import decode_id, encode_id
from store.engine import connect
from store.files import FileStore
from store.pixels.zarr import ZarrPixelStore
from store.tables.images import Pixels
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

GRANULES = (Path(__file__).parents[2] / "examples" / "scripts" / "granules.py").read_text()
SHOWN = """id name source version { number present size sha256 author { username } }
  versions { number present source } operations { name version source summary script { id } }"""
JOB = """query($id: ID!) { job(id: $id) {
  state error operationName operationVersion log { level message } arguments { name value }
  outputs { port object {
    ... on Image { id name createdBy { id } } ... on ResultTable { name rowCount }
    ... on LabelSet { name }
  } } } }"""


def source(body: str, name: str = "lab.double") -> str:
    """Return a script with one operation; its body sees `image` and `how`."""
    return f'''
from typing import Annotated
import os, time
import numpy as np
from adapters.operations import ObjectWise, Plane, Port, operation

@operation("{name}", menu="Lab > Double", locality=ObjectWise())
def double(image: Plane, how: Annotated[str, Port("How.")] = "well") -> Plane:
    """Double a plane."""
    {body}
'''


async def add(world: HubWorld, name: str, text: str) -> dict[str, Any]:
    answer = await world.mutate(
        "root", "addScript", {"name": name, "source": text}, f"script {{ {SHOWN} }}"
    )
    assert "code" not in answer, answer
    return answer["script"]


async def submit(world: HubWorld, operation: str, image_id: int, **fields: Any) -> str:
    answer = await world.mutate(
        "owner",
        "runOperation",
        {"operation": operation, "image": encode_id("Image", image_id), **fields},
        "job { id }",
    )
    assert "code" not in answer, answer
    id: str = answer["job"]["id"]
    return id


async def drain(world: HubWorld) -> None:
    workers = Workers(world.infrastructure, 1)
    await workers.drain()
    await workers.stop()


async def job(world: HubWorld, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await world.graphql("owner", JOB, {"id": id}))["job"]
    return found


async def watched(world: HubWorld, id: str) -> AsyncIterator[dict[str, Any]]:
    """Look at a job again and again."""
    while True:
        yield await job(world, id)
        await asyncio.sleep(0.1)


async def samples(world: HubWorld, image: str) -> np.ndarray:
    hub = await world.hub("owner")
    pixels = await hub.catalog.one(Pixels, decode_id(image, "Image"))
    reader = world.infrastructure.pixels.open(pixels.store_key or "")
    return reader.region(t=slice(None), z=slice(None))


async def test_an_administrator_adds_a_script_that_all_may_read_about(hub_world: HubWorld) -> None:
    made = await add(hub_world, "granules.py", GRANULES)
    assert made["source"] == GRANULES
    assert made["version"] == {
        "number": 1,
        "present": True,
        "size": len(GRANULES.encode()),
        "sha256": made["version"]["sha256"],
        "author": {"username": "root"},
    }
    assert [one["name"] for one in made["operations"]] == [
        "granules.top_hat", "granules.find", "granules.project",
    ]  # fmt: skip
    for who, text in (("root", GRANULES), ("owner", None), ("stranger", None)):
        found = await hub_world.graphql(who, f"{{ scripts {{ {SHOWN} }} }}")
        (script,) = found["scripts"]
        assert script["source"] == text
        assert script["versions"][0]["source"] == text
        assert script["operations"][1]["summary"] == (
            "Label connected bright objects and measure them."
        )
        query = "query($id: ID!) { script(id: $id) { name } node(id: $id) { __typename } }"
        one = await hub_world.graphql(who, query, {"id": made["id"]})
        assert one == {"script": {"name": "granules.py"}, "node": {"__typename": "Script"}}
    assert (await hub_world.graphql(None, "{ scripts { id } }"))["scripts"] == []


async def test_operations_of_scripts_stand_among_the_others(hub_world: HubWorld) -> None:
    made = await add(hub_world, "granules.py", GRANULES)
    query = '{ operations(search: "top hat") { name version source script { id } } }'
    found = (await hub_world.graphql("owner", query))["operations"]
    assert found == [
        {"name": "granules.top_hat", "version": "1", "source": "SCRIPT",
         "script": {"id": made["id"]}},
    ]  # fmt: skip
    query = """{ operation(name: "granules.top_hat") { label menu locality source
      inputs { name type summary minimum maximum default unit } outputs { name type } } }"""
    assert (await hub_world.graphql("owner", query))["operation"] == {
        "label": "Top Hat",
        "menu": ["Process", "Granules", "Top Hat"],
        "locality": "neighbourhood",
        "source": "SCRIPT",
        "inputs": [
            {"name": "image", "type": "image", "summary": "Image to work on.", "minimum": None,
             "maximum": None, "default": None, "unit": None},
            {"name": "radius", "type": "integer", "summary": "Radius of the largest granule.",
             "minimum": 1.0, "maximum": 50.0, "default": 5, "unit": "pixel"},
        ],
        "outputs": [{"name": "image", "type": "image"}],
    }  # fmt: skip
    builtin = 'query { operation(name: "filter.gaussian") { source script { id } } }'
    found = (await hub_world.graphql("owner", builtin))["operation"]
    assert found == {"source": "BUILTIN", "script": None}
    names = "{ operations { name } }"
    assert "granules.find" not in str(await hub_world.graphql(None, names))


async def test_a_list_of_scripts_costs_the_same_whatever_its_length(hub_world: HubWorld) -> None:
    query = f"{{ scripts {{ {SHOWN} }} operations {{ name script {{ name }} }} }}"
    counted = []
    for number in range(3):
        await add(hub_world, f"lab{number}.py", source("return image * 2", f"lab.double{number}"))
        context = await hub_world.context("owner")
        from resolvers.root import graphql_schema

        with statements(hub_world.database) as sent:
            await graphql_schema.execute(query, context_value=context)
        counted.append(len(sent))
    assert len(set(counted)) == 1, counted


@pytest.mark.parametrize("who", ["owner", "stranger", None])
async def test_only_administrators_add_change_and_delete(
    hub_world: HubWorld, who: str | None
) -> None:
    made = await add(hub_world, "lab.py", source("return image * 2"))
    before = await hub_world.stored()
    for field, input in (
        ("addScript", {"name": "other.py", "source": GRANULES}),
        ("updateScript", {"id": made["id"], "source": GRANULES}),
        ("updateScript", {"id": made["id"], "name": "other.py"}),
        ("deleteScript", {"id": made["id"]}),
        ("deleteScript", {"id": made["id"], "dryRun": True}),
    ):
        selection = "deletedIds" if field == "deleteScript" else "script { id }"
        answer = await hub_world.mutate(who, field, input, selection)
        assert answer["code"] == ("not_found" if who is None and "id" in input else "forbidden")
    assert await hub_world.stored() == before


@pytest.mark.parametrize(
    ("name", "text", "code", "message"),
    [
        ("lab.py", "def broken(:\n", "invalid", "source: line 1: invalid syntax."),
        ("lab.py", "import nothing_here\n", "invalid",
         "source: line 1: ModuleNotFoundError: No module named 'nothing_here'"),
        ("lab.py", "x = 1\n", "invalid",
         "source: it declares no operation; decorate a function with @operation."),
        ("lab.py", source("return image", "filter.gaussian"), "invalid",
         "source: filter.gaussian is an operation of the hub itself."),
        ("lab.py", "#" * (LARGEST + 1), "too_large",
         "The script is beyond the limit of 262,144 bytes."),
        ("lab.txt", "x = 1", "invalid",
         "name: 'lab.txt' is no name of a Python file, such as smooth.py."),
        ("../lab.py", "x = 1", "invalid",
         "name: '../lab.py' is no name of a Python file, such as smooth.py."),
        ("lab.py", source("return image", "lab.taken"), "conflict",
         "lab.taken is an operation of taken.py already; rename one of them."),
        ("TAKEN.py", GRANULES, "conflict",
         "There is a script 'TAKEN.py' already; update it instead."),
    ],
)  # fmt: skip
async def test_a_wrong_script_is_explained_and_nothing_is_stored(
    hub_world: HubWorld, name: str, text: str, code: str, message: str
) -> None:
    await add(hub_world, "taken.py", source("return image", "lab.taken"))
    before, kept = await hub_world.stored(), list(hub_world.infrastructure.files.keys())
    answer = await hub_world.mutate(
        "root", "addScript", {"name": name, "source": text}, "script { id }"
    )
    assert (answer["code"], answer["message"]) == (code, message)
    assert await hub_world.stored() == before
    assert list(hub_world.infrastructure.files.keys()) == kept


async def test_a_script_runs_on_every_plane_and_its_image_is_published(
    hub_world: HubWorld,
) -> None:
    await add(hub_world, "granules.py", GRANULES)
    planes = np.random.default_rng(3).integers(0, 3000, (5, 24, 17)).astype("uint16")
    image = await hub_world.picture("owner", planes, name="cells")
    id = await submit(hub_world, "granules.top_hat", image.id, arguments={"radius": 2})
    await drain(hub_world)
    found = await job(hub_world, id)
    assert (found["state"], found["error"]) == ("SUCCEEDED", None)
    assert (found["operationName"], found["operationVersion"]) == ("granules.top_hat", "1")
    assert found["arguments"] == [{"name": "radius", "value": 2}]
    (made,) = (one["object"] for one in found["outputs"])
    assert made["name"] == "cells – Top Hat"
    assert made["createdBy"] == {"id": id}
    answer = await samples(hub_world, made["id"])
    for z in range(5):
        mean = ndimage.uniform_filter(planes[z].astype(float), 5, mode="nearest")
        expected = np.clip(np.rint(planes[z] - mean), 0, None).astype("uint16")
        np.testing.assert_array_equal(answer[0, 0, z], expected)


async def test_labels_and_tables_of_a_script_are_published_with_its_log(
    hub_world: HubWorld,
) -> None:
    await add(hub_world, "granules.py", GRANULES)
    plane = np.zeros((30, 30), "uint8")
    plane[3:6, 3:6] = plane[20:24, 10:12] = 200
    image = await hub_world.picture("owner", plane)
    id = await submit(hub_world, "granules.find", image.id)
    await drain(hub_world)
    found = await job(hub_world, id)
    assert found["state"] == "SUCCEEDED", found
    made = {one["port"]: one["object"] for one in found["outputs"]}
    assert made["labels"]["name"].startswith("Find ")
    assert made["table"]["rowCount"] == 2
    assert "c 0, z 0: 2 of 2 objects" in [line["message"] for line in found["log"]]


async def test_arguments_are_checked_before_a_job_is_queued(hub_world: HubWorld) -> None:
    await add(hub_world, "granules.py", GRANULES)
    text = '''
from typing import Annotated
from adapters.operations import ObjectWise, Plane, Port, operation
from store.errors import Invalid

def rule(values):
    if values["low"] > values["high"]:
        raise Invalid("low", "must not be above high.")

@operation("lab.window", locality=ObjectWise(), rule=rule)
def window(
    image: Plane,
    low: Annotated[int, Port("Least.")] = 0,
    high: Annotated[int, Port("Most.")] = 9,
) -> Plane:
    """Cut values off."""
    return image.clip(low, high)
'''
    await add(hub_world, "window.py", text)
    image = await hub_world.picture("owner")
    before = await hub_world.stored()
    for operation, arguments, message in (
        ("granules.top_hat", {"radius": 99}, "radius: must be at most 50, got 99."),
        ("granules.top_hat", {"size": 9},
         "size: is not an input of granules.top_hat, which takes image, radius."),
        ("lab.window", {"low": 10}, "low: must not be above high."),
    ):  # fmt: skip
        answer = await hub_world.mutate(
            "owner", "runOperation",
            {"operation": operation, "image": encode_id("Image", image.id),
             "arguments": arguments},
            "job { id }",
        )  # fmt: skip
        assert (answer["code"], answer["message"]) == ("invalid", message)
    assert await hub_world.stored() == before


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("print('before'); raise ValueError('no cells')", "line 10: ValueError: no cells"),
        ("print('before'); os.kill(os.getpid(), 11)",
         "its process was ended by SIGSEGV. Its last words: Fatal Python error: "
         "Segmentation fault"),
        ("print('before'); os._exit(7)",
         "its process ended with status 7. Its last words: before"),
        ("print('before'); np.ones(1 << 33, 'uint8')", "There was not enough memory."),
        ("print('before'); return image[1:]",
         "TypeError: lab.double answered samples of shape (15, 16), not (16, 16)."),
    ],
)  # fmt: skip
async def test_a_script_that_fails_fails_its_job_alone(
    hub_world: HubWorld, body: str, error: str
) -> None:
    await add(hub_world, "lab.py", source(body))
    await add(hub_world, "good.py", source("return image * 2", "lab.good"))
    image = await hub_world.picture("owner")
    bad = await submit(hub_world, "lab.double", image.id)
    good = await submit(hub_world, "lab.good", image.id)
    before = set(hub_world.infrastructure.pixels.keys())
    await drain(hub_world)
    found = await job(hub_world, bad)
    assert (found["state"], found["error"], found["outputs"]) == ("FAILED", error, [])
    messages = [line["message"] for line in found["log"]]
    assert "before" in messages
    assert messages[-1] == error
    if "ValueError" in error:
        assert '  File "lab.py", line 10, in double' in messages
    assert (await job(hub_world, good))["state"] == "SUCCEEDED"
    assert len(set(hub_world.infrastructure.pixels.keys()) - before) == 1


async def test_a_cancelled_job_ends_at_once(hub_world: HubWorld) -> None:
    await add(hub_world, "lab.py", source("print('asleep'); time.sleep(600)"))
    image = await hub_world.picture("owner")
    id = await submit(hub_world, "lab.double", image.id)
    workers = Workers(hub_world.infrastructure, 1)
    workers.start()
    try:
        async with asyncio.timeout(30):
            async for found in watched(hub_world, id):
                if any(line["message"] == "asleep" for line in found["log"]):
                    break
            query = "mutation($id: ID!) { cancelJob(id: $id) { __typename } }"
            await hub_world.graphql("owner", query, {"id": id})
            async for found in watched(hub_world, id):
                if found["state"] != "RUNNING":
                    break
    finally:
        await workers.stop()
    found = await job(hub_world, id)
    assert (found["state"], found["error"]) == ("KILLED", "It was stopped.")


async def test_progress_within_a_call_reaches_the_job(hub_world: HubWorld) -> None:
    body = (
        "from adapters.operations import report; report(1, 2); time.sleep(0.3); "
        "report(3, 4); time.sleep(600)"
    )
    await add(hub_world, "lab.py", source(body))
    image = await hub_world.picture("owner")
    id = await submit(hub_world, "lab.double", image.id)
    workers = Workers(hub_world.infrastructure, 1)
    workers.start()
    query = "query($id: ID!) { job(id: $id) { progress } }"
    seen = 0
    try:
        async with asyncio.timeout(30):
            while seen < 37:
                seen = (await hub_world.graphql("owner", query, {"id": id}))["job"]["progress"]
                await asyncio.sleep(0.1)
    finally:
        await workers.stop()
    assert seen == 37  # three quarters of the first of two steps: one plane, one image


async def test_a_new_version_runs_from_now_on_and_old_jobs_keep_theirs(
    hub_world: HubWorld,
) -> None:
    made = await add(hub_world, "lab.py", source("return image * 2"))
    image = await hub_world.picture("owner")
    old = await submit(hub_world, "lab.double", image.id)
    change = {"id": made["id"], "source": source("return image * 3")}
    updated = (await hub_world.mutate("root", "updateScript", change, f"script {{ {SHOWN} }}"))[
        "script"
    ]
    assert updated["id"] == made["id"]
    assert updated["version"]["number"] == 2
    assert [(one["number"], one["present"]) for one in updated["versions"]] == [
        (2, True),
        (1, False),
    ]
    assert updated["versions"][1]["source"] == source("return image * 2")
    new = await submit(hub_world, "lab.double", image.id)
    await drain(hub_world)
    original = await samples(hub_world, encode_id("Image", image.id))
    for id, factor in ((old, 2), (new, 3)):
        found = await job(hub_world, id)
        assert found["operationVersion"] == str(factor - 1)
        (answer,) = (one["object"]["id"] for one in found["outputs"])
        np.testing.assert_array_equal(await samples(hub_world, answer), original * factor)
    found = await hub_world.graphql("owner", '{ operations(search: "double") { name version } }')
    assert found["operations"] == [{"name": "lab.double", "version": "2"}]


async def test_the_same_text_again_is_no_new_version(hub_world: HubWorld) -> None:
    made = await add(hub_world, "lab.py", source("return image * 2"))
    before = await hub_world.stored()
    change = {"id": made["id"], "source": source("return image * 2"), "name": "lab.py"}
    answer = await hub_world.mutate("root", "updateScript", change, "script { version { number } }")
    assert answer["script"]["version"]["number"] == 1
    assert await hub_world.stored() == before
    change = {"id": made["id"], "name": "other.py"}
    answer = await hub_world.mutate(
        "root", "updateScript", change, "script { name operations { name } }"
    )
    assert answer["script"] == {"name": "other.py", "operations": [{"name": "lab.double"}]}


async def test_a_deleted_script_runs_no_more_and_its_jobs_keep_its_name(
    hub_world: HubWorld,
) -> None:
    made = await add(hub_world, "lab.py", source("return image * 2"))
    image = await hub_world.picture("owner")
    done = await submit(hub_world, "lab.double", image.id)
    await drain(hub_world)
    waiting = await submit(hub_world, "lab.double", image.id)
    before = await hub_world.stored()
    selection = "deletedIds dryRun commandId impact { noun count }"
    dry = await hub_world.mutate(
        "root", "deleteScript", {"id": made["id"], "dryRun": True}, selection
    )
    assert dry["commandId"] is None
    assert await hub_world.stored() == before
    gone = await hub_world.mutate("root", "deleteScript", {"id": made["id"]}, selection)
    assert (
        gone["impact"]
        == dry["impact"]
        == [
            {"noun": "script", "count": 1},
            {"noun": "operation", "count": 1},
            {"noun": "version", "count": 1},
        ]
    )
    found = await hub_world.graphql(
        "owner", '{ scripts { id } operations(search: "lab.") { name } }'
    )
    assert found == {"scripts": [], "operations": []}
    result = await hub_world.execute("owner", '{ operation(name: "lab.double") { name } }')
    assert code_of(result) == "not_found"
    await drain(hub_world)
    assert (await job(hub_world, done))["operationName"] == "lab.double"
    found = await job(hub_world, waiting)
    assert (found["state"], found["error"]) == (
        "FAILED",
        "The script of lab.double, version 1, was deleted; restore it, or run another operation.",
    )
    again = await add(hub_world, "lab.py", source("return image * 5"))
    assert again["version"]["number"] == 2


async def test_what_was_done_to_a_script_can_be_undone(hub_world: HubWorld) -> None:
    made = await add(hub_world, "lab.py", source("return image * 2"))
    change = {"id": made["id"], "source": source("return image * 3", "lab.triple")}
    await hub_world.mutate("root", "updateScript", change, "script { id }")
    await hub_world.mutate("root", "deleteScript", {"id": made["id"]}, "deletedIds")
    query = "{ scripts { name version { number } operations { name } } }"
    undo = "mutation { undo(input: {}) { __typename ... on Error { message } } }"
    redo = "mutation { redo(input: {}) { __typename ... on Error { message } } }"
    first = {"name": "lab.py", "version": {"number": 1}, "operations": [{"name": "lab.double"}]}
    second = {"name": "lab.py", "version": {"number": 2}, "operations": [{"name": "lab.triple"}]}
    for step, expected in (
        (undo, [second]), (undo, [first]), (undo, []),
        (redo, [first]), (redo, [second]), (redo, []),
    ):  # fmt: skip
        done = await hub_world.graphql("root", step)
        assert "Error" not in str(done), done
        assert (await hub_world.graphql("root", query))["scripts"] == expected


async def test_adding_is_not_undone_once_a_job_ran(hub_world: HubWorld) -> None:
    await add(hub_world, "lab.py", source("return image * 2"))
    image = await hub_world.picture("owner")
    await submit(hub_world, "lab.double", image.id)
    undo = "mutation { undo(input: {}) { ... on Error { code message } } }"
    answer = (await hub_world.graphql("root", undo))["undo"]
    assert answer["code"] == "conflict"
    assert "ran lab.double" in answer["message"]


async def test_another_server_runs_what_the_database_says(hub_world: HubWorld) -> None:
    """Two servers over one database and one folder; neither keeps what the other changed."""
    folder = hub_world.infrastructure.settings.data
    other = HubWorld(
        Infrastructure(
            settings=hub_world.infrastructure.settings,
            database=connect(hub_world.infrastructure.settings.database),
            pixels=ZarrPixelStore(folder / "pixels"),
            files=FileStore(folder / "files"),
        )
    )
    other.people, other.groups = hub_world.people, hub_world.groups
    try:
        made = await add(hub_world, "lab.py", source("return image * 2"))
        image = await hub_world.picture("owner")
        original = await samples(hub_world, encode_id("Image", image.id))
        for factor, submitting, running in ((2, hub_world, other), (3, other, hub_world)):
            if factor == 3:
                change = {"id": made["id"], "source": source("return image * 3")}
                await hub_world.mutate("root", "updateScript", change, "script { id }")
            id = await submit(submitting, "lab.double", image.id)
            await drain(running)
            found = await job(other, id)
            assert found["state"] == "SUCCEEDED", found
            (answer,) = (one["object"]["id"] for one in found["outputs"])
            np.testing.assert_array_equal(await samples(other, answer), original * factor)
    finally:
        await other.infrastructure.close()


async def test_the_hub_s_own_operations_are_written_beside_scripts(hub_world: HubWorld) -> None:
    await add(hub_world, "lab.py", source("return image * 2"))
    assert await write_operations(hub_world.system()) > 30
    assert await write_operations(hub_world.system()) == 0
    hub: Hub = await hub_world.hub("owner")
    assert (await hub.jobs.declared("lab.double")).source == "script"
    assert (await hub.jobs.declared("filter.gaussian")).source == "builtin"
