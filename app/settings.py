"""The settings of a server: one frozen object, from the environment or by hand, passed to
`create_app`.
"""

from __future__ import annotations

import ipaddress
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from limits import parse_many
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import NoDecode

from app.callers.api_keys import Key, read_key_file, read_keys
from stepzero_rnn.engine.cores import usable_cores
from stepzero_rnn.uploads.settings import GIB, Bytes, StoreSettings

LogFormat = Literal["console", "json"]


def roomy_bytes() -> int:
    """Return 8 GiB, or half of the memory that this process may use, the machine's or its control
    group's.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        group = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no control group, or one without a limit
        group = machine
    return min(8 * GIB, machine // 2, group // 2)


def _parted(given: Any) -> Any:
    return (
        tuple(filter(None, map(str.strip, given.split(",")))) if isinstance(given, str) else given
    )


def _keys(given: Any) -> Any:
    return read_keys(given.split(",")) if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)]
Keys = Annotated[tuple[Key, ...], NoDecode, BeforeValidator(_keys)]


class Settings(StoreSettings):
    """Every setting, with its unit in its name; `STEPZERO_PORT=8001` sets `port`, and so on.

    What is of bytes may have a unit: `STEPZERO_MAX_WORKING_BYTES=8GiB`.
    """

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes that serve; they share threads and memory, each has its part of what is set below.",
    )
    threads: int = Field(
        default_factory=usable_cores,
        ge=1,
        le=1024,
        description="Threads that draw, for all requests together.",
    )
    max_checkpoint_bytes: Bytes = Field(
        default=64 * GIB, ge=1, description="Largest checkpoint that is served."
    )
    max_working_bytes: Bytes = Field(
        default_factory=roomy_bytes,
        ge=1,
        description="Most memory that one request may take: its largest layer.",
    )
    max_multiply_adds: int = Field(
        default=10**14,
        ge=1,
        description="Most multiplications that one check may take, its forward pass and its matrices together; one core "
        "makes some 20 000 000 000 a second.",
    )
    max_cached_tensor_bytes: Bytes = Field(
        default_factory=lambda: roomy_bytes() // 4,
        ge=0,
        description="Memory for weights that are dear to draw, kept from their check until they are sent; 0 draws them again.",
    )
    max_admitted_bytes: Bytes = Field(
        default_factory=roomy_bytes,
        ge=1,
        description="Memory that all large requests may take together; small ones have an eighth of it on top.",
    )
    max_checks: int = Field(
        default=8,
        ge=1,
        le=48,
        description="How many checkpoints are checked at once; small ones have an eighth of it on top.",
    )
    max_waiting_requests: int = Field(
        default=256, ge=0, description="How many requests may wait for room."
    )
    max_wait_s: float = Field(default=30, ge=0, description="How long a request may wait for room.")
    min_client_bytes_per_s: Bytes = Field(
        default=4096,
        ge=1,
        description="What a reader has to take, on average, of what is ready for it, or the sender of a body to send; a slower one is cut off.",
    )
    client_grace_s: int = Field(
        default=60,
        ge=1,
        description="How long either may fall behind that before it is cut off, and how long the head of a request may take.",
    )
    max_body_bytes: Bytes = Field(
        default=64 << 10, ge=1, description="Largest request body, its files not counted."
    )
    max_upload_bytes: Bytes = Field(
        default=4 * GIB,
        ge=1,
        description="Largest request body with files, and the most that these unpack to.",
    )
    max_incoming_bytes: Bytes = Field(
        default_factory=lambda known: known.get("max_arrays_bytes", 16 * GIB),
        ge=1,
        description="Disk that all uploads under way may take beside that, with what they unpack to; one caller's bodies "
        "have at most half.",
    )
    max_cached_result_bytes: Bytes = Field(
        default=64 << 20,
        ge=0,
        description="Memory for what checks and hashes have shown, so that it is not found out again; what would take more "
        "than an eighth of it is not kept.",
    )
    shutdown_grace_s: int = Field(
        default=30, ge=0, description="How long running downloads may take after a stop signal."
    )
    worker_timeout_s: int = Field(
        default=30,
        ge=2,
        description="How long one of several workers may stand still before another is started in its place.",
    )
    docs: bool = Field(
        default=True,
        description="Whether to serve Swagger UI at /docs, and the API as data at /openapi.json.",
    )
    metrics: bool = Field(default=True, description="Whether to serve metrics at /metrics.")
    api_keys: Keys = Field(
        default=(),
        description="Keys that are good, as lines of `python -m app.key`, parted by commas.",
    )
    api_keys_file: Path | None = Field(
        default=None, description="A file of such lines, read anew when it changes."
    )
    allow_anonymous: bool = Field(
        default=False,
        validate_default=True,
        description="Whether everybody may ask who can reach the service, if there are no keys.",
    )
    open_pages: bool = Field(
        default=True,
        description="Whether the first page, /docs and /openapi.json are shown without a key.",
    )
    rate_limits: str = Field(
        default="",
        description="How many requests one caller, a key or an address, may send: `20/second, 600/minute`.",
    )
    rate_limits_url: SecretStr | None = Field(
        default=None,
        description="A Redis that counts for all replicas, `redis://…`; otherwise every process counts its own.",
    )
    max_caller_bytes: Bytes | None = Field(
        default=None,
        ge=1,
        description="Most bytes of downloads that one caller may have under way, in every process.",
    )
    allowed_hosts: Names = Field(
        default=(),
        description="Names that the service answers to, `*.example.com` for all below one; any where none is given.",
    )
    trusted_proxies: Names = Field(
        default=(),
        description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    cors_origins: Names = Field(
        default=(), description="Origins whose pages may read answers; `*` is any."
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        default="info", description="What the log shows."
    )
    log_format: LogFormat | None = Field(
        default=None,
        description="How a line of the log looks: `console`, for people, or `json`, an object. Unless set, that is for people "
        "on a terminal and an object elsewhere.",
    )

    def of_a_worker(self) -> Self:
        """Return the settings of one of several workers: its part of the threads, memory, checks
        and disk for uploads under way.
        """
        admitted_bytes = max(self.max_admitted_bytes // self.workers, 1)
        return self.model_copy(
            update={
                "threads": max(self.threads // self.workers, 1),
                "max_admitted_bytes": admitted_bytes,
                "max_working_bytes": min(self.max_working_bytes, admitted_bytes),
                "max_cached_tensor_bytes": self.max_cached_tensor_bytes // self.workers,
                "max_incoming_bytes": max(self.max_incoming_bytes // self.workers, 1),
                "max_cached_result_bytes": self.max_cached_result_bytes // self.workers,
                "max_checks": max(self.max_checks // self.workers, 1),
            }
        )

    @field_validator("port", mode="before")
    @classmethod
    def _refuse_a_link(cls, given: Any) -> Any:
        if isinstance(given, str) and "://" in given:
            raise ValueError(
                "it is an address, as Kubernetes sets it for a service of the name stepzero; "
                "give that another name, or `enableServiceLinks: false` to the pod"
            )
        return given

    @field_validator("api_keys_file")
    @classmethod
    def _has_keys(cls, path: Path | None) -> Path | None:
        if path and not read_key_file(path):
            raise ValueError("there is no key in the file; `python -m app.key NAME` makes one")
        return path

    @field_validator("allow_anonymous")
    @classmethod
    def _is_told(cls, allowed: bool, info: ValidationInfo) -> bool:
        """Ask for keys where others can reach the service, unless told that none are wanted."""
        host = info.data.get("host", "127.0.0.1")
        keyed = info.data.get("api_keys") or info.data.get("api_keys_file")
        if not (allowed or keyed or _is_loopback(host)):
            raise ValueError(
                f"others can reach {host}, and there are no keys. Set STEPZERO_API_KEYS_FILE (`python -m app.key NAME` "
                "makes a key), or set this to true if everybody shall be served"
            )
        return allowed

    @property
    def serves_anybody(self) -> bool:
        """Whether others can reach the service and need no key."""
        return not (self.api_keys or self.api_keys_file or _is_loopback(self.host))

    @field_validator("rate_limits")
    @classmethod
    def _are_limits(cls, text: str) -> str:
        if text:
            parse_many(text)
        return text

    @field_validator("rate_limits_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(
            ("redis://", "rediss://", "redis+unix://")
        ):
            raise ValueError("it is not the address of a Redis, as redis://localhost:6379 is")
        if url and find_spec("redis") is None:
            raise ValueError("its client is not installed: pip install redis")
        return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
