"""The accessibility checks of axe, run in a page."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

_AXE = Path(__file__).parent / "vendor/axe/axe.min.js"
_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(
    ({ target, failureSummary }) => [id, `${target.join(" ")}: ${failureSummary}`]));
}"""


def violations(page: Any, *, except_for: Collection[str] = ()) -> list[str]:
    """Return what axe finds wrong with the page as it is shown now, one element each, as
    `RULE: SELECTOR: why and what to do`.

    The checks are evaluated as the developer tools do, to which the page's Content-Security-Policy
    does not apply.

    Args:
        except_for: ids of rules that are not reported.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    return [f"{rule}: {text}" for rule, text in page.evaluate(_RUN) if rule not in except_for]
