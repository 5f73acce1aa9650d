"""Ten thousand generated requests, with keys off and on: each is answered as documented, and none
gives the machine away.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as how

from app.callers.api_keys import new_key, read_keys
from app.main import create_app
from app.settings import Settings
from tests.api.test_openapi import CHECKS, keep_small
from tests.api.test_strangers import REVEALING
from tests.conftest import running

MIN_CASES = 10_000
EACH = 300  # of an operation and a kind of server; an operation without parameters has fewer
KEY, KEPT = new_key("ci")
SERVERS: Mapping[str, Settings] = {
    "open": Settings(),
    "keyed": Settings(
        api_keys=read_keys([KEPT.line]), rate_limits="1000000/second", max_caller_bytes=1 << 30
    ),
}
SCHEMAS = {
    name: schemathesis.openapi.from_dict(create_app(settings).openapi())
    for name, settings in SERVERS.items()
}
FOR_LONG = how(
    max_examples=EACH,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
KEYS = cycle(({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"X-API-Key": "wrong"}, {}))

pytestmark = pytest.mark.slow
statuses: dict[str, Counter[int]] = {name: Counter() for name in SERVERS}


@pytest.fixture(scope="module")
def urls() -> Iterator[Mapping[str, str]]:
    """The addresses of a server without keys and of one with them."""
    with running(SERVERS["open"]) as first, running(SERVERS["keyed"]) as second:
        yield {"open": first, "keyed": second}


def send(case: Any, name: str, urls: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Send a generated request; everything about the answer must be as documented."""
    if case.query:
        case.query = keep_small(case.query)
    if isinstance(case.body, dict | list):
        case.body = keep_small(case.body)
    answer = case.call(base_url=urls[name], headers={**headers})
    statuses[name][answer.status_code] += 1
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400 and answer.content:  # HEAD has none
        assert not REVEALING.findall(answer.json()["title"] + answer.json().get("reason", ""))


@SCHEMAS["open"].parametrize()
@FOR_LONG
def test_without_keys_every_request_is_answered_as_documented(case: Any, urls: Mapping[str, str]):
    send(case, "open", urls, {})


@SCHEMAS["keyed"].parametrize()
@FOR_LONG
def test_with_keys_every_request_is_answered_as_documented(case: Any, urls: Mapping[str, str]):
    send(case, "keyed", urls, next(KEYS))


def test_they_were_ten_thousand(capsys: pytest.CaptureFixture[str]):
    lines = [
        f"{name}: {counted.total():,} requests, by status {dict(sorted(counted.items()))}\n"
        for name, counted in statuses.items()
    ]
    with capsys.disabled():
        sys.stdout.writelines(["\n", *lines])

    total = sum(counted.total() for counted in statuses.values())
    assert total >= MIN_CASES
    assert not [status for counted in statuses.values() for status in counted if status >= 500]
