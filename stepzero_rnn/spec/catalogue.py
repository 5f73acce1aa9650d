"""The catalogue of schemes and presets as data, for the API, the command line and the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes.presets import PRESETS, Preset
from stepzero_rnn.spec.schemes.scripts import SCRIPTS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Return every scheme (name, summary, formula, source, fields, example) and every preset."""
    return {
        "weights": _rows(WEIGHT_SCHEMES, "weight_hh"),
        "biases": _rows(BIAS_SCHEMES, "bias"),
        "scripts": _rows(SCRIPTS, None),
        "presets": [_preset_row(name, preset) for name, preset in PRESETS.items()],
    }


def _rows(table: Mapping[str, type[InitScheme]], part: str | None) -> list[dict[str, Any]]:
    return [_row(name, scheme, part) for name, scheme in table.items()]


def _row(name: str, scheme: type[InitScheme], part: str | None) -> dict[str, Any]:
    schema = scheme.model_json_schema()
    required = schema.get("required", [])
    fields = [
        {"name": field, "required": field in required, **keywords}
        for field, keywords in schema["properties"].items()
        if field != "scheme"
    ]
    example = {field: _EXAMPLES[part, field] for field in required}
    sizes = {"hidden_size": 2} if "values" in required else {}  # the size of the example's values
    init = {"scheme": name, **example} if example else name
    return {
        "name": name,
        "summary": _first_paragraph(scheme),
        "formula": scheme.formula,
        "source": scheme.source,
        "parameters": list(scheme.parameters),
        "rnn_types": list(scheme.rnn_types),
        "fields": fields,
        "example": {
            **_where(scheme.rnn_types, scheme.nonlinearities),
            **sizes,
            "init": {part: init} if part else init,
        },
    }


def _first_paragraph(model: type[object]) -> str:
    paragraph, _, _ = (model.__doc__ or "").partition("\n\n")
    return " ".join(paragraph.split())


def _preset_row(name: str, preset: Preset) -> dict[str, Any]:
    return {
        "name": name,
        "summary": preset.summary,
        "source": preset.source,
        "note": preset.note,
        "rnn_types": preset.rnn_types,
        "parts": {rnn_type: dict(parts) for rnn_type, parts in preset.parts.items()},
        "example": {**_where(preset.rnn_types, preset.nonlinearities), "init": name},
    }


def _where(rnn_types: Sequence[str], nonlinearities: Sequence[str]) -> dict[str, str]:
    """Return the network of an example, unless the default, an LSTM, will do."""
    if "lstm" in rnn_types:
        return {}
    relu = {"nonlinearity": "relu"} if "tanh" not in nonlinearities else {}
    return {"rnn_type": rnn_types[-1], **relu}


_EXAMPLES: Mapping[tuple[str | None, str], Any] = {
    ("weight_hh", "value"): 0.1,
    ("weight_hh", "sparsity"): 0.9,
    ("weight_hh", "values"): [[0.5, -0.5], [0.5, 0.5]],
    ("bias", "value"): 0.1,
    ("bias", "t_max"): 784,
    ("bias", "values"): [1.0, -1.0],
}
