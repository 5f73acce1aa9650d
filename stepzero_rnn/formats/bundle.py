"""The bundle: a zip of the checkpoint, its recipe, a script that loads it, and its statistics."""

from __future__ import annotations

import json

from stepzero_rnn.formats import safetensors
from stepzero_rnn.formats.loader import loader_script
from stepzero_rnn.formats.segments import Deferred, DeferredValues, Literal, Segment
from stepzero_rnn.formats.stored_zip import ZipEntry, stored_zip
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.summary import room_bytes

CHECKPOINT = "checkpoint.safetensors"


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan.  The summary comes last, as it depends on all weights."""
    return stored_zip(
        (
            ZipEntry(CHECKPOINT, safetensors.segments(plan)),
            _text("spec.json", json.dumps(canonical(plan.spec), indent=2, sort_keys=True) + "\n"),
            _text("load.py", loader_script(plan.spec, CHECKPOINT)),
            ZipEntry("summary.json", (Deferred(room_bytes(plan), _summary),)),
        )
    )


def _text(name: str, text: str) -> ZipEntry:
    return ZipEntry(name, (Literal(text.encode("ascii")),))


def _summary(facts: DeferredValues) -> bytes:
    return facts.summary()
