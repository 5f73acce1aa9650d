"""Settings of the array store, shared by the library and a server on the same machine."""

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


def _bytes(value: Any) -> Any:
    """Parse a size with a unit; plain numbers pass through to the checks of their limits."""
    if not isinstance(value, str) or re.fullmatch(r"\s*[-+]?\d+\s*", value):
        return value
    if not _SIZE.fullmatch(value):
        raise ValueError("not a size such as 8GiB, 500MB or 1048576")
    return int(_BYTE_SIZE.validate_python(value))


_SIZE = re.compile(r"\s*\d+(\.\d+)?\s*([kmgtp]i?)?b\s*", re.IGNORECASE)
_BYTE_SIZE = TypeAdapter(ByteSize)

Bytes = Annotated[int, BeforeValidator(_bytes)]


class StoreSettings(BaseSettings):
    """Where uploaded arrays are stored; `STEPZERO_ARRAYS_FOLDER=…` sets `arrays_folder`, etc."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    arrays_folder: Path = Field(
        default_factory=default_folder, description="Folder for uploaded arrays."
    )
    max_arrays_bytes: Bytes = Field(
        default=16 * GIB,
        ge=1,
        description="Maximum total size of uploaded arrays. When it is exceeded, the least recently "
        "used arrays of the client that stores the most are deleted.",
    )
    arrays_bucket: str | None = Field(
        default=None,
        pattern="^[a-z0-9]+://.+$",
        description="Bucket that also stores uploaded arrays, such as s3://bucket/folder. Requires "
        "the extra `bucket`; credentials and endpoint come from the AWS environment variables.",
    )


def open_store(settings: StoreSettings, disk: DiskBudget | None = None) -> Store:
    """Open the store of uploaded arrays; nothing is created before the first upload.

    Args:
        disk: the disk space for uploads in progress; unlimited by default.

    Raises:
        StoreUnavailable: the bucket does not exist, or its extra is not installed.
    """
    bucket = None
    if settings.arrays_bucket:
        try:
            from stepzero_rnn.uploads.bucket import ObjectBucket
        except ModuleNotFoundError as error:
            reason = "a bucket requires the extra `bucket`: pip install 'stepzero-rnn[bucket]'"
            raise StoreUnavailable(reason=reason) from error

        bucket = ObjectBucket(settings.arrays_bucket)
    return Store(settings.arrays_folder, settings.max_arrays_bytes, bucket, disk)
