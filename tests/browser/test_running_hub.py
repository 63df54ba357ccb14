"""The pages in a real browser, before the seeded hub itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

pytest.importorskip("tests.fixtures.server", reason="the fixture of the seeded hub is missing")

pytestmark = pytest.mark.browser


@pytest.fixture
def signed_in(build, running_hub, open_page):
    """A watched page on the overview, signed in as the hub's user."""
    watched = open_page()
    page = watched.page
    page.goto(running_hub.url)
    page.get_by_label("User name").fill(running_hub.username)
    page.get_by_label("Password").fill(running_hub.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return watched


def wait_for_picture(page: Page, locator) -> None:
    page.wait_for_function("image => image.naturalWidth > 0", arg=locator.element_handle())


def test_the_overview_shows_rendered_images_and_asks_nobody_else(signed_in, running_hub, tmp_path):
    page = signed_in.page
    newest = page.get_by_role("region", name="Newest images")
    pictures = newest.locator("img")
    expect(pictures.first).to_be_visible()
    wait_for_picture(page, pictures.first)
    page.locator("details details summary").first.click()
    expect(page.get_by_role("list", name=re.compile("^Images of")).first).to_be_visible()
    page.screenshot(path=tmp_path / "overview.png", full_page=True)
    assert signed_in.complaints == []
    assert signed_in.hosts == {urlsplit(running_hub.url).netloc}


def test_an_image_page_shows_it_larger_and_lets_it_be_downloaded(signed_in, tmp_path):
    page = signed_in.page
    page.get_by_role("region", name="Newest images").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"/app/images/\d+$"))
    wait_for_picture(page, page.locator("img.image-picture"))
    expect(page.get_by_role("table").get_by_role("row").nth(1)).to_contain_text(re.compile(r"\d"))
    page.screenshot(path=tmp_path / "image.png", full_page=True)
    with page.expect_download() as started:
        page.get_by_role("link", name="OME-TIFF").click()
    with started.value.path().open("rb") as file:
        assert file.read(2) in {b"II", b"MM"}
    assert signed_in.complaints == []


@pytest.mark.parametrize(
    "title",
    ["Everything you may see", "One image", "Smooth an image", "Watch a job", "Regions"],
)
def test_an_example_runs_on_the_demo(signed_in, running_hub, tmp_path, title):
    page = signed_in.page
    page.goto(running_hub.url + "/graphql")
    expect(page.locator(".graphiql-query-editor")).to_contain_text("viewer")
    examples = page.get_by_role("region", name="Examples")
    examples.get_by_role("button", name=re.compile(f"^{title}")).click()
    page.get_by_role("button", name=re.compile("Execute query")).click()
    response = page.locator(".graphiql-response")
    expect(response).to_contain_text('"data"', timeout=30_000)
    page.screenshot(path=tmp_path / "example.png")
    shown = response.inner_text()
    assert '"errors"' not in shown
    assert '"message": "' not in shown or title == "Watch a job"
    assert signed_in.complaints == []
    assert signed_in.hosts == {urlsplit(running_hub.url).netloc}
