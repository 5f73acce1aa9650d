"""The pages in a real browser that can reach this server and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.callers.api_keys import new_key, read_keys
from app.settings import Settings
from tests.conftest import running

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]

FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP factory.lan 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: Mapping[str, Any]) -> dict[str, Any]:
    """Start the Chromium of this machine, with every name but ours unknown."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(FLAGS)}


@pytest.fixture(scope="session")
def base_url(server_url: str) -> str:
    """The server under test."""
    return server_url


@dataclass
class Watch:
    """What a page said and asked for while it was looked at."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def outside(self, base_url: str) -> list[str]:
        """Return the requests that went elsewhere."""
        inside = (base_url, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(inside)]


@pytest.fixture
def watch(page: Any) -> Watch:
    """Watch the page's console, its faults and its requests."""
    seen = Watch()
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request.url))
    return seen


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, page: Any) -> str:
    """Both themes."""
    page.emulate_media(color_scheme=request.param)
    name: str = request.param
    return name


class TestTheFirstPage:
    def test_says_nothing_in_the_console_and_asks_nobody_else(
        self, page: Any, watch: Watch, scheme: str, base_url: str
    ):
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")

        assert watch.console == []
        assert watch.outside(base_url) == []

    def test_shows_commands_for_this_very_server(self, page: Any, base_url: str):
        page.goto("/")

        expect(page.locator("#get-code")).to_contain_text(
            f'"{base_url}/v1/checkpoints?rnn_type=gru'
        )

    @pytest.mark.parametrize("name", ["get", "post", "own", "load"])
    def test_copies_a_command_as_it_stands(self, name: str, page: Any, base_url: str):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=base_url)
        page.goto("/")
        page.locator(f'[data-copy="{name}-code"]').click()

        expect(page.locator(f'[data-copy="{name}-code"]')).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator(f"#{name}-code").text_content()

    def test_copies_on_plain_http_too_where_the_clipboard_is_hidden(self, page: Any, base_url: str):
        page.goto(base_url.replace("127.0.0.1", "factory.lan"))
        assert page.evaluate("isSecureContext") is False
        page.locator('[data-copy="get-code"]').click()

        expect(page.locator('[data-copy="get-code"]')).to_have_text("Copied")

    def test_leads_only_to_pages_that_exist(self, page: Any, base_url: str):
        page.goto("/")
        addresses = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")

        assert len(addresses) >= 8
        for address in addresses:
            assert page.request.get(address).status == 200, address

    def test_fits_a_narrow_screen(self, page: Any):
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto("/")

        assert page.evaluate("document.documentElement.scrollWidth") <= 360


class TestTheDocs:
    @pytest.fixture
    def operation(self, page: Any) -> Any:
        """The operation that makes checkpoints, opened."""
        page.goto("/docs")
        block = page.locator(".opblock-post").filter(
            has=page.locator('[data-path="/v1/checkpoints"]')
        )
        block.locator(".opblock-summary-control").click()
        return block

    def test_say_nothing_in_the_console_and_ask_nobody_else(
        self, page: Any, watch: Watch, scheme: str, base_url: str
    ):
        page.goto("/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        page.wait_for_load_state("networkidle")

        assert watch.console == []
        assert watch.outside(base_url) == []

    def test_follow_the_readers_theme(self, page: Any, scheme: str):
        page.goto("/docs")
        dark = "dark-mode" in (page.locator("html").get_attribute("class") or "")

        assert dark == (scheme == "dark")

    def test_give_a_file_that_torch_loads(
        self, page: Any, watch: Watch, operation: Any, base_url: str, tmp_path: Path
    ):
        operation.locator("button.execute").click()
        with page.expect_download() as download:
            operation.get_by_text("Download file").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)

        assert path.name.startswith("gru-10x20-")
        assert path.suffix == ".pt"
        state = torch.load(path, weights_only=True)
        torch.nn.GRU(10, 20).load_state_dict(state, strict=True)
        assert watch.console == []
        assert watch.outside(base_url) == []

    def test_take_arrays_of_ones_own(self, operation: Any, tmp_path: Path):
        given = np.random.default_rng(0).standard_normal((60, 10)).astype(np.float32)
        np.save(tmp_path / "weight_ih_l0.npy", given)
        operation.locator(".body-param-content-type select").select_option("multipart/form-data")
        operation.locator("input[type=file]").set_input_files(tmp_path / "weight_ih_l0.npy")
        operation.locator("button.execute").click()
        with operation.page.expect_download() as download:
            operation.get_by_text("Download file").click()
        download.value.save_as(tmp_path / "net.pt")

        state = torch.load(tmp_path / "net.pt", weights_only=True)
        assert np.array_equal(state["weight_ih_l0"].numpy(), given)

    def test_show_a_refusal_with_its_code(self, operation: Any):
        operation.locator("textarea.body-param__text").fill('{"rnn_type": "gru"}')
        operation.locator("button.execute").click()

        expect(operation.locator(".live-responses-table")).to_contain_text("invalid_spec")

    def test_offer_every_example(self, operation: Any):
        names = operation.locator("select.examples-select-element option").all_text_contents()

        assert len(names) >= 5

    def test_ask_for_a_key_and_send_it(self, page: Any, watch: Watch):
        text, key = new_key("reader")
        with running(Settings(api_keys=read_keys([key.line]))) as url:
            page.goto(f"{url}/docs")
            page.locator("button.authorize").first.click()
            dialog = page.locator(".modal-ux")
            dialog.locator("input").first.fill(text)
            dialog.get_by_role("button", name="Apply credentials").first.click()
            dialog.get_by_role("button", name="Close").first.click()
            block = page.locator(".opblock-get").filter(has=page.locator('[data-path="/v1"]'))
            block.locator(".opblock-summary-control").click()
            block.locator("button.execute").click()

            expect(block.locator(".live-responses-table")).to_contain_text("stream_versions")
            assert watch.outside(url) == []
