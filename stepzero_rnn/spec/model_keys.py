"""The valid keys at a place of a model: those of an object, or the tags of a union."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_Schema = Mapping[str, Any]


def keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str] | None:
    """Return the valid keys at a location; None if it is neither an object's nor a union's.

    Args:
        location: of the object or the union itself, as in pydantic's errors: with union tags.
    """
    schema: _Schema = model.__pydantic_core_schema__
    definitions = {entry["ref"]: entry for entry in schema.get("definitions", ())}
    for step in location:
        below = _below(_bare(schema, definitions), step)
        if below is None:
            return None
        schema = below
    schema = _bare(schema, definitions)
    field = "choices" if schema["type"] == "tagged-union" else "fields"
    return [str(name) for name in schema[field]] if field in schema else None


def _bare(schema: _Schema, definitions: Mapping[str, _Schema]) -> _Schema:
    """Strip the wrappers around a schema: validators, defaults, the model of its fields."""
    while True:
        if schema["type"] == "definition-ref":
            schema = definitions[schema["schema_ref"]]
        elif "schema" in schema:
            schema = schema["schema"]
        else:
            return schema


def _below(schema: _Schema, step: int | str) -> _Schema | None:
    match schema["type"]:
        case "model-fields":
            below = schema["fields"].get(step)
        case "tagged-union":
            below = schema["choices"].get(step)
        case "tuple":
            below = schema["items_schema"][0]
        case _:
            below = None
    return below if isinstance(below, dict) else None
