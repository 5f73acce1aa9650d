"""Reads reports as other programs do, and finds what they must not contain."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from PIL import Image

FORMATS = ("html", "svg", "png", "pdf")
TINY: dict[str, Any] = {"rnn_type": "gru", "input_size": 3, "hidden_size": 4}
QUICK: dict[str, Any] = {"seq_len": 12, "level": "quick"}
_SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """An HTML page: its text, its tags, and the addresses that it loads or links to."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.alternatives: list[str] = []
        self.text = ""
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action", "srcset", "poster", "data"):
                self.addresses.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "alt" and value:  # a swatch repeats its row's place
                self.alternatives.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def pictures(self) -> list[bytes]:
        """The pictures inside."""
        return [base64.b64decode(one.partition("base64,")[2]) for one in self.addresses]


def require_svg(picture: bytes) -> ElementTree.Element:
    """Parse a picture that loads nothing and runs no scripts."""
    root = ElementTree.fromstring(picture)  # noqa: S314 - ours
    assert root.tag == f"{_SVG}svg"
    for element in root.iter():
        assert element.tag.removeprefix(_SVG) not in ("script", "foreignObject", "image", "a")
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert not name.endswith("href") or value.startswith("#")
    return root


def require_png(picture: bytes) -> tuple[int, int]:
    """Decode a picture, and return its size."""
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        assert image.format == "PNG"
        return image.size


def pages_of(document: bytes) -> int:
    """Return how many pages a PDF has."""
    assert document.startswith(b"%PDF-")
    assert document.rstrip().endswith(b"%%EOF")
    found = re.search(rb"/Count (\d+)", document)
    assert found is not None
    return int(found[1])
