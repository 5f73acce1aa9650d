"""Swagger UI in a real browser that can reach this server and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.callers.api_keys import new_key, read_keys
from app.settings import Settings
from tests.api.browser import Watch, in_chromium
from tests.conftest import running

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = in_chromium


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
