"""The studio in a real browser that can reach this server and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

import stepzero_rnn
from app.callers.api_keys import new_key, read_keys
from app.settings import Settings
from tests.api.asking import Call
from tests.api.axe import violations
from tests.api.browser import Watch, in_chromium
from tests.api.test_admission import SLOW
from tests.conftest import running

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = in_chromium

GRU = "/?rnn_type=gru&input_size=10&hidden_size=20&seed=3"
LONGEST = (
    "/?rnn_type=lstm&input_size=64&hidden_size=96&num_layers=8&bidirectional=true&dtype=bfloat16"
    '&init={"weight_hh":"orthogonal","bias":{"scheme":"chrono","t_max":784},"overrides":['
    '{"parameter":"weight_hh","gate":"cell","init":"identity"},'
    '{"parameter":"bias","gate":"output","direction":"reverse","layer":[1,3],'
    '"init":{"scheme":"constant","value":-1}}]}'
)
HUGE = "/?rnn_type=lstm&input_size=4096&hidden_size=4096&num_layers=4"
FIRST_PAINT_BYTES = 100_000
SLOWLY_MS = 30_000  # on a busy machine


def opened(page: Any, address: str = GRU) -> None:
    """Open the studio, and wait until its figures are there."""
    page.goto(address)
    expect(page.locator("html[data-shown]")).to_be_attached(timeout=SLOWLY_MS)
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false", timeout=SLOWLY_MS)


def edit(page: Any, field: str, value: str) -> None:
    """Fill a field of the form, and wait until the figures are those of the new spec."""
    before = page.locator("html").get_attribute("data-shown")
    page.locator(f"#field-{field}").fill(value)
    expect(page.locator("html")).not_to_have_attribute("data-shown", str(before), timeout=SLOWLY_MS)


def choose(page: Any, select: str, value: str) -> None:
    before = page.locator("html").get_attribute("data-shown")
    page.select_option(select, value)
    expect(page.locator("html")).not_to_have_attribute("data-shown", str(before), timeout=SLOWLY_MS)


def downloaded(page: Any, folder: Path) -> Path:
    """Download the file of the form."""
    with page.expect_download() as download:
        page.locator("#download-link").click()
    path = folder / str(download.value.suggested_filename)
    download.value.save_as(path)
    return path


def sha256_shown(page: Any) -> str:
    """Return the hash in the tile, once it is known."""
    expect(page.locator("#hash")).to_have_attribute("title", re.compile("[0-9a-f]{64}"))
    return str(page.locator("#hash").get_attribute("title"))


def drop(page: Any, path: Path) -> None:
    """Drop a file on the page, as a file manager would."""
    content = base64.b64encode(path.read_bytes()).decode()
    page.evaluate(
        """([content, name]) => {
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name));
          for (const type of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [content, path.name],
    )


def test_a_newcomer_opens_changes_sees_and_downloads(
    page: Any, watch: Watch, base_url: str, tmp_path: Path
):
    opened(page, "/")
    page.get_by_text("GRU", exact=True).click()
    edit(page, "input_size", "10")
    edit(page, "hidden_size", "24")
    edit(page, "num_layers", "1")
    choose(page, "#field-init-weight_hh", "identity")
    expect(page.locator("#histograms svg[role=img]")).to_be_visible()
    expect(page.locator("#gradient svg[role=img]")).to_be_visible()
    expect(page.locator("#findings")).to_contain_text("Score")
    path = downloaded(page, tmp_path)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256_shown(page)
    state = torch.load(path, weights_only=True)
    torch.nn.GRU(10, 24).load_state_dict(state, strict=True)
    assert torch.equal(state["weight_hh_l0"][:24], torch.eye(24))
    assert watch.console == []
    assert watch.outside(base_url) == []


def test_a_link_shows_the_same_start_to_somebody_else(page: Any, browser: Any):
    opened(page, LONGEST)
    choose(page, "#field-dtype", "float32")
    here = page.url
    expected = sha256_shown(page)
    with browser.new_context() as other:
        there = other.new_page()
        opened(there, here)

        assert sha256_shown(there) == expected
        expect(there.locator("#field-init-overrides-1-layer")).to_have_value("1-3")
        expect(there.locator("#field-init-overrides-1-init-value")).to_have_value("-1")


