"""What a request can make the service do grows with its length and no faster, and is bounded:
counted, not timed.

An operation is a call of a Python function or of one written in C; where our code calls a C
function that goes through all of what it belongs to, as `list.count` does, that counts as many.
"""

from __future__ import annotations

import json
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

import stepzero_rnn
from app.request.body import read_described, read_query, refuse_query
from app.request.forms import read_form
from app.request.negotiation import choose_format
from app.request.ranges import wanted_range
from app.response.file_headers import matches_tag
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import ReadOptions, Upload
from stepzero_rnn.errors import StepZeroError
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.checkpoint import CheckpointRequest, Spec
from stepzero_rnn.spec.parse import parse_json
from stepzero_rnn.spec.recipe import decode_recipe
from stepzero_rnn.uploads.store import Store
from tests.fuzz.targets import deflated, headed, packed_token
from tests.own_loop import run

BODY_BYTES = 64 << 10
MAX_OPERATIONS = 300_000  # on the event loop, for one request
MAX_PROBLEM_BYTES = 64 << 10
GOES_THROUGH_ALL = {
    *("count", "index", "remove", "insert", "copy", "sort", "reverse"),
    *("split", "join", "replace", "strip", "find", "partition", "rpartition", "lower", "decode"),
}
OURS = (str(Path(stepzero_rnn.__file__).parent), __file__)
LSTM = {"rnn_type": "lstm", "input_size": 2, "hidden_size": 2}
SPEC = Spec(rnn_type="lstm", input_size=2, hidden_size=2)
Job = Callable[[], object]


@dataclass(slots=True)
class Count:
    """How many operations there have been."""

    operations: int = 0

    def see(self, frame: Any, event: str, called: Any) -> None:
        """Count one event of the interpreter."""
        if event == "call":
            self.operations += 1
        elif event == "c_call":
            own: Any = getattr(called, "__self__", None)
            ours = frame.f_code.co_filename.startswith(OURS)
            whole = ours and called.__name__ in GOES_THROUGH_ALL and hasattr(own, "__len__")
            self.operations += 1 + (len(own) if whole else 0)


def operations(job: Job) -> int:
    """Count what a job takes, a refusal being as good as an answer."""
    count = Count()
    threading.setprofile(count.see)
    sys.setprofile(count.see)
    try:
        with suppress(StepZeroError):
            job()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return count.operations


def problem(job: Job) -> dict[str, Any]:
    """Return the problem document of a job that is refused."""
    with pytest.raises(StepZeroError) as refused:
        job()
    return refused.value.problem()


def asks(**fields: Any) -> Job:
    """Read a spec with more fields."""
    return partial(parse_json, CheckpointRequest, json.dumps(LSTM | fields, separators=(",", ":")))


def names(count: int) -> list[str]:
    """Return so many different names."""
    return [f"k{number:x}" for number in range(count)]


def repeated_last(count: int) -> str:
    """Write an object whose last key stands there already, as the last but one."""
    keys = names(count)
    return "{" + ",".join(f'"{key}":0' for key in [*keys, keys[-1]]) + "}"


def arrays(**fields: Any) -> Job:
    """Read a spec that names arrays."""
    return asks(init={"arrays": {"sha256": "0" * 64, **fields}})


def overrides(count: int, **fields: Any) -> Job:
    """Read a spec with so many overrides, of so many layers."""
    listed = [
        {"parameter": "weight_hh", "layer": [number % 512, 1023], **fields}
        for number in reversed(range(count))
    ]
    return asks(num_layers=1024, bidirectional=True, init={"overrides": listed})


