"""The plan: what torch would hold, cut into the blocks that are drawn by themselves."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.plan import ForwardSize, Plan, TensorPlan, plan, stream_of
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.spec.parse import parse

SIZES = {"input_size": 5, "hidden_size": 6}
NETWORKS = [
    {"rnn_type": kind, "num_layers": layers, "bias": bias, "bidirectional": both, "proj_size": proj}
    for kind, layers, bias, both, proj in product(
        ("rnn", "gru", "lstm"), (1, 2, 3), (True, False), (False, True), (0, 1, 5)
    )
    if kind == "lstm" or not proj
]
GATES = {"rnn": "-", "gru": "rzn", "lstm": "ifgo"}


def planned(**given: Any) -> Plan:
    """Plan a network of 5 inputs and 6 hidden units, unless told otherwise."""
    return plan(parse(Spec, SIZES | given))


def the_tensor(made: Plan, name: str) -> TensorPlan:
    """Return a tensor by name."""
    return next(tensor for tensor in made.tensors if tensor.name == name)


def named(network: dict[str, Any]) -> str:
    """Write a network's options as a test's name."""
    return "-".join(f"{value}" for value in network.values())


@pytest.mark.parametrize("network", NETWORKS, ids=named)
class TestEveryNetwork:
    def torchs(self, network: dict[str, Any]) -> torch.nn.Module:
        given = {name: value for name, value in network.items() if name != "rnn_type"}
        if network["rnn_type"] != "lstm":
            del given["proj_size"]
        module: type[torch.nn.Module] = getattr(torch.nn, network["rnn_type"].upper())
        return module(5, 6, device="meta", **given)

    def test_has_torchs_names_and_shapes_in_torchs_order(self, network: dict[str, Any]) -> None:
        theirs = [(name, tuple(t.shape)) for name, t in self.torchs(network).state_dict().items()]

        assert [(t.name, t.shape) for t in planned(**network).tensors] == theirs

    def test_counts_torchs_parameters(self, network: dict[str, Any]) -> None:
        theirs = sum(parameter.numel() for parameter in self.torchs(network).parameters())

        assert planned(**network).parameters == theirs

    def test_cuts_every_tensor_into_its_gates_without_gap(self, network: dict[str, Any]) -> None:
        for tensor in planned(**network).tensors:
            ends = [block.start + block.elements for block in tensor.blocks]

            assert [block.start for block in tensor.blocks] == [0, *ends[:-1]]
            assert ends[-1] == tensor.elements

    def test_gives_every_layer_its_own_tensors(self, network: dict[str, Any]) -> None:
        made = planned(**network)
        layers = list(made.layers())

        assert [t.layer for layer in layers for t in layer] == sorted(t.layer for t in made.tensors)
        assert [{t.layer for t in layer} for layer in layers] == [
            {number} for number in range(network["num_layers"])
        ]


class TestGates:
    @pytest.mark.parametrize(
        ("rnn_type", "letters", "names"),
        [
            ("gru", "rzn", ("reset", "update", "new")),
            ("lstm", "ifgo", ("input", "forget", "cell", "output")),
        ],
    )
    def test_are_in_torchs_order(self, rnn_type: str, letters: str, names: tuple[str, ...]) -> None:
        tensor = planned(rnn_type=rnn_type).tensors[0]

        assert [block.gate for block in tensor.blocks] == list(letters)
        assert tensor.gates == names

    def test_of_a_plain_rnn_are_the_whole(self) -> None:
        assert [b.gate for b in planned(rnn_type="rnn").tensors[0].blocks] == ["-"]

    def test_of_a_projection_are_the_whole(self) -> None:
        tensor = the_tensor(planned(rnn_type="lstm", proj_size=2), "weight_hr_l0")

        assert (tensor.gates, [block.gate for block in tensor.blocks]) == (("-",), ["-"])

    def test_stay_named_where_the_stacked_matrix_is_drawn_at_once(self) -> None:
        init = {"weight_hh": {"scheme": "orthogonal", "scope": "fused"}}
        tensor = the_tensor(planned(rnn_type="lstm", init=init), "weight_hh_l0")

        assert (tensor.gates, [block.gate for block in tensor.blocks]) == (
            ("input", "forget", "cell", "output"),
            ["-"],
        )


def fans(tensor: TensorPlan) -> set[tuple[int, int]]:
    """Return the fans, in and out, of a tensor's blocks."""
    return {(block.fan_in, block.fan_out) for block in tensor.blocks}