def test_an_address_with_a_recipe_shows_its_spec(page: Any, base_url: str):
    spec = {
        "rnn_type": "rnn",
        "input_size": 4,
        "hidden_size": 7,
        "nonlinearity": "relu",
        "init": "np_rnn",
    }
    recipe = stepzero_rnn.plan(spec).recipe
    opened(page, f"/?recipe={recipe}")

    expect(page.locator("#field-hidden_size")).to_have_value("7")
    expect(page.locator("html")).to_have_attribute("data-shown", recipe)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/?recipe=1.altered", "recipe"),
        ('/?rnn_type=gru&input_size=2&hidden_size=3&init={"overrides":[null]}', "address"),
    ],
    ids=["recipe", "init"],
)
def test_an_address_that_describes_nothing_shows_the_first_start(
    page: Any, address: str, said: str
):
    opened(page, address)

    expect(page.locator("#problem")).to_contain_text(said)
    expect(page.locator("#field-hidden_size")).to_have_value("128")


@pytest.mark.parametrize(
    "address",
    [
        "/?rnn_type=cnn&input_size=2&hidden_size=3",
        "/?rnn_type=gru&hidden_size=3",
        "/?rnn_type=gru&input_size=2&hidden_size=3&init=<b>x</b>",
    ],
)
def test_an_address_that_is_wrong_says_why(page: Any, address: str):
    page.goto(address)

    expect(page.locator("form [aria-invalid], #problem:not([hidden])").first).to_be_visible()
    expect(page.locator("#findings")).to_contain_text("once the form has no error")
    assert page.locator("b", has_text="x").count() == 0


@pytest.mark.parametrize("address", ["/", LONGEST, HUGE], ids=["first", "longest", "huge"])
def test_nothing_is_wrong_for_screen_readers(page: Any, scheme: str, address: str):
    opened(page, address)

    assert violations(page) == []


def test_the_sections_below_are_right_for_screen_readers_too(
    page: Any, scheme: str, tmp_path: Path
):
    opened(page)
    compare_with(page, "keras")
    page.locator("#recommended-length").fill("10")
    page.locator("#recommend").click()
    expect(page.locator("#recommendation tbody tr")).not_to_have_count(0, timeout=SLOWLY_MS)
    path = stepzero_rnn.save(
        {"rnn_type": "gru", "input_size": 3, "hidden_size": 16}, tmp_path / "a.npz"
    )
    page.set_input_files("#identified-file", path)
    expect(page.locator("#verdict")).to_be_visible(timeout=SLOWLY_MS)

    assert violations(page) == []


def compare_with(page: Any, init: str) -> None:
    """Compare the start of the form with another one."""
    page.locator("#add-start").click()
    expect(page.locator("#comparison thead th")).to_have_count(2)
    choose(page, "#start", init)
    page.locator("#add-start").click()
    expect(page.locator("#comparison thead th")).to_have_count(3)


def test_two_starts_are_drawn_over_each_other(page: Any):
    opened(page)
    compare_with(page, "orthogonal")

    lines = page.locator("#compared-gradient svg [data-mark=line]")
    expect(lines).to_have_count(2, timeout=SLOWLY_MS)
    expect(page.locator("#compared-gradient .keys")).to_contain_text("orthogonal")
    page.reload()
    expect(page.locator("#comparison thead th")).to_have_count(3)
    expect(lines).to_have_count(2)


def test_a_recommended_start_is_taken_over(page: Any):
    opened(page)
    page.locator("#recommended-length").fill("10")
    page.locator("#recommend").click()
    best = page.locator("#recommendation tbody tr").first
    expect(best).to_contain_text("try first", timeout=SLOWLY_MS)
    before = page.locator("html").get_attribute("data-shown")
    best.get_by_role("button", name="Use").click()

    expect(page.locator("html")).not_to_have_attribute("data-shown", str(before), timeout=SLOWLY_MS)
    assert "init=" in page.url


def test_a_recommendation_can_be_cancelled(page: Any):
    opened(page, "/?rnn_type=lstm&input_size=256&hidden_size=512")
    page.locator("#recommend").click()
    expect(page.locator("#recommendation progress")).to_be_visible()
    page.locator("#recommend").click()

    expect(page.locator("#recommendation")).to_contain_text("Cancelled.")
    expect(page.locator("#recommend")).to_have_text("Recommend")


def test_a_dropped_file_is_identified(page: Any, tmp_path: Path):
    spec = {
        "rnn_type": "gru",
        "input_size": 12,
        "hidden_size": 32,
        "init": {"weight_hh": "orthogonal"},
    }
    path = stepzero_rnn.save(spec, tmp_path / "found.safetensors")
    opened(page)
    drop(page, path)

    expect(page.locator("#verdict")).to_contain_text("bit for bit", timeout=SLOWLY_MS)
    page.get_by_role("button", name="Show that recipe").click()
    expect(page.locator("#field-init-weight_hh")).to_have_value("orthogonal")


