"""Take the pictures of the pages that the README and the documentation show.

    python scripts/screenshots.py

Needs Chromium, and for the same letters everywhere the font Inter (Debian: `chromium`,
`fonts-inter`). Starts a server of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from app.settings import Settings
from tests.api.browser import CHROMIUM, FLAGS
from tests.conftest import running

FOLDER = Path(__file__).parents[1] / "docs/images"
LONGEST = (
    "/?rnn_type=lstm&input_size=64&hidden_size=96&num_layers=8&bidirectional=true"
    '&init={"weight_hh":"orthogonal","bias":{"scheme":"chrono","t_max":784},"overrides":['
    '{"parameter":"weight_hh","gate":"cell","init":"identity"}]}'
)


@dataclass(frozen=True)
class Picture:
    """A page at a width and in a theme; `height` cuts it off, else it is whole."""

    name: str
    address: str
    width: int
    theme: str
    height: int | None = None


PICTURES = (
    Picture("studio-light", "/", 1440, "light", 1060),
    Picture("studio-dark", "/", 1440, "dark", 1060),
    Picture("studio-deep-light", LONGEST, 1440, "light"),
    Picture("studio-deep-phone-dark", LONGEST, 390, "dark"),
    Picture("docs-light", "/docs", 1440, "light", 1060),
    Picture("docs-phone-dark", "/docs", 390, "dark", 1060),
)
SHOWN = ("studio-light", "studio-dark")  # by the README; the others are for looking at


def main() -> None:
    """Take every picture into the folder given, or those that are shown into the docs."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with running(Settings()) as url, _browser() as browser:
        for picture in PICTURES:
            if folder or picture.name in SHOWN:
                path = (folder or FOLDER) / f"{picture.name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                _take(browser, url, picture, path)
                print(path)


@contextmanager
def _browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def _take(browser: Any, url: str, picture: Picture, path: Path) -> None:
    viewport = {"width": picture.width, "height": picture.height or 1000}
    page = browser.new_page(viewport=viewport, color_scheme=picture.theme)
    page.goto(url + picture.address)
    ready = ".opblock" if picture.address == "/docs" else "html[data-shown]"
    page.wait_for_selector(ready, state="attached", timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # the last charts are drawn when the browser is idle
    page.screenshot(path=path, full_page=picture.height is None)
    page.close()


if __name__ == "__main__":
    main()
