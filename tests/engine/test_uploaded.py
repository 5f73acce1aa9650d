"""Uploaded arrays: what they give comes out as it went in, and all else is the schemes' own
draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe
from stepzero_rnn.thresholds import MAX_TASK_ELEMENTS
from tests.engine.drawing import planned, stored
from tests.engine.growing import InMemory, expected, growths, laid, values, with_arrays

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "rnn": {"rnn_type": "rnn", "input_size": 3, "hidden_size": 4, "num_layers": 2},
    "gru": {"rnn_type": "gru", "input_size": 3, "hidden_size": 4, "bidirectional": True},
    "lstm": {"rnn_type": "lstm", "input_size": 3, "hidden_size": 4},
    "lstm projected": {
        "rnn_type": "lstm",
        "input_size": 3,
        "hidden_size": 4,
        "proj_size": 2,
        "num_layers": 2,
        "bidirectional": True,
    },
}
GROWN: Mapping[str, Mapping[str, int]] = {
    "input": {"input_size": 5},
    "hidden": {"hidden_size": 7},
    "layers": {"num_layers": 3},
    "everything": {"input_size": 5, "hidden_size": 7, "num_layers": 4},
}
SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "pytorch": {},
    "orthogonal": {"weight_ih": "orthogonal", "weight_hh": "orthogonal", "bias": "zeros"},
    "fused": {
        "weight_ih": {"scheme": "orthogonal", "scope": "fused"},
        "weight_hh": {"scheme": "normal", "scope": "fused"},
    },
    "sparse": {"weight_hh": {"scheme": "sparse", "sparsity": 0.5}},
}
every_network = pytest.mark.parametrize("old", NETWORKS.values(), ids=NETWORKS)


def grown(old: Mapping[str, Any], init: Mapping[str, Any], **sizes: int) -> dict[str, Any]:
    """Ask for a larger network with an old one's arrays."""
    own = {name: old.get(name, 1) for name in sizes}
    if "hidden_size" in sizes and "proj_size" in old:
        sizes, own = sizes | {"proj_size": 3}, own | {"proj_size": old["proj_size"]}
    return with_arrays({**old, **sizes, "init": init}, sizes=own)


def same(one: Mapping[str, Stored], other: Mapping[str, Stored]) -> bool:
    """Whether all tensors have the same bytes."""
    return {n: t.tobytes() for n, t in one.items()} == {n: t.tobytes() for n, t in other.items()}


class TestAWholeNetwork:
    @every_network
    @pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
    def test_comes_back_bit_for_bit(self, old: Mapping[str, Any], dtype: str) -> None:
        arrays = values(old, dtype=dtype)
        held = {n: a.astype("f4" if dtype == "float16" else dtype) for n, a in arrays.items()}

        assert same(laid(with_arrays({**old, "dtype": dtype}), held), arrays)

    @every_network
    def test_draws_nothing(self, old: Mapping[str, Any]) -> None:
        made = planned(with_arrays({**old, "init": {"weight_hh": "orthogonal"}}))

        assert not any(block.is_drawn for tensor in made.tensors for block in tensor.blocks)
        assert not any(tensor.is_expensive for tensor in made.tensors)

    @pytest.mark.parametrize(
        ("dtype", "above", "bits"), [("float16", 2**-11, 0x3C01), ("bfloat16", 2**-8, 0x3F81)]
    )
    def test_is_rounded_once_from_float64(self, dtype: str, above: float, bits: int) -> None:
        """A little above the middle of two numbers; to float32 first, it would be the middle, and
        rounded down.
        """
        old = NETWORKS["lstm"]
        middle = {
            n: np.full_like(a, 1 + above + 2**-40) for n, a in values(old, dtype="float64").items()
        }

        drawn = laid(with_arrays({**old, "dtype": dtype}), middle)

        assert {*drawn["weight_hh_l0"].view("u2").tolist()} == {bits}

    def test_keeps_minus_zero(self) -> None:
        arrays = {n: np.full_like(a, -0.0) for n, a in values(NETWORKS["gru"]).items()}

        assert np.signbit(laid(with_arrays(NETWORKS["gru"]), arrays)["bias_hh_l0"]).all()


