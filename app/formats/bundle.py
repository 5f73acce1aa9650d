"""The bundle: a zip of the checkpoint, its recipe, a script that loads it, and its statistics."""

from __future__ import annotations

import json

from app.formats import safetensors
from app.formats.loader import loader_script
from app.formats.segments import Facts, Late, Literal, Segment
from app.formats.stored_zip import Entry, stored_zip
from app.plan import Plan
from app.spec.canonical import canonical
from app.summary import room_bytes

CHECKPOINT = "checkpoint.safetensors"


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan.  The summary stands last: it is known when every weight has been seen."""
    return stored_zip(
        (
            Entry(CHECKPOINT, safetensors.segments(plan)),
            _text("spec.json", json.dumps(canonical(plan.spec), indent=2, sort_keys=True) + "\n"),
            _text("load.py", loader_script(plan.spec, CHECKPOINT)),
            Entry("summary.json", (Late(room_bytes(plan), _summary),)),
        )
    )


def _text(name: str, text: str) -> Entry:
    return Entry(name, (Literal(text.encode("ascii")),))


def _summary(facts: Facts) -> bytes:
    return facts.summary()
