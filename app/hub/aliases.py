"""Readable names of repositories: `lstm-512x1024x4-bi-bf16-keras-s7`.

    TYPE-INPUTxHIDDEN[xLAYERS][-relu][-bi][-nobias][-pPROJ][-batchfirst][-f64|-f16|-bf16][-INIT][-sSEED]

INIT is a preset, or a scheme for all weights.  Each network has one name: what is at its default is
left out.  Unlike an id that is a recipe, a name has no stream version; a commit fixes the bytes.
"""

from __future__ import annotations

import re
from typing import Any

from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse

MAX_CHARS = 96
_SIZE = r"[1-9][0-9]{0,8}"
_ALIAS = re.compile(
    rf"(?P<rnn_type>rnn|gru|lstm)-(?P<input_size>{_SIZE})x(?P<hidden_size>{_SIZE})"
    rf"(?:x(?!1(?![0-9]))(?P<num_layers>{_SIZE}))?"
    r"(?P<relu>-relu)?(?P<bi>-bi)?(?P<nobias>-nobias)?"
    rf"(?:-p(?P<proj_size>{_SIZE}))?(?P<batchfirst>-batchfirst)?"
    r"(?:-(?P<dtype>f64|f16|bf16))?"
    r"(?:-(?!s[0-9]|pytorch(?:-|$))(?P<init>[a-z][a-z0-9_]*))?"
    r"(?:-s(?P<seed>[1-9][0-9]{0,15}))?"
)
_DTYPES = {"f64": "float64", "f16": "float16", "bf16": "bfloat16"}
_NUMBERS = ("input_size", "hidden_size", "num_layers", "proj_size", "seed")


def spec_of_alias(name: str) -> Spec | None:
    """Return the recipe of an alias; None if the name does not have that form.

    Raises:
        InvalidSpec: there is no such network, preset or scheme.
    """
    match = _ALIAS.fullmatch(name) if len(name) <= MAX_CHARS else None
    if match is None:
        return None
    fields: dict[str, Any] = {"rnn_type": match["rnn_type"]}
    fields |= {name: int(match[name]) for name in _NUMBERS if match[name]}
    if match["relu"]:
        fields["nonlinearity"] = "relu"
    fields |= {"bidirectional": True} if match["bi"] else {}
    fields |= {"bias": False} if match["nobias"] else {}
    fields |= {"batch_first": True} if match["batchfirst"] else {}
    if match["dtype"]:
        fields["dtype"] = _DTYPES[match["dtype"]]
    if match["init"]:
        fields["init"] = match["init"]
    return parse(Spec, fields)