def test_a_file_that_is_none_is_refused_in_words(page: Any, tmp_path: Path):
    path = tmp_path / "not.npz"
    path.write_bytes(b"not an archive")
    opened(page)
    drop(page, path)

    expect(page.locator("#identification .error")).to_contain_text("npz")


def test_errors_stand_at_their_fields(page: Any):
    opened(page)
    page.locator("#field-hidden_size").fill("0")
    expect(page.locator("#field-hidden_size-error")).to_contain_text("greater than or equal to 1")
    expect(page.locator("#field-hidden_size")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#download-link")).to_have_attribute("aria-disabled", "true")
    edit(page, "hidden_size", "16")
    expect(page.locator("#field-hidden_size-error")).to_be_hidden()

    choose(page, "#field-init-weight_hh", "sparse")
    page.locator("#field-init-weight_hh-sparsity").fill("2")
    expect(page.locator("#field-init-weight_hh-sparsity-error")).to_contain_text(
        "less than or equal"
    )


def test_a_refusal_without_a_field_stands_below_the_form(page: Any):
    opened(page)
    page.locator("#field-hidden_size").fill("9000000")

    expect(page.locator("#problem")).to_contain_text("limit")


def test_every_scheme_and_preset_is_offered(page: Any, client: httpx.Client):
    catalogue = client.get("/v1/initializers").json()
    opened(page, "/?rnn_type=lstm&input_size=4&hidden_size=8&proj_size=2")

    def offered(select: str) -> set[str]:
        return set(page.eval_on_selector_all(f"{select} option", "all => all.map(o => o.value)"))

    for part, rows in {"weight_hh": "weights", "weight_hr": "weights", "bias": "biases"}.items():
        names = {
            row["name"]
            for row in catalogue[rows]
            if part in row["parameters"] and "lstm" in row["rnn_types"]
        }
        assert offered(f"#field-init-{part}") == names | {""}
    presets = {row["name"] for row in catalogue["presets"] if "lstm" in row["rnn_types"]}
    scripts = {row["name"] for row in catalogue["scripts"]}
    assert presets | scripts <= offered("#start")


def test_the_keyboard_is_enough(page: Any):
    opened(page)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to results")
    before = str(page.locator("html").get_attribute("data-shown"))
    page.locator("#kind-gru").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#kind-lstm")).to_be_checked()
    expect(page.locator(":focus")).to_have_id("kind-lstm")
    expect(page.locator("html")).not_to_have_attribute("data-shown", before, timeout=SLOWLY_MS)
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false", timeout=SLOWLY_MS)
    page.locator("#gradient").scroll_into_view_if_needed()
    page.locator("#field-seed").fill("9")  # what is in view is drawn before the page says so
    expect(page.locator("html")).not_to_have_attribute(
        "data-shown", str(page.locator("html").get_attribute("data-shown")), timeout=SLOWLY_MS
    )
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false", timeout=SLOWLY_MS)
    page.locator("#gradient svg[role=img]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#status")).to_contain_text(re.compile("lag .*: log₁₀ of the gradient"))
    expect(page.locator("#gradient .tip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#gradient .tip")).to_be_hidden()
    page.locator("#tab-curl").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#code")).to_contain_text("stepzero_rnn.build")


@pytest.mark.parametrize("width", [360, 768, 1440, 2200])
@pytest.mark.parametrize("address", ["/", LONGEST], ids=["first", "longest"])
def test_no_width_needs_sideways_scrolling(page: Any, width: int, address: str):
    page.set_viewport_size({"width": width, "height": 740})
    opened(page, address)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_plain_http_under_another_name_is_enough(
    page: Any, watch: Watch, base_url: str, tmp_path: Path
):
    there = base_url.replace("127.0.0.1", "factory.lan")
    opened(page, there + GRU)
    assert page.evaluate("isSecureContext") is False
    page.locator("#dice").click()
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    expect(page.locator("#code")).to_contain_text("http://factory.lan")
    path = downloaded(page, tmp_path)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256_shown(page)
    assert watch.console == []
    assert watch.outside(there) == []


