"""The origin that a file records: its recipe and the stream version.

Statistics are not included: the start of a file would have to wait for the last weight.
"""

from __future__ import annotations

import json
from typing import Any

from stepzero_rnn.errors import InvalidSpec, MalformedJson
from stepzero_rnn.spec.canonical import STREAM_VERSION, canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import load_json, parse_json

KEY = "stepzero"


def origin_json(spec: Spec) -> str:
    """Return the origin as one JSON object, in ASCII."""
    return f'{{"recipe":{canonical_json(spec)},"version":{STREAM_VERSION}}}'


def spec_of_origin(text: Any) -> Spec | None:
    """Return the recipe that an origin names; None if it is no origin of this stream version."""
    try:
        origin = load_json(text) if isinstance(text, str) else None
    except MalformedJson:
        return None
    if not isinstance(origin, dict):
        return None
    return spec_of_recipe(json.dumps(origin.get("recipe")), origin.get("version"))


def spec_of_recipe(recipe: Any, version: Any) -> Spec | None:
    """Return the recipe with a canonical text; None if it is none of this stream version."""
    if not isinstance(recipe, str) or version != STREAM_VERSION:
        return None
    try:
        return parse_json(Spec, recipe)
    except (MalformedJson, InvalidSpec):
        return None
