"""An S3-compatible bucket behind the folder of arrays, via obstore (Arrow's object_store)."""

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
    """Files below a URL such as `s3://bucket/folder`.

    Credentials and endpoint come from the AWS environment variables.

    Args:
        options: further options of obstore.
    """

    def __init__(self, url: str, **options: Any) -> None:
        with _failures(url):
            self._store = from_url(url, **options)
        self._url = url

    def put(self, name: str, path: Path) -> None:
        """Upload a file, in parts if it is large.  Raises StoreUnavailable."""
        with _failures(self._url):
            obstore.put(self._store, name, path)

    def fetch(self, name: str, target: BinaryIO) -> bool:
        """Write a file to `target`; return whether it exists.  Raises StoreUnavailable."""
        with _failures(self._url):
            try:
                result = obstore.get(self._store, name)
            except FileNotFoundError:
                return False
            target.writelines(result.stream(min_chunk_size=CHUNK_BYTES))
            return True

    def size_bytes(self, name: str) -> int | None:
        """Return a file's size, None if it does not exist.  Raises StoreUnavailable."""
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
        raise StoreUnavailable(reason=f"bucket {url} is unavailable") from error
