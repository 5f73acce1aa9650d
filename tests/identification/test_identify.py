"""Which initialization weights are: recognized by their laws, or called trained."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import stepzero_rnn
from stepzero_rnn.engine.schemes import BIASES, SCRIPTS, WEIGHTS
from stepzero_rnn.errors import InvalidArrays, InvalidSpec, NotAnArrayFile, RequestError
from stepzero_rnn.identification.bias_proposals import BIASES as BIAS_ROWS
from stepzero_rnn.identification.laws import TESTS, UNTESTED
from stepzero_rnn.identification.proposals import WEIGHTS as WEIGHT_ROWS
from stepzero_rnn.identification.result import Identified
from tests.arrays.hostile import HOSTILE, NAME

LSTM = {"rnn_type": "lstm", "input_size": 24, "hidden_size": 32}
GRU = {"rnn_type": "gru", "input_size": 24, "hidden_size": 32}


def drawn(spec: Any, **fields: Any) -> dict[str, Any]:
    """Draw a network, without the recipe that comes with it."""
    return dict(stepzero_rnn.state_dict({**spec, **fields}))


def best(found: Identified, tensor: str) -> list[Any]:
    """Return the likeliest scheme of each gate of a tensor."""
    return [p.fits[0].scheme if p.fits else None for p in found.parts if p.tensor == tensor]


def lstm() -> torch.nn.LSTM:
    """Return torch's own LSTM, from its generator as it stands at a seed."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        return torch.nn.LSTM(24, 48, 2)


class TestAVerdict:
    def test_names_pytorchs_default_for_torchs_own_module(self) -> None:
        found = stepzero_rnn.identify(lstm().state_dict())

        assert found.verdict.startswith("PyTorch's default.")
        assert found.nearest
        assert found.nearest.init == "pytorch"
        assert found.network == {
            "rnn_type": "lstm", "input_size": 24, "hidden_size": 48, "num_layers": 2,
        }  # fmt: skip

    def test_names_kerass_default_and_its_forget_bias(self) -> None:
        found = stepzero_rnn.identify(drawn(LSTM, init="keras", seed=3))

        assert found.verdict.startswith("Keras 3's default, forget bias 1")

    def test_asks_whether_the_init_was_applied_where_one_tensor_is_at_the_default(self) -> None:
        network, generator = lstm(), torch.Generator().manual_seed(1)
        for name, tensor in network.named_parameters():
            if "weight" in name and name != "weight_hh_l1":
                torch.nn.init.orthogonal_(tensor, generator=generator)
        found = stepzero_rnn.identify(network.state_dict())

        assert found.verdict == "PyTorch's default in `weight_hh_l1` only: was your init applied?"

    def test_calls_noise_of_unequal_rows_trained(self) -> None:
        arrays = drawn(LSTM)
        spread = torch.linspace(0.2, 3, 128)[:, None]
        arrays = {n: t * spread if t.ndim == 2 else t for n, t in arrays.items()}
        found = stepzero_rnn.identify(arrays)

        assert found.verdict == "Trained: no start fits the weights."
        assert found.nearest is None

    def test_lists_each_parameter_of_a_combination(self) -> None:
        init = {"weight_ih": "xavier_normal", "weight_hh": "orthogonal", "bias": "forget"}
        found = stepzero_rnn.identify(drawn(GRU, init=init))

        assert found.verdict.startswith(
            "weight_ih xavier_normal; weight_hh orthogonal; bias forget."
        )

    def test_of_few_elements_says_what_they_cannot_rule_out(self) -> None:
        arrays = drawn({"rnn_type": "rnn", "input_size": 4, "hidden_size": 4}, init="xavier_normal")
        found = stepzero_rnn.identify(arrays)

        assert "Too few elements to rule out" in found.verdict
        assert any(part.indistinguishable for part in found.parts)


