"""Parses external text into a request model, or raises one error that lists every wrong field."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stepzero_rnn.errors import MAX_ERRORS, FieldError, InvalidSpec, MalformedJson
from stepzero_rnn.spec.hints import explain_unknown
from stepzero_rnn.spec.model_keys import keys_at

Model = TypeVar("Model", bound=BaseModel)

_LIMITS = ("expected", "expected_tags", "gt", "ge", "lt", "le", "pattern", "allowed", "max_length")
_WORDS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}"}
_TAGS = {"$name", "$scheme", "$parts"}
_TAGGED = {"init", "weight_ih", "weight_hh", "weight_hr", "bias"}
_MESSAGES = {  # pydantic's own messages name Python classes
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "tuple_type": "Input should be an array",
}
_UNKNOWN = {"literal_error", "union_tag_invalid", "extra_forbidden"}
LONG_INTEGER = 10**30
_GIVEN_CHARS = 200


def parse(model: type[Model], value: Any) -> Model:
    """Validate a decoded JSON value.

    Raises:
        InvalidSpec: one or more fields are invalid; each is listed with a JSON pointer.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal_of(error.errors(include_url=False), model) from error


def parse_strings(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Validate values that arrived as text, such as query parameters.

    Raises:
        InvalidSpec: as `parse`.
    """
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        raise refusal_of(error.errors(include_url=False), model) from error


def parse_json(model: type[Model], text: str | bytes) -> Model:
    """Validate a JSON text.

    Raises:
        MalformedJson: the text is not one JSON document.
        InvalidSpec: as `parse`.
    """
    return parse(model, load_json(text))


def load_json(text: str | bytes, source: str = "The body") -> Any:
    """Decode JSON strictly: repeated keys, NaN and Infinity are errors.

    Args:
        source: the name of the text in error messages.

    Raises:
        MalformedJson: the text is not one JSON document.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()  # UTF-8 only
        text = text.removeprefix("\ufeff")  # the byte order mark that Windows programs write
        return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except RecursionError as error:
        raise MalformedJson(f"{source} is nested too deeply.") from error
    except ValueError as error:  # also invalid UTF-8 and excessively long integers
        raise MalformedJson(f"{source} is not JSON: {error}.") from error


def refusal_of(errors: Sequence[Any], model: type[BaseModel] | None = None) -> InvalidSpec:
    """Convert pydantic's errors into one InvalidSpec.

    Args:
        model: the model that was validated; it provides the valid keys for an unknown one.
    """
    return InvalidSpec(field_errors(errors, model), max(0, len(errors) - MAX_ERRORS))


def field_errors(errors: Sequence[Any], model: type[BaseModel] | None = None) -> list[FieldError]:
    """Convert the first of pydantic's errors into ours: with JSON pointer, value, alternatives."""
    return [_field_error(error, model) for error in errors[:MAX_ERRORS]]


def _field_error(error: Mapping[str, Any], model: type[BaseModel] | None) -> FieldError:
    facts, code, location = error.get("ctx", {}), error["type"], error["loc"]
    allowed = _allowed(facts)
    if model and code in ("extra_forbidden", "union_tag_not_found"):
        allowed = keys_at(model, location[:-1] if code == "extra_forbidden" else location)
    return FieldError(
        pointer=_pointer(location, code) + facts.get("field", ""),
        code=code,
        detail=_detail(error, facts, allowed),
        given=_shown(error["input"] if facts.get("given") is None else facts["given"]),
        allowed=allowed,
    )


def _detail(error: Mapping[str, Any], facts: Mapping[str, Any], allowed: Any) -> str:
    """Return the message; for an unknown name, the most likely correction comes first."""
    code = error["type"]
    if code in _UNKNOWN:
        name = error["loc"][-1] if code == "extra_forbidden" else facts.get("tag", error["input"])
        return explain_unknown(str(_shown(name)), allowed or ())
    if code == "union_tag_not_found":
        tag = facts["discriminator"].strip("'")
        return f"the field {tag} is missing"
    if code == "too_long" and facts.get("actual_length"):
        return f"too many items: {facts['actual_length']}"
    return str(_MESSAGES.get(code, error["msg"]))


def _pointer(location: Sequence[Any], code: str) -> str:
    """Return a JSON pointer (RFC 6901), without the union tags in pydantic's locations."""
    kept: list[str] = []
    before, after_scheme = "", False
    for step in map(str, location):
        is_tag = (step in _TAGS and before in _TAGGED) or (before.isdigit() and _in_list(kept))
        if not is_tag and not after_scheme:
            kept.append(step)
        before, after_scheme = step, is_tag and step == "$scheme"
    if code.startswith("union_tag"):
        kept.append("parameter" if _in_list(kept) else "scheme")
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in kept)


def _in_list(pointer: Sequence[str]) -> bool:
    """Whether a pointer ends at one of the overrides."""
    return pointer[-2:-1] == ["overrides"]


def _allowed(facts: Mapping[str, Any]) -> Any:
    limits = {key: facts[key] for key in _LIMITS if facts.get(key) is not None}
    if len(limits) == 1:
        key, value = next(iter(limits.items()))
        if key in ("expected", "expected_tags"):
            return re.findall("'([^']*)'", value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return _WORDS[key].format(value) if key in _WORDS else value
    return limits or None


def _shown(value: Any) -> Any:
    """Return a value for an error message: truncated, and representable in JSON."""
    if isinstance(value, int) and abs(value) >= LONG_INTEGER:
        return f"{str(value)[:30]}…"
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    text = value if isinstance(value, str) else _as_json(value)
    return text if len(text) <= _GIVEN_CHARS else text[:_GIVEN_CHARS] + "…"


def _as_json(value: Any) -> str:
    """Return the beginning of a value's JSON, a little more than is shown."""
    text = ""
    try:
        for piece in json.JSONEncoder().iterencode(value):
            text += piece
            if len(text) > _GIVEN_CHARS:
                break
    except (TypeError, ValueError):
        return repr(value)
    return text


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    decoded = dict(pairs)
    if len(decoded) != len(pairs):
        counted = Counter(name for name, _ in pairs)
        repeated = next(name for name in decoded if counted[name] > 1)
        raise ValueError(f"the key {repeated[:_GIVEN_CHARS]!r} appears twice in one object")
    return decoded


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
