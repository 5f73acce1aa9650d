"""Settings: every one is checked at start, and what is wrong with it is said by its variable's
name.
"""

from __future__ import annotations

import re

import pytest

from app.runtime.environment import read_settings
from app.settings import Settings
from stepzero_rnn.errors import RequestError

COUNTS = {
    "max_checks",
    "max_multiply_adds",
    "max_waiting_requests",
    "port",
    "threads",
    "workers",
}
NAMES = {
    "allowed_hosts",
    "arrays_folder",
    "cors_origins",
    "host",
    "trusted_proxies",
}  # any word may be one
CHECKED = [name for name in Settings.model_fields if name not in NAMES]


@pytest.mark.parametrize("name", CHECKED)
def test_one_that_is_wrong_is_refused_by_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"STEPZERO_{name.upper()}"
    monkeypatch.setenv(variable, "wrong")

    with pytest.raises(RequestError, match=f"^Invalid settings. {variable}: "):
        read_settings({}, [variable])


def test_all_that_are_wrong_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPZERO_PORT", "70000")
    monkeypatch.setenv("STEPZERO_THREADS", "0")

    with pytest.raises(RequestError, match=r"STEPZERO_PORT: .*; STEPZERO_THREADS: "):
        read_settings({}, [])


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPZERO_PORT", "1")

    assert read_settings({"port": 2}, ["STEPZERO_PORT"]).port == 2


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("STEPZERO_PROT", "STEPZERO_PORT"),
        ("stepzero_prot", "STEPZERO_PORT"),
        ("STEPZERO_MAX_CHECKPOINT_BYTE", "STEPZERO_MAX_CHECKPOINT_BYTES"),
    ],
)
def test_a_misspelt_one_is_refused_with_what_was_meant(given: str, meant: str) -> None:
    with pytest.raises(RequestError, match=f"{given}: unknown setting .did you mean {meant}"):
        read_settings({}, [given])


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "stepzero_port",
        "STEPZERO_API_KEY",
        "STEPZERO_SERVICE_HOST",
        "STEPZERO_SERVICE_PORT_HTTP",
        "STEPZERO_PORT_8000_TCP_ADDR",
    ],
)
def test_what_others_set_is_let_be(name: str) -> None:
    assert read_settings({}, [name]).log_level == "info"


def test_the_address_that_kubernetes_sets_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPZERO_PORT", "tcp://10.0.0.1:80")

    with pytest.raises(RequestError, match=r"STEPZERO_PORT: .*enableServiceLinks"):
        read_settings({}, ["STEPZERO_PORT"])


def test_every_number_has_its_unit_in_its_name_or_counts_something() -> None:
    numbers = {
        name for name, field in Settings.model_fields.items() if field.annotation in (int, float)
    }

    assert {name for name in numbers if not re.search(r"_(bytes|s)$", name)} <= COUNTS


def test_every_one_says_what_it_sets() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(("workers", "checks"), [(2, 4), (3, 2), (16, 1)])
def test_a_worker_has_its_part_of_the_checks(workers: int, checks: int) -> None:
    assert Settings(workers=workers, max_checks=8).of_a_worker().max_checks == checks


BYTES = [name for name in Settings.model_fields if "_bytes" in name]


@pytest.mark.parametrize("name", BYTES)
def test_one_of_bytes_may_have_a_unit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"STEPZERO_{name.upper()}", "8 GiB")

    assert getattr(read_settings({}, []), name) == 8 * 1024**3


@pytest.mark.parametrize(
    ("given", "bytes_meant"),
    [
        ("8GiB", 8 << 30),
        ("500MB", 500_000_000),
        ("1.5 kib", 1536),
        ("77b", 77),
        ("1048576", 1 << 20),
    ],
)
def test_a_size_may_be_written_in_many_ways(
    given: str, bytes_meant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPZERO_MAX_CHECKPOINT_BYTES", given)

    assert read_settings({}, []).max_checkpoint_bytes == bytes_meant


@pytest.mark.parametrize("given", ["8G", "1e9", "8 GiB x", "8 bit", "GiB", "-8GiB"])
def test_what_is_no_size_is_refused_with_examples(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPZERO_MAX_CHECKPOINT_BYTES", given)

    with pytest.raises(
        RequestError, match=r"STEPZERO_MAX_CHECKPOINT_BYTES: .* 8GiB, 500MB or 1048576"
    ):
        read_settings({}, [])