class TestAPart:
    @every_network
    def test_is_given_and_the_rest_is_the_recipes_own_draw(self, old: Mapping[str, Any]) -> None:
        arrays = {n: a for n, a in values(old).items() if n.startswith("weight_hh")}
        new = with_arrays({**old, "init": {"weight_ih": "orthogonal"}}, given=[*arrays])

        assert same(laid(new, arrays), expected(old, new, arrays))

    @pytest.mark.parametrize("name", ["weight_ih_l0", "bias_hh_l0"])
    @pytest.mark.parametrize(
        ("gate", "place"), [("input", 0), ("forget", 1), ("cell", 2), ("output", 3)]
    )
    def test_may_be_one_gate(self, name: str, gate: str, place: int) -> None:
        old = NETWORKS["lstm"]
        block = np.split(values(old)[name], 4)[place]
        new = with_arrays({**old, "init": {"bias": "forget"}}, given=[f"{name}.{gate}"])
        drawn, plain = (
            laid(new, {f"{name}.{gate}": block}),
            stored({**old, "init": {"bias": "forget"}}),
        )
        plain[name].reshape(4, *block.shape)[place] = block

        assert same(drawn, plain)

    def test_that_is_one_bias_vector_leaves_the_other_to_its_total(self) -> None:
        old = NETWORKS["lstm"]
        arrays = {"bias_ih_l0": values(old)["bias_ih_l0"]}
        init = {"bias": {"scheme": "forget", "split": "hh"}}
        drawn = laid(with_arrays({**old, "init": init}, given=["bias_ih_l0"]), arrays)

        assert np.array_equal(drawn["bias_ih_l0"], arrays["bias_ih_l0"])
        assert drawn["bias_hh_l0"].tolist() == [0] * 4 + [1] * 4 + [0] * 8

    @every_network
    @pytest.mark.parametrize("parameter", ["weight_ih", "weight_hh", "bias"])
    @pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
    def test_that_is_redrawn_is_the_recipes_own_draw(
        self, old: Mapping[str, Any], parameter: str, scheme: Mapping[str, Any]
    ) -> None:
        arrays = values(old)
        request = {**old, "init": scheme, "seed": 3}
        drawn = laid(with_arrays(request, redraw=[{"parameter": parameter}]), arrays)
        plain = stored(request)

        for name, numbers in drawn.items():
            source = plain[name] if name.startswith(parameter) else arrays[name].reshape(-1)
            assert np.array_equal(numbers, source), name

    @pytest.mark.parametrize("scope", ["gate", "fused"])
    def test_may_be_redrawn_gate_by_gate(self, scope: str) -> None:
        old = NETWORKS["gru"]
        request = {**old, "init": {"weight_hh": {"scheme": "orthogonal", "scope": scope}}}
        part = {"parameter": "weight_hh", "gate": "update", "direction": "reverse"}
        arrays = values(old)
        drawn, plain = laid(with_arrays(request, redraw=[part]), arrays), stored(request)
        block = drawn["weight_hh_l0_reverse"].reshape(3, 4, 4)
        own = plain["weight_hh_l0_reverse"].reshape(3, 4, 4)

        assert np.array_equal(block[1], own[1])
        assert np.array_equal(
            block[[0, 2]], arrays["weight_hh_l0_reverse"].reshape(3, 4, 4)[[0, 2]]
        )
        assert np.array_equal(drawn["weight_hh_l0"], arrays["weight_hh_l0"].reshape(-1))


