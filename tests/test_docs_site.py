"""`scripts/docs_site.py` gathers the pages of the site, which mkdocs.yml lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.docs_site import gather

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the site."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    gather(folder)
    return folder


def listed(nav: Any) -> set[str]:
    """Return the pages that a part of the navigation lists."""
    match nav:
        case str():
            return {nav}
        case dict():
            return set().union(*map(listed, nav.values()))
        case _:
            return set().union(*map(listed, nav))


def test_the_navigation_lists_every_page(site: Path):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.md")}

    assert listed(CONFIG["nav"]) == pages


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("index.md", "(spec.md)"),  # docs/spec.md in the README
        ("index.md", "(security.md#api-keys)"),
        ("python.md", "(index.md#examples)"),  # ../README.md
        ("reference/schemes.md", "(../engine.md)"),  # ../../stepzero_rnn/engine/README.md
        ("vulnerabilities.md", "(security.md)"),
    ],
)
def test_links_lead_to_pages_of_the_site(site: Path, page: str, link: str):
    assert link in (site / page).read_text(encoding="utf-8")


def test_files_other_than_pages_are_copied(site: Path):
    assert (site / "growth.svg").read_bytes() == (ROOT / "docs/growth.svg").read_bytes()
    assert (site / "license.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_links_in_code_are_left_alone(site: Path):
    assert "](x)" in (site / "engine.md").read_text(encoding="utf-8")
