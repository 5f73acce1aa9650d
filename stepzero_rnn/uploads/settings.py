"""The settings of the store of uploaded arrays, which the library and a server on one machine
share.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize, Field, TypeAdapter
from pydantic_settings import BaseSettings, SettingsConfigDict

from stepzero_rnn.errors import StoreUnavailable
from stepzero_rnn.uploads.disk_budget import DiskBudget
from stepzero_rnn.uploads.store import Store, default_folder

GIB = 1 << 30
PREFIX = "STEPZERO_"


def _bytes(given: Any) -> Any:
    """Read a size with its unit; a plain number is let be, for its limits to be checked."""
    if not isinstance(given, str) or re.fullmatch(r"\s*[-+]?\d+\s*", given):
        return given
    if not _SIZE.fullmatch(given):
        raise ValueError("it is not a size, as 8GiB, 500MB and 1048576 are")
    return int(_BYTE_SIZE.validate_python(given))


_SIZE = re.compile(r"\s*\d+(\.\d+)?\s*([kmgtp]i?)?b\s*", re.IGNORECASE)
_BYTE_SIZE = TypeAdapter(ByteSize)

Bytes = Annotated[int, BeforeValidator(_bytes)]


class StoreSettings(BaseSettings):
    """Where uploaded arrays are kept; `STEPZERO_ARRAYS_FOLDER=…` sets `arrays_folder`, and so
    on.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    arrays_folder: Path = Field(
        default_factory=default_folder, description="Where uploaded arrays are kept."
    )
    max_arrays_bytes: Bytes = Field(
        default=16 * GIB,
        ge=1,
        description="Room for uploaded arrays; the least recently used of who keeps most make room for the next.",
    )
    arrays_bucket: str | None = Field(
        default=None,
        pattern="^[a-z0-9]+://.+$",
        description="Address of a bucket that keeps them too, as s3://bucket/folder; it needs the extra `bucket`, and "
        "keys and endpoint in the AWS variables.",
    )


def open_store(settings: StoreSettings, disk: DiskBudget | None = None) -> Store:
    """Open the store of uploaded arrays; nothing is made before the first upload.

    Args:
        disk: what uploads under way may take; any amount unless given.

    Raises:
        StoreUnavailable: there is no such bucket, or nothing to reach it with.
    """
    bucket = None
    if settings.arrays_bucket:
        try:
            from stepzero_rnn.uploads.bucket import ObjectBucket
        except ModuleNotFoundError as error:
            reason = "a bucket needs the extra of that name: pip install 'stepzero-rnn[bucket]'"
            raise StoreUnavailable(reason=reason) from error

        bucket = ObjectBucket(settings.arrays_bucket)
    return Store(settings.arrays_folder, settings.max_arrays_bytes, bucket, disk)
