"""Laws of every format: exact sizes, lazy facts, honest refusals."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import pairwise

import pytest
import torch

from stepzero_rnn.errors import DtypeNotInFormat, NetworkNotInFormat, TooLarge
from stepzero_rnn.formats import FORMATS, Format
from stepzero_rnn.formats.format import PYTORCH
from stepzero_rnn.formats.segments import Deferred, Literal
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import FORMAT_NAMES, FormatName, Spec
from tests.formats.laying import (
    HOLD_SMALL,
    NETWORKS,
    SMALL,
    KnownFacts,
    NoFacts,
    can_hold,
    small_for,
    state_dict_of,
    write,
)

ZIPS: tuple[FormatName, ...] = ("pt", "npz", "bundle", "onnx_zip", "keras")
WEIGHTS_ALONE: FormatName = "onnx_data"  # of networks above 2 GiB only
every_format = pytest.mark.parametrize(
    "form", [FORMATS[name] for name in HOLD_SMALL], ids=HOLD_SMALL
)


@every_format
class TestEveryFormat:
    """What holds for every entry of the table."""

    def test_states_its_exact_size_ahead(self, form: Format) -> None:
        for spec in NETWORKS:
            if can_hold(form, spec):
                planned = plan(spec)
                written = write(planned, form.segments(planned), state_dict_of(planned))

                assert form.size(planned) == len(written)

    def test_renders_late_segments_at_their_stated_size(self, form: Format) -> None:
        planned = plan(small_for(form))
        facts = KnownFacts(planned, state_dict_of(planned))
        late = [part for part in form.segments(planned) if isinstance(part, Deferred)]

        assert [len(part.render(facts)) for part in late] == [part.size for part in late]

    def test_plans_a_network_far_larger_than_memory(self, form: Format) -> None:
        huge = plan(Spec(rnn_type="lstm", input_size=2**27, hidden_size=2**27, num_layers=4))
        if form.name == "flax":  # whose number of chunks is bounded
            assert "over 1024" in form.cannot(huge.spec)
            return

        apart = FORMATS[WEIGHTS_ALONE].size(huge) if form.name == "onnx" else 0
        assert form.size(huge) + apart > 2**61

    def test_refuses_a_network_that_no_file_can_hold(self, form: Format) -> None:
        absurd = plan(Spec(rnn_type="rnn", input_size=1, hidden_size=2**53 - 1))

        with pytest.raises((TooLarge, NetworkNotInFormat)):
            form.size(absurd)

    def test_has_no_two_literals_in_a_row(self, form: Format) -> None:
        kinds = [type(part) for part in form.segments(plan(small_for(form)))]

        assert (Literal, Literal) not in pairwise(kinds)

    def test_gives_the_same_bytes_for_the_same_recipe_only(self, form: Format) -> None:
        small = small_for(form)
        weights = state_dict_of(plan(small))
        files = [
            write(planned, form.segments(planned), weights)
            for planned in (plan(small), plan(small), plan(small.model_copy(update={"seed": 8})))
        ]

        assert files[0] == files[1] != files[2]


@pytest.mark.parametrize("name", ZIPS)
def test_a_zips_start_and_end_are_known_without_drawing(name: FormatName) -> None:
    segments = FORMATS[name].segments(plan(small_for(FORMATS[name])))

    assert isinstance(segments[0], Literal)
    assert isinstance(segments[-1], Literal)
    assert segments[-1].data.find(b"PK\x05\x06") >= 0


def test_only_zips_ask_what_drawing_teaches() -> None:
    late = {
        name
        for name in HOLD_SMALL
        for planned in [plan(small_for(FORMATS[name]))]
        if any(isinstance(part, Deferred) for part in FORMATS[name].segments(planned))
    }

    assert late == {*ZIPS}


def test_laying_out_asks_for_no_facts_until_a_late_segment_is_rendered() -> None:
    late = next(part for part in FORMATS["pt"].segments(plan(SMALL)) if isinstance(part, Deferred))

    with pytest.raises(AssertionError, match="the CRC of weight_ih_l0 was asked for"):
        late.render(NoFacts())


def test_npz_refuses_bfloat16_with_the_reason() -> None:
    planned = plan(SMALL.model_copy(update={"dtype": "bfloat16"}))

    with pytest.raises(DtypeNotInFormat) as refused:
        FORMATS["npz"].size(planned)

    assert refused.value.problem()["detail"] == (
        "Format npz cannot hold bfloat16: NumPy has no such type. "
        "Use one of float32, float64, float16."
    )


def test_every_other_format_of_pytorchs_weights_holds_every_dtype() -> None:
    everything = ("float32", "float64", "float16", "bfloat16")

    assert {name: FORMATS[name].dtypes for name in PYTORCH} == {
        "pt": everything,
        "safetensors": everything,
        "npz": everything[:3],
        "bundle": everything,
    }


def test_the_table_and_the_request_name_the_same_formats() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES
    assert [form.name for form in FORMATS.values()] == list(FORMATS)


def test_planning_a_file_loads_neither_torch_nor_numpy() -> None:
    probe = (
        "import sys, stepzero_rnn.formats; print({'torch', 'numpy', 'numba'} & set(sys.modules))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert shown.stdout == "set()\n"


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("pt", "49542c1fecf1ce4befb07ce3d16bb7809d3b3d77bbc8a6576818c682f4d00c57"),
        ("safetensors", "9717a62c0d89109a12402ed3d9c44eea171e5af283d97c702c014f53840495ce"),
        ("npz", "1e171ff7939042b8317a2b673abb6c31924762b02e8343101b7a2cc04ca55299"),
    ],
)
def test_the_bytes_of_a_small_file_never_change(name: FormatName, sha256: str) -> None:
    planned = plan(Spec(rnn_type="gru", input_size=2, hidden_size=3, seed=1))
    weights = {tensor.name: torch.ones(tensor.shape) for tensor in planned.tensors}

    written = write(planned, FORMATS[name].segments(planned), weights)

    assert hashlib.sha256(written).hexdigest() == sha256
