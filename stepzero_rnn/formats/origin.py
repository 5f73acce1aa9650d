"""The origin that a file records: its recipe and the stream version.

Statistics are not included: the start of a file would have to wait for the last weight.
"""

from __future__ import annotations

from stepzero_rnn.spec.canonical import STREAM_VERSION, canonical_json
from stepzero_rnn.spec.checkpoint import Spec

KEY = "stepzero"


def origin_json(spec: Spec) -> str:
    """Return the origin as one JSON object, in ASCII."""
    return f'{{"recipe":{canonical_json(spec)},"version":{STREAM_VERSION}}}'
