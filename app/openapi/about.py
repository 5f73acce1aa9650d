"""The OpenAPI description of what the service says about itself."""

from __future__ import annotations

from app.openapi.operations import Operation, header

LIST_INITIALIZERS: Operation = {
    "summary": "List all initializations: schemes, presets and scripts",
    "responses": {
        200: {
            "description": "The catalogue.",
            "headers": {"Vary": header("`Accept`.")},
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    },
}