def test_a_proxy_that_cuts_a_prefix_off_does_not_matter(page: Any, watch: Watch, base_url: str):
    def cut(route: Any) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/factory/", "/", 1)))

    page.route(f"{base_url}/factory/**", cut)
    opened(page, f"/factory{GRU}")

    assert watch.outside(f"{base_url}/factory/") == []
    assert page.locator("#download-link").get_attribute("href").startswith(f"{base_url}/factory/v1")
    expect(page.locator("#code")).to_contain_text(f"{base_url}/factory/v1/checkpoints/")
    assert watch.console == []


def test_a_large_network_is_planned_and_not_measured_unasked(page: Any, watch: Watch):
    opened(page, HUGE)
    expect(page.locator("#tiles")).to_contain_text("2.1 GB")
    expect(page.locator("#panels")).to_contain_text("Measuring this takes the server about")

    asked = [url for url in watch.requests if "/v1/checkpoints/" in url]
    assert asked == []
    assert page.locator("#download-link").get_attribute("href").endswith(".pt")


@pytest.fixture
def busy_url() -> Iterator[str]:
    """A server that checks one checkpoint at a time, and lets nobody wait for long."""
    with running(Settings(max_checks=1, max_wait_s=0.5)) as url:
        yield url


def test_a_busy_server_leaves_the_last_figures_in_place(page: Any, busy_url: str):
    opened(page, f"{busy_url}/?rnn_type=lstm&input_size=300&hidden_size=400")
    page.wait_for_load_state("networkidle")
    shown = page.locator("html").get_attribute("data-shown")
    plots = page.locator("#panels svg")
    count = plots.count()
    with Call.post(busy_url, {**SLOW, "num_layers": 8}):
        page.locator("#field-seed").fill("77")
        expect(page.locator("#busy")).to_contain_text("The server is busy")
        expect(plots).to_have_count(count)
        assert count > 0
    expect(page.locator("#busy")).to_be_hidden(timeout=SLOWLY_MS)
    expect(page.locator("html")).not_to_have_attribute("data-shown", shown, timeout=SLOWLY_MS)


def test_a_server_that_is_gone_is_named(page: Any):
    with running(Settings()) as url:
        opened(page, url + GRU)
    page.locator("#field-seed").fill("77")

    expect(page.locator("#problem")).to_contain_text("cannot be reached")


def test_a_key_is_asked_for_and_opens_everything(page: Any, watch: Watch, tmp_path: Path):
    text, key = new_key("reader")
    with running(Settings(api_keys=read_keys([key.line]))) as url:
        page.goto(url + GRU)
        page.get_by_label("API key").fill("stepzero_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#key-error")).to_contain_text("not known")
        page.get_by_label("API key").fill(text)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("html[data-shown]")).to_be_attached(timeout=SLOWLY_MS)
        path = downloaded(page, tmp_path)

        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256_shown(page)
        assert text not in page.content()
        expect(page.locator("#code")).to_contain_text("$STEPZERO_API_KEY")
        page.reload()
        expect(page.locator("html[data-shown]")).to_be_attached(timeout=SLOWLY_MS)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()


def test_a_download_shows_progress_and_can_be_cancelled(page: Any):
    opened(page, "/?rnn_type=lstm&input_size=2048&hidden_size=2048&num_layers=3")
    page.locator("#download-link").click()
    expect(page.locator("#download progress")).to_be_visible()
    expect(page.locator("#download-text")).to_contain_text(" of 403 MB", timeout=SLOWLY_MS)
    page.locator("#download-cancel").press("Enter")  # its place moves with the text

    expect(page.locator("#download-text")).to_have_text("The download was cancelled.")
    expect(page.locator("#download progress")).to_be_hidden()


def test_the_page_is_light_before_its_charts(page: Any, watch: Watch, client: httpx.Client):
    opened(page)
    own = {url for url in watch.requests if "/_static/" in url and "/vendor/" not in url}
    later = ("/charts/", "/sections/")
    before_charts = {url for url in own if not any(folder in url for folder in later)}
    size = sum(len(client.get(url).content) for url in {*before_charts, "/"})

    assert size < FIRST_PAINT_BYTES
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    charts = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/vendor/')).map(e => e.startTime)"
    )
    assert charts
    assert painted < max(charts)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_readers_choice(page: Any, theme: str):
    page.emulate_media(color_scheme="dark" if theme == "light" else "light")
    opened(page)
    while page.locator("html").get_attribute("data-theme") != theme:
        page.locator("#theme").click()
    page.reload()

    expect(page.locator("#theme")).to_have_attribute("title", f"Color theme: {theme}")
    shown = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert shown == theme