class TestANearestRecipe:
    @pytest.mark.parametrize("init", ["pytorch", "keras", "flax_linen", "haiku", "chrono_lstm"])
    def test_is_that_of_the_preset_which_was_drawn(self, init: str) -> None:
        found = stepzero_rnn.identify(drawn(LSTM, init=init, seed=1))

        assert found.nearest
        assert found.nearest.init == init
        assert found.nearest.url == f"/v1/checkpoints/{found.nearest.recipe}"

    def test_draws_a_network_that_is_identified_alike(self) -> None:
        init = {"weight_hh": {"scheme": "sparse", "sparsity": 0.75, "std": 0.1}, "bias": "ugi"}
        first = stepzero_rnn.identify(drawn(LSTM, init=init))
        assert first.nearest
        again = stepzero_rnn.identify(dict(stepzero_rnn.state_dict(first.nearest.recipe)))

        assert again.nearest
        assert again.nearest.init == first.nearest.init

    def test_has_an_override_for_the_layer_that_differs(self) -> None:
        overrides = [{"parameter": "weight_hh", "layer": 1, "init": "orthogonal"}]
        arrays = drawn(LSTM, num_layers=2, init={"overrides": overrides})
        found = stepzero_rnn.identify(arrays)

        assert found.nearest
        (override,) = found.nearest.init["overrides"]
        assert (override["layer"], override["init"]) == (1, "orthogonal")


class TestAFileThatCarriesItsRecipe:
    @pytest.mark.parametrize("suffix", ["safetensors", "pt"])
    def test_is_compared_with_its_redraw_bit_for_bit(self, tmp_path: Path, suffix: str) -> None:
        path = stepzero_rnn.save({**GRU, "init": "orthogonal"}, tmp_path / f"a.{suffix}")
        found = stepzero_rnn.identify([path])

        assert found.redraw
        assert found.redraw.equal
        assert found.redraw.recipe == stepzero_rnn.plan({**GRU, "init": "orthogonal"}).recipe

    def test_says_which_values_are_others(self) -> None:
        arrays = stepzero_rnn.state_dict(GRU)
        arrays["weight_hh_l0"][3, 5] += 0.001
        found = stepzero_rnn.identify(arrays)

        assert found.redraw
        assert found.redraw.differing == ["weight_hh_l0"]
        assert "`weight_hh_l0`" in found.verdict

    def test_is_judged_by_its_values_if_they_are_another_networks(self, tmp_path: Path) -> None:
        arrays = stepzero_rnn.state_dict(GRU)
        arrays["weight_ih_l0"] = arrays["weight_ih_l0"][:, :20]

        assert stepzero_rnn.identify(arrays).redraw is None

    def test_may_claim_anything_without_harm(self, tmp_path: Path) -> None:
        claims = ["{}", "[]", '{"recipe": 5, "version": 1}', '{"recipe": {}, "version": 9}', "["]
        for claim in claims:
            save_file(drawn(GRU), tmp_path / "a.safetensors", {"stepzero": claim})

            assert stepzero_rnn.identify([tmp_path / "a.safetensors"]).redraw is None


class TestANetwork:
    @pytest.mark.parametrize(
        "fields",
        [
            {"num_layers": 3, "bidirectional": True},
            {"proj_size": 8, "num_layers": 2},
            {"bias": False},
            {"dtype": "float16"},
            {"dtype": "float64"},
        ],
    )
    def test_is_inferred_and_identified(self, fields: dict[str, Any]) -> None:
        found = stepzero_rnn.identify(drawn(LSTM, **fields))

        assert found.network == {**LSTM, **fields}
        assert found.nearest
        assert found.nearest.init == "pytorch"

    def test_in_bfloat16_is_identified_from_its_file(self, tmp_path: Path) -> None:
        save_file(drawn(LSTM, dtype="bfloat16"), tmp_path / "a.safetensors")
        found = stepzero_rnn.identify([tmp_path / "a.safetensors"])

        assert found.network == {**LSTM, "dtype": "bfloat16"}
        assert found.verdict.startswith("PyTorch's default")

    def test_of_another_library_is_read_in_its_layout(self) -> None:
        ours = drawn(GRU, init="keras")
        order = [1, 0, 2]  # z r h

        def theirs(tensor: Any) -> Any:
            return torch.cat([tensor.chunk(3)[gate] for gate in order]).T.numpy()

        arrays = {
            "gru/kernel": theirs(ours["weight_ih_l0"]),
            "gru/recurrent_kernel": theirs(ours["weight_hh_l0"]),
            "gru/bias": np.zeros((2, 96), np.float32),
        }
        found = stepzero_rnn.identify(arrays, layout="keras")

        assert found.verdict.startswith("Keras 3's default")

    def test_in_a_larger_model_is_selected_by_the_prefix(self) -> None:
        arrays = {f"rnn.{name}": tensor for name, tensor in drawn(GRU).items()}
        arrays["head.weight"] = torch.zeros(3, 32)

        with pytest.raises(InvalidArrays, match=r"prefix=rnn\."):
            stepzero_rnn.identify(arrays)
        assert stepzero_rnn.identify(arrays, prefix="rnn.").network == GRU

    def test_that_cannot_be_inferred_is_refused(self) -> None:
        with pytest.raises(InvalidArrays, match="cannot be inferred"):
            stepzero_rnn.identify({"weight_ih_l0": np.zeros((20, 3))})
        with pytest.raises(InvalidArrays, match="cannot be inferred"):
            stepzero_rnn.identify({})
        with pytest.raises(InvalidSpec):
            stepzero_rnn.identify({}, layout="caffe")  # type: ignore[arg-type]

    def test_of_one_unit_or_of_zeros_is_not_overinterpreted(self) -> None:
        stepzero_rnn.identify(drawn({"rnn_type": "rnn", "input_size": 1, "hidden_size": 1}))
        found = stepzero_rnn.identify({n: torch.zeros_like(t) for n, t in drawn(GRU).items()})

        assert best(found, "weight_hh_l0") == [{"scheme": "zeros"}] * 3


