"""Names the unions in the OpenAPI document, and marks their tags as required.

Pydantic inlines unions, and treats their tag `scheme` as optional because it has a default.  Code
generators then invent numbered class names, and omit `scheme` from requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import TypeAdapter

from stepzero_rnn.comparison.requests import TableFormat
from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.spec.checkpoint import FormatName
from stepzero_rnn.spec.init import AnyWholeScheme, Init
from stepzero_rnn.spec.networks import RnnType
from stepzero_rnn.spec.overrides import AnyOverride
from stepzero_rnn.spec.schemes.presets import PresetName
from stepzero_rnn.spec.schemes.scripts import ScriptName
from stepzero_rnn.spec.schemes.unions import (
    AnyBiasScheme,
    AnyWeightScheme,
    BiasInit,
    BiasName,
    WeightInit,
    WeightName,
)

PLACE = "#/components/schemas/{model}"
# Unions and enumerations; those used by others come first.
NAMED: Mapping[str, Any] = {
    "RnnType": RnnType,
    "DtypeName": DTypeName,
    "FormatName": FormatName,
    "TableFormat": TableFormat,
    "Activation": Literal["tanh", "relu"],
    "GainOf": Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"],
    "Fan": Literal["fan_in", "fan_out"],
    "LayerWord": Literal["first", "last"],
    "Direction": Literal["forward", "reverse"],
    "Gate": Literal["input", "forget", "cell", "output", "reset", "update", "new"],
    "PresetName": PresetName,
    "WeightName": WeightName,
    "BiasName": BiasName,
    "InitName": Literal[WeightName, ScriptName, PresetName],
    "WeightScheme": AnyWeightScheme,
    "BiasScheme": AnyBiasScheme,
    "WholeScheme": AnyWholeScheme,
    "WeightInit": WeightInit,
    "BiasInit": BiasInit,
    "Override": AnyOverride,
    "Init": Init,
}

Schema = dict[str, Any]


def with_names(document: Schema) -> Schema:
    """Replace each union in an OpenAPI document by a reference, and make `scheme` required."""
    named: dict[str, Schema] = {}
    for name, kind in NAMED.items():
        schema = TypeAdapter(kind).json_schema(ref_template=PLACE)
        schema.pop("$defs", None)
        named[name] = _tidied(schema, named)
    tidy: Schema = _tidied(document, named)
    tidy["components"]["schemas"] |= named
    return tidy


def _tidied(node: Any, named: Mapping[str, Schema]) -> Any:
    if isinstance(node, list):
        return [_tidied(each, named) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: _tidied(value, named) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        _tidy_properties(node)
    for name, schema in named.items():
        if schema.items() <= node.items():
            rest = {key: value for key, value in node.items() if key not in schema}
            return {"$ref": PLACE.format(model=name)} | rest
    return node


def _tidy_properties(schema: Schema) -> None:
    """Remove the titles that pydantic derives from field names, and the defaults of union tags."""
    for name, field in schema["properties"].items():
        field.pop("title", None)
        if name == "scheme" and "const" in field:
            field.pop("default", None)
            schema["required"] = ["scheme", *schema.get("required", [])]