class TestFans:
    """I = 5, H = 6, P = 2: W_ih (H, I), W_hh (H, P or H), W_hr (P, H), per gate."""

    @pytest.mark.parametrize("rnn_type", ["rnn", "gru", "lstm"])
    def test_are_one_gates_own(self, rnn_type: str) -> None:
        made = planned(rnn_type=rnn_type)

        assert [fans(t) for t in made.tensors[:2]] == [{(5, 6)}, {(6, 6)}]

    def test_of_a_projected_network_see_the_projection(self) -> None:
        made = planned(rnn_type="lstm", proj_size=2, num_layers=2, bidirectional=True)

        assert {
            name: fans(the_tensor(made, name))
            for name in ("weight_hh_l0", "weight_hr_l0", "weight_ih_l1", "weight_hh_l1_reverse")
        } == {
            "weight_hh_l0": {(2, 6)},
            "weight_hr_l0": {(6, 2)},
            "weight_ih_l1": {(4, 6)},
            "weight_hh_l1_reverse": {(2, 6)},
        }

    @pytest.mark.parametrize(("rnn_type", "stacked"), [("rnn", 6), ("gru", 18), ("lstm", 24)])
    def test_fused_are_those_of_the_stacked_matrix(self, rnn_type: str, stacked: int) -> None:
        made = planned(rnn_type=rnn_type, init={"scheme": "xavier_normal", "scope": "fused"})

        assert [fans(t) for t in made.tensors[:2]] == [{(5, stacked)}, {(6, stacked)}]

    @pytest.mark.parametrize(
        ("scope", "kind", "outs"),
        [("gate", "joint", 6), ("gate", "joint_pair", 12), ("fused", "joint", 24)],
    )
    def test_joint_are_those_of_the_matrix_over_input_and_state(
        self, scope: str, kind: str, outs: int
    ) -> None:
        scheme = {"scheme": "xavier_normal", "scope": scope, "fans": kind}
        made = planned(rnn_type="lstm", num_layers=2, bidirectional=True, init=scheme)

        assert {
            name: fans(the_tensor(made, name))
            for name in ("weight_ih_l0", "weight_hh_l0", "weight_ih_l1", "weight_hh_l1")
        } == {
            "weight_ih_l0": {(11, outs)},
            "weight_hh_l0": {(11, outs)},
            "weight_ih_l1": {(18, outs)},
            "weight_hh_l1": {(18, outs)},
        }

    def test_joint_are_never_a_projections(self) -> None:
        scheme = {"scheme": "xavier_normal", "fans": "joint_pair"}
        made = planned(rnn_type="lstm", proj_size=2, init=scheme)

        assert [fans(t) for t in made.tensors] == [
            {(7, 12)},
            {(7, 12)},
            {(1, 6)},
            {(1, 6)},
            {(6, 2)},
        ]


class TestStreams:
    @pytest.mark.parametrize(
        ("tensor", "gate", "stream"),
        [
            ("weight_ih_l0", "i", 16287431685739375494),
            ("weight_hh_l3_reverse", "n", 11238958913211881073),
            ("weight_hr_l0", "-", 582957011572867349),
        ],
    )
    def test_never_change(self, tensor: str, gate: str, stream: int) -> None:
        assert stream_of(tensor, gate) == stream

    def test_are_the_first_8_bytes_of_blake2b_over_version_tensor_and_gate(self) -> None:
        digest = hashlib.blake2b(b"1/weight_ih_l0/i").digest()

        assert stream_of("weight_ih_l0", "i").to_bytes(8, "little") == digest[:8]

    def test_differ_for_all_blocks_of_a_big_network(self) -> None:
        made = planned(rnn_type="lstm", num_layers=200, bidirectional=True, proj_size=2)
        streams = [block.stream for tensor in made.tensors for block in tensor.blocks]

        assert len(set(streams)) == len(streams) == 200 * 2 * (4 * 4 + 1)

    def test_of_a_block_depend_on_its_names_only(self) -> None:
        one = planned(rnn_type="lstm", seed=1, dtype="float64", dropout=0.5)
        other = planned(rnn_type="lstm", hidden_size=60, num_layers=9, bidirectional=True)

        assert streams_of(one).items() <= streams_of(other).items()

    @given(st.integers(1, 30), st.integers(1, 30), st.booleans(), st.sampled_from(list(GATES)))
    @settings(max_examples=25, deadline=None)
    def test_stay_when_layers_are_added(
        self, layers: int, more: int, bidirectional: bool, rnn_type: str
    ) -> None:
        small = planned(rnn_type=rnn_type, num_layers=layers, bidirectional=bidirectional)
        large = planned(rnn_type=rnn_type, num_layers=layers + more, bidirectional=bidirectional)

        assert streams_of(small).items() <= streams_of(large).items()

    def test_of_a_total_bias_are_one_for_both_vectors(self) -> None:
        made = planned(rnn_type="lstm", init={"bias": "normal"})
        ih, hh = the_tensor(made, "bias_ih_l0"), the_tensor(made, "bias_hh_l0")

        assert [b.stream for b in ih.blocks] == [b.stream for b in hh.blocks]
        assert ih.blocks[0].stream == stream_of("bias_l0", "i")

    def test_of_torchs_own_biases_are_two(self) -> None:
        made = planned(rnn_type="lstm")
        ih, hh = the_tensor(made, "bias_ih_l0"), the_tensor(made, "bias_hh_l0")

        assert {b.stream for b in ih.blocks} & {b.stream for b in hh.blocks} == set()


