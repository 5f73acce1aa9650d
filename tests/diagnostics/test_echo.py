"""Echo is the share of an earlier input that a linear readout of the state recovers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import stepzero_rnn
from stepzero_rnn.diagnostics.measuring.echo import NOISE_FLOORS, RELATIVE_NOISE, echo
from tests.diagnostics.networks import module_of
from tests.diagnostics.test_gradient import linear

LAG, STEPS, INPUTS = 40, 40, 2


def closed_form(spec: dict[str, object]) -> float:
    """Return tr(Mᵀ(C + νI)⁻¹M)/(3I), the share that a linear network keeps, mean over the floors.

    M = [W^(ℓ−1)W_ih, W^(ℓ−2)W_ih, W^(ℓ−3)W_ih], and C = MMᵀ if the window begins at step 0.
    """
    module = module_of(spec)
    weights = module.state_dict()
    weight, into = weights["weight_hh_l0"], weights["weight_ih_l0"]
    powers = [torch.linalg.matrix_power(weight, LAG - 1 - step) @ into for step in range(3)]
    kept = torch.cat(powers, dim=1)
    covariance = kept @ kept.T
    shares: list[float] = []
    for floor in NOISE_FLOORS:
        noise = floor**2 + RELATIVE_NOISE * covariance.trace() / len(covariance)
        inverse = torch.linalg.inv(covariance + noise * torch.eye(len(covariance)).double())
        shares.append((kept.T @ inverse @ kept).trace().item() / (3 * INPUTS))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.05])
def test_in_the_linear_regime_it_is_the_closed_form(gain: float) -> None:
    spec = linear(gain)
    generator = torch.Generator().manual_seed(3)
    x = torch.zeros(STEPS, 4096, INPUTS, dtype=torch.float64)
    x[:3] = torch.randn(3, 4096, INPUTS, generator=generator).double()
    h = module_of(spec)(x)[0][-1]

    found = echo(h, x[:3].transpose(0, 1).flatten(1))

    assert found == pytest.approx(closed_form(spec), abs=0.02)


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.05])
def test_with_few_sequences_it_is_lower_by_a_bounded_amount(gain: float) -> None:
    spec = linear(gain)
    found = stepzero_rnn.diagnose(spec, seq_len=STEPS, level="full", figures=["echo"]).echo

    assert found is not None
    assert found.sequences == 256
    exact = closed_form(spec)
    assert exact - 0.15 < found.lags[str(LAG)] < exact + 0.02


def test_a_state_that_keeps_the_window_has_an_echo_of_one_and_noise_has_none() -> None:
    generator = torch.Generator().manual_seed(1)
    window = torch.randn(512, 6, generator=generator)
    unrelated = torch.randn(512, 6, generator=generator)

    kept = echo(100 * window, window)
    lost = echo(unrelated, window)

    assert kept == pytest.approx(1, abs=0.02)  # the relative noise takes 1 %
    assert lost == pytest.approx(0, abs=0.01)


def test_inputs_that_never_vary_have_no_echo() -> None:
    window = torch.ones(64, 3)

    assert echo(torch.randn(64, 8), window) is None
    window[:, 0] = torch.randn(64)
    assert echo(torch.randn(64, 8), window) is not None


def test_states_that_are_not_finite_have_an_echo_all_the_same() -> None:
    h = torch.full((64, 4), float("inf"))

    assert echo(h, torch.randn(64, 3)) == 0


def test_short_dependencies_have_one_lag_and_long_ones_three() -> None:
    spec = linear(1.0)

    def lags(**options: Any) -> list[str]:
        found = stepzero_rnn.diagnose(spec, level="standard", figures="echo", **options).echo
        assert found is not None
        return [*found.lags]

    assert lags(seq_len=100) == ["100", "50", "25"]
    assert lags(seq_len=100, dependency_length=8) == ["8", "4", "3"]
    assert lags(seq_len=100, dependency_length=3) == ["3"]
    assert lags(seq_len=1) == ["1"]
