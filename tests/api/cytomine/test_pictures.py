"""Thumbnails, windows, tiles, histograms and originals, against plain numpy; and who gets none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import pytest_asyncio

from adapters.imports import ImportOptions
from store.tables.containers import Project
from tests.fixtures.app import AppClients
from tests.fixtures.drawing import drawn, halved, shade
from tests.fixtures.hub import statements
from tests.fixtures.pictured_scene import Array, Pictured, decoded, pictured

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(shared_app: AppClients) -> AsyncIterator[Pictured]:
    """Images that the tests only look at."""
    yield await pictured(shared_app)


def grey(plane: Array, of: Array | None = None) -> Array:
    """Return a plane by the window from its least to its greatest sample."""
    whole = plane if of is None else of
    return shade(plane, float(whole.min()), float(whole.max()))


def composite(samples: Array, z: int, t: int) -> Array:
    """Return all channels in red, green and blue, each by the window of all its samples."""
    look = [
        (index, channel.min(), channel.max(), color)
        for index, (channel, color) in enumerate(
            zip(np.moveaxis(samples, 1, 0), ("FF0000", "00FF00", "0000FF"), strict=True)
        )
    ]
    return drawn(samples[t, :, z], look)


def near(found: Array, wanted: Array, steps: float = 1) -> bool:
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    return bool(np.abs(found.astype(float) - wanted).max() <= steps)


async def test_a_thumbnail_without_a_size_is_the_whole_plane(scene: Pictured) -> None:
    for path in (f"imageinstance/{scene.flat_place.id}", f"abstractimage/{scene.flat}"):
        for word in ("thumb", "preview"):
            assert near(await scene.picture(f"{path}/{word}.png"), grey(scene.plane))
    whole = await scene.picture(f"imageinstance/{scene.stack_place.id}/thumb.png")
    assert near(whole, composite(scene.samples, 1, 0))


@pytest.mark.parametrize(
    ("asked", "size"), [(550, (350, 550)), (512, (326, 512)), (10, (6, 10)), (5000, (700, 1100))]
)
async def test_a_thumbnail_fits_into_its_size(
    scene: Pictured, asked: int, size: tuple[int, int]
) -> None:
    path = f"imageinstance/{scene.flat_place.id}/thumb.png"
    assert (await scene.picture(path, maxSize=asked)).shape == size


async def test_half_a_thumbnail_is_made_of_means(scene: Pictured) -> None:
    found = await scene.picture(f"imageinstance/{scene.flat_place.id}/thumb.png", maxSize=550)
    means = halved(scene.plane)
    assert near(found, shade(means, scene.plane.min(), scene.plane.max()), 2)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("png", "image/png"), ("jpg", "image/jpeg"), ("tif", "image/tiff"), ("webp", "image/webp"),
     ("tiff", "image/tiff"), ("jpeg", "image/jpeg")],
)  # fmt: skip
async def test_every_format_says_what_it_is(scene: Pictured, ending: str, kind: str) -> None:
    answer = await scene.get(f"imageinstance/{scene.flat_place.id}/thumb.{ending}", maxSize=110)
    assert answer.headers["content-type"] == kind
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert decoded(answer).shape[:2] == (70, 110)


async def test_a_window_counts_from_the_top_left(scene: Pictured) -> None:
    path = f"imageinstance/{scene.flat_place.id}/window-100-50-300-200.png"
    assert near(await scene.picture(path), grey(scene.plane[50:250, 100:400], scene.plane))
    posted = await scene.clients["owner"].post(f"/api/{path}", json={"maxSize": 30})
    assert decoded(posted).shape == (20, 30)


async def test_a_window_is_cut_to_the_image(scene: Pictured) -> None:
    path = f"abstractimage/{scene.flat}/window--20--10-50-60.png"
    assert near(await scene.picture(path), grey(scene.plane[:50, :30], scene.plane))
    path = f"abstractimage/{scene.flat}/window-1000-600-300-300.png"
    assert near(await scene.picture(path), grey(scene.plane[600:, 1000:], scene.plane))
    outside = await scene.get(f"abstractimage/{scene.flat}/window-2000-0-10-10.png")
    assert outside.status_code == 400


async def test_each_zoom_halves_a_window(scene: Pictured) -> None:
    path = f"imageinstance/{scene.flat_place.id}/window-256-128-512-256.png"
    part = scene.plane[128:384, 256:768]
    for zoom, size in ((0, (256, 512)), (1, (128, 256)), (2, (64, 128)), (60, (1, 1))):
        assert (await scene.picture(path, zoom=zoom)).shape == size
    found = await scene.picture(path, zoom=1)
    assert near(found, shade(halved(part), scene.plane.min(), scene.plane.max()), 2)
    assert (await scene.picture(path, zoom=2, maxSize=100)).shape == (50, 100)


async def test_a_camera_picture_is_to_be_saved(scene: Pictured) -> None:
    answer = await scene.get(f"imageinstance/{scene.flat_place.id}/camera-1-2-30-40.jpg")
    assert decoded(answer).shape == (40, 30)
    name = f"{scene.flat_place.id}-1-2-30-40.jpg"
    assert f'attachment; filename="{name}"' in answer.headers["content-disposition"]


async def test_a_plane_is_found_by_its_number(scene: Pictured) -> None:
    sizes = dict(zip("tcz", STACK_SIZES, strict=True))
    for kind, base in (
        ("sliceinstance", scene.stack_place.slice_base),
        ("abstractslice", await _base(scene)),
    ):
        for c, z, t in ((0, 0, 0), (2, 1, 0), (1, 2, 1)):
            rank = c + sizes["c"] * (z + sizes["z"] * t)
            found = await scene.picture(f"{kind}/{(base or 0) + rank}/thumb.png")
            assert near(found, grey(scene.samples[t, c, z], scene.samples[:, c]))
        assert (await scene.get(f"{kind}/{1 << 50}/thumb.png")).status_code == 404
    wrong = await scene.get(f"abstractslice/{scene.stack_place.slice_base}/thumb.png")
    assert wrong.status_code == 404


STACK_SIZES = (2, 3, 3)


async def _base(scene: Pictured) -> int:
    hub = await scene.clients.world.hub("owner")
    base = (await hub.pixels.view(scene.stack)).image.slice_base
    assert base is not None
    return base


@pytest.mark.parametrize("ending", ["png", "tif"])
async def test_sixteen_bits_are_the_samples_themselves(scene: Pictured, ending: str) -> None:
    plane = scene.stack_place.slice_base
    for bits in (16, "max"):
        found = await scene.picture(f"sliceinstance/{plane}/thumb.{ending}", bits=bits)
        assert found.dtype == np.uint16
        assert np.array_equal(found, scene.samples[0, 0, 0])
    path = f"sliceinstance/{plane}/window-10-20-40-30.{ending}"
    found = await scene.picture(path, bits="16")
    assert np.array_equal(found, scene.samples[0, 0, 0, 20:50, 10:50])
    eight = await scene.picture(f"sliceinstance/{plane}/thumb.{ending}", bits=8)
    assert eight.dtype == np.uint8


async def test_deep_pictures_of_mixed_channels_are_spread_over_their_range(scene: Pictured) -> None:
    found = await scene.picture(f"imageinstance/{scene.stack_place.id}/thumb.png", bits=16)
    assert found.dtype == np.uint16
    assert near(found / 257, composite(scene.samples, 1, 0), 1)


async def test_thirty_two_bits_fit_into_a_tiff(scene: Pictured) -> None:
    path = f"sliceinstance/{scene.stack_place.slice_base}/thumb"
    found = await scene.picture(f"{path}.tif", bits=32)
    assert found.dtype == np.uint32
    assert np.array_equal(found, scene.samples[0, 0, 0])
    assert (await scene.picture(f"{path}.png", bits=32)).dtype == np.uint16
    assert (await scene.picture(f"{path}.jpg", bits=16)).dtype == np.uint8


async def test_tone_changes_a_picture_as_its_formula_says(scene: Pictured) -> None:
    path = f"imageinstance/{scene.flat_place.id}/window-0-0-200-100.png"
    plain = (await scene.picture(path)).astype(float)
    for params, wanted in (
        ({"inverse": "True"}, 255 - plain),
        ({"gamma": 2}, 255 * (plain / 255) ** 2),
        ({"contrast": 1.5}, np.minimum(plain * 1.5, 255)),
        ({"inverse": "true", "gamma": 0.5}, 255 * ((255 - plain) / 255) ** 0.5),
        ({"inverse": "False", "contrast": "1", "gamma": "1.0"}, plain),
    ):
        assert near(await scene.picture(path, **params), wanted, 1), params
    fire = await scene.picture(path, colormap="fire")
    assert fire.shape == (100, 200, 3)
    assert not np.array_equal(fire[..., 0], fire[..., 2])


async def test_a_projection_takes_the_depth_together(scene: Pictured) -> None:
    plane = scene.stack_place.slice_base
    path = f"sliceinstance/{plane}/window-0-0-300-200.tif"
    stack = scene.samples[0, 0]
    for word, wanted in (("max", stack.max(axis=0)), ("min", stack.min(axis=0)),
                         ("average", np.floor(stack.mean(axis=0) + 0.5))):  # fmt: skip
        found = await scene.picture(path, bits=16, projection=word)
        assert np.array_equal(found, wanted)


async def test_tiles_of_every_zoom_cover_the_plane(scene: Pictured) -> None:
    for kind, id, (height, width), most in (
        ("sliceinstance", scene.flat_place.slice_base, (700, 1100), 3),
        ("sliceinstance", scene.stack_place.slice_base, (200, 300), 1),
    ):
        for zoom in range(most + 1):
            high, wide = (-(-side // 2 ** (most - zoom)) for side in (height, width))
            path = f"{kind}/{id}/normalized-tile/zoom/{zoom}"
            rows = [
                np.hstack(
                    [
                        await scene.picture(f"{path}/tx/{tx}/ty/{ty}.png")
                        for tx in range(-(-wide // 256))
                    ]
                )
                for ty in range(-(-high // 256))
            ]
            whole = np.vstack(rows)
            assert whole.shape == (high, wide)
            if zoom == most:
                assert np.array_equal(whole, await scene.picture(f"{kind}/{id}/thumb.png"))
        path = f"{kind}/{id}/normalized-tile/zoom"
        for beyond in (f"{most + 1}/tx/0/ty/0", "0/tx/1/ty/0", f"{most}/tx/0/ty/9"):
            assert (await scene.get(f"{path}/{beyond}.jpg")).status_code == 404
    assert (
        await scene.picture(
            f"abstractslice/{await _base(scene)}/normalized-tile/zoom/0/tx/0/ty/0.webp"
        )
    ).shape[:2] == (100, 150)


async def test_tiles_ask_the_database_once(scene: Pictured) -> None:
    path = f"sliceinstance/{scene.flat_place.slice_base}/normalized-tile/zoom/3"
    await scene.picture(f"{path}/tx/0/ty/0.png")
    counts = []
    for tx in range(1, 4):
        with statements(scene.clients.world.infrastructure.database) as seen:
            await scene.picture(f"{path}/tx/{tx}/ty/0.png")
        # On SQLite a task of its own looks for events of other processes now and then.
        counts.append(len([one for one in seen if "PRAGMA" not in one and "max(id)" not in one]))
    assert min(counts) == 0


async def test_colour_pictures_have_three_layers(scene: Pictured, tmp_path: Path) -> None:
    colours = np.stack([scene.plane[:80, :90] // step for step in (1, 2, 3)], axis=-1)
    path = tmp_path / "colours.png"
    cv2.imwrite(str(path), colours[..., ::-1])
    hub = await scene.clients.world.hub("owner")
    (image,) = await hub.imports.files([path], ImportOptions(name="colours.png"))
    for bits in (8, 16, "max"):
        found = await scene.picture(f"abstractimage/{image.id}/thumb.png", bits=bits)
        assert np.array_equal(found, colours)
    base = (await hub.pixels.view(image.id)).image.slice_base
    assert np.array_equal(await scene.picture(f"abstractslice/{base}/thumb.tif"), colours)
    profile = await scene.get(f"abstractimage/{image.id}/profile.json", geometry="POINT (3 79)")
    assert profile.json()["profile"] == colours[0, 3].tolist()
    histogram = await scene.get(f"abstractslice/{base}/histogram.json")
    assert histogram.json()["histogram"] == np.bincount(colours.ravel(), minlength=256).tolist()


async def test_a_window_may_show_annotations_as_a_mask(scene: Pictured) -> None:
    # From the bottom left: columns 100 to 140, rows 700 - 600 = 100 to 130 from the top.
    one = await scene.draw("POLYGON ((100 600, 140 600, 140 570, 100 570, 100 600))")
    other = await scene.draw("POLYGON ((150 600, 160 600, 160 570, 150 570, 150 600))")
    path = f"imageinstance/{scene.flat_place.id}/window-90-90-100-50.png"
    first, both = np.zeros((50, 100)), np.zeros((50, 100))
    first[10:40, 10:50] = both[10:40, 10:50] = both[10:40, 60:70] = 255
    assert near(await scene.picture(path, mask="true", annotations=f"{one}"), first, 0)
    assert near(await scene.picture(path, mask="true", annotations=f"{one},{other}"), both, 0)
    assert near(await scene.picture(path, mask="true"), both, 0)
    me = scene.clients.world.people["owner"]
    assert near(await scene.picture(path, mask="true", users=me), both, 0)
    assert not (await scene.picture(path, mask="true", users=me + 1)).any()
    assert not (await scene.picture(path, mask="true", reviewed="True")).any()
    cut = await scene.get(path.replace("png", "jpg"), alphaMask="true", annotations=f"{one}")
    assert cut.headers["content-type"] == "image/png"
    assert near(decoded(cut)[..., 3], first, 0)
    assert near(decoded(cut)[..., 0], grey(scene.plane[90:140, 90:190], scene.plane))
    outlined = await scene.picture(path, draw="true", annotations=f"{one}", color="#00ff00")
    assert (outlined[10, 20] == (0, 255, 0)).all()
    plain = await scene.picture(path)
    assert (outlined[25, 30] == plain[25, 30]).all()
    unknown = await scene.get(path, mask="true", annotations="1")
    assert unknown.status_code == 404


async def test_a_crop_of_a_text_is_its_envelope(scene: Pictured) -> None:
    path = f"imageinstance/{scene.flat_place.id}/crop.png"
    wkt = "POLYGON ((100 600, 140 600, 120 550, 100 600))"
    part = grey(scene.plane[100:150, 100:140], scene.plane)
    assert near(await scene.picture(path, location=wkt), part)
    assert near(await scene.picture(path, boundaries="100,100,40,50"), part)
    posted = await scene.clients["owner"].post(f"/api/{path}", json={"location": wkt})
    assert near(decoded(posted), part)
    assert (await scene.picture(path, location=wkt, mask="true"))[49, 0] == 0
    for wrong in ("", "POLYGON", "POINT (9000 9000)"):
        assert (await scene.get(path, location=wrong)).status_code == 400


async def test_histograms_count_every_sample(scene: Pictured) -> None:
    found = (await scene.get(f"imageinstance/{scene.flat_place.id}/histogram.json")).json()
    counts = np.bincount(scene.plane.ravel(), minlength=256)
    assert found == {
        "type": "COMPLETE", "minimum": int(scene.plane.min()), "maximum": int(scene.plane.max()),
        "firstBin": int(scene.plane.min()), "lastBin": int(scene.plane.max()), "nBins": 256,
        "histogram": counts.tolist(),
    }  # fmt: skip
    plane = (scene.stack_place.slice_base or 0) + 1
    found = (await scene.get(f"sliceinstance/{plane}/histogram.json", nBins=128)).json()
    wanted, _ = np.histogram(scene.samples[0, 1, 0], 128, (0, 65536))
    assert (found["nBins"], found["histogram"]) == (128, wanted.tolist())
    each = (await scene.get(f"imageinstance/{scene.stack_place.id}/channelhistogram.json")).json()
    assert each["size"] == 3
    for c, one in enumerate(each["collection"]):
        assert one["channel"] == c
        assert sum(one["histogram"]) == scene.samples[:, c].size
        assert one["maximum"] == scene.samples[:, c].max()
    bounds = await scene.get(f"imageinstance/{scene.stack_place.id}/histogram/bounds.json")
    assert bounds.json() == {
        "type": "COMPLETE", "minimum": int(scene.samples.min()),
        "maximum": int(scene.samples.max()),
    }  # fmt: skip
    path = f"imageinstance/{scene.stack_place.id}/channelhistogram/bounds.json"
    assert len((await scene.get(path)).json()["collection"]) == 3
    refused = await scene.get(f"imageinstance/{scene.flat_place.id}/histogram.json", nBins=0)
    assert refused.status_code == 400


async def test_a_profile_holds_the_samples_of_all_channels(scene: Pictured) -> None:
    path = f"imageinstance/{scene.stack_place.id}/profile.json"
    plane = scene.samples[0, :, 1]
    point = (await scene.get(path, geometry="POINT (10 20)")).json()
    assert point == {"point": [10, 20], "profile": plane[:, 200 - 1 - 20, 10].tolist()}
    square = "POLYGON ((14 20, 14 23, 10 23, 10 20, 14 20))"
    found = (await scene.get(path, geometry=square)).json()["collection"]
    assert len(found) == 12
    assert {tuple(one["point"]) for one in found} == {
        (x, y) for x in range(10, 14) for y in range(20, 23)
    }
    for one in found:
        x, y = one["point"]
        assert one["profile"] == plane[:, 199 - y, x].tolist()
    for wrong in ("", "POINT (-5 5)"):
        assert (await scene.get(path, geometry=wrong)).status_code == 400


async def test_the_thumbnail_is_the_only_associated_picture(scene: Pictured) -> None:
    path = f"imageinstance/{scene.flat_place.id}/associated"
    assert (await scene.get(f"{path}.json")).json()["collection"] == ["thumb"]
    assert (await scene.picture(f"{path}/thumb.png", maxSize=110)).shape == (70, 110)
    assert (await scene.get(f"{path}/macro.png")).status_code == 404


async def test_an_original_is_given_unless_the_project_keeps_it(scene: Pictured) -> None:
    world = scene.clients.world
    for path in (f"imageinstance/{scene.flat_place.id}", f"abstractimage/{scene.flat}"):
        answer = await scene.get(f"{path}/download")
        assert answer.status_code == 200
        assert "attachment" in answer.headers["content-disposition"]
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.content[:2] in (b"II", b"MM")
        reader = await scene.get(f"{path}/download", "annotator")
        assert reader.content == answer.content
    hub = await world.hub("owner")
    await hub.projects.change(scene.project, downloadable=False)
    for path in (f"imageinstance/{scene.flat_place.id}", f"abstractimage/{scene.flat}"):
        assert (await scene.get(f"{path}/download", "annotator")).status_code == 403
        assert (await scene.get(f"{path}/download")).status_code == 200
        assert (await scene.get(f"{path}/thumb.png", "annotator", maxSize=9)).status_code == 200
    await hub.projects.change(scene.project, downloadable=True, blind=True)
    refused = await scene.get(f"imageinstance/{scene.flat_place.id}/download", "annotator")
    assert refused.status_code == 403
    assert "flat" not in refused.text
    await hub.projects.change(scene.project, blind=False)
    assert (await hub.containers.get(Project, scene.project)).downloadable


async def test_a_picture_is_not_sent_twice(scene: Pictured) -> None:
    path = f"/api/imageinstance/{scene.flat_place.id}/thumb.png?maxSize=64"
    client = scene.clients["owner"]
    first = await client.get(path)
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get(f"{path}&gamma=2", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


PATHS = [
    "imageinstance/{flat}/{word}", "abstractimage/{image}/{word}", "sliceinstance/{plane}/{word}",
    "abstractslice/{base}/{word}",
]  # fmt: skip
WORDS = [
    "thumb.png", "preview.jpg", "window-0-0-9-9.png", "camera-0-0-9-9.jpg",
    "crop.png?location=POINT(5 5)", "normalized-tile/zoom/0/tx/0/ty/0.jpg", "histogram.json",
    "histogram/bounds.json", "channelhistogram.json", "channelhistogram/bounds.json",
    "profile.json?geometry=POINT(5 5)",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_a_stranger_gets_nothing(scene: Pictured, path: str) -> None:
    base = {"flat": scene.stack_place.id, "image": scene.stack,
            "plane": scene.stack_place.slice_base, "base": await _base(scene)}  # fmt: skip
    words = [*WORDS]
    if path.startswith(("image", "abstractimage")):
        words += ["download", "associated.json", "associated/thumb.png"]
    for word in words:
        asked = path.format(**base, word=word)
        for method in ("GET", "POST"):
            answer = await scene.clients["owner"].request(method, f"/api/{asked}")
            assert answer.status_code == 200 or (method, word) in (
                ("POST", "download"), ("POST", "associated.json"),
            ), (asked, answer.text)  # fmt: skip
        refused = await scene.get(asked, "stranger")
        assert refused.status_code == 404, asked
        assert refused.json()["success"] is False
        assert (await scene.get(asked, None)).status_code == 401


async def test_no_query_breaks_it(scene: Pictured) -> None:
    path = f"imageinstance/{scene.flat_place.id}/window-0-0-64-64.png"
    values = ["", "abc", "-1", "0", "1e400", "NaN", "99999999999999999999", "True", "1,2", "[]"]
    names = ["maxSize", "zoom", "bits", "contrast", "gamma", "colormap", "inverse", "jpegQuality",
             "mask", "alphaMask", "draw", "annotations", "terms", "users", "reviewed", "complete",
             "projection", "thickness", "color", "alpha", "type"]  # fmt: skip
    for name in names:
        for value in values:
            params = (
                {"draw": "true", name: value} if name in ("color", "thickness") else {name: value}
            )
            for ending in ("png", "jpg"):
                answer = await scene.get(path.replace("png", ending), **params)
                assert answer.status_code in (200, 400, 404, 413), (name, value, answer.text)
    for odd in ("window-1-2-3.png", "window-a-b-c-d.png", "window-0-0-0-0.png", "thumb.gif"):
        answer = await scene.get(f"imageinstance/{scene.flat_place.id}/{odd}")
        assert answer.status_code == 400
    too_large = await scene.clients["owner"].post(f"/api/{path}", content=b"not json")
    assert too_large.status_code == 400


async def test_an_image_without_pixels_has_no_pictures(scene: Pictured) -> None:
    hub: Any = await scene.clients.world.hub("owner")
    declared = await hub.declared.create_image(**DECLARED)
    for word in ("thumb.png", "window-0-0-5-5.png", "histogram.json"):
        answer = await scene.get(f"abstractimage/{declared.id}/{word}")
        assert answer.status_code == 404, word


DECLARED: dict[str, Any] = {"name": "promised.tif"}
