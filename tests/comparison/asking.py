"""Networks, starts, and requests that are refused, for the tests of comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Case = tuple[Mapping[str, Any], str, str]  # fields of a request, where they are wrong, the rule

LSTM: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 2, "hidden_size": 8}
GRU: Mapping[str, Any] = {"rnn_type": "gru", "input_size": 2, "hidden_size": 8}
RELU: Mapping[str, Any] = {
    "rnn_type": "rnn",
    "nonlinearity": "relu",
    "input_size": 2,
    "hidden_size": 8,
}
CHRONO: Mapping[str, Any] = {"bias": {"scheme": "chrono", "t_max": 30}}
STARTS: Mapping[str, Any] = {"pytorch": "pytorch", "long memory": CHRONO}
QUICK: Mapping[str, Any] = {"level": "quick", "seq_len": 12}
BUILT_IN = (
    "pytorch",
    "keras",
    "haiku",
    "orthogonal",
    "forget 1",
    "forget 3",
    "forget -2",
    "chrono L",
    "chrono 10 L",
    "ugi",
)


def listed(starts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return starts as a request lists them."""
    return [{"label": label, "init": init} for label, init in starts.items()]


TWO = listed(STARTS)
MANY = [{"label": f"start {n}", "init": "pytorch"} for n in range(33)]
NO_GRUS = [*TWO, {"label": "rotation", "init": {"weight_hh": "np_rnn"}}]

WRONG: dict[str, Case] = {
    "no seeds": ({"seeds": []}, "/seeds", "no_seeds"),
    "a seed twice": ({"seeds": [3, 3]}, "/seeds/1", "repeated_seed"),
    "a negative seed": ({"seeds": [0, -1]}, "/seeds/1", "greater_than_equal"),
    "a seed that JSON cannot represent": ({"seeds": [2**53]}, "/seeds/0", "less_than_equal"),
    "too many seeds": ({"seeds": [*range(17)]}, "/seeds", "too_long"),
    "a number of seeds": ({"seeds": 3}, "/seeds", "tuple_type"),
    "dependencies beyond the sequence": (
        {"seq_len": 20, "dependency_length": 21},
        "/dependency_length",
        "dependency_length_above_seq_len",
    ),
    "no time steps": ({"seq_len": 0}, "/seq_len", "greater_than_equal"),
    "an unknown level": ({"level": "fast"}, "/level", "literal_error"),
    "an unknown device": ({"device": "tpu"}, "/device", "unknown_device"),
}
WRONG_STARTS: dict[str, Case] = {
    "33 starts": ({"starts": MANY}, "/starts", "too_long"),
    "one start": ({"starts": TWO[:1]}, "/starts", "too_few_starts"),
    "a label twice": ({"starts": [*TWO, TWO[0]]}, "/starts/2/label", "repeated_label"),
    "an empty label": (
        {"starts": [*TWO, {"label": "", "init": "keras"}]},
        "/starts/2/label",
        "string_too_short",
    ),
    "a label like a formula": (
        {"starts": [*TWO, {"label": "=1+1", "init": "keras"}]},
        "/starts/2/label",
        "invalid_label",
    ),
    "a label with a line break": (
        {"starts": [*TWO, {"label": "a\nb", "init": "keras"}]},
        "/starts/2/label",
        "invalid_label",
    ),
    "a start for another network": (
        {"starts": NO_GRUS},
        "/starts/2/init/weight_hh",
        "undefined_scheme",
    ),
    "an unknown scheme": (
        {"starts": [{"label": "a", "init": {"weight_hh": "orthogonl"}}, *TWO]},
        "/starts/0/init/weight_hh",
        "literal_error",
    ),
}
WRONG_CANDIDATES: dict[str, Case] = {
    "nothing left": ({"exclude": [*BUILT_IN]}, "/exclude", "no_candidates"),
    "an unknown label": ({"exclude": ["pytorch", "kers"]}, "/exclude/1", "unknown_label"),
    "a label of another candidate": (
        {"include": [{"label": "keras", "init": "haiku"}]},
        "/include/0/label",
        "repeated_label",
    ),
    "the label of the own start": (
        {"init": "orthogonal", "include": [{"label": "init", "init": "haiku"}]},
        "/include/0/label",
        "repeated_label",
    ),
    "an own start for another network": (
        {"init": {"weight_hh": "np_rnn"}},
        "/init/weight_hh",
        "undefined_scheme",
    ),
    "a further start for another network": (
        {"include": NO_GRUS},
        "/include/2/init/weight_hh",
        "undefined_scheme",
    ),
    "no time": ({"max_seconds": 0}, "/max_seconds", "greater_than"),
}
