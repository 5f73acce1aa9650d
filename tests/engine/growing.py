"""Networks from arrays, element by element: what a recipe with uploaded arrays must give, without
the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.thread_pool import ThreadPool
from tests.engine.drawing import planned, stored

Values = Mapping[str, NDArray[Any]]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
SHA256 = "0123456789abcdef" * 4


@dataclass(frozen=True)
class InMemory:
    """Arrays that are read from memory."""

    arrays: Values

    def read(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return elements first … last."""
        part = self.arrays[name].reshape(-1)[first:last]
        assert len(part) == last - first, "it was read beyond its end"
        return part


def with_arrays(request: Mapping[str, Any], **arrays: Any) -> dict[str, Any]:
    """Add arrays to a request in parts."""
    return {**request, "init": {**request.get("init", {}), "arrays": {"sha256": SHA256, **arrays}}}


def laid(given: Mapping[str, Any], arrays: Values, *, threads: int = 2) -> dict[str, Stored]:
    """Draw every tensor of a network with arrays, flat."""
    made = planned(given)
    with ThreadPool(threads) as workers:
        sampler = Sampler(made.spec.seed, workers, given=InMemory(arrays))
        return {tensor.name: sampler.tensor(tensor) for tensor in made.tensors}


def values(network: Mapping[str, Any], *, dtype: str = "float32") -> Values:
    """Make the arrays of a network: normal numbers, in their shapes."""
    made = planned({**network, "init": "pytorch", "dtype": dtype})
    numbers = np.random.default_rng(5)
    return {t.name: numbers.normal(size=t.shape).astype(dtype) for t in made.tensors}


def expected(old: Mapping[str, Any], new: Mapping[str, Any], arrays: Values) -> dict[str, Stored]:
    """Draw the new network without arrays, and put every element of the old one where it
    belongs.
    """
    plain = {name: part for name, part in new["init"].items() if name != "arrays"}
    drawn = stored({**new, "init": plain})
    shapes = {tensor.name: tensor.shape for tensor in planned({**new, "init": plain}).tensors}
    for name, array in arrays.items():
        tensor = drawn[name].reshape(shapes[name])
        for there, here in _moves(name, array, old, new):
            tensor[here] = array[there]
    return drawn


def _moves(
    name: str, array: NDArray[Any], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the place of every element, in the old tensor and in the new one."""
    gates = 1 if name.startswith("weight_hr") else GATES[old["rnn_type"]]
    rows = len(array) // gates
    new_rows = new.get("proj_size", 0) if name.startswith("weight_hr") else new["hidden_size"]
    was, now = (net.get("proj_size") or net["hidden_size"] for net in (old, new))
    is_deep = name.startswith("weight_ih") and not name.startswith("weight_ih_l0")
    for row in range(len(array)):
        here = row // rows * new_rows + row % rows
        if array.ndim == 1:
            yield (row,), (here,)
            continue
        for col in range(array.shape[1]):
            yield (row, col), (here, col // was * now + col % was if is_deep else col)


@st.composite
def growths(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a small network, and one that is as large or larger with its arrays."""
    old: dict[str, Any] = {
        "rnn_type": draw(st.sampled_from(["rnn", "gru", "lstm"])),
        "input_size": draw(st.integers(1, 4)),
        "hidden_size": draw(st.integers(2, 4)),
        "num_layers": draw(st.integers(1, 3)),
        "bidirectional": draw(st.booleans()),
        "bias": draw(st.booleans()),
    }
    sizes = ["input_size", "hidden_size", "num_layers"]
    if old["rnn_type"] == "lstm" and draw(st.booleans()):
        old["proj_size"] = draw(st.integers(1, old["hidden_size"] - 1))
        sizes.append("proj_size")
    new = old | {name: old[name] + draw(st.integers(0, 3)) for name in sizes}
    if "proj_size" in new:
        new["hidden_size"] = max(new["hidden_size"], new["proj_size"] + 1)
    scheme = st.sampled_from(
        ["orthogonal", "pytorch", {"scheme": "normal", "scope": "fused"}, "identity"]
    )
    init = {"weight_ih": draw(scheme), "weight_hh": draw(scheme)}
    request = {**new, "init": init, "dtype": draw(st.sampled_from(["float32", "float64"]))}
    return old, with_arrays(request, sizes={name: old[name] for name in sizes})