class TestAPtFile:
    def test_of_a_training_script_is_read_where_its_state_dict_is(self, tmp_path: Path) -> None:
        torch.save({"epoch": 3, "state_dict": drawn(GRU)}, tmp_path / "a.pt")

        assert stepzero_rnn.identify([tmp_path / "a.pt"]).network == GRU

    @pytest.mark.parametrize("content", [b"", b"\x80\x02.", b"PK\3\4", b"nothing"])
    def test_that_torch_does_not_read_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.pt").write_bytes(content)

        with pytest.raises(NotAnArrayFile):
            stepzero_rnn.identify([tmp_path / "a.pt"])

    def test_without_tensors_is_refused(self, tmp_path: Path) -> None:
        torch.save({"a": 1}, tmp_path / "a.pt")

        with pytest.raises(NotAnArrayFile, match="without a state_dict"):
            stepzero_rnn.identify([tmp_path / "a.pt"])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_our_words(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.npy"
    path.write_bytes(HOSTILE[name].content)

    with pytest.raises(RequestError):
        stepzero_rnn.identify([path])


def test_values_that_are_not_finite_are_refused() -> None:
    arrays = drawn(GRU)
    arrays["weight_hh_l0"][0, 0] = torch.nan

    with pytest.raises(InvalidArrays, match="NaN"):
        stepzero_rnn.identify(arrays)


class TestTheTables:
    def test_have_a_test_or_a_reason_for_every_law(self) -> None:
        from stepzero_rnn.engine.draw import Law

        laws = {law for union in Law.__args__ for law in getattr(union, "__args__", (union,))}

        assert laws == TESTS.keys() | UNTESTED.keys()
        assert not TESTS.keys() & UNTESTED.keys()

    def test_have_rows_for_schemes_of_the_catalogue_only(self) -> None:
        assert WEIGHT_ROWS.keys() <= WEIGHTS.keys()
        assert BIAS_ROWS.keys() <= BIASES.keys()

    def test_have_a_row_for_every_scheme_that_requires_a_field(self) -> None:
        for rows, schemes in ((WEIGHT_ROWS, WEIGHTS), (BIAS_ROWS, BIASES)):
            required = {
                name
                for name, scheme in schemes.items()
                if any(field.is_required() for field in scheme.spec.model_fields.values())
            }

            assert required <= rows.keys()

    def test_leave_out_scripts_alone(self) -> None:
        assert len(SCRIPTS) == 2  # their laws are those of other schemes


def test_an_npz_file_is_identified(tmp_path: Path) -> None:
    written = io.BytesIO()
    np.savez(written, **{name: tensor.numpy() for name, tensor in drawn(GRU).items()})
    (tmp_path / "a.npz").write_bytes(written.getvalue())

    assert stepzero_rnn.identify([tmp_path / "a.npz"]).network == GRU
