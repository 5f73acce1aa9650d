"""The OpenAPI description of the bodies that are specs: JSON, or a form with array files."""

from __future__ import annotations

from typing import Any

from app.openapi.examples import UPLOADED, examples
from stepzero_rnn.spec.arrays import UploadOptions

# Swagger UI begins every row of a list with this empty value.  Otherwise it is the word "string",
# which it then sends where no file was chosen.
ARRAY_FILES = {
    "type": "array",
    "items": {"type": "string", "format": "binary", "examples": [""]},
    "description": "Array files: `.npy` (named after the array), `.npz` or `.safetensors`; if "
    "the server has the extra `readers`, also `.onnx`, `.h5` or `.keras`. A row without a file is ignored.",
}
EACH_IN_A_PART = {"style": "form", "explode": True}  # the default, but not Swagger UI's


def _form() -> dict[str, Any]:
    """Return the schema of a spec with files, for which Swagger UI shows file inputs."""
    options = UploadOptions.model_json_schema(ref_template="#/components/schemas/{model}")
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "$ref": "#/components/schemas/CheckpointRequest",
                "examples": [UPLOADED],
            },
            "arrays": ARRAY_FILES,
            **options["properties"],
        },
        "additionalProperties": {
            "type": "string",
            "format": "binary",
            "description": "An `.npy` file in a field named after the array, such as `weight_ih_l0`.",
        },
    }


UPLOAD_FORM = _form()
CHECKPOINT_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/CheckpointRequest"},
            "examples": examples(),
        },
        "multipart/form-data": {
            "schema": {"$ref": "#/components/schemas/CheckpointUpload"},
            "examples": {
                "upload": {
                    "summary": "Uploads · GRU with weights of your own; those not uploaded are drawn",
                    "value": {"spec": UPLOADED, "arrays": [""], "layout": "pytorch"},
                }
            },
            "encoding": {
                "arrays": EACH_IN_A_PART,
                "spec": {"contentType": "application/json"},
                "redraw": {"contentType": "application/json"},
            },
        },
    },
}
