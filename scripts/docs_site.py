"""Gathers the pages of the documentation site in build/docs, which mkdocs.yml names.

python scripts/docs_site.py

They are docs/ and some pages kept elsewhere. Links between pages lead to files in the repository;
here they are pointed at the pages of the site.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build/docs"

# Pages kept outside docs/, and what they are called on the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "vulnerabilities.md",
    "LICENSE": "license.txt",
    "stepzero_rnn/engine/README.md": "engine.md",
    "stepzero_rnn/arrays/README.md": "arrays.md",
}
# Inline code, which has no links, or the target of a link, without its anchor.
LINK = re.compile(r"`[^`\n]*`|(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def gather(site: Path) -> None:
    """Replace a folder by the pages of the site."""
    shutil.rmtree(site, ignore_errors=True)
    pages = {f"docs/{path}": path for path in _files(ROOT / "docs")} | PAGES
    for source, page in pages.items():
        target = site / page
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            target.write_text(_relinked(text, source, page, pages), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / source, target)


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _relinked(text: str, source: str, page: str, pages: dict[str, str]) -> str:
    def link(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        if target not in pages:
            raise SystemExit(f"{source} links to {match[1]}, which the site does not have")
        return posixpath.relpath(pages[target], posixpath.dirname(page) or ".")

    return LINK.sub(link, text)


if __name__ == "__main__":
    gather(SITE)
