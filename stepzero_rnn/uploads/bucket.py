"""An S3-compatible bucket behind the folder of arrays, by obstore (Apache Arrow's object_store)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from stepzero_rnn.errors import StoreUnavailable

CHUNK_BYTES = 4 << 20


class ObjectBucket:
    """Files below an address as `s3://bucket/folder`; keys and endpoint stand in the AWS variables.

    Args:
        options: obstore's own, for what those variables do not say.
    """

    def __init__(self, url: str, **options: Any) -> None:
        with _failures(url):
            self._store = from_url(url, **options)
        self._url = url

    def put(self, name: str, path: Path) -> None:
        """Keep a file, sent in parts where it is large.  Raises StoreUnavailable."""
        with _failures(self._url):
            obstore.put(self._store, name, path)

    def fetch(self, name: str, target: BinaryIO) -> bool:
        """Write a file's bytes to `target`; say whether there is one.  Raises StoreUnavailable."""
        with _failures(self._url):
            try:
                found = obstore.get(self._store, name)
            except FileNotFoundError:
                return False
            target.writelines(found.stream(min_chunk_size=CHUNK_BYTES))
            return True

    def size_bytes(self, name: str) -> int | None:
        """Return a file's size, None where there is none.  Raises StoreUnavailable."""
        with _failures(self._url):
            try:
                return int(obstore.head(self._store, name)["size"])
            except FileNotFoundError:
                return None


@contextmanager
def _failures(url: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise StoreUnavailable(reason=f"{url} does not do its part") from error