class TestGrowth:
    @every_network
    @pytest.mark.parametrize("sizes", GROWN.values(), ids=GROWN)
    @pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
    def test_keeps_every_number_in_its_gate_and_draws_the_rest(
        self, old: Mapping[str, Any], sizes: Mapping[str, int], scheme: Mapping[str, Any]
    ) -> None:
        arrays = values(old)
        new = grown(old, scheme, **sizes)

        assert same(laid(new, arrays), expected(old, new, arrays))

    @given(nets=growths())
    @settings(max_examples=60, deadline=None)
    def test_of_any_network_does(self, nets: tuple[dict[str, Any], dict[str, Any]]) -> None:
        old, new = nets
        arrays = values(old)

        assert same(laid(new, arrays), expected(old, new, arrays))

    @given(nets=growths())
    @settings(max_examples=30, deadline=None)
    def test_has_one_recipe_that_a_token_holds(
        self, nets: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        spec = parse(Spec, nets[1])
        read = decode_recipe(encode_recipe(spec))

        assert canonical(read) == canonical(spec)
        assert plan(read).tensors == plan(spec).tensors

    @pytest.mark.parametrize("dtype", ["float64", "float16"])
    def test_holds_in_other_precisions(self, dtype: str) -> None:
        old = NETWORKS["lstm projected"]
        arrays = values(old)
        new = grown(old, {"weight_hh": "orthogonal"}, hidden_size=7) | {"dtype": dtype}

        assert same(laid(new, arrays), expected(old, new, arrays))

    @every_network
    def test_of_one_gate_keeps_it(self, old: Mapping[str, Any]) -> None:
        if old["rnn_type"] != "lstm":
            return
        whole = {"weight_ih_l0": values(old)["weight_ih_l0"]}
        gates = {
            f"weight_ih_l0.{gate}": block
            for gate, block in zip(
                ["input", "forget", "cell", "output"],
                np.split(whole["weight_ih_l0"], 4),
                strict=True,
            )
        }
        new = grown(old, {}, hidden_size=7)
        new["init"]["arrays"]["given"] = [*gates]

        assert same(laid(new, gates), expected(old, new, whole))

    @every_network
    def test_with_zeros_computes_what_the_old_network_did(self, old: Mapping[str, Any]) -> None:
        """The backward half of a deeper layer's input moves: whoever forgets that computes
        something else.
        """
        arrays = values(old, dtype="float64")
        zeros = dict.fromkeys(("weight_ih", "weight_hh", "bias"), "zeros")
        zeros |= {"weight_hr": "zeros"} if "proj_size" in old else {}
        new = grown(old, zeros, input_size=5, hidden_size=7) | {"dtype": "float64"}
        x = torch.randn(9, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        before = run(old, {n: a.reshape(-1) for n, a in arrays.items()}, x)
        after = run(new, laid(new, arrays), torch.nn.functional.pad(x, (0, 2), value=3.0))
        width = old.get("proj_size") or old["hidden_size"]
        directions = 2 if old.get("bidirectional") else 1
        kept = after.unflatten(2, (directions, -1))[..., :width].flatten(2)

        assert torch.allclose(kept, before, rtol=0, atol=1e-12)


def run(net: Mapping[str, Any], drawn: Mapping[str, Stored], x: torch.Tensor) -> torch.Tensor:
    """Run a network in torch's own module."""
    names = ("input_size", "hidden_size", "num_layers", "bidirectional", "proj_size")
    module = getattr(torch.nn, RNNS[net["rnn_type"]].module)(
        **{n: net[n] for n in names if n in net}, dtype=torch.float64
    )
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    module.load_state_dict({n: torch.from_numpy(drawn[n]).view(shapes[n]) for n in shapes})
    with torch.inference_mode():
        output: torch.Tensor = module(x)[0]
    return output


class TestRanges:
    @pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
    @given(data=st.data())
    @settings(max_examples=40, deadline=None)
    def test_of_any_tensor_are_that_part_of_the_whole(
        self, scheme: Mapping[str, Any], data: st.DataObject
    ) -> None:
        old = NETWORKS["lstm projected"]
        made = planned(grown(old, scheme, hidden_size=7, num_layers=3))
        tensor = data.draw(st.sampled_from(made.tensors))
        first = data.draw(st.integers(0, tensor.elements))
        last = data.draw(st.integers(first, tensor.elements))
        with ThreadPool(1) as workers:
            sampler = Sampler(0, workers, given=InMemory(values(old)))
            whole = sampler.tensor(tensor)
            cut = [chunk.tobytes() for chunk in sampler.chunks(tensor, first, last)]

        assert b"".join(cut) == whole[first:last].tobytes()

    @pytest.mark.parametrize("threads", [1, 3])
    def test_meet_where_the_work_is_cut(self, threads: int) -> None:
        old = {"rnn_type": "rnn", "input_size": 900, "hidden_size": 1100}
        new = with_arrays(
            {**old, "input_size": 1024, "hidden_size": 1200},
            sizes={"input_size": 900, "hidden_size": 1100},
        )
        arrays = values(old)
        drawn = laid(new, arrays, threads=threads)["weight_ih_l0"].reshape(1200, 1024)

        assert drawn.size > MAX_TASK_ELEMENTS
        assert np.array_equal(drawn[:1100, :900], arrays["weight_ih_l0"])
        plain = stored({**old, "input_size": 1024, "hidden_size": 1200})["weight_ih_l0"].reshape(
            1200, 1024
        )
        assert np.array_equal(drawn[1100:], plain[1100:])
        assert np.array_equal(drawn[:, 900:], plain[:, 900:])

    def test_read_no_more_than_they_cover(self) -> None:
        old = {"rnn_type": "rnn", "input_size": 64, "hidden_size": 64}
        made = planned(with_arrays(old))
        read: list[int] = []

        class Counting(InMemory):
            def read(self, name: str, first: int, last: int) -> Any:
                read.append(last - first)
                return super().read(name, first, last)

        with ThreadPool(1) as workers:
            sampler = Sampler(0, workers, given=Counting(values(old)))
            list(sampler.chunks(made.tensors[0], 1000, 1007))

        assert read == [7]


def test_a_recipe_with_arrays_but_without_their_source_is_a_fault() -> None:
    made = planned(with_arrays(NETWORKS["gru"]))
    with ThreadPool(1) as workers, pytest.raises(LookupError):
        Sampler(0, workers).tensor(made.tensors[0])


def test_a_grown_network_never_changes() -> None:
    """As the golden digests: what section 5 of the definition gives, for ever."""
    old = NETWORKS["lstm projected"]
    arrays = {
        tensor.name: (np.arange(tensor.elements, dtype="f8") / 7 - 3).reshape(tensor.shape)
        for tensor in planned({**old, "init": "pytorch"}).tensors
    }
    new = grown(old, {"weight_hh": "orthogonal", "bias": "forget"}, input_size=5, hidden_size=7)
    new["init"]["arrays"]["redraw"] = [{"parameter": "weight_ih", "gate": "cell"}]
    digest = sha256()
    for numbers in laid(new | {"dtype": "bfloat16"}, arrays).values():
        digest.update(numbers.tobytes())

    assert digest.hexdigest() == "38268db0d45fe1aba54d7f756bf50e66cfa95d5e168a5fc05e32745eabf9da7d"
