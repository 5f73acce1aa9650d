"""Matrices that take linear algebra: NumPy's and SciPy's own judge what was made without them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import exp, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import linalg, stats

from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.linalg import products
from stepzero_rnn.engine.linalg.matrix_functions import radius
from stepzero_rnn.engine.linalg.products import Tiles
from stepzero_rnn.engine.thread_pool import Stop, Stopped, ThreadPool
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.unions import WEIGHT_SCHEMES
from tests.engine.drawing import Values, planned, values
from tests.engine.every import asked
from tests.engine.oracle_dense import product as plain_product
from tests.engine.spectra import TO_FLOAT32, has_radius

pytestmark = pytest.mark.statistical

Task = Callable[[], None]
RARE = 2 * stats.norm.sf(5)  # p of five standard errors: one false alarm in two million


def here(tasks: Iterable[Task]) -> None:
    """Carry out tasks one after the other."""
    for task in tasks:
        task()


def tiles_of(matrix: Values) -> Tiles:
    """Lay a matrix out in tiles."""
    tiles = products.zeros(*matrix.shape)
    for (row, column), element in np.ndenumerate(matrix):
        tiles[column // 8, row, column % 8] = element
    return tiles


def matrix_of(tiles: Tiles, rows: int, cols: int) -> Values:
    """Read a matrix from tiles."""
    return tiles.transpose(1, 0, 2).reshape(tiles.shape[1], -1)[:rows, :cols]


def recurrent(scheme: str | Mapping[str, Any], hidden: int, **network: Any) -> Values:
    """Draw the recurrent matrix of a plain RNN, in float64 unless told otherwise."""
    request = {"rnn_type": "rnn", "input_size": 1, "hidden_size": hidden, "dtype": "float64"}
    return values(request | {"init": {"weight_hh": scheme}, "bias": False} | network)[
        "weight_hh_l0"
    ]


def block(scheme: str | Mapping[str, Any], rows: int, cols: int, **network: Any) -> Values:
    """Draw the input matrix of a plain RNN, in float64."""
    request = {"rnn_type": "rnn", "input_size": cols, "hidden_size": rows, "dtype": "float64"}
    return values(request | {"init": {"weight_ih": scheme}, "bias": False} | network)[
        "weight_ih_l0"
    ]


def eigenvalues(matrix: Values) -> Values:
    """Return the absolute values of all eigenvalues, ascending."""
    return np.sort(np.abs(np.linalg.eigvals(matrix)))


class TestProducts:
    @pytest.mark.parametrize(("inner", "rows", "cols"), [(1, 1, 1), (3, 9, 17), (21, 8, 25)])
    def test_are_sums_of_ascending_terms(self, inner: int, rows: int, cols: int) -> None:
        draw = np.random.default_rng(0).normal
        left, right = draw(size=(inner, rows)), draw(size=(inner, cols))

        found = products.product(tiles_of(left), tiles_of(right), here)

        expected = plain_product(left.T.tolist(), right.tolist())
        assert matrix_of(found, rows, cols).tolist() == expected

    @pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 17), (40, 9), (100, 300)])
    def test_with_itself_are_half_the_work_and_the_same(self, rows: int, cols: int) -> None:
        matrix = products.gaussians(rows, cols, key(0, 1), here)

        expected = products.product(matrix, matrix, here)
        assert np.array_equal(products.gram(matrix, here), expected)

    def test_are_the_same_however_they_are_dealt_out(self) -> None:
        left, right = (products.gaussians(600, 517, key(1, at), here) for at in (2, 3))
        whole = np.empty_like(products.product(left, right, here))
        products.multiply(whole, left, right, 0, len(right))
        for threads in (1, 2, 7):
            with ThreadPool(threads) as workers:
                run = partial(workers.run, stop=Stop())

                assert np.array_equal(products.product(left, right, run), whole)
                assert np.array_equal(products.gram(left, run), products.product(left, left, here))
                assert np.array_equal(products.gaussians(600, 517, key(1, 2), run), left)

    @pytest.mark.parametrize(("rows", "cols"), [(1, 1), (8, 8), (3, 17), (40, 9)])
    def test_of_a_transpose_are_its_own(self, rows: int, cols: int) -> None:
        matrix = np.random.default_rng(0).normal(size=(rows, cols))

        turned = products.transposed(tiles_of(matrix), here)

        assert np.array_equal(matrix_of(turned, cols, rows), matrix.T)
        assert np.array_equal(products.transposed(turned, here), tiles_of(matrix))


class TestRadius:
    @pytest.mark.parametrize("hidden", [1, 2, 3, 8, 30, 64])
    @pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
    def test_is_that_of_any_matrix_at_any_scale(self, hidden: int, scale: float) -> None:
        matrix = np.random.default_rng(hidden).normal(size=(hidden, hidden)) * scale

        assert radius(tiles_of(matrix), here) == pytest.approx(eigenvalues(matrix)[-1], rel=3e-8)

    def test_of_a_nilpotent_matrix_is_0(self) -> None:
        assert radius(tiles_of(np.triu(np.ones((20, 20)), 1)), here) == 0
        assert radius(tiles_of(np.zeros((3, 3))), here) == 0

    def test_of_the_worst_conditioned_eigenvalue_is_as_good_as_the_bound(self) -> None:
        size = 20
        matrix = np.eye(size) + np.triu(np.full((size, size), 10.0), 1)  # one eigenvalue, 20 times

        # ‖A^m‖ ≤ C·ρ^m with C = Σₖ (m over k)·‖A − I‖ᵏ, and m = 2²⁸.
        bound = 2.0**-28 * (size - 1) * np.log(2.0**28 * np.linalg.norm(matrix - np.eye(size)))
        assert 1 <= radius(tiles_of(matrix), here) <= exp(bound)

    def test_of_two_eigenvalues_of_one_size_and_other_signs_is_that_size(self) -> None:
        assert radius(tiles_of(np.array([[0.0, 4.0], [1.0, 0.0]])), here) == pytest.approx(
            2, rel=3e-8
        )

    def test_is_given_up_between_two_products(self) -> None:
        stop, done = Stop(), []

        def stopping(tasks: Iterable[Task]) -> None:
            for task in tasks:
                stop.check()
                task()
                done.append(task)
                if len(done) == 50:
                    stop.set()

        with pytest.raises(Stopped):
            radius(products.gaussians(64, 64, key(0, 0), here), stopping)
        assert len(done) == 50


SPECTRAL_RADII: list[dict[str, Any]] = [
    {"scheme": "spectral_radius"},
    {"scheme": "spectral_radius", "kind": "sparse", "radius": 1.1},
    {"scheme": "spectral_radius", "kind": "sparse", "connections": 2},
    {"scheme": "spectral_radius", "kind": "sparse", "connections": 1, "radius": 1e-3},
    {"scheme": "spectral_radius", "kind": "sparse", "connections": 10_000, "radius": 2.0},
    {"scheme": "spectral_radius", "kind": "ring", "radius": 0.7},
]


@pytest.mark.parametrize("scheme", SPECTRAL_RADII, ids=lambda o: "-".join(map(str, o.values())))
class TestSpectralRadius:
    @pytest.mark.parametrize("hidden", [1, 2, 64, 200])
    def test_is_the_one_asked_for(self, scheme: Mapping[str, Any], hidden: int) -> None:
        has_radius(recurrent(scheme, hidden), scheme)

    @pytest.mark.parametrize("hidden", [1, 2, 64])
    def test_leaves_units_as_many_connections(self, scheme: Mapping[str, Any], hidden: int) -> None:
        connections = {"dense": hidden, "ring": 1, "sparse": scheme.get("connections", 15)}

        counts = (recurrent(scheme, hidden) != 0).sum(axis=1)
        assert set(counts) == {min(connections[scheme.get("kind", "dense")], hidden)}


class TestSpectralRadiusOfLargeMatrices:
    @pytest.mark.parametrize("hidden", [256, pytest.param(1024, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("kind", ["dense", "sparse"])
    def test_is_the_one_asked_for_to_float32s_last_digit(self, hidden: int, kind: str) -> None:
        found = eigenvalues(recurrent({"scheme": "spectral_radius", "kind": kind}, hidden))[-1]

        assert 0 <= 1 - found / 0.9 <= TO_FLOAT32

    def test_scales_the_normals_of_the_same_block(self) -> None:
        normals = recurrent("normal", 64)

        expected = normals * 0.9 / eigenvalues(normals)[-1]
        assert np.allclose(recurrent("spectral_radius", 64), expected, rtol=3e-8, atol=0)

    def test_turns_a_ring_without_loss(self) -> None:
        ring = recurrent({"scheme": "spectral_radius", "kind": "ring", "radius": 1.0}, 9)

        assert np.array_equal(ring @ np.arange(9.0), np.roll(np.arange(9.0), 1))


class TestNpRnn:
    """The figures of its spectrum: 1, a second eigenvalue near 1, a mean of 2/5 and a least of 1/5
    (Marchenko & Pastur: A has 4, 1 and 0).
    """

    def drawn(self, hidden: int, **network: Any) -> Values:
        return recurrent("np_rnn", hidden, nonlinearity="relu", **network)

    @pytest.mark.parametrize("hidden", [1, 2, 64, 512])
    def test_is_symmetric_with_a_largest_eigenvalue_of_1(self, hidden: int) -> None:
        matrix = self.drawn(hidden)

        assert np.array_equal(matrix, matrix.T)
        assert abs(np.linalg.eigvalsh(matrix)[-1] - 1) <= 1e-12

    def test_has_the_spectrum_of_its_law(self) -> None:
        spectrum = np.linalg.eigvalsh(self.drawn(512))

        # The largest eigenvalue of A is within 4·(1 ± n^(−2/3)·3); the sum of them all has no such
        # spread.
        assert spectrum[0] == pytest.approx(1 / 5, rel=0.05)
        assert spectrum.mean() == pytest.approx(2 / 5, rel=0.05)
        assert 0.96 <= spectrum[-2] < 1

    def test_is_made_of_the_normals_of_the_same_block(self) -> None:
        normals = recurrent("normal", 64)
        plus = normals.T @ normals / 64 + np.eye(64)

        expected = plus / np.linalg.eigvalsh(plus)[-1]
        assert np.allclose(self.drawn(64), expected, rtol=1e-12, atol=1e-15)


class TestSkew:
    def skew(self, hidden: int, **given: float) -> Values:
        return recurrent({"scheme": "skew", **given}, hidden)

    @pytest.mark.parametrize("hidden", [1, 2, 3, 64, 256])
    @pytest.mark.parametrize(
        "given", [{}, {"epsilon": 1.0, "gamma": 0.2}, {"epsilon": 0.3, "std": 16.0, "gamma": 0.0}]
    )
    def test_is_the_exponential_of_the_normals_of_the_same_block(
        self, hidden: int, given: dict[str, float]
    ) -> None:
        m = recurrent("normal", hidden) * given.get("std", 1.0) / sqrt(hidden)
        x = given.get("epsilon", 0.01) * (m - m.T - given.get("gamma", 0.01) * np.eye(hidden))

        assert np.abs(self.skew(hidden, **given) - linalg.expm(x)).max() <= 1e-13

    @pytest.mark.parametrize(("epsilon", "error"), [(0.01, 1e-14), (1.0, 5e-14)])
    def test_without_diffusion_is_a_rotation(self, epsilon: float, error: float) -> None:
        matrix = self.skew(256, epsilon=epsilon, gamma=0.0)

        assert np.abs(matrix.T @ matrix - np.eye(256)).max() <= error
        assert np.linalg.slogdet(matrix).sign == 1

    def test_with_diffusion_shrinks_every_state_alike(self) -> None:
        matrix = self.skew(64, epsilon=0.5, gamma=0.1)

        assert np.allclose(np.linalg.svd(matrix, compute_uv=False), exp(-0.05), atol=1e-14)


@pytest.mark.parametrize("basis", ["blocks", "random"])
class TestRingSpectrum:
    def test_is_uniform_on_the_ring(self, basis: str) -> None:
        """What is uniform in area has uniform squares of radii, and uniform phases."""
        found = np.linalg.eigvals(recurrent({"scheme": "ring_spectrum", "basis": basis}, 256))
        upper = found[found.imag > 0]
        shares = (np.abs(upper) ** 2 - 0.9**2) / (0.999**2 - 0.9**2)

        assert len(upper) == 128
        assert stats.kstest(shares, "uniform").pvalue > RARE
        assert stats.kstest(np.angle(upper), stats.uniform(0, np.pi).cdf).pvalue > RARE

    def test_has_the_same_eigenvalues_in_either_basis(self, basis: str) -> None:
        one, other = (
            np.sort_complex(np.linalg.eigvals(recurrent({"scheme": "ring_spectrum", **given}, 65)))
            for given in ({}, {"basis": basis})
        )

        assert np.allclose(one, other, atol=1e-13)


class TestSpectralBand:
    SHAPES = ((1, 1), (3, 3), (5, 40), (40, 5), (64, 64), (130, 70))

    @pytest.mark.parametrize(("rows", "cols"), SHAPES)
    @pytest.mark.parametrize("margin", [0.0, 0.1, 1.0])
    def test_has_singular_values_in_the_band(self, rows: int, cols: int, margin: float) -> None:
        matrix = block({"scheme": "spectral_band", "margin": margin}, rows, cols)
        found = np.linalg.svd(matrix, compute_uv=False)

        assert len(found) == min(rows, cols)
        assert np.abs(found - 1).max() <= margin + 1e-13

    def test_has_them_uniform(self) -> None:
        found = np.linalg.svd(block("spectral_band", 300, 300), compute_uv=False)

        assert stats.kstest(found, stats.uniform(0.9, 0.2).cdf).pvalue > RARE

    def test_has_independent_haar_factors(self) -> None:
        matrix = block({"scheme": "spectral_band", "margin": 0.0}, 200, 200)
        angles = np.angle(np.linalg.eigvals(matrix))

        # U·Vᵀ is Haar if V is drawn apart from U, and I if it is not.
        assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.5


class TestLsuv:
    @pytest.mark.parametrize(("rows", "cols"), [(1, 1), (64, 64), (30, 70), (70, 30)])
    def test_keeps_the_variance_of_normal_inputs(self, rows: int, cols: int) -> None:
        matrix = block({"scheme": "lsuv", "probe": 1024}, rows, cols)
        outputs = matrix @ np.random.default_rng(0).normal(size=(cols, 4096))

        # Of n independent normal numbers the variance has the relative error √(2/n); no more are
        # independent than inputs.
        few = min(rows, cols)
        error = sqrt(2 / (1024 * few)) + sqrt(2 / (4096 * few))
        assert abs(outputs.var() - 1) <= 5 * error

    def test_is_a_multiple_of_a_haar_matrix(self) -> None:
        matrix, haar = (block(scheme, 40, 24) for scheme in ("lsuv", "orthogonal"))

        assert np.allclose(matrix / haar, (matrix / haar)[0, 0], rtol=1e-14, atol=0)

    def test_has_the_variance_1_over_its_own_probe(self) -> None:
        """Over 131,072 vectors the two probes of one stream differ by less than their error."""
        matrices = [block({"scheme": "lsuv", "probe": n}, 16, 16) for n in (16, 65_536)]

        few, many = (float(np.linalg.norm(matrix)) for matrix in matrices)
        assert many == pytest.approx(4, rel=5 * sqrt(0.5 / (16 * 65_536)))
        assert few == pytest.approx(4, rel=5 * sqrt(0.5 / (16 * 16)))
        assert few != many


class TestSpecialOrthogonal:
    @pytest.mark.parametrize("rnn_type", ["rnn", "gru", "lstm"])
    def test_has_determinant_1_in_every_gate(self, rnn_type: str) -> None:
        scheme = {"scheme": "orthogonal", "determinant": "+1"}
        for hidden in (1, 2, 3, 8, 21):
            stacked = recurrent(scheme, hidden, rnn_type=rnn_type, num_layers=1, seed=hidden)
            for matrix in stacked.reshape(-1, hidden, hidden):
                assert np.linalg.det(matrix) == pytest.approx(1, rel=1e-13)
                assert np.abs(matrix.T @ matrix - np.eye(hidden)).max() <= 1e-14

    def test_is_the_plain_one_but_for_the_last_columns_sign(self) -> None:
        signs = set()
        for seed in range(8):
            plain = recurrent("orthogonal", 21, seed=seed)
            special = recurrent({"scheme": "orthogonal", "determinant": "+1"}, 21, seed=seed)
            sign = np.sign(np.linalg.det(plain))
            signs.add(sign)

            assert np.array_equal(special[:, :-1], plain[:, :-1])
            assert np.array_equal(special[:, -1], sign * plain[:, -1])

        assert signs == {-1, 1}


@pytest.mark.parametrize("name", [name for name, scheme in WEIGHT_SCHEMES.items() if scheme.cost])
@pytest.mark.parametrize("inputs", [3, 512])
def test_drawing_takes_the_memory_that_is_planned(name: str, inputs: int) -> None:
    """Beside the tensor itself and what tasks hold while they run."""
    part = "weight_hh" if issubclass(WEIGHT_SCHEMES[name], RecurrentScheme) else "weight_ih"
    options: dict[str, dict[str, Any]] = {
        "sparse": {"sparsity": 0.5},
        "fsi": {"connectivity": 0.5},
        "ring_spectrum": {"basis": "random"},
    }
    scheme = {"scheme": name, **options.get(name, {})}
    request = {"rnn_type": "rnn", "input_size": inputs, "hidden_size": 512, "dtype": "float64"}
    made = planned(asked(request, {part: scheme}))
    tensor = next(tensor for tensor in made.tensors if tensor.kind == part)
    with ThreadPool(1) as workers:
        sampler = Sampler(0, workers)
        sampler.tensor(tensor)
        tracemalloc.start()
        sampler.tensor(tensor)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert most - tensor.size_bytes <= tensor.scratch_bytes + (1 << 20)
