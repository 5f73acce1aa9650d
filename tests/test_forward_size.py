"""The size of the check: as asked, and otherwise a function of the plan alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepzero_rnn
from stepzero_rnn.dtypes import DTYPES, DType
from stepzero_rnn.pipeline.description import describe
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import ForwardSize, plan
from stepzero_rnn.plan.forward_size import forward_size
from stepzero_rnn.spec.checkpoint import CheckSize, Serving, Spec
from tests.spec.strategies import specs

# Its only layer has 43.6 MB, more than the caches hold.
WIDE = {"rnn_type": "rnn", "input_size": 10, "hidden_size": 3300}
ELEMENTS = st.integers(1, 1 << 40)
KINDS = st.sampled_from([*DTYPES.values()])


def lstm(size: int, dtype: str = "float32", **fields: Any) -> Spec:
    sizes = {"input_size": size, "hidden_size": size, "num_layers": 4}
    return Spec.model_validate({"rnn_type": "lstm", "dtype": dtype} | sizes | fields)


class TestTheDefault:
    @pytest.mark.parametrize(
        ("dtype", "size", "expected"),
        [
            ("float32", 20, (16, 4)),
            ("float32", 1024, (16, 4)),
            ("float32", 2048, (16, 1)),
            ("float32", 4096, (8, 1)),
            ("float64", 1024, (16, 1)),
            ("bfloat16", 2048, (16, 4)),
            ("bfloat16", 8192, (8, 4)),
            ("float16", 512, (16, 4)),
            ("float16", 1024, (16, 1)),
            ("float16", 2048, (8, 1)),
        ],
    )
    def test_is_smaller_where_the_weights_outgrow_the_caches(
        self, dtype: str, size: int, expected: tuple[int, int]
    ) -> None:
        assert plan(lstm(size, dtype)).forward_size(CheckSize()) == ForwardSize(*expected)

    @settings(deadline=None, max_examples=50)
    @given(specs(), st.integers(0, 2**53 - 1))
    def test_depends_on_the_sizes_alone(self, spec: Spec, seed: int) -> None:
        other = spec.model_copy(update={"seed": seed, "batch_first": not spec.batch_first})

        assert plan(spec).forward_size(CheckSize()) == plan(other).forward_size(CheckSize())

    @given(ELEMENTS, ELEMENTS, KINDS)
    def test_is_never_larger_for_a_larger_layer(self, one: int, two: int, dtype: DType) -> None:
        smaller, larger = (forward_size(n, dtype, CheckSize()) for n in sorted((one, two)))

        assert larger.seq_len <= smaller.seq_len
        assert larger.batch <= smaller.batch

    def test_does_not_grow_with_the_layers(self) -> None:
        few, many = (plan(lstm(2048, num_layers=n)).forward_size(CheckSize()) for n in (1, 16))

        assert few == many


class TestASizeThatIsAskedFor:
    @given(ELEMENTS, KINDS, st.integers(1, 1024), st.integers(1, 256))
    def test_is_kept(self, elements: int, dtype: DType, seq_len: int, batch: int) -> None:
        asked = CheckSize(seq_len=seq_len, batch=batch)

        assert forward_size(elements, dtype, asked) == ForwardSize(seq_len, batch)

    @given(ELEMENTS, KINDS, st.integers(1, 1024), st.integers(1, 256))
    def test_leaves_the_other_at_its_default(
        self, elements: int, dtype: DType, seq_len: int, batch: int
    ) -> None:
        default = forward_size(elements, dtype, CheckSize())
        steps = forward_size(elements, dtype, CheckSize(seq_len=seq_len))
        sequences = forward_size(elements, dtype, CheckSize(batch=batch))

        assert steps == ForwardSize(seq_len, default.batch)
        assert sequences == ForwardSize(default.seq_len, batch)


class TestTheSize:
    @pytest.mark.parametrize(
        ("asked", "expected"), [({}, (16, 1)), ({"batch": 3}, (16, 3)), ({"seq_len": 5}, (5, 1))]
    )
    def test_is_named_by_the_plan(self, asked: dict[str, int], expected: tuple[int, int]) -> None:
        spec, serving = Spec.model_validate(WIDE), Serving(check=CheckSize(**asked))
        described = describe(spec, serving, Limits.none())

        assert described.check == ForwardSize(*expected)
        assert described.cost.multiply_adds == plan(spec).multiply_adds(described.check)
        assert described.cost.working_bytes == plan(spec).working_bytes(described.check)

    def test_is_named_by_the_summary(self) -> None:
        found = stepzero_rnn.check(WIDE | {"batch_first": True}, device="cpu").forward

        assert (found.seq_len, found.batch) == (16, 1)
        assert found.input_shape == [1, 16, 10]

    def test_is_not_part_of_the_recipe_or_the_tag(self) -> None:
        spec = Spec.model_validate(WIDE)
        sizes = CheckSize(), CheckSize(seq_len=3, batch=2)
        one, other = (plan_job(spec, "pt", Serving(check=size), Limits.none()) for size in sizes)

        assert one.forward_size != other.forward_size
        assert (one.etag, one.recipe, one.size_bytes) == (
            other.etag,
            other.recipe,
            other.size_bytes,
        )
