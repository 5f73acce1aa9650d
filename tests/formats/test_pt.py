"""The `.pt` file is what `torch.save` writes, but for its 40-digit id."""

from __future__ import annotations

import pickle
import re
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.pt import serialization_id
from stepzero_rnn.formats.pt_pickle import state_dict_pickle
from stepzero_rnn.formats.segments import Data, Deferred, Literal, TensorData
from stepzero_rnn.plan import Plan, plan
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RnnType
from tests.formats.laying import NETWORKS, SMALL, module_of, state_dict_of, write

PT = FORMATS["pt"]
ID = re.compile(rb"/\.data/serialization_id.*?(\d{40})PK\x07\x08", re.DOTALL)


def as_module_state(
    planned: Plan, weights: Mapping[str, torch.Tensor]
) -> OrderedDict[str, torch.Tensor]:
    """Return weights as a module's `state_dict()` has them, with the recipe added."""
    state = OrderedDict(weights)
    state._metadata = OrderedDict(  # type: ignore[attr-defined]
        {"": {"version": 1}, "stepzero": {"version": 1, "recipe": canonical_json(planned.spec)}}
    )
    return state


def torch_file(planned: Plan, weights: Mapping[str, torch.Tensor]) -> bytes:
    """Save weights with torch."""
    buffer = BytesIO()
    torch.save(as_module_state(planned, weights), buffer)
    return buffer.getvalue()


def our_file(planned: Plan, weights: Mapping[str, torch.Tensor]) -> bytes:
    """Save weights with our segments."""
    return write(planned, PT.segments(planned), weights)


def without_id(file: bytes) -> bytes:
    """Blank the id record and the two places that hold its CRC."""
    digits = ID.search(file)
    assert digits is not None
    head, tail = file[: digits.start(1)], file[digits.end(1) :]
    crc = zlib.crc32(digits[1]).to_bytes(4, "little")
    assert tail.count(crc) == 2
    return head + tail.replace(crc, bytes(4))


def assert_saved_as_torch_does(spec: Spec) -> None:
    planned = plan(spec)
    weights = state_dict_of(planned)

    assert without_id(our_file(planned, weights)) == without_id(torch_file(planned, weights))


@st.composite
def networks(draw: st.DrawFn) -> Spec:
    """Return any network that fits a test."""
    rnn_type: RnnType = draw(st.sampled_from(["rnn", "gru", "lstm"]))
    hidden_size = draw(st.integers(1, 80))
    optional: dict[str, Any] = {}
    if rnn_type == "rnn":
        optional["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if rnn_type == "lstm":
        optional["proj_size"] = draw(st.integers(0, hidden_size - 1))
    return Spec(
        rnn_type=rnn_type,
        hidden_size=hidden_size,
        input_size=draw(st.integers(1, 300)),
        num_layers=draw(st.integers(1, 6)),
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        dtype=draw(st.sampled_from(["float32", "float64", "float16", "bfloat16"])),
        seed=draw(st.integers(0, 2**53 - 1)),
        init=draw(st.sampled_from(["pytorch", "orthogonal", "zeros", "xavier_uniform"])),
        **optional,
    )


@pytest.mark.parametrize("spec", NETWORKS, ids=canonical_json)
def test_every_kind_of_network_is_saved_as_torch_does(spec: Spec) -> None:
    assert_saved_as_torch_does(spec)


@given(spec=networks())
@settings(deadline=None)
def test_any_network_is_saved_as_torch_does(spec: Spec) -> None:
    assert_saved_as_torch_does(spec)


@pytest.mark.parametrize(
    ("tensors", "network"),
    [
        (1000, {"rnn_type": "rnn", "num_layers": 500, "bias": False}),
        (1002, {"rnn_type": "rnn", "num_layers": 501, "bias": False}),
        (2001, {"rnn_type": "lstm", "num_layers": 667, "bias": False, "proj_size": 1}),
        (10240, {"rnn_type": "lstm", "num_layers": 1024, "bidirectional": True, "proj_size": 1}),
    ],
)
def test_networks_of_a_thousand_tensors_are_saved_as_torch_does(
    tensors: int, network: dict[str, Any]
) -> None:
    spec = Spec(input_size=1, hidden_size=2, **network)

    assert len(plan(spec).tensors) == tensors
    assert_saved_as_torch_does(spec)


def test_torch_loads_it_safely_with_the_recipe_in_its_metadata() -> None:
    planned = plan(SMALL)
    weights = state_dict_of(planned)

    loaded = torch.load(BytesIO(our_file(planned, weights)), weights_only=True)

    assert list(loaded) == list(weights)
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)
    assert loaded._metadata["stepzero"] == {"version": 1, "recipe": canonical_json(SMALL)}