def streams_of(made: Plan) -> dict[tuple[str, str], int]:
    """Return every stream by tensor and gate."""
    return {(t.name, block.gate): block.stream for t in made.tensors for block in t.blocks}


def shares(rnn_type: str, bias: Any) -> list[tuple[str, float, float]]:
    """Return each gate's share in `bias_ih` and in `bias_hh`."""
    made = planned(rnn_type=rnn_type, init={"bias": bias})
    ih, hh = the_tensor(made, "bias_ih_l0").blocks, the_tensor(made, "bias_hh_l0").blocks
    return [(one.gate, one.share, other.share) for one, other in zip(ih, hh, strict=True)]


class TestBiasSplit:
    @pytest.mark.parametrize(
        ("split", "ih", "hh"), [("ih", 1.0, 0.0), ("hh", 0.0, 1.0), ("half", 0.5, 0.5)]
    )
    @pytest.mark.parametrize("rnn_type", ["rnn", "lstm"])
    def test_puts_a_total_where_it_is_asked(
        self, rnn_type: str, split: str, ih: float, hh: float
    ) -> None:
        bias = {"scheme": "constant", "value": 1.0, "split": split}

        assert shares(rnn_type, bias) == [(gate, ih, hh) for gate in GATES[rnn_type]]

    @pytest.mark.parametrize(
        ("split", "ih", "hh"), [("ih", 1.0, 0.0), ("hh", 0.0, 1.0), ("half", 0.5, 0.5)]
    )
    def test_never_moves_a_grus_n_whose_two_biases_are_two_inputs(
        self, split: str, ih: float, hh: float
    ) -> None:
        bias = {"scheme": "normal", "split": split}

        assert shares("gru", bias) == [("r", ih, hh), ("z", ih, hh), ("n", 1.0, 0.0)]

    @pytest.mark.parametrize("bias", ["pytorch", "zeros"])
    def test_is_not_for_schemes_that_say_what_both_vectors_are(self, bias: str) -> None:
        assert {share for _, *both in shares("lstm", bias) for share in both} == {1.0}


class TestBytes:
    @pytest.mark.parametrize(
        ("dtype", "item_bytes"), [("float32", 4), ("float64", 8), ("float16", 2), ("bfloat16", 2)]
    )
    def test_are_parameters_times_the_size_of_one(self, dtype: str, item_bytes: int) -> None:
        made = planned(rnn_type="lstm", dtype=dtype)

        assert (made.parameters, made.size_bytes) == (312, 312 * item_bytes)

    def test_of_every_dtype_are_torchs(self) -> None:
        theirs = {name: getattr(torch, name).itemsize for name in DTYPES}

        assert {name: dtype.item_bytes for name, dtype in DTYPES.items()} == theirs

    def test_of_an_absurd_network_are_exact_integers(self) -> None:
        made = planned(rnn_type="rnn", input_size=1, hidden_size=2**53 - 1, bias=False)

        assert made.size_bytes == 4 * ((2**53 - 1) + (2**53 - 1) ** 2)

    def test_to_work_in_are_those_of_the_largest_layer_and_more(self) -> None:
        made = planned(rnn_type="lstm", num_layers=3)
        layers = [sum(tensor.size_bytes for tensor in layer) for layer in made.layers()]

        assert made.working_bytes(made.forward_size(CheckSize())) > max(layers)

    def test_to_work_in_grow_with_the_check(self) -> None:
        made = planned(rnn_type="lstm")

        few, many = (made.working_bytes(ForwardSize(steps, 4)) for steps in (16, 64))
        assert many > few


