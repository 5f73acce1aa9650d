"""How long the studio takes from a keystroke to plots, and how much it loads before it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import pytest

from tests.api.browser import CHROMIUM, FLAGS
from tests.bench.measure import OURS, server

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]

TRIES = 15
ADDRESSES = {
    "64 → 128 × 2": "/?rnn_type=lstm&input_size=64&hidden_size=128&num_layers=2",
    "256 → 512 × 1": "/?rnn_type=gru&input_size=256&hidden_size=512",
}
# Type a seed; resolve with the milliseconds until the first plots are drawn anew and until all are,
# and with the longest time that the page did not react.
TYPE = """(seed) => new Promise((resolve) => {
  const root = document.documentElement;
  const field = document.querySelector("#field-seed");
  const start = performance.now();
  let first = 0;
  const drawn = new MutationObserver(() => requestAnimationFrame(() => {
    drawn.disconnect();
    first ||= performance.now() - start;
  }));
  drawn.observe(document.querySelector("#panels"), { childList: true, subtree: true });
  let last = start;
  let longest = 0;
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const seen = new MutationObserver(() => requestAnimationFrame(() => {
    clearInterval(beat);
    seen.disconnect();
    resolve([first, performance.now() - start, longest]);
  }));
  seen.observe(root, { attributeFilter: ["data-shown"] });
  field.value = seed;
  field.dispatchEvent(new Event("input", { bubbles: true }));
})"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
LOADED = """performance.getEntriesByType("resource")
  .filter((entry) => !entry.name.includes("/vendor/") && entry.name.includes("/_static/"))
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def test_studio() -> None:
    with (
        server(*OURS, ready="/healthz/ready") as (_, url),
        playwright.sync_playwright() as driver,
        driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS)) as browser,
    ):
        for name, address in ADDRESSES.items():
            print(f"\n{name}: {measured(browser, url + address)}")


def measured(browser: Any, address: str) -> str:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.wait_for_selector("html[data-shown]", state="attached", timeout=60_000)
    page.wait_for_load_state("networkidle")
    painted = page.evaluate(PAINTED)
    rows = []
    for seed in range(1, TRIES + 1):
        rows.append(page.evaluate(TYPE, str(seed)))
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(300)
    first, shown, blocked = zip(*rows, strict=True)
    loaded = page.evaluate(LOADED)
    page.close()
    return (
        f"keystroke to the first plots {spread(first)}, to all {spread(shown)}, "
        f"the page did not react for at most {max(blocked):.0f} ms, "
        f"first paint after {painted:.0f} ms, {loaded / 1000:.0f} kB without the chart library"
    )


def spread(milliseconds: Sequence[float]) -> str:
    return f"{median(milliseconds):.0f} ms ({min(milliseconds):.0f} to {max(milliseconds):.0f})"
