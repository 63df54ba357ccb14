"""Addresses of pictures that leave the plane out, and those that webclient has of webgateway's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
import pytest_asyncio

from store.tables.containers import Dataset
from tests.fixtures.app import AppClients
from tests.fixtures.drawing import decoded, waves

pytestmark = pytest.mark.asyncio(loop_scope="module")
PNG = "format=png&m=c&c=1|0:4000$FF0000"


@dataclass
class Seen:
    """An image of three planes at two times."""

    clients: AppClients
    id: int

    async def get(self, path: str) -> httpx.Response:
        return await self.clients["owner"].get(path.format(id=self.id))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(shared_app: AppClients) -> AsyncIterator[Seen]:
    image = await shared_app.world.image("owner", waves((2, 1, 3, 120, 160)))
    yield Seen(shared_app, image.id)


@pytest.mark.parametrize("family", ["webgateway", "webclient"])
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("render_image", ""),
        ("render_image_region", "&region=8,16,40,30"),
    ],
)
async def test_a_plane_that_is_left_out_is_the_one_shown_first(
    seen: Seen, family: str, kind: str, more: str
) -> None:
    full = decoded(await seen.get(f"/{family}/{kind}/{{id}}/1/0/?{PNG}{more}"))
    for place in ("", "1/"):
        found = decoded(await seen.get(f"/{family}/{kind}/{{id}}/{place}?{PNG}{more}"))
        assert np.array_equal(found, full)
    other = decoded(await seen.get(f"/{family}/{kind}/{{id}}/2/1/?{PNG}{more}"))
    assert not np.array_equal(other, full)


@pytest.mark.parametrize("kind", ["render_image_rdef", "render_image_region_rdef"])
async def test_the_forms_with_complete_settings_may_leave_it_out_too(seen: Seen, kind: str) -> None:
    more = "&region=0,0,50,40" if "region" in kind else ""
    full = decoded(await seen.get(f"/webgateway/{kind}/{{id}}/1/0/?{PNG}{more}"))
    for place in ("", "1/"):
        found = decoded(await seen.get(f"/webgateway/{kind}/{{id}}/{place}?{PNG}{more}"))
        assert np.array_equal(found, full)


async def test_split_channels_may_leave_the_plane_out(seen: Seen) -> None:
    full = (await seen.get(f"/webgateway/render_split_channel/{{id}}/1/0/?{PNG}")).content
    for place in ("", "1/"):
        path = f"/webgateway/render_split_channel/{{id}}/{place}?{PNG}"
        assert (await seen.get(path)).content == full


@pytest.mark.parametrize("family", ["webgateway", "webclient"])
async def test_thumbnails_have_the_same_addresses_in_both_families(seen: Seen, family: str) -> None:
    for path, size in (
        ("render_thumbnail/{id}/", (96, 72)),
        ("render_thumbnail/{id}/64/", (64, 48)),
        ("render_thumbnail/{id}/64/30/", (40, 30)),
        ("render_birds_eye_view/{id}/", (96, 72)),
        ("render_birds_eye_view/{id}/80/", (80, 60)),
        ("render_birds_eye_view/{id}/64/30/", (40, 30)),
    ):
        answer = await seen.get(f"/{family}/{path}")
        assert answer.headers["content-type"] == "image/jpeg", path
        assert decoded(answer).shape[1::-1] == size, path
    for path in ("get_thumbnail/{id}/", "get_thumbnail/{id}/64/"):
        assert (await seen.get(f"/{family}/{path}")).json().startswith("data:image/jpeg;base64,")
    for path in ("get_thumbnails/?id={id}", "get_thumbnails/64/?id={id}"):
        found = (await seen.get(f"/{family}/{path}")).json()
        assert found[str(seen.id)].startswith("data:image/jpeg;base64,")


async def test_a_part_of_the_image_data_is_named_by_its_path(seen: Seen) -> None:
    for family in ("webgateway", "webclient"):
        found = (await seen.get(f"/{family}/imgData/{{id}}/size/")).json()
        assert found == {"width": 160, "height": 120, "z": 3, "t": 2, "c": 1}
        name = (await seen.get(f"/{family}/imgData/{{id}}/meta.pixelsType/")).json()
        assert name == "uint16"


async def test_tables_are_not_offered_in_any_form(seen: Seen) -> None:
    for path in ("table/{id}/query/?query=*", "table/{id}/metadata/", "table/Image/{id}/query/"):
        answer = await seen.get(f"/webgateway/{path}")
        assert answer.status_code == 404
        assert answer.json()


async def test_a_dataset_is_told_alone_as_in_lists(seen: Seen) -> None:
    hub = await seen.clients.world.hub("owner")
    made = await hub.containers.create(Dataset, name="Day 3", description="fixed")
    found = (await seen.get(f"/webgateway/dataset/{made.id}/detail/")).json()
    assert {key: found[key] for key in ("id", "name", "description")} == {
        "id": made.id, "name": "Day 3", "description": "fixed",
    }  # fmt: skip


async def test_the_page_of_ones_own_data_names_whoever_is_signed_in(seen: Seen) -> None:
    page = await seen.get("/webclient/userdata/")
    assert f"WEBCLIENT.USER = {{'id': {seen.clients.world.people['owner']}," in page.text
