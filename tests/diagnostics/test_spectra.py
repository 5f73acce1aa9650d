"""The spectra of recurrent blocks are those that LAPACK finds in the checkpoint's tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.diagnostics.measuring import matrices
from stepzero_rnn.diagnostics.weight_results import Spectra, SpectrumRange
from stepzero_rnn.engine.thread_pool import Stop, Stopped
from tests.diagnostics.networks import NETWORKS, spec_of


def spectra(spec: dict[str, Any], **options: Any) -> Spectra:
    found = stepzero_rnn.diagnose(spec, figures="spectra", **options).spectra
    assert found is not None
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_every_gate_of_every_cell_has_the_spectrum_of_its_block(name: str) -> None:
    spec = spec_of(name)
    drawn = stepzero_rnn.state_dict(spec)
    found = spectra(spec)

    assert found.blocks
    for block in found.blocks:
        weight = drawn[block.tensor].double().numpy()
        gates = [one.gate for one in found.blocks if one.tensor == block.tensor]
        matrix = np.split(weight, len(gates))[gates.index(block.gate)]
        values = np.linalg.svd(matrix, compute_uv=False)
        assert block.largest_singular_value == pytest.approx(values[0], rel=1e-4)
        assert block.smallest_singular_value == pytest.approx(values[-1], rel=1e-4, abs=1e-9)
        assert block.stable_rank == pytest.approx((values**2).sum() / values[0] ** 2, rel=1e-4)
        assert block.singular_values == pytest.approx(values.tolist(), rel=1e-3, abs=1e-9)
        if matrix.shape[0] == matrix.shape[1]:
            radius = np.abs(np.linalg.eigvals(matrix)).max()
            assert block.spectral_radius == pytest.approx(radius, rel=1e-4)
            assert len(block.eigenvalues) == len(matrix)
        else:
            assert block.spectral_radius is None
            assert block.eigenvalues == []


def test_of_large_blocks_points_are_spaced_evenly_and_bounded() -> None:
    spec = {"rnn_type": "rnn", "input_size": 2, "hidden_size": 600}
    (block,) = spectra(spec).blocks

    assert len(block.singular_values) == 256
    assert len(block.eigenvalues) == 512
    assert block.singular_values == sorted(block.singular_values, reverse=True)
    assert block.singular_values[-1] == pytest.approx(block.smallest_singular_value, rel=1e-3)


def test_above_the_dense_size_only_the_largest_are_computed_and_that_is_said() -> None:
    spec = {
        "rnn_type": "rnn",
        "input_size": 2,
        "hidden_size": 1100,
        "init": {"weight_hh": {"scheme": "normal", "std": 0.03}},
    }
    found = stepzero_rnn.diagnose(spec, figures="spectra")
    assert found.spectra is not None
    (block,) = found.spectra.blocks
    weight = stepzero_rnn.state_dict(spec)["weight_hh_l0"].double().numpy()

    assert block.largest_singular_value == pytest.approx(np.linalg.norm(weight, 2), rel=1e-4)
    assert block.smallest_singular_value is None
    assert block.condition is None
    largest = np.sort(np.abs(np.linalg.eigvals(weight)))[-len(block.eigenvalues) :]
    assert block.spectral_radius == pytest.approx(largest[-1], rel=1e-3)
    assert len(block.eigenvalues) >= 10
    assert np.hypot(*zip(*block.eigenvalues, strict=False)) == pytest.approx(
        largest[::-1], rel=1e-2
    )
    assert [omission.figure for omission in found.omitted] == ["spectra"]


def test_many_random_matrices_above_the_dense_size_have_the_radius_that_lapack_finds() -> None:
    for seed in (3, 7):
        weight = np.random.default_rng(seed).uniform(-1, 1, (1030, 1030))
        found = matrices.eigenvalues(weight)

        assert found is not None
        assert found.radius == pytest.approx(np.abs(np.linalg.eigvals(weight)).max(), rel=1e-3)


def test_decompositions_above_the_dense_size_end_when_nobody_waits() -> None:
    stop = Stop()
    stop.set()
    weight = np.random.default_rng(0).standard_normal((1030, 1030))
    for method in (matrices.singular_values, matrices.eigenvalues):
        with pytest.raises(Stopped):
            method(weight, stop)


def test_the_radius_of_a_rotation_is_found_though_all_eigenvalues_are_as_large() -> None:
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((1100, 1100)))[0]
    found = matrices.eigenvalues(rotation)
    shifted = matrices.eigenvalues(0.7 * np.eye(1100) + 0.3 * rotation)

    assert found is not None
    assert shifted is not None
    assert found.radius == pytest.approx(1, abs=1e-9)
    assert shifted.radius == pytest.approx(1, abs=1e-3)
    assert len(found.values) == 0


def test_where_a_method_does_not_converge_nothing_is_made_up() -> None:
    assert matrices.eigenvalues(np.eye(1100, k=1)) is None  # nilpotent, and far from normal


def test_a_matrix_that_is_not_finite_has_no_spectrum() -> None:
    broken = np.full((4, 4), np.nan)

    assert matrices.singular_values(broken) is None
    assert matrices.eigenvalues(broken) is None


def known(found: SpectrumRange) -> list[float]:
    return [value for value in (found.min, found.median, found.max) if value is not None]


def test_deep_networks_have_ranges_over_their_layers_and_the_details_of_one_on_request() -> None:
    spec = {**spec_of("deep"), "num_layers": 20}
    found = spectra(spec)

    assert found.blocks == []
    assert {one.gate for one in found.ranges} == {"reset", "update", "new"}
    assert all([one.min, one.median, one.max] == sorted(known(one)) for one in found.ranges)
    assert {block.tensor for block in spectra(spec, layer=7).blocks} == {"weight_hh_l7"}
