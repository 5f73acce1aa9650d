"""The pages that the server writes itself, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.axe import violations
from tests.api.browser import Watch, in_chromium, in_the_lan

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = in_chromium


@pytest.mark.parametrize("path", ["/docs", "/docs#/about/show_versions", "/v1/initializers"])
def test_no_page_makes_the_browser_complain_over_plain_http(
    path: str, page: Any, watch: Watch, base_url: str
):
    page.goto(in_the_lan(base_url) + path, wait_until="networkidle")

    assert watch.console == []
    assert watch.outside(in_the_lan(base_url)) == []


@pytest.mark.parametrize("path", ["/v1/checkpoints?rnn_type=gru&hiden_size=2", "/nope/nope"])
class TestAProblem:
    def test_is_a_page_for_everybody(self, path: str, page: Any, scheme: str, base_url: str):
        page.goto(in_the_lan(base_url) + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()

        assert violations(page) == []

    def test_leads_home(self, path: str, page: Any, base_url: str):
        page.goto(path)
        page.get_by_role("link", name="Step Zero").click()

        expect(page).to_have_url(f"{base_url}/")


class TestTheListOfInitializations:
    PATH = "/v1/initializers#orthogonal"

    def test_is_a_page_for_everybody(self, page: Any, watch: Watch, scheme: str, base_url: str):
        page.goto(in_the_lan(base_url) + self.PATH)
        expect(page.locator("#orthogonal")).to_be_in_viewport()

        assert violations(page) == []
        assert watch.console == []
        assert watch.outside(in_the_lan(base_url)) == []

    def test_fits_a_narrow_screen(self, page: Any):
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto(self.PATH)

        assert page.evaluate("document.documentElement.scrollWidth") <= 360

    def test_gives_an_example(self, page: Any):
        page.goto(self.PATH)
        with page.expect_download() as download:
            page.locator("#orthogonal").get_by_text("Download an example").click()

        assert download.value.suggested_filename.startswith("lstm-10x20-")
