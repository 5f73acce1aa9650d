"""What a recipe describes, as the document that a server's plan is; nothing is drawn."""

from __future__ import annotations

from typing import Any

from app.errors import DtypeNotInFormat
from app.formats import FORMATS
from app.service.limits import Limits
from app.service.order import Order, order
from app.spec.canonical import canonical
from app.spec.checkpoint import FormatName, Serving, Spec


def describe(spec: Spec) -> dict[str, Any]:
    """Give a recipe's tensors, and its file in every format that can hold it."""
    orders = {name: ordered for name in FORMATS if (ordered := _possible(spec, name))}
    first = next(iter(orders.values()))
    return {
        "recipe": first.recipe,
        "digest": first.digest.hex(),
        "spec": canonical(spec),
        "parameters": first.plan.parameters,
        "size_bytes": first.plan.size_bytes,
        "tensors": [
            {"name": t.name, "shape": t.shape, "dtype": t.dtype.name, "size_bytes": t.size_bytes}
            for t in first.plan.tensors
        ],
        "files": {name: _file(ordered) for name, ordered in orders.items()},
    }


def _possible(spec: Spec, name: FormatName) -> Order | None:
    try:
        return order(spec, name, Serving(), Limits.none())
    except DtypeNotInFormat:
        return None


def _file(ordered: Order) -> dict[str, Any]:
    return {
        "url": f"/v1/checkpoints/{ordered.recipe}/{ordered.file_name()}",
        "media_type": ordered.format.media_type,
        "size_bytes": ordered.size_bytes,
        "etag": ordered.etag,
    }
