"""The pages in a real browser, before a server with canned answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.canned_hub import PASSWORD, CannedHub, canned_hub

pytestmark = pytest.mark.browser


@dataclass
class Served:
    """The canned server and its address."""

    hub: CannedHub
    url: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


@pytest.fixture
def served(build: Path, serve: Callable[[Any], str]) -> Iterator[Served]:
    hub = canned_hub()
    yield Served(hub, serve(hub.application()))
    hub.may_finish.set()
    assert hub.refused == 0, "a request came without its CSRF token"


def sign_in(page: Page, url: str, password: str = PASSWORD) -> None:
    page.goto(url)
    page.get_by_label("User name").fill("owner")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_stranger_sees_the_form_and_where_each_dialect_lives(served, open_page, tmp_path):
    watched = open_page()
    watched.page.goto(served.url)
    expect(watched.page.get_by_role("heading", name="Sign in")).to_be_visible()
    table = watched.page.get_by_role("table")
    expect(table.get_by_role("row", name=re.compile("GraphQL"))).to_contain_text("offered")
    expect(table.get_by_role("row", name=re.compile("Cytomine"))).to_contain_text("not yet offered")
    expect(table.get_by_role("link", name="/graphql")).to_have_attribute("href", "/graphql")
    expect(table.get_by_role("link", name="/zarr")).to_have_count(0)
    watched.page.screenshot(path=tmp_path / "welcome.png", full_page=True)
    assert watched.complaints == []
    assert watched.hosts == {served.host}


def test_a_wrong_password_is_told_and_the_form_stays(served, open_page):
    watched = open_page()
    sign_in(watched.page, served.url, "wrong")
    expect(watched.page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    expect(watched.page.get_by_role("button", name="Sign in")).to_be_enabled()


def test_the_overview_shows_what_the_hub_holds(served, open_page, tmp_path):
    watched = open_page()
    page = watched.page
    sign_in(page, served.url)
    newest = page.get_by_role("region", name="Newest images")
    expect(newest.get_by_role("listitem")).to_have_count(12)
    expect(page.get_by_role("definition").nth(2)).to_have_text("14")
    first = newest.locator("img").first
    page.wait_for_function("image => image.naturalWidth > 0", arg=first.element_handle())
    page.screenshot(path=tmp_path / "overview.png", full_page=True)

    page.get_by_text("Plate edge").click()
    images = page.get_by_role("list", name="Images of Plate edge")
    expect(images.get_by_role("listitem")).to_have_count(7)
    assert watched.complaints == []
    assert watched.hosts == {served.host}


def test_a_running_job_moves_to_its_end_by_subscription(served, open_page):
    watched = open_page()
    sign_in(watched.page, served.url)
    newest = watched.page.get_by_role("list", name="Newest jobs").get_by_role("listitem").first
    expect(newest.get_by_role("progressbar")).to_have_attribute("value", "85")
    served.hub.may_finish.set()
    expect(newest).to_contain_text("done")
    assert "/graphql" in watched.sent
    assert watched.complaints == []


def test_an_image_has_a_page_that_can_be_reached_and_left(served, open_page, tmp_path):
    watched = open_page()
    page = watched.page
    sign_in(page, served.url)
    page.get_by_role("link", name=re.compile("human_D03")).first.click()
    expect(page).to_have_url(served.url + "/app/images/3")
    expect(page.get_by_role("heading", level=1)).to_have_text("human_D03f00d0.ome.tif")
    expect(page.get_by_role("row", name=re.compile("Actin"))).to_contain_text("4,095")
    expect(page.get_by_text(served.url + "/zarr/3.zarr")).to_be_visible()
    picture = page.get_by_role("img", name=re.compile("human_D03"))
    page.wait_for_function("image => image.naturalWidth > 512", arg=picture.element_handle())
    page.screenshot(path=tmp_path / "image.png", full_page=True)
    page.reload()
    expect(page.get_by_role("link", name="OME-TIFF")).to_have_attribute(
        "href", "/transfers/images/3?format=ome-tiff"
    )
    page.go_back()
    expect(page.get_by_role("region", name="Newest images")).to_be_visible()
    assert watched.complaints == []


def test_the_picture_follows_plane_channels_and_projection(served, open_page):
    watched = open_page()
    page = watched.page
    sign_in(page, served.url + "/app/images/3")
    picture = page.get_by_role("img", name=re.compile("human_D03"))

    def shown() -> dict[str, list[str]]:
        return parse_qs(urlsplit(picture.get_attribute("src") or "").query)

    expect(picture).to_have_attribute("src", re.compile("z=0&t=0&c=1%2C2&p=normal"))
    page.get_by_label("Mitochondria").check()
    page.get_by_label("DNA").uncheck()
    expect(picture).to_have_attribute("src", re.compile("c=2%2C3"))
    plane = page.get_by_role("slider", name="Plane")
    plane.press("ArrowRight")
    plane.press("ArrowRight")
    expect(page.get_by_text("3 of 12")).to_be_visible()
    expect(picture).to_have_attribute("src", re.compile("z=2&"))
    page.get_by_label("Brightest of all planes").check()
    expect(plane).to_be_disabled()
    expect(picture).to_have_attribute("src", re.compile("p=intmax"))
    assert shown()["size"] == ["1024"]
    assert watched.complaints == []


def test_a_result_names_the_job_that_made_it_and_leads_to_its_input(served, open_page):
    page = open_page().page
    sign_in(page, served.url + "/app/images/3")
    origin = page.get_by_role("region", name="Made by")
    expect(origin).to_contain_text("filter.gaussian")
    expect(origin).to_contain_text("sigma = 2")
    expect(origin).to_contain_text("border = reflect")
    origin.get_by_role("link", name=re.compile("human_D01")).click()
    expect(page).to_have_url(served.url + "/app/images/1")
    expect(page.get_by_role("heading", level=1)).to_have_text("human_D01f00d0.ome.tif")


def test_an_unknown_image_is_said_not_to_be_there(served, open_page):
    watched = open_page()
    sign_in(watched.page, served.url + "/app/images/999")
    expect(watched.page.get_by_text("There is no image 999")).to_be_visible()


def test_the_keyboard_alone_signs_in_and_opens_a_dataset(served, open_page):
    page = open_page().page
    page.goto(served.url)
    page.get_by_label("User name").focus()
    page.keyboard.type("owner")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    dataset = page.locator("summary", has_text="Plate centre")
    expect(dataset).to_be_visible()
    dataset.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Images of Plate centre")).to_be_visible()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_signing_out_brings_the_form_back(served, open_page):
    page = open_page().page
    sign_in(page, served.url)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_follows_the_colours_of_the_system(served, open_page, tmp_path, scheme):
    page = open_page(color_scheme=scheme).page
    page.goto(served.url)
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness < 40) if scheme == "dark" else (brightness > 220)
    page.screenshot(path=tmp_path / f"welcome-{scheme}.png", full_page=True)


def test_a_narrow_screen_needs_no_sideways_scrolling(served, open_page, tmp_path):
    page = open_page(viewport={"width": 390, "height": 800}).page
    sign_in(page, served.url)
    expect(page.get_by_role("region", name="Newest images")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / "narrow.png", full_page=True)


def test_graphiql_opens_with_examples_and_runs_one(served, open_page, tmp_path):
    watched = open_page()
    page = watched.page
    sign_in(page, served.url)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto(served.url + "/graphql")
    examples = page.get_by_role("region", name="Examples")
    expect(examples.get_by_role("button")).to_have_count(5)
    expect(examples).to_contain_text("Signed in as owner")
    expect(page.get_by_role("tab")).to_have_count(5)
    expect(page.locator(".graphiql-query-editor")).to_contain_text("viewer")
    expect(page.locator(".graphiql-editor-tool")).to_contain_text('"images": 3')
    page.get_by_role("button", name=re.compile("Execute query")).click()
    expect(page.locator(".graphiql-response")).to_contain_text("Cell morphology")
    page.screenshot(path=tmp_path / "graphiql.png")

    examples.get_by_role("button", name=re.compile("Watch a job")).click()
    expect(page.get_by_role("tab")).to_have_count(5)
    expect(page.locator(".graphiql-query-editor")).to_contain_text("subscription Watch")
    expect(page.locator(".graphiql-editor-tool").first).to_contain_text('"job": "job-7"')
    served.hub.may_finish.set()
    page.get_by_role("button", name=re.compile("Execute query")).click()
    expect(page.locator(".graphiql-response")).to_contain_text("SUCCEEDED")
    assert watched.complaints == []
    assert watched.hosts == {served.host}
    assert any("graphql.worker" in worker.url for worker in page.workers)


def test_an_example_whose_tab_was_closed_comes_back_with_its_variables(served, open_page):
    page = open_page().page
    page.goto(served.url + "/graphql")
    expect(page.locator(".graphiql-query-editor")).to_contain_text("viewer")
    page.get_by_role("tab", name="OneImage").click()
    page.locator(".graphiql-tab-active .graphiql-tab-close").click()
    expect(page.get_by_role("tab")).to_have_count(4)
    examples = page.get_by_role("region", name="Examples")
    examples.get_by_role("button", name=re.compile("One image, rendered")).click()
    expect(page.get_by_role("tab")).to_have_count(5)
    expect(page.locator(".graphiql-query-editor")).to_contain_text("query OneImage")
    expect(page.locator(".graphiql-editor-tool").first).to_contain_text('"image"')


def test_graphiql_reads_the_schema_without_complaint(served, open_page, tmp_path):
    watched = open_page(color_scheme="light")
    page = watched.page
    page.goto(served.url + "/graphql")
    expect(page.get_by_role("region", name="Examples")).to_contain_text("Nobody is signed in")
    page.get_by_role("button", name=re.compile("Documentation Explorer")).click()
    expect(page.get_by_text("Root Types")).to_be_visible()
    page.screenshot(path=tmp_path / "graphiql-light.png")
    assert watched.complaints == []
    assert watched.hosts == {served.host}
