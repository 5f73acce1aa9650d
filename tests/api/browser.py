"""What the tests of the pages share: how Chromium starts, and what a page said meanwhile."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP factory.lan 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

in_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]


@dataclass
class Watch:
    """What a page said and asked for while it was looked at."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def outside(self, base_url: str) -> list[str]:
        """Return the requests that went elsewhere."""
        inside = (base_url, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(inside)]


def in_the_lan(base_url: str) -> str:
    """Return the server's address by a name: plain HTTP, so not what browsers call secure."""
    return base_url.replace("127.0.0.1", "factory.lan")
