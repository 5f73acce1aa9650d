"""What may stand at a place of a model: the keys of an object there, or the tags of a union."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_Schema = Mapping[str, Any]


def keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str] | None:
    """Return what may stand at a location, as pydantic's errors have it; None where that is no
    object's or union's.

    Args:
        location: of the object or the union itself, tags of unions included.
    """
    schema: _Schema = model.__pydantic_core_schema__
    known = {found["ref"]: found for found in schema.get("definitions", ())}
    for step in location:
        below = _below(_bare(schema, known), step)
        if below is None:
            return None
        schema = below
    schema = _bare(schema, known)
    field = "choices" if schema["type"] == "tagged-union" else "fields"
    return [str(name) for name in schema[field]] if field in schema else None


def _bare(schema: _Schema, known: Mapping[str, _Schema]) -> _Schema:
    """Take off what is around a schema: validators, defaults, the model of its fields."""
    while True:
        if schema["type"] == "definition-ref":
            schema = known[schema["schema_ref"]]
        elif "schema" in schema:
            schema = schema["schema"]
        else:
            return schema


def _below(schema: _Schema, step: int | str) -> _Schema | None:
    match schema["type"]:
        case "model-fields":
            found = schema["fields"].get(step)
        case "tagged-union":
            found = schema["choices"].get(step)
        case "tuple":
            found = schema["items_schema"][0]
        case _:
            found = None
    return found if isinstance(found, dict) else None
