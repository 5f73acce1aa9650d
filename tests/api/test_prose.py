"""The texts that users of the service read contain no banned turn of phrase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.callers.api_keys import new_key
from app.main import create_app
from app.settings import Settings
from tests.prose import banned_in

KEYED = Settings(
    api_keys=(new_key("ci")[1],),
    rate_limits="1/second",
    max_caller_bytes=1,
    allowed_hosts=("example.com",),
)


def texts_of(node: Any) -> Iterator[str]:
    """Yield every title, summary and description of a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("title", "summary", "description", "detail") and isinstance(value, str):
                yield value
            else:
                yield from texts_of(value)
    elif isinstance(node, list):
        for each in node:
            yield from texts_of(each)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_described_without_banned_turns(name: str) -> None:
    assert banned_in([Settings.model_fields[name].description or ""]) == []


@pytest.mark.parametrize("settings", [Settings(), KEYED], ids=["open", "keyed"])
def test_openapi_has_no_banned_turns(settings: Settings) -> None:
    assert banned_in(set(texts_of(create_app(settings).openapi()))) == []