class TestTheArithmetic:
    CHECK = ForwardSize(seq_len=3, batch=2)

    def test_of_an_elementwise_network_is_its_forward_pass_and_its_steps(self) -> None:
        made = planned(rnn_type="lstm", init="xavier_uniform", num_layers=2, bidirectional=True)

        cells = 4 * (20_000_000 + 3 * 250_000)
        assert made.multiply_adds(self.CHECK) == 3 * 2 * made.parameters + cells

    def test_of_matrices_grows_with_the_side_cubed(self) -> None:
        init = {"weight_hh": {"scheme": "spectral_radius"}}
        small, large = (planned(rnn_type="rnn", hidden_size=n, init=init) for n in (64, 128))
        found = [made.tensors[1].multiply_adds for made in (small, large)]

        assert found == [28 * 64**3, 28 * 128**3]

    def test_is_of_every_gate(self) -> None:
        init = {"weight_hh": "orthogonal"}
        one, four = (planned(rnn_type=t, hidden_size=64, init=init) for t in ("rnn", "lstm"))

        assert 4 * one.tensors[1].multiply_adds == four.tensors[1].multiply_adds > 0

    def test_of_a_script_is_that_of_its_calls(self) -> None:
        init = {"scheme": "torch_seeded", "weight_hh": {"function": "orthogonal_"}}
        made = planned(rnn_type="gru", hidden_size=64, init=init)

        assert [bool(tensor.multiply_adds) for tensor in made.tensors] == [0, 1, 0, 0]

    @pytest.mark.parametrize(("low", "high", "each"), [(-2.0, 2.0, 2_000), (3.0, 9.99, 150_000)])
    def test_of_a_cut_is_more_where_numbers_are_seldom_kept(
        self, low: float, high: float, each: int
    ) -> None:
        call = {"function": "trunc_normal_", "a": low, "b": high}
        init = {"scheme": "torch_seeded", "weight_hh": call}
        made = planned(rnn_type="rnn", hidden_size=64, init=init)

        assert made.tensors[1].multiply_adds == 64 * 64 * each

    def test_of_a_probe_is_that_of_its_vectors_however_small_the_block(self) -> None:
        init = {"weight_hh": {"scheme": "lsuv", "probe": 65536}}
        made = planned(rnn_type="lstm", hidden_size=1, init=init)

        assert made.tensors[1].multiply_adds > 4 * 65536 * 200_000

    def test_of_float16_is_more_than_of_bfloat16(self) -> None:
        half, brain = (planned(rnn_type="gru", dtype=d) for d in ("float16", "bfloat16"))
        steps = 20_000_000 + 3 * 250_000

        assert brain.multiply_adds(self.CHECK) == 6 * brain.parameters + steps
        assert half.multiply_adds(self.CHECK) == 24 * 6 * half.parameters + steps


def test_a_hundred_layers_are_planned() -> None:
    made = planned(rnn_type="lstm", num_layers=100, bidirectional=True, proj_size=3)

    assert len(made.tensors) == 100 * 2 * 5
    assert made.tensors[-1].name == "weight_hr_l99_reverse"


def test_a_plan_that_nobody_waits_for_ends_at_the_next_layer() -> None:
    layers: list[int] = []

    def leave_after_three() -> None:
        layers.append(len(layers))
        if len(layers) > 3:
            raise EOFError

    with pytest.raises(EOFError):
        plan(Spec(rnn_type="gru", input_size=2, hidden_size=3, num_layers=500), leave_after_three)

    assert len(layers) == 4


def test_a_plan_is_the_same_each_time() -> None:
    assert planned(rnn_type="gru", num_layers=2) == planned(rnn_type="gru", num_layers=2)


def test_a_scheme_is_said_by_its_name_and_what_differs_from_its_defaults() -> None:
    """So a field that a later release adds changes no file that tells of its schemes."""
    init = {"weight_hh": {"scheme": "orthogonal", "gain": 0.5, "scope": "gate"}, "bias": "forget"}
    made = planned(rnn_type="gru", init=init)

    assert [tensor.scheme for tensor in made.tensors] == [
        {"scheme": "pytorch"},
        {"scheme": "orthogonal", "gain": 0.5},
        {"scheme": "forget"},
        {"scheme": "forget"},
    ]
