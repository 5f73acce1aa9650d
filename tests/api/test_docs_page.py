"""Swagger UI in a real browser that can reach this server and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.callers.api_keys import new_key, read_keys
from app.settings import Settings
from tests.api.axe import violations
from tests.api.browser import Watch, in_chromium, in_the_lan
from tests.conftest import running

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=30_000)  # Swagger UI takes seconds to start where cores are shared

pytestmark = in_chromium

# What axe finds in Swagger UI, and no style sheet or attribute can mend.
OF_SWAGGER_UI = {
    "nested-interactive": "the button that opens an operation contains the link to it",
    "landmark-unique": "the tables of responses are regions without names",
}


def executed(operation: Any) -> Any:
    """Execute an operation as it stands, and return what came."""
    operation.locator("button.execute").click()
    table = operation.locator(".live-responses-table")
    expect(table).to_be_visible()
    return table


class TestTheDocs:
    @pytest.fixture
    def operation(self, page: Any) -> Any:
        """The operation that makes checkpoints, which is open from the start."""
        page.goto("/docs")
        return page.locator("#operations-checkpoints-make_checkpoint")

    def test_say_nothing_in_the_console_and_ask_nobody_else(
        self, page: Any, watch: Watch, scheme: str, base_url: str
    ):
        base_url = in_the_lan(base_url)
        page.goto(f"{base_url}/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        page.wait_for_load_state("networkidle")

        assert watch.console == []
        assert watch.outside(base_url) == []

    def test_follow_the_readers_theme(self, page: Any, scheme: str):
        page.goto("/docs")
        dark = "dark-mode" in (page.locator("html").get_attribute("class") or "")

        assert dark == (scheme == "dark")

    def test_can_be_read_and_used_by_everybody(self, page: Any, scheme: str, operation: Any):
        executed(operation)
        other = page.locator("#operations-about-show_versions")
        other.locator(".opblock-summary-control").click()
        executed(other)

        assert violations(page, except_for=OF_SWAGGER_UI) == []

    def test_fit_a_narrow_screen(self, page: Any, operation: Any):
        page.set_viewport_size({"width": 390, "height": 844})
        executed(operation)

        assert page.evaluate("document.documentElement.scrollWidth") <= 390

    def test_begin_with_the_first_operation_open_and_the_url_as_it_was(
        self, page: Any, operation: Any
    ):
        expect(operation.locator("button.execute")).to_be_visible()

        assert page.locator("button.execute").count() == 1
        assert page.url.endswith("/docs")

    def test_open_the_operation_that_the_url_names(self, page: Any, watch: Watch):
        page.goto("/docs#/about/show_versions")
        expect(page.locator("#operations-about-show_versions button.execute")).to_be_in_viewport()

        assert watch.console == []
        assert page.locator("button.execute").count() == 1

    @pytest.mark.parametrize(
        "name", ["find_checkpoint", "fetch_checkpoint", "fetch_checkpoint_headers"]
    )
    def test_every_operation_works_as_it_stands(self, name: str, page: Any, watch: Watch):
        page.goto(f"/docs#/checkpoints/{name}")
        operation = page.locator(f"#operations-checkpoints-{name}")

        expect(executed(operation)).not_to_contain_text("Undocumented")
        expect(operation.locator(".live-responses-table .response-col_status")).to_have_text(
            ["Code", "200"]
        )
        assert watch.console == []

    def test_show_the_picture_of_a_report(self, page: Any, watch: Watch):
        page.goto("/docs#/diagnostics/report_on_checkpoint")
        operation = page.locator("#operations-diagnostics-report_on_checkpoint")
        picture = executed(operation).locator("img")

        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
        assert watch.console == []

    def test_give_a_file_that_torch_loads(
        self, page: Any, watch: Watch, operation: Any, base_url: str, tmp_path: Path
    ):
        executed(operation)
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

    @pytest.mark.parametrize("name", ["make_checkpoint", "find_checkpoint"])
    def test_give_the_format_that_is_selected(self, name: str, page: Any):
        page.goto(f"/docs#/checkpoints/{name}")
        operation = page.locator(f"#operations-checkpoints-{name}")
        media_type = operation.locator(".response-control-media-type--accept-controller select")
        media_type.select_option("application/vnd.safetensors")

        expect(executed(operation)).to_contain_text("content-type: application/vnd.safetensors")

    def test_take_arrays_of_ones_own(self, operation: Any, tmp_path: Path):
        given = np.random.default_rng(0).standard_normal((60, 10)).astype(np.float32)
        np.save(tmp_path / "weight_ih_l0.npy", given)
        operation.locator(".body-param-content-type select").select_option("multipart/form-data")
        operation.locator(".json-schema-form-item-add").first.click()  # a row without a file
        operation.locator("input[type=file]").first.set_input_files(tmp_path / "weight_ih_l0.npy")
        executed(operation)
        with operation.page.expect_download() as download:
            operation.get_by_text("Download file").click()
        download.value.save_as(tmp_path / "net.pt")

        state = torch.load(tmp_path / "net.pt", weights_only=True)
        assert np.array_equal(state["weight_ih_l0"].numpy(), given)

    @pytest.mark.parametrize("more_rows", [0, 2])
    def test_give_the_file_if_no_array_was_chosen(self, more_rows: int, operation: Any):
        operation.locator(".body-param-content-type select").select_option("multipart/form-data")
        for _ in range(more_rows):
            operation.locator("[data-property-name=arrays] .json-schema-form-item-add").click()

        expect(executed(operation)).to_contain_text("Download file")

    def test_show_a_refusal_line_by_line(self, operation: Any):
        operation.locator("textarea.body-param__text").fill('{"rnn_type": "gru"}')

        expect(executed(operation)).to_contain_text('\n  "code": "invalid_spec",\n')

    def test_offer_examples_in_groups(self, operation: Any):
        examples = operation.locator("select.examples-select-element").first
        expect(examples).to_be_visible()
        names = examples.locator("option").all_text_contents()

        assert {name.partition(" · ")[0] for name in names} == {
            "Networks",
            "Presets",
            "Weights",
            "Biases",
            "Scripts",
        }
        assert "Networks · GRU with orthogonal recurrent weights" in names

    def test_an_example_fills_the_body(self, operation: Any):
        examples = operation.locator("select.examples-select-element").first
        examples.select_option(label="Networks · GRU with orthogonal recurrent weights")
        body = operation.locator("textarea.body-param__text")

        assert json.loads(body.input_value())["init"]["weight_hh"] == "orthogonal"
        expect(executed(operation)).to_contain_text("Download file")

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
