"""Hints for unknown names: why there is no such scheme, what it is called here, or what was
probably meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes.presets import PRESETS
from stepzero_rnn.spec.schemes.scripts import SCRIPTS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES


class Undefined(NamedTuple):
    """Why a scheme from the literature is not available, and the closest alternative."""

    reason: str
    instead: str


_COMPLEX = Undefined(
    "its matrices are complex, but those of nn.RNN, nn.GRU and nn.LSTM are real",
    "orthogonal, henaff_rotation or cayley_rotation for weight_hh",
)
_REFINED = Undefined(
    "it changes the network, not just its initialization: nn.GRU and nn.LSTM have no refined gate",
    "the bias ugi, which is its initialization",
)
_STATE_SPACE = Undefined(
    "it is made for state-space layers with a complex diagonal, which nn.RNN, nn.GRU and nn.LSTM "
    "do not have",
    "henaff_rotation for weight_hh, or chrono for the biases",
)
_CONVOLUTION = Undefined("it is defined for convolution kernels", "orthogonal or identity")

UNDEFINED: Mapping[str, Undefined] = {
    "unitary": _COMPLEX,
    "urnn": _COMPLEX,
    "refine_gate": _REFINED,
    "ur_lstm": _REFINED,
    "mimetic": Undefined(
        "it is defined for attention and state-space layers, not for recurrent networks",
        "orthogonal or scaled_identity for weight_hh",
    ),
    "gilboa": Undefined(
        "its table of per-gate standard deviations has no public implementation to verify against",
        "critical for weight_hh, with the bias forget or chrono",
    ),
    "hippo": _STATE_SPACE,
    "lru": _STATE_SPACE,
    "dirac": _CONVOLUTION,
    "delta_orthogonal": _CONVOLUTION,
    "gradient_flossing": Undefined(
        "it is an optimization before training, not an initialization",
        "critical or orthogonal for weight_hh",
    ),
}

# Names that other libraries use for schemes of this one.
ALIASES: Mapping[str, str] = {
    "eye": "identity",
    "glorot_normal": "xavier_normal",
    "glorot_uniform": "xavier_uniform",
    "he": "kaiming_normal",
    "he_normal": "kaiming_normal",
    "he_uniform": "kaiming_uniform",
    "random_normal": "normal",
    "random_uniform": "uniform",
    "truncated_normal": "trunc_normal",
    "xavier": "xavier_uniform",
}


_SCHEMES: Mapping[str, Mapping[str, type[InitScheme]]] = {
    "weights": WEIGHT_SCHEMES,
    "biases": BIAS_SCHEMES,
}
_SCHEME_PLACE = {"pytorch", "uniform"}  # names that weights and biases have, and nothing else


def explain_unknown(name: str, allowed: Sequence[str]) -> str:
    """Return a message for a name that is not allowed, with the most helpful hint first."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_").rstrip("_")
    if "pytorch" in allowed and plain in UNDEFINED:
        reason, instead = UNDEFINED[plain]
        return f"{plain} is undefined here: {reason}; use {instead}"
    if _SCHEME_PLACE.issubset(allowed) and (elsewhere := _belongs(plain, allowed)):
        return elsewhere
    near = [plain] if plain in allowed else get_close_matches(plain, allowed, n=1)
    meant = [ALIASES[plain]] if ALIASES.get(plain) in allowed else near
    unknown = f"{name!r} is unknown"
    return f"did you mean {meant[0]!r}? {unknown}" if meant else unknown


def _belongs(name: str, allowed: Sequence[str]) -> str | None:
    """Return where a known name belongs that is not valid as a scheme here."""
    this, other = ("weights", "biases") if "orthogonal" in allowed else ("biases", "weights")
    part = "bias" if other == "biases" else "weight_hh"
    if name in allowed:
        return None
    if name in _SCHEMES[this]:
        return f"{name} has required fields, as in {_written(name, this)}"
    if name in _SCHEMES[other]:
        return f'{name} is for {other}, as in "init": {{"{part}": {_written(name, other)}}}'
    if name in PRESETS:
        return f'{name} is a preset for whole networks, as in "init": {{"preset": "{name}"}}'
    scripted = f'{name} is a script, which fills a whole network, as in "init": "{name}"'
    return scripted if name in SCRIPTS else None


def _written(name: str, kind: str) -> str:
    """Return a scheme as JSON: its name, or an object if it has required fields."""
    fields = _SCHEMES[kind][name].model_fields
    needed = [field for field in fields if fields[field].is_required()]
    more = "".join(f', "{field}": …' for field in needed)
    return f'{{"scheme": "{name}"{more}}}' if needed else f'"{name}"'