def test_torch_maps_it_into_memory(tmp_path: Path) -> None:
    planned = plan(SMALL)
    weights = state_dict_of(planned)
    path = tmp_path / "network.pt"
    path.write_bytes(our_file(planned, weights))

    loaded = torch.load(path, weights_only=True, mmap=True)

    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


@pytest.mark.parametrize("spec", NETWORKS, ids=canonical_json)
def test_torchs_module_takes_it_strictly(spec: Spec) -> None:
    planned = plan(spec)
    module = module_of(spec)

    file = BytesIO(our_file(planned, state_dict_of(planned)))

    module.load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert list(module.state_dict()) == [tensor.name for tensor in planned.tensors]


def test_the_id_names_the_recipe() -> None:
    other = SMALL.model_copy(update={"seed": 8})

    assert serialization_id(SMALL).isdigit()
    assert len(serialization_id(SMALL)) == 40
    assert serialization_id(SMALL) != serialization_id(other)


@pytest.mark.parametrize("size", [255, 256, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**47, 2**53 - 1])
def test_integers_of_every_length_are_pickled_as_python_does(size: int) -> None:
    planned = plan(Spec(rnn_type="rnn", input_size=size, hidden_size=1))
    shape_opcodes = pickle.dumps((1, size), protocol=2)[2:].split(b"\x86")[0]

    assert shape_opcodes + b"\x86" in state_dict_pickle(planned)


class Frame:
    """A write-only file that keeps small pieces, and of large ones only how long they were."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes | memoryview) -> int:
        is_large = len(data) > 1 << 20
        self.data += b"<%d bytes>" % len(data) if is_large else bytes(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing."""


class ZeroFacts:
    """The facts of weights that are all zero."""

    def crc32(self, data: Data) -> int:
        """Compute the CRC-32 of as many zeros."""
        return crc32_of_zeros(data.size)

    def summary(self) -> bytes:
        """A `.pt` file holds none."""
        raise AssertionError


@cache
def crc32_of_zeros(size_bytes: int) -> int:
    crc, piece = 0, bytes(1 << 20)
    for left in range(size_bytes, 0, -len(piece)):
        crc = zlib.crc32(piece[:left], crc)
    return crc


@pytest.mark.slow
def test_records_and_offsets_beyond_4_gib_are_saved_as_torch_does() -> None:
    # Two tensors of 4.4 GB, of more than 2³¹ elements each, and two small ones behind them.
    spec = Spec(rnn_type="rnn", input_size=47_000, hidden_size=47_000, dtype="float16")
    planned = plan(spec)
    zeros = {
        tensor.name: torch.zeros(tensor.shape, dtype=torch.float16) for tensor in planned.tensors
    }
    ours, theirs = Frame(), Frame()

    torch.save(as_module_state(planned, zeros), theirs)  # type: ignore[arg-type]
    for part in PT.segments(planned):
        match part:
            case Literal(data):
                ours.write(data)
            case Deferred(render=render):
                ours.write(render(ZeroFacts()))
            case _:
                assert isinstance(part, TensorData)
                ours.write(zeros[part.tensor.name].numpy().data.cast("B"))

    assert theirs.data.count(b" bytes>") == 2
    assert without_id(ours.data) == without_id(theirs.data)
