"""The last step of a draw: one rounding, to nearest, ties to even."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DTYPES, DTypeName
from stepzero_rnn.engine.words.rounding import load, store

SIXTEEN: list[DTypeName] = ["float16", "bfloat16"]
EDGES = [0.0, -0.0, 1.0, 65504.0, 65519.99, 65520.0, 2**-24, 2**-25, 2**-26, 1e-45, 3.4e38, 1e39]


def rounded(values: NDArray[Any], dtype: DTypeName) -> NDArray[np.uint16]:
    """Round to 16 bits; give the bits."""
    out = np.empty(values.shape, DTYPES[dtype].numpy)
    store(values, out, DTYPES[dtype])
    return out.view(np.uint16)


def torchs(values: NDArray[np.float32], dtype: DTypeName) -> NDArray[np.uint16]:
    """Let torch round; give the bits."""
    bits = torch.from_numpy(values).to(getattr(torch, dtype)).view(torch.int16)
    return bits.numpy().view(np.uint16)


def all_exponents() -> NDArray[np.float32]:
    """Return every pattern of sign, exponent and 7 bits of mantissa, each with six tails: ties,
    near ties, far.
    """
    upper = np.arange(2**16, dtype=np.uint32) << 16
    tails = np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x1000, 0x3000], np.uint32)
    return (upper[:, None] | tails).reshape(-1).view(np.float32)


def random_bits(count: int) -> NDArray[np.uint64]:
    """Return random bits."""
    return np.random.default_rng(0).integers(0, 2**64, count, dtype=np.uint64)


def exactly(value: float, dtype: DTypeName) -> int:
    """Round one finite float64 in exact arithmetic; give the bits, the sign apart."""
    mantissa, bias = (10, 15) if dtype == "float16" else (7, 127)
    magnitude = abs(Fraction(value))
    if not magnitude:
        return 0
    exponent = max(np.frexp(value)[1] - 1, 1 - bias)
    steps = magnitude / Fraction(2) ** int(exponent - mantissa)
    whole = round(steps)  # a Fraction rounds its ties to even
    # The bits of ascending numbers ascend by one, through all exponents, to infinity.
    bits = whole + (int(exponent) + bias - 1 << mantissa)
    return min(bits, (2 * bias + 1) << mantissa)


@pytest.mark.parametrize("dtype", SIXTEEN)
class TestFromFloat32:
    def test_rounds_every_exponent_as_torch_does(self, dtype: DTypeName) -> None:
        values = all_exponents()
        values = values[~np.isnan(values)]

        assert np.array_equal(rounded(values, dtype), torchs(values, dtype))

    def test_rounds_any_bits_as_torch_does(self, dtype: DTypeName) -> None:
        values = random_bits(200_000).view(np.float32)
        values = values[~np.isnan(values)]

        assert np.array_equal(rounded(values, dtype), torchs(values, dtype))

    def test_keeps_nan_a_nan(self, dtype: DTypeName) -> None:
        values = all_exponents()
        values = values[np.isnan(values)]
        kept = load(rounded(values, dtype).view(DTYPES[dtype].numpy), DTYPES[dtype])

        assert len(values) > 0
        assert np.isnan(kept).all()

    @pytest.mark.parametrize("value", [np.inf, -np.inf, 0.0, -0.0])
    def test_keeps_infinities_and_zeros_with_their_sign(
        self, dtype: DTypeName, value: float
    ) -> None:
        values = np.array([value], np.float32)
        kept = load(rounded(values, dtype).view(DTYPES[dtype].numpy), DTYPES[dtype])

        assert (kept[0], np.signbit(kept[0])) == (value, np.signbit(value))


@pytest.mark.parametrize("dtype", SIXTEEN)
class TestFromFloat64:
    def check(self, values: NDArray[np.float64], dtype: DTypeName) -> None:
        got = rounded(values, dtype)
        expected = [exactly(float(v), dtype) | int(np.signbit(v)) << 15 for v in values]

        assert got.tolist() == expected

    def test_rounds_once_near_every_tie(self, dtype: DTypeName) -> None:
        mantissa = 10 if dtype == "float16" else 7
        steps = np.arange(1, 64) + 2**mantissa
        ties = (steps + 0.5) * 2.0**-mantissa
        # A tie, and what lies beside it by less than float32 can tell: rounded twice, these would
        # go astray.
        near = [
            ties,
            np.nextafter(ties, 0),
            np.nextafter(ties, 9),
            ties + 2.0**-40,
            ties - 2.0**-40,
        ]

        self.check(np.concatenate([*near, *(-v for v in near)]), dtype)

    def test_rounds_once_among_subnormals(self, dtype: DTypeName) -> None:
        least = 2.0**-24 if dtype == "float16" else 2.0**-133
        ties = (np.arange(40) + 0.5) * least

        self.check(
            np.concatenate([ties, np.nextafter(ties, 0), np.nextafter(ties, 1), -ties]), dtype
        )

    def test_rounds_numbers_of_every_size(self, dtype: DTypeName) -> None:
        bits = random_bits(3000)
        exponents = np.random.default_rng(1).integers(-160, 140, len(bits))
        values = np.ldexp(1 + (bits >> np.uint64(12)).astype(np.float64) / 2.0**52, exponents)

        self.check(values * np.where(bits & np.uint64(1), 1, -1), dtype)

    def test_rounds_the_edges(self, dtype: DTypeName) -> None:
        self.check(np.array([*EDGES, 1e300, -1e300, 5e-324]), dtype)

    def test_keeps_what_is_not_finite(self, dtype: DTypeName) -> None:
        values = np.array([np.inf, -np.inf, np.nan])
        kept = load(rounded(values, dtype).view(DTYPES[dtype].numpy), DTYPES[dtype])

        assert kept[:2].tolist() == [np.inf, -np.inf]
        assert np.isnan(kept[2])

    def test_rounds_float16_as_numpy_does(self, dtype: DTypeName) -> None:
        values = np.random.default_rng(2).normal(size=10_000) * 1e-3
        with np.errstate(over="ignore"):
            assert np.array_equal(
                rounded(values, "float16"), values.astype(np.float16).view(np.uint16)
            )


@pytest.mark.parametrize("source", [np.float32, np.float64])
def test_wider_types_hold_what_was_drawn(source: Any) -> None:
    values = np.random.default_rng(3).normal(size=1000).astype(source)
    out = np.empty(1000, np.float64)
    store(values, out, DTYPES["float64"])

    assert np.array_equal(out, values)


def test_float32_is_rounded_from_float64_as_the_processor_does() -> None:
    values = np.random.default_rng(4).normal(size=1000)
    out = np.empty(1000, np.float32)
    store(values, out, DTYPES["float32"])

    assert np.array_equal(out, values.astype(np.float32))


@pytest.mark.parametrize("dtype", SIXTEEN)
@pytest.mark.parametrize("source", [np.float32, np.float64])
def test_a_strided_part_of_a_matrix_is_rounded_in_place(dtype: DTypeName, source: Any) -> None:
    values = np.arange(12, dtype=source).reshape(3, 4)
    out = np.zeros((6, 4), DTYPES[dtype].numpy)
    store(values, out[::2], DTYPES[dtype])

    assert np.array_equal(load(out[::2], DTYPES[dtype]), values)
    assert not out[1::2].any()


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_loading_and_storing_again_changes_no_bit(dtype: DTypeName) -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    values = load(bits.view(DTYPES[dtype].numpy), DTYPES[dtype])
    numbers = ~np.isnan(values)

    assert np.array_equal(rounded(values[numbers], dtype), bits[numbers])
