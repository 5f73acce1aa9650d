"""The settings of a server: one frozen object, from the environment or by hand, passed to `create_app`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.engine.cores import usable_cores
from app.errors import StoreUnavailable
from app.service.store import Store, default_folder

GIB = 1 << 30


def roomy_bytes() -> int:
    """Give 8 GiB, or half of the memory that this process may use, the machine's or its control group's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        group = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no control group, or one without a limit
        group = machine
    return min(8 * GIB, machine // 2, group // 2)


def open_store(settings: Settings) -> Store:
    """Open the store of uploaded arrays; nothing is made before the first upload.

    Raises:
        StoreUnavailable: there is no such bucket, or nothing to reach it with.
    """
    bucket = None
    if settings.arrays_bucket:
        try:
            from app.service.bucket import ObjectBucket
        except ModuleNotFoundError as error:
            reason = "a bucket needs the extra of that name: pip install 'stepzero[bucket]'"
            raise StoreUnavailable(reason=reason) from error

        bucket = ObjectBucket(settings.arrays_bucket)
    return Store(settings.arrays_folder, settings.max_arrays_bytes, bucket)


class Settings(BaseSettings):
    """Every setting, with its unit in its name; `STEPZERO_PORT=8001` sets `port`, and so on."""

    model_config = SettingsConfigDict(env_prefix="STEPZERO_", frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    threads: int = Field(
        default_factory=usable_cores,
        ge=1,
        le=1024,
        description="Threads that draw, for all requests together.",
    )
    max_checkpoint_bytes: int = Field(
        default=64 * GIB, ge=1, description="Largest checkpoint that is served."
    )
    max_working_bytes: int = Field(
        default_factory=roomy_bytes,
        ge=1,
        description="Most memory that one request may take: its largest layer.",
    )
    max_kept_bytes: int = Field(
        default_factory=lambda: roomy_bytes() // 4,
        ge=0,
        description="Memory for weights that are dear to draw, kept from their check until they are sent; 0 draws them again.",
    )
    max_body_bytes: int = Field(
        default=64 << 10, ge=1, description="Largest request body, its files not counted."
    )
    max_upload_bytes: int = Field(
        default=4 * GIB,
        ge=1,
        description="Largest request body with files, and the most that these unpack to.",
    )
    arrays_folder: Path = Field(
        default_factory=default_folder, description="Where uploaded arrays are kept."
    )
    max_arrays_bytes: int = Field(
        default=16 * GIB,
        ge=1,
        description="Room for uploaded arrays; the least recently used make room for the next.",
    )
    arrays_bucket: str | None = Field(
        default=None,
        description="Address of a bucket that keeps them too, as s3://bucket/folder; it needs the extra `bucket`, and "
        "keys and endpoint in the AWS variables.",
    )
    remembered_facts: int = Field(
        default=256,
        ge=1,
        description="How many recipes' check results are kept in memory, at most.",
    )
    shutdown_grace_s: int = Field(
        default=30, ge=0, description="How long running downloads may take after a stop signal."
    )
    docs: bool = Field(default=True, description="Whether to serve Swagger UI at /docs.")
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        default="info", description="What the log shows."
    )
