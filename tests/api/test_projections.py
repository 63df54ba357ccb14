"""Projections over GraphQL, against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from adapters.imports import ImportOptions
from adapters.jobs.catalogue import write_operations
from adapters.jobs.worker import Workers
from schema.scalars import encode_id
from tests.fixtures.hub_world import HubWorld

SHAPE = (3, 4, 2, 30, 20)  # t z c y x


def values() -> NDArray[np.uint8]:
    """Return samples ``(t, z, c, y, x)``."""
    return np.random.default_rng(5).integers(0, 256, SHAPE, dtype=np.uint8)


async def stored(world: HubWorld, **options: Any) -> str:
    await write_operations(world.system())
    path = world.infrastructure.settings.data / "series.ome.tif"
    tifffile.imwrite(path, values(), metadata={"axes": "TZCYX"})
    (image,) = await (await world.hub("owner")).imports.files([path], ImportOptions(**options))
    return encode_id("Image", image.id)


async def project(world: HubWorld, image: str, **input: Any) -> dict[str, Any]:
    """Run a projection and return its job."""
    made = await world.mutate("owner", "projectImage", {"image": image, **input}, "job { id }")
    assert "code" not in made, made
    workers = Workers(world.infrastructure, 1)
    await workers.drain()
    await workers.stop()
    query = """query($id: ID!) { job(id: $id) { state error operationName outputs { object {
      ... on Image { legacyId name datasets { name } createdBy { id }
        channels { name } pixels { type } } } } } }"""
    found: dict[str, Any] = (await world.graphql("owner", query, made["job"]))["job"]
    assert found["state"] == "SUCCEEDED", found
    return found


async def samples(world: HubWorld, job: dict[str, Any]) -> NDArray[Any]:
    hub = await world.hub("owner")
    view = await hub.pixels.view(job["outputs"][0]["object"]["legacyId"])
    reader = world.infrastructure.pixels.open(view.pixels.store_key or "")
    everything = slice(None)
    found: NDArray[Any] = reader.region(t=everything, c=everything, z=everything)
    return found


NUMPY: dict[str, Callable[..., NDArray[Any]]] = {
    "MAX": np.max,
    "MIN": np.min,
    "MEAN": lambda stack, axis, keepdims: stack.mean(axis, np.float64, keepdims=keepdims),
    "SUM": lambda stack, axis, keepdims: stack.sum(axis, np.float64, keepdims=keepdims),
    "DEVIATION": lambda stack, axis, keepdims: stack.std(axis, ddof=1, keepdims=keepdims),
}


@pytest.mark.parametrize("axis", ["Z", "T"])
async def test_every_method_along_depth_and_time_is_what_numpy_says(
    hub_world: HubWorld, axis: str
) -> None:
    image = await stored(hub_world)
    stack = values().transpose(0, 2, 1, 3, 4)
    for method, reduce in NUMPY.items():
        job = await project(hub_world, image, method=method, axis=axis)
        found = await samples(hub_world, job)
        expected = reduce(stack, axis=2 if axis == "Z" else 0, keepdims=True)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4, err_msg=method)


async def test_ranges_channels_name_and_dataset_are_the_callers(hub_world: HubWorld) -> None:
    home = await hub_world.dataset(hub_world.people["owner"], "home")
    other = await hub_world.dataset(hub_world.people["owner"], "other")
    image = await stored(hub_world, dataset_id=home.id)
    job = await project(
        hub_world, image, channels=[1], z={"start": 1, "stop": 4, "step": 2}, t={"start": 2},
        dataset=encode_id("Dataset", other.id), name="the best",
    )  # fmt: skip
    made = job["outputs"][0]["object"]
    assert (made["name"], made["datasets"]) == ("the best", [{"name": "other"}])
    assert job["operationName"] == "project.max"
    expected = values().transpose(0, 2, 1, 3, 4)[2:, 1:, 1:4:2].max(2, keepdims=True)
    np.testing.assert_array_equal(await samples(hub_world, job), expected)


async def test_what_cannot_be_projected_is_refused_before_a_job_is_made(
    hub_world: HubWorld,
) -> None:
    image = await stored(hub_world)
    for wrong in (
        {"z": {"start": 4}}, {"t": {"start": 0, "stop": 9}}, {"z": {"step": 0}},
        {"channels": [2]}, {"channels": []}, {"channels": [-1]},
    ):  # fmt: skip
        input = {"image": image, **wrong}
        answer = await hub_world.mutate("owner", "projectImage", input, "job { id }")
        assert answer["code"] == "invalid", wrong
    hidden = await hub_world.mutate("stranger", "projectImage", {"image": image}, "job { id }")
    assert hidden["code"] == "not_found"
    found = await hub_world.graphql("owner", "{ jobs { totalCount } }")
    assert found["jobs"]["totalCount"] == 0
