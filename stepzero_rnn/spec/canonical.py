"""The canonical form of a recipe: one JSON text per requested set of weights.

Fields at their default are left out, so a field that a later release adds (with a default that
changes nothing) alters no canonical text, and therefore no token, tag or file.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.arrays import Arrays, canonical_arrays
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.overrides import WEIGHTS
from stepzero_rnn.spec.parse import parse

STREAM_VERSION = 1
REMEMBERED = 256  # recipes whose canonical texts and digests are cached
_DEFAULTS = {name: field.default for name, field in Spec.model_fields.items() if name != "init"}


def canonical(spec: Spec) -> dict[str, Any]:
    """Return the smallest object that describes the recipe."""
    fields = vars(spec)
    plain = {name: fields[name] for name, default in _DEFAULTS.items() if fields[name] != default}
    if plain.get("nonlinearity") == "tanh":
        del plain["nonlinearity"]
    if spec.script is not None:
        return plain | {"init": _scheme(spec.script)}
    parts = {name: _scheme(getattr(spec.parts, name)) for name in (*WEIGHTS, "bias")}
    init: dict[str, Any] = {name: scheme for name, scheme in parts.items() if scheme != "pytorch"}
    if spec.overrides:
        init["overrides"] = [
            override.selection(spec.num_layers, spec.bidirectional) | {"init": _scheme(scheme)}
            for override, scheme in zip(spec.overrides, spec.parts.overrides, strict=True)
        ]
    if spec.arrays:
        init["arrays"] = canonical_arrays(spec.arrays, spec.network)
    return plain | ({"init": init} if init else {})


def with_arrays(spec: Spec, arrays: Arrays) -> Spec:
    """Return the recipe with uploaded arrays.

    Raises:
        InvalidSpec: the arrays do not fit the network, or a script draws it.
    """
    if spec.script:
        detail = "a script draws every parameter itself; combine arrays with schemes or a preset"
        raise InvalidSpec([FieldError("/init", "script_with_arrays", detail)])
    plain = canonical(spec)
    named = arrays.model_dump(exclude_defaults=True)
    return parse(Spec, plain | {"init": plain.get("init", {}) | {"arrays": named}})


@lru_cache(REMEMBERED)
def canonical_json(spec: Spec) -> str:
    """Return the canonical text: sorted keys, no spaces, ASCII."""
    return json.dumps(canonical(spec), sort_keys=True, separators=(",", ":"))


@lru_cache(REMEMBERED)
def recipe_digest(spec: Spec) -> bytes:
    """Return the 32 bytes that identify a recipe: a sha256 over stream version and text."""
    return hashlib.sha256(f"{STREAM_VERSION}\n{canonical_json(spec)}".encode()).digest()


def as_object(scheme: BaseModel) -> dict[str, Any]:
    """Return a scheme's name and the fields that differ from their defaults.

    So a field that is added later changes no canonical text.
    """
    name = type(scheme).model_fields["scheme"].default
    return {"scheme": name} | scheme.model_dump(exclude_defaults=True)


def _scheme(scheme: BaseModel) -> str | dict[str, Any]:
    fields = as_object(scheme)
    return fields if len(fields) > 1 else str(fields["scheme"])
