"""Disables oneDNN while any caller needs that; the flag is per process, so callers are counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class _Switch:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = True

    @contextmanager
    def off(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._before = _set(enabled=False)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    _set(enabled=self._before)


def _set(*, enabled: bool) -> bool:
    """Set the flag, and return its previous value; None leaves what `flags()` would overwrite."""
    before = torch.backends.mkldnn.set_flags(enabled, _fp32_precision=None)  # type: ignore[no-untyped-call]
    return bool(before[0])


without_onednn = _Switch().off
