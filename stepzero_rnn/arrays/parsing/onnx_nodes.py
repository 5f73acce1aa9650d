"""Which variants of ONNX's LSTM, GRU and RNN operators PyTorch can compute."""

from __future__ import annotations

from typing import Any

from stepzero_rnn.arrays.parsing.parsed import Fault

_ACTIVATIONS = {
    "LSTM": (("sigmoid", "tanh", "tanh"),),
    "GRU": (("sigmoid", "tanh"),),
    "RNN": (("tanh",), ("relu",)),
}
_PEEPHOLES = 7  # the input P


def fault_of(node: Any) -> Fault | None:
    """Return why PyTorch cannot compute a node; None if it can."""
    given = {attribute.name: attribute for attribute in node.attribute}
    why = _direction(given) or _settings(node, given) or _activations(node, given)
    return Fault("unlike_pytorch", why) if why else None


def _direction(given: dict[str, Any]) -> str:
    direction = given["direction"].s.decode(errors="replace") if "direction" in given else "forward"
    if direction in ("forward", "bidirectional"):
        return ""
    return (
        f"its node has direction={direction[:40]!r}; PyTorch's networks are forward or "
        "bidirectional"
    )


def _settings(node: Any, given: dict[str, Any]) -> str:
    if node.op_type == "GRU" and not (
        "linear_before_reset" in given and given["linear_before_reset"].i
    ):
        return (
            "its node has linear_before_reset=0, the operator's default, which applies the reset "
            "gate before the matrix; PyTorch applies it after"
        )
    if "clip" in given and given["clip"].f:
        return "its node has clip, which PyTorch lacks"
    if "input_forget" in given and given["input_forget"].i:
        return "its node has input_forget=1, which couples two gates; PyTorch's LSTM has both"
    if len(node.input) > _PEEPHOLES and node.input[_PEEPHOLES]:
        return "its node has peepholes (input P), which PyTorch's LSTM lacks"
    return ""


def _activations(node: Any, given: dict[str, Any]) -> str:
    if "activations" not in given:
        return ""
    names = tuple(name.decode(errors="replace").lower() for name in given["activations"].strings)
    usual = _ACTIVATIONS[node.op_type]
    if any(names == one * directions for one in usual for directions in (1, 2)):
        return ""
    listed = ", ".join(names[:8])[:80]
    wanted = " or ".join(", ".join(one) for one in usual)
    return f"its node has activations {listed}; PyTorch's {node.op_type} has {wanted}"