# Bodies, by how much there is of what makes them worst; 4,000 is about what 64 kB hold.
BODIES: Mapping[str, Callable[[int], Job]] = {
    "a key that stands twice, at the end": lambda n: partial(
        parse_json, CheckpointRequest, repeated_last(n)
    ),
    "such a key in an inner object": lambda n: partial(
        parse_json, CheckpointRequest, f'{{"init":[{repeated_last(n)}]}}'
    ),
    "unknown keys": lambda n: asks(**dict.fromkeys(names(n), 0)),
    "unknown keys of a part": lambda n: asks(init=dict.fromkeys(names(n), 0)),
    "unknown keys of a scheme": lambda n: asks(
        init={"scheme": "orthogonal"} | dict.fromkeys(names(n), 0)
    ),
    "unknown keys of overrides": lambda n: asks(
        init={"overrides": [{"parameter": "bias"} | dict.fromkeys(names(n // 16), 0)] * 16}
    ),
    "a long key": lambda n: asks(**{"k" * 15 * n: 0}),
    "a long key to be escaped": lambda n: asks(**{"~/\0" * n: 0}),
    "a long name": lambda n: asks(init="orthogonal" * n),
    "a long name of a scheme": lambda n: asks(init={"scheme": "orthogonal" * n}),
    "a long number": lambda n: partial(
        parse_json, CheckpointRequest, f'{{"dropout":0.{"1" * 15 * n}}}'
    ),
    "a deep list": lambda n: asks(x=json.loads("[" * (n // 5) + "]" * (n // 5))),
    "empty overrides": lambda n: asks(init={"overrides": [{}] * 4 * n}),
    "overrides": lambda n: overrides(n, init="ones"),
    "as many as there may be, of the deepest network": lambda n: overrides(16, init="ones"),
    "a layer that is a long list": lambda n: overrides(1, layer=[0] * 4 * n, init="ones"),
    "names of arrays": lambda n: arrays(given=[f"weight_ih_l{i}" for i in range(n // 8)]),
    "names that are none": lambda n: arrays(given=[0] * 4 * n),
    "one name of arrays": lambda n: arrays(given=["weight_ih_l0"] * (n // 8)),
    "parts to draw anew": lambda n: arrays(redraw=[{}] * 4 * n),
    "numbers": lambda n: asks(init={"scheme": "array", "values": [[0] * 8 * n]}),
    "rows": lambda n: asks(init={"scheme": "array", "values": [[0]] * 4 * n}),
    "rows, the last of them wrong": lambda n: asks(
        init={"scheme": "array", "values": [[0]] * 4 * n + [["x"]]}
    ),
    "numbers of biases": lambda n: asks(init={"bias": {"scheme": "array", "values": [0] * 8 * n}}),
    "arguments of a function": lambda n: asks(
        init={"scheme": "torch_seeded", "bias_ih": {"function": "ones_"} | dict.fromkeys(names(n))}
    ),
}


def with_query(text: str, read: Callable[[Request], Any]) -> Job:
    """Read a query."""
    request = Request({"type": "http", "query_string": text.encode(), "headers": []})
    return lambda: run(read, request)


# Heads, likewise.
HEADS: Mapping[str, Callable[[int], Job]] = {
    "a query of unknown names": lambda n: with_query(
        "&".join(f"{name}=0" for name in names(n)), read_query
    ),
    "a query with one name": lambda n: with_query("&".join(["seed=0"] * n), read_query),
    "a query of parts": lambda n: with_query(
        "&".join(f"init.{name}=0" for name in names(n)), read_query
    ),
    "a query with an init whose key stands twice": lambda n: with_query(
        f"init={repeated_last(n)}", read_query
    ),
    "a query where none is read": lambda n: with_query(
        "&".join(f"{name}=0" for name in names(n)), refuse_query
    ),
    "hashes to compute": lambda n: with_query("sha256=" + "pt," * n, read_described),
    "ranges of bytes": lambda n: partial(
        wanted_range, "bytes=" + "0-1," * n, None, etag='"x"', length=9
    ),
    "a range of spaces": lambda n: partial(
        wanted_range, "bytes=" + " " * 8 * n, None, etag='"x"', length=9
    ),
    "accepted types": lambda n: partial(choose_format, None, "a/b;q=0.5," * n),
    "parameters of a type": lambda n: partial(choose_format, None, "a/b" + ";q =1" * n),
    "tags": lambda n: partial(matches_tag, '"0",' * n, '"x"'),
    "a token": lambda n: partial(decode_recipe, f"1.{'A' * n}"),
    "a token that unpacks to much": lambda n: partial(
        decode_recipe, packed_token(deflated(b'{"a":' + b"[" * 15 * n))
    ),
}


# What of these is no mistake.
ANSWERED = {
    "parameters of a type",
    "as many as there may be, of the deepest network",
    "accepted types",
    "tags",
}


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def form(head: bytes, body: bytes, folder: Path) -> Job:
    """Read a form with the boundary `x`."""
    kind = "multipart/form-data; boundary=x" + head.decode()
    store = Store(folder, 1 << 24)

    def job() -> None:
        with store.incoming() as incoming:
            reading = partial(read_form, _once(body), kind, incoming)
            run(partial(reading, max_bytes=1 << 24, max_text_bytes=BODY_BYTES))

    return job


def part(name: str, content: bytes) -> bytes:
    """Write a part of a form."""
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (
        name.encode(),
        content,
    )


FORMS: Mapping[str, Callable[[int, Path], Job]] = {
    "parameters of its type": lambda n, to: form(b"; a=b" * n, part("spec", b"{}"), to),
    "headers of a part": lambda n, to: form(b"", b"--x\r\n" + b"a: b\r\n" * n, to),
    "a long header": lambda n, to: form(b"", b"--x\r\na: " + b"b" * n, to),
    "parts": lambda n, to: form(
        b"", b"".join(part(f'{name}"; filename="', b"") for name in names(n // 4)), to
    ),
    "almost boundaries": lambda n, to: form(b"", part("spec", b"\r\n--y" * n), to),
    "line ends": lambda n, to: form(b"", part("spec", b"\r" * 8 * n), to),
}


def upload(content: bytes, folder: Path, layout: LayoutName = "pytorch") -> Job:
    """Take in a file."""
    path = folder / "upload"
    path.write_bytes(content)
    return partial(
        ingest, [Upload("x.npz", path)], folder / "kept", SPEC, ReadOptions(layout=layout)
    )


def tensors(listed: Iterator[str] | list[str]) -> bytes:
    """Write a header of tensors without a number."""
    described = {name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for name in listed}
    return headed(json.dumps(described).encode())


def zipped(count: int, extra: bytes = b"") -> bytes:
    """Write a zip with so many empty records; in its directory each has `extra`."""
    local, directory = b"", b""
    size = 0xFFFFFFFF if extra else 0  # which is to be found in `extra`
    for name in (f"{name}.npy".encode() for name in names(count)):
        fields = (0x14, 0, 0, 0, 0, 0, size, size, len(name))
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 0x14, *fields, len(extra), *(0,) * 4, len(local)
        )
        directory += name + extra
        local += struct.pack("<4sHHHHHIIIHH", b"PK\3\4", *fields, 0) + name
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(local), 0)
    return local + directory + end


UPLOADS: Mapping[str, Callable[[int, Path], Job]] = {
    "a key that stands twice in a header": lambda n, to: upload(
        headed(repeated_last(n).encode()), to
    ),
    "tensors of no network": lambda n, to: upload(tensors(names(n)), to),
    "tensors of many layers": lambda n, to: upload(
        tensors([f"weight_ih_l{i}" for i in range(n)]), to
    ),
    "tensors of many networks": lambda n, to: upload(
        tensors([f"{name}.weight_ih_l0" for name in names(n)]), to
    ),
    "kernels of many cells": lambda n, to: upload(
        tensors([f"{name}/kernel" for name in names(n)]), to, "keras"
    ),
    "a shape of many axes": lambda n, to: upload(
        headed(b'{"a":{"dtype":"F32","data_offsets":[0,0],"shape":[%s0]}}' % (b"0," * n)), to
    ),
    "records of a zip": lambda n, to: upload(zipped(n), to),
    "fields of a record": lambda n, to: upload(zipped(2, b"\0\0\0\0" * n), to),
}


@dataclass(frozen=True, slots=True)
class Effort:
    """The operations that some job takes, and what four times as much takes."""

    once: int
    four_times: int

    @property
    def is_linear(self) -> bool:
        """Whether that is four times the operations and a little, or less."""
        return self.four_times <= 4.5 * self.once + 1000


def effort(job: Callable[[int], Job], count: int = 1000) -> Effort:
    """Count what `count` and four times as many of something take."""
    operations(job(10))  # so that what is made once is made
    return Effort(operations(job(count)), operations(job(4 * count)))


@cache
def effort_of(name: str) -> Effort:
    """Count what a body or a head takes."""
    return effort({**BODIES, **HEADS}[name])


@pytest.mark.parametrize("name", [*BODIES, *HEADS])
def test_what_the_event_loop_reads_takes_linear_effort(name: str):
    assert effort_of(name).is_linear


@pytest.mark.parametrize("name", [*BODIES, *HEADS])
def test_what_the_event_loop_reads_takes_a_bounded_effort(name: str):
    assert effort_of(name).four_times <= MAX_OPERATIONS


@pytest.mark.parametrize("name", FORMS)
def test_a_form_takes_linear_effort(name: str, tmp_path: Path):
    def job(count: int) -> Job:
        folder = tmp_path / str(count)
        folder.mkdir()
        return FORMS[name](count, folder)

    assert effort(job).is_linear


@pytest.mark.parametrize("name", UPLOADS)
def test_a_file_takes_linear_effort(name: str, tmp_path: Path):
    assert effort(lambda count: UPLOADS[name](count, tmp_path), 300).is_linear


def test_counting_finds_what_goes_through_all_for_each_of_many():
    def quadratic(count: int) -> Job:
        keys = names(count)
        return lambda: [key for key in keys if keys.count(key) > 1]

    assert not effort(quadratic).is_linear


@pytest.mark.parametrize("name", [name for name in (*BODIES, *HEADS) if name not in ANSWERED])
def test_a_refusal_is_short(name: str):
    assert len(json.dumps(problem({**BODIES, **HEADS}[name](4000)))) <= MAX_PROBLEM_BYTES


@pytest.mark.parametrize("name", UPLOADS)
def test_the_refusal_of_a_file_is_short(name: str, tmp_path: Path):
    assert len(json.dumps(problem(UPLOADS[name](1200, tmp_path)))) <= MAX_PROBLEM_BYTES


def test_of_many_wrong_fields_the_first_are_listed_and_the_others_counted():
    found = problem(BODIES["unknown keys"](4000))

    assert len(found["errors"]) == 32
    assert found["more_errors"] == 4000 - 32
    assert found["detail"].endswith(" more")


def test_a_list_that_is_too_long_is_refused_by_its_length_alone():
    (error,) = problem(BODIES["empty overrides"](4000))["errors"]

    assert (error["pointer"], error["code"], error["allowed"]) == (
        "/init/overrides",
        "too_long",
        16,
    )
