"""Laws that every scheme keeps, held against the formulas of its source."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, sqrt
from typing import Any

import numpy as np
import pytest
import torch

import stepzero_rnn
from stepzero_rnn.engine.laws.matrix_laws import MatrixLaw
from stepzero_rnn.engine.schemes import BIASES as BIAS_TABLE
from stepzero_rnn.engine.schemes import SCRIPTS as SCRIPT_TABLE
from stepzero_rnn.engine.schemes import WEIGHTS as WEIGHT_TABLE
from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.engine.schemes.record import Scheme
from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.scripts import SCRIPTS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES
from tests.engine.drawing import Values, gates, planned, stored, values
from tests.engine.every import GIVEN, WEIGHT_INITS, asked
from tests.engine.promises import BIASES, WEIGHTS, Promise, blocks, named, zero

pytestmark = pytest.mark.statistical

H, I = 64, 48  # noqa: E741 - the letters of the literature
LSTM = {"rnn_type": "lstm", "input_size": I, "hidden_size": H, "seed": 7}
GRU = LSTM | {"rnn_type": "gru"}
SMALL = LSTM | {"input_size": 6, "hidden_size": 8}
SURE = 5  # standard errors: one failure in two million draws of the seed
ROUNDING = 2**-22  # of a float32 formula, relative

every_weight = pytest.mark.parametrize("promise", WEIGHTS, ids=named)
every_random_weight = pytest.mark.parametrize(
    "promise", [promise for promise in WEIGHTS if promise.random], ids=named
)
every_total = pytest.mark.parametrize(
    "promise",
    [
        p
        for p in BIASES
        if p.scheme["scheme"] not in ("pytorch", "zeros") and "split" not in p.scheme
    ],
    ids=named,
)
every_bias = pytest.mark.parametrize("promise", BIASES, ids=named)


@every_weight
class TestEveryWeightScheme:
    def test_keeps_within_its_bounds(self, promise: Promise) -> None:
        for block in blocks(promise, LSTM):
            bound = promise.bound(block.shape[1], block.shape[0], H)

            assert np.abs(block).max() <= (np.float32(bound) if bound < inf else inf)

    def test_depends_only_on_the_seed(self, promise: Promise) -> None:
        request = SMALL | {"init": dict(promise.scheme)}
        one, again, other = (stored(request | {"seed": seed}) for seed in (3, 3, 4))

        assert all(np.array_equal(one[name], again[name]) for name in one)
        same = {np.array_equal(one[name], other[name]) for name in one if name.startswith("weight")}
        assert same == {not promise.random}

    def test_is_one_draw_in_every_precision(self, promise: Promise) -> None:
        request = SMALL | {"init": dict(promise.scheme)}
        wide = values(request | {"dtype": "float64"})
        for dtype in ("float32", "float16", "bfloat16"):
            for name, narrow in values(request | {"dtype": dtype}).items():
                assert np.array_equal(narrow, rounded(wide[name], dtype)), (dtype, name)

    def test_is_the_same_whatever_the_other_tensors_are(self, promise: Promise) -> None:
        init = {"weight_hh": dict(promise.scheme)}
        alone = stored(SMALL | {"init": init})["weight_hh_l0"]
        mixed = {"weight_ih": "orthogonal", "bias": "forget", **init}
        among = stored(
            SMALL | {"init": mixed, "num_layers": 2, "bidirectional": True, "dropout": 0.5}
        )

        assert np.array_equal(alone, among["weight_hh_l0"])

    def test_fills_the_projection_too(self, promise: Promise) -> None:
        block = values(LSTM | {"proj_size": 40, "init": dict(promise.scheme)})["weight_hr_l0"]
        std = promise.std(H, 40, H)
        error = std * sqrt((promise.kurtosis - 1) / (4 * block.size)) if promise.random else 0

        assert abs(block.std() - std) <= SURE * error + ROUNDING * std

    def test_fills_the_smallest_block_there_is(self, promise: Promise) -> None:
        drawn = values(
            {"rnn_type": "rnn", "input_size": 1, "hidden_size": 1, "init": dict(promise.scheme)}
        )

        assert np.isfinite(drawn["weight_ih_l0"]).all()


@every_random_weight
class TestEveryRandomWeightScheme:
    def test_draws_every_block_anew(self, promise: Promise) -> None:
        request = SMALL | {"num_layers": 3, "bidirectional": True, "input_size": 16}
        drawn = gates(request | {"init": dict(promise.scheme)})
        weights = [
            block.tobytes() for (name, _), block in drawn.items() if name.startswith("weight")
        ]

        assert len(set(weights)) == len(weights) == 3 * 2 * 2 * 4

    def test_draws_other_numbers_from_another_seed(self, promise: Promise) -> None:
        one, other = (blocks(promise, LSTM | {"seed": seed})[0] for seed in (1, 2))

        # Of 2²³ equally likely values, two draws share one with chance 2⁻²³; only a sparse block's
        # zeros recur.
        assert (one[one != 0] == other[one != 0]).sum() <= 3


def rounded(wide: Values, dtype: str) -> Values:
    """Round float64 once, to nearest, ties to even."""
    if dtype != "bfloat16":
        return wide.astype(dtype).astype(np.float64)
    # A bfloat16 has 8 bits of mantissa: scale those to integers, round (NumPy's rint ties to even),
    # scale back.
    _, exponents = np.frexp(wide)
    result: Values = np.ldexp(np.rint(np.ldexp(wide, 8 - exponents)), exponents - 8)
    return result


@every_bias
class TestEveryBiasScheme:
    def test_is_one_draw_in_every_precision(self, promise: Promise) -> None:
        request = SMALL | {"init": {"bias": dict(promise.scheme)}}
        wide = values(request | {"dtype": "float64"})
        for dtype in ("float32", "float16", "bfloat16"):
            narrow = values(request | {"dtype": dtype})

            for name in ("bias_ih_l0", "bias_hh_l0"):
                assert np.array_equal(narrow[name], rounded(wide[name], dtype))


@every_total
class TestEveryTotalBias:
    def both(self, promise: Promise, rnn_type: str, *, split: str) -> Values:
        """Draw both vectors of a split total."""
        init = {"bias": dict(promise.scheme) | {"split": split}}
        drawn = values(SMALL | {"rnn_type": rnn_type, "init": init})
        return np.stack([drawn["bias_ih_l0"], drawn["bias_hh_l0"]])

    def test_is_the_same_total_wherever_it_is_put(self, promise: Promise) -> None:
        for rnn_type in ("rnn", "gru", "lstm"):
            ih, hh, half = (
                self.both(promise, rnn_type, split=split).sum(axis=0)
                for split in ("ih", "hh", "half")
            )

            assert np.array_equal(ih, hh)
            assert np.array_equal(ih, half)

    def test_is_split_as_asked(self, promise: Promise) -> None:
        whole, none = self.both(promise, "lstm", split="ih")
        none_too, whole_too = self.both(promise, "lstm", split="hh")
        half, half_too = self.both(promise, "lstm", split="half")

        assert not none.any()
        assert not none_too.any()
        assert np.array_equal(whole, whole_too)
        assert np.array_equal(half, whole / 2)
        assert np.array_equal(half_too, whole / 2)

    def test_never_moves_a_grus_input_bias_n(self, promise: Promise) -> None:
        n_of_ih, n_of_hh = (np.split(bias, 3)[2] for bias in self.both(promise, "gru", split="hh"))

        assert n_of_ih.any()
        assert not n_of_hh.any()


class TestBiasesDrawnEachByItself:
    @pytest.mark.parametrize("rnn_type", ["rnn", "gru", "lstm"])
    def test_of_torchs_bounds_are_torchs_own(self, rnn_type: str) -> None:
        network = LSTM | {"rnn_type": rnn_type, "num_layers": 2, "bidirectional": True}
        bound = 1 / sqrt(H)
        each = {"scheme": "uniform", "low": -bound, "high": bound, "split": "each"}

        drawn, own = stored(network | {"init": {"bias": each}}), stored(network)

        assert all(np.array_equal(drawn[name], own[name]) for name in own)

    def test_are_no_halves_of_one_draw(self) -> None:
        drawn = values(LSTM | {"init": {"bias": {"scheme": "normal", "split": "each"}}})
        both = np.corrcoef(drawn["bias_ih_l0"], drawn["bias_hh_l0"])[0, 1]

        # The correlation of n independent pairs of normal numbers has the standard error 1/√n.
        assert abs(both) <= SURE / sqrt(4 * H)


class TestForgetBias:
    @pytest.mark.parametrize(("rnn_type", "gate"), [("lstm", 1), ("gru", 1)])
    @pytest.mark.parametrize("split", ["ih", "hh", "half"])
    def test_is_1_in_the_gate_that_keeps_the_state_and_0_elsewhere(
        self, rnn_type: str, gate: int, split: str
    ) -> None:
        init = {"bias": {"scheme": "forget", "split": split}}
        drawn = values(
            SMALL | {"rnn_type": rnn_type, "init": init, "num_layers": 2, "bidirectional": True}
        )
        for suffix in ("l0", "l0_reverse", "l1", "l1_reverse"):
            total = (drawn[f"bias_ih_{suffix}"] + drawn[f"bias_hh_{suffix}"]).reshape(-1, 8)

            assert (total == np.eye(len(total))[gate][:, None]).all()

    def test_has_the_value_asked_for(self) -> None:
        init = {"bias": {"scheme": "forget", "value": -2.5}}

        assert values(SMALL | {"init": init})["bias_ih_l0"].reshape(4, 8)[1].tolist() == [-2.5] * 8

    @pytest.mark.parametrize(
        ("rnn_type", "module"), [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)]
    )
    def test_keeps_the_state_in_torchs_own_module(self, rnn_type: str, module: Any) -> None:
        init = {
            "weight_ih": "zeros",
            "weight_hh": "zeros",
            "bias": {"scheme": "forget", "value": 20.0},
        }
        drawn = stored({"rnn_type": rnn_type, "input_size": 1, "hidden_size": 4, "init": init})
        net = module(1, 4)
        net.load_state_dict(
            {
                name: torch.from_numpy(drawn[name]).view(t.shape)
                for name, t in net.state_dict().items()
            }
        )
        state = torch.full((1, 1, 4), 0.5)

        _, after = net(torch.ones(1, 1, 1), (state, state) if rnn_type == "lstm" else state)

        # σ(20) = 1 − 2e−9: the cell of an LSTM, the state of a GRU, stay.
        kept = after[1] if rnn_type == "lstm" else after
        assert torch.allclose(kept, state, atol=1e-6)


class TestGateBlocks:
    @pytest.mark.parametrize("request_", [LSTM, GRU], ids=["lstm", "gru"])
    def test_of_an_orthogonal_are_each_orthogonal(self, request_: dict[str, Any]) -> None:
        for (name, _), block in gates(
            request_ | {"dtype": "float64", "init": "orthogonal"}
        ).items():
            if name == "weight_hh_l0":
                assert np.abs(block.T @ block - np.eye(H)).max() <= 1e-14

    @pytest.mark.parametrize(("request_", "count"), [(LSTM, 4), (GRU, 3)], ids=["lstm", "gru"])
    def test_of_an_orthogonal_stack_to_singular_values_root_g(
        self, request_: dict[str, Any], count: int
    ) -> None:
        stacked = values(request_ | {"dtype": "float64", "init": "orthogonal"})["weight_hh_l0"]

        assert np.allclose(np.linalg.svd(stacked, compute_uv=False), sqrt(count), atol=1e-13)

    @pytest.mark.parametrize("request_", [LSTM, GRU], ids=["lstm", "gru"])
    def test_of_a_fused_orthogonal_are_not_orthogonal_but_their_stack_is(
        self, request_: dict[str, Any]
    ) -> None:
        init = {"scheme": "orthogonal", "scope": "fused"}
        stacked = values(request_ | {"dtype": "float64", "init": init})["weight_hh_l0"]

        assert np.abs(stacked.T @ stacked - np.eye(H)).max() <= 1e-14
        assert np.abs(stacked[:H].T @ stacked[:H] - np.eye(H)).max() > 0.1

    @pytest.mark.parametrize(("inputs", "hidden"), [(5, 48), (48, 33), (48, 48), (48, 5), (1, 64)])
    def test_of_hadamard_are_each_as_zero_has_it(self, inputs: int, hidden: int) -> None:
        request = LSTM | {"input_size": inputs, "hidden_size": hidden, "init": "hadamard"}
        for (name, _), block in gates(request).items():
            if name == "weight_ih_l0":
                assert np.array_equal(block, zero(hidden, inputs).astype(np.float32))

    def test_of_the_identity_are_each_the_identity(self) -> None:
        for (name, _), block in gates(LSTM | {"init": {"scheme": "identity", "gain": 0.5}}).items():
            if name.startswith("weight"):
                assert np.array_equal(block, 0.5 * np.eye(*block.shape))

    def test_of_a_fused_identity_are_the_identity_and_zeros(self) -> None:
        stacked = values(LSTM | {"init": {"scheme": "identity", "scope": "fused"}})["weight_hh_l0"]

        assert np.array_equal(stacked, np.eye(4 * H, H))

    @pytest.mark.parametrize(("axis", "counted", "connections"), [("in", 1, I), ("out", 0, H)])
    @pytest.mark.parametrize("sparsity", [0.0, 0.01, 0.5, 0.9, 1.0])
    def test_of_a_sparse_have_as_many_zeros_in_every_unit(
        self, axis: str, counted: int, connections: int, sparsity: float
    ) -> None:
        init = {"scheme": "sparse", "sparsity": sparsity, "axis": axis}
        zeros = np.ceil(np.round(sparsity * connections, 9))
        for (name, _), block in gates(LSTM | {"init": init}).items():
            if name == "weight_ih_l0":
                assert set((block == 0).sum(axis=counted)) == {zeros}

    def test_of_a_sparse_share_no_pattern(self) -> None:
        drawn = gates(LSTM | {"init": {"scheme": "sparse", "sparsity": 0.5}})
        patterns = [
            (block == 0).tobytes() for (name, _), block in drawn.items() if "weight" in name
        ]

        assert len(set(patterns)) == len(patterns)

    def test_of_a_sparse_have_their_zeros_anywhere(self) -> None:
        block = gates(LSTM | {"init": {"scheme": "sparse", "sparsity": 0.5}})["weight_hh_l0", "i"]
        by_place = (block == 0).sum(axis=0)

        # Each place is zero in a row with chance ½: binomial over H rows, and 64 places are looked
        # at.
        assert abs(by_place - H / 2).max() <= SURE * sqrt(H / 4)


class TestTorchsOwnLaw:
    @pytest.mark.parametrize("rnn_type", ["rnn", "gru", "lstm"])
    def test_bounds_every_tensor_by_one_over_root_h(self, rnn_type: str) -> None:
        proj = {"proj_size": 32} if rnn_type == "lstm" else {}
        for name, drawn in values(LSTM | {"rnn_type": rnn_type} | proj).items():
            assert np.abs(drawn).max() < 1 / sqrt(H), name

    def test_gives_every_weight_a_spread_of_one_over_root_3h(self) -> None:
        drawn = values(LSTM | {"proj_size": 32})
        for name in ("weight_ih_l0", "weight_hh_l0", "weight_hr_l0"):
            # κ = 1.8: the standard error, relative, is √(0.8/4n).
            error = sqrt(0.2 / drawn[name].size)

            assert abs(drawn[name].std() * sqrt(3 * H) - 1) <= SURE * error


class TestOtherTensors:
    def test_stay_when_a_layer_is_added(self) -> None:
        request = GRU | {"init": "xavier_normal"}
        small, large = stored(request | {"num_layers": 2}), stored(request | {"num_layers": 3})

        assert all(np.array_equal(small[name], large[name]) for name in small)

    def test_stay_when_a_direction_is_added(self) -> None:
        small, large = stored(GRU), stored(GRU | {"bidirectional": True})

        assert all(np.array_equal(small[name], large[name]) for name in small)

    def test_stay_when_the_other_precision_is_asked_for(self) -> None:
        narrow, wide = values(GRU), values(GRU | {"dtype": "float64"})

        assert all(np.array_equal(narrow[name], wide[name]) for name in narrow)

    def test_never_share_values(self) -> None:
        drawn = gates(LSTM | {"num_layers": 3, "bidirectional": True, "input_size": 2 * H})
        everything = [block.tobytes() for block in drawn.values()]

        assert len(set(everything)) == len(everything)


def test_every_weight_scheme_has_a_promise() -> None:
    """Here, or in `test_matrices.py` where it is one of a square recurrent matrix."""
    matrices = {name for name, cls in WEIGHT_SCHEMES.items() if issubclass(cls, RecurrentScheme)}

    promised = {promise.scheme["scheme"] for promise in WEIGHTS}

    assert promised | matrices == set(WEIGHT_TABLE) - GIVEN


def test_every_bias_scheme_has_a_promise() -> None:
    """Here, or in `test_gate_biases.py` where its gates have laws of their own."""
    of_gates = {name for name, cls in BIAS_SCHEMES.items() if "rnn" not in cls.rnn_types}

    assert {promise.scheme["scheme"] for promise in BIASES} | of_gates == set(BIAS_TABLE) - GIVEN


@pytest.mark.parametrize(
    "init",
    [
        {"scheme": "constant", "value": -0.0},
        {"scheme": "identity", "gain": -0.0},
        {"scheme": "normal", "mean": -0.0, "std": 0.0},
    ],
    ids=lambda init: init["scheme"],
)
def test_minus_zero_is_drawn_as_the_zero_that_its_recipe_says(init: dict[str, Any]) -> None:
    plain = {key: value + 0.0 if isinstance(value, float) else value for key, value in init.items()}
    one, other = (stored(SMALL | {"init": given})["weight_hh_l0"] for given in (init, plain))

    assert one.tobytes() == other.tobytes()


def test_the_narrowest_cut_is_drawn() -> None:
    init = {"scheme": "trunc_normal", "low": 1.214807898694446e-72, "high": 2.665623108017364e-50}

    figures = (
        stepzero_rnn.check(SMALL | {"init": init, "accept_dead": True}).weights.tensors[0].figures
    )

    assert figures.expected_std is not None
    assert 0 <= figures.expected_std <= 1e-49


@pytest.mark.parametrize("init", WEIGHT_INITS.values(), ids=WEIGHT_INITS)
def test_what_is_drawn_whole_has_a_cost(init: Mapping[str, Any]) -> None:
    """Without one it would count as free, in silence, in the limits of memory and arithmetic."""
    for tensor in planned(asked(LSTM | {"proj_size": 4}, init)).tensors:
        for block in tensor.blocks:
            is_whole = isinstance(law_of(tensor, block), MatrixLaw)

            assert is_whole == (tensor.scratch_bytes > 0)


@pytest.mark.parametrize(
    ("drawn", "models"),
    [(WEIGHT_TABLE, WEIGHT_SCHEMES), (BIAS_TABLE, BIAS_SCHEMES), (SCRIPT_TABLE, SCRIPTS)],
    ids=["weights", "biases", "scripts"],
)
def test_every_model_is_drawn_and_says_how(
    drawn: Mapping[str, Scheme], models: Mapping[str, type[InitScheme]]
) -> None:
    assert {name: row.spec for name, row in drawn.items()} == models
    assert all(model.formula and model.source for model in models.values())
