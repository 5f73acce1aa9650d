"""The settings of a server: one frozen object, read from the environment or built by hand, that is
passed to `create_app`.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
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

from app.callers.api_keys import ApiKey, read_key_file, read_keys
from stepzero_rnn.engine.cores import usable_cores
from stepzero_rnn.uploads.settings import GIB, Bytes, StoreSettings

LogFormat = Literal["console", "json"]


def random_secret() -> SecretStr:
    """Return a secret of 256 random bits."""
    return SecretStr(secrets.token_urlsafe(32))


def roomy_bytes() -> int:
    """Return 8 GiB, or half the memory of the machine or control group if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        group = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no control group, or one without a limit
        group = machine
    return min(8 * GIB, machine // 2, group // 2)


def _comma_separated(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(filter(None, map(str.strip, value.split(","))))


def _keys(value: Any) -> Any:
    return read_keys(value.split(",")) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Keys = Annotated[tuple[ApiKey, ...], NoDecode, BeforeValidator(_keys)]


class Settings(StoreSettings):
    """Every setting, with its unit in its name; `STEPZERO_PORT=8001` sets `port`, and so on.

    Sizes in bytes accept a unit: `STEPZERO_MAX_WORKING_BYTES=8GiB`.
    """

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one."
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Number of server processes. Threads, memory, checks and upload space are divided between them.",
    )
    threads: int = Field(
        default_factory=usable_cores,
        ge=1,
        le=1024,
        description="Threads that draw weights, shared by all requests.",
    )
    max_checkpoint_bytes: Bytes = Field(
        default=64 * GIB, ge=1, description="Maximum size of a checkpoint."
    )
    max_working_bytes: Bytes = Field(
        default_factory=roomy_bytes,
        ge=1,
        description="Maximum memory for one request, which holds its largest layer.",
    )
    max_multiply_adds: int = Field(
        default=10**14,
        ge=1,
        description="Maximum multiplications in one check: its forward pass and the matrices it computes. One core does "
        "about 20 000 000 000 per second.",
    )
    max_cached_tensor_bytes: Bytes = Field(
        default_factory=lambda: roomy_bytes() // 4,
        ge=0,
        description="Memory for caching expensive weights between check and download; 0 disables the cache.",
    )
    max_admitted_bytes: Bytes = Field(
        default_factory=roomy_bytes,
        ge=1,
        description="Total memory for large requests; small requests have an extra eighth of it.",
    )
    max_checks: int = Field(
        default=8,
        ge=1,
        le=48,
        description="Number of checks that run at once; small checkpoints have an extra eighth of it.",
    )
    max_waiting_requests: int = Field(
        default=256, ge=0, description="Maximum number of queued requests."
    )
    max_wait_s: float = Field(
        default=30, ge=0, description="Maximum time that a request waits in the queue."
    )
    min_client_bytes_per_s: Bytes = Field(
        default=4096,
        ge=1,
        description="Minimum average transfer rate of a client, reading or sending; slower connections are closed.",
    )
    client_grace_s: int = Field(
        default=60,
        ge=1,
        description="Grace period below that rate, and time limit for the request headers.",
    )
    max_body_bytes: Bytes = Field(
        default=64 << 10, ge=1, description="Maximum size of a request body, excluding files."
    )
    max_upload_bytes: Bytes = Field(
        default=4 * GIB,
        ge=1,
        description="Maximum size of a request body with files, and of the files once unpacked.",
    )
    max_incoming_bytes: Bytes = Field(
        default_factory=lambda fields: fields.get("max_arrays_bytes", 16 * GIB),
        ge=1,
        description="Additional disk space for uploads in progress, including unpacked files; one caller may use half of it.",
    )
    max_cached_result_bytes: Bytes = Field(
        default=64 << 20,
        ge=0,
        description="Memory for caching results of checks and hashes; entries larger than an eighth of it are not cached.",
    )
    shutdown_grace_s: int = Field(
        default=30,
        ge=0,
        description="Time that running downloads have to finish after a stop signal.",
    )
    worker_timeout_s: int = Field(
        default=30,
        ge=2,
        description="Time after which an unresponsive worker process is replaced.",
    )
    docs: bool = Field(
        default=True,
        description="Serve Swagger UI at /docs and the OpenAPI document at /openapi.json.",
    )
    hub: bool = Field(
        default=True, description="Serve repositories to clients of the Hugging Face Hub at /hub."
    )
    hub_patience_s: float = Field(
        default=8,
        gt=0,
        le=3600,
        description="Time after which such a client is asked to come back while its weights are checked; it gives up "
        "after 10 by default.",
    )
    metrics: bool = Field(default=True, description="Serve Prometheus metrics at /metrics.")
    api_keys: Keys = Field(
        default=(),
        description="Valid API keys: the lines that `python -m app.key` prints, separated by commas.",
    )
    api_keys_file: Path | None = Field(
        default=None, description="File of such lines, reloaded when it changes."
    )
    allow_anonymous: bool = Field(
        default=False,
        validate_default=True,
        description="Serve anyone who can reach the service when no API keys are configured.",
    )
    session_s: int = Field(
        default=12 * 3600,
        ge=60,
        le=30 * 24 * 3600,
        description="Seconds after which a browser that has signed in needs the key again.",
    )
    session_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Secret that signs sessions, the same on all replicas; by default, a random one for each start.",
    )
    open_pages: bool = Field(
        default=True,
        description="Serve the home page, /docs and /openapi.json without an API key.",
    )
    rate_limits: str = Field(
        default="",
        description="Request limits per caller (API key or IP address), such as `20/second, 600/minute`.",
    )
    rate_limits_url: SecretStr | None = Field(
        default=None,
        description="URL of a Redis that counts requests for all replicas, `redis://…`; without it each process counts "
        "separately.",
    )
    max_caller_bytes: Bytes | None = Field(
        default=None,
        ge=1,
        description="Maximum bytes of concurrent downloads per caller, in each process.",
    )
    allowed_hosts: Names = Field(
        default=(),
        description="Accepted host names; `*.example.com` matches every subdomain. Empty accepts any.",
    )
    trusted_proxies: Names = Field(
        default=(),
        description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted.",
    )
    cors_origins: Names = Field(
        default=(), description="Origins whose pages may read responses; `*` allows any."
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        default="info", description="Minimum level of log messages."
    )
    log_format: LogFormat | None = Field(
        default=None,
        description="Log format: `console` for people or `json` for programs. Defaults to `console` on a terminal and `json` "
        "elsewhere.",
    )

    def of_a_worker(self) -> Self:
        """Return the settings of one of several workers: its share of threads, memory, checks and
        upload space.
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
                "session_secret": self.session_secret
                or random_secret(),  # the same for all workers
            }
        )

    @field_validator("port", mode="before")
    @classmethod
    def _reject_service_link(cls, value: Any) -> Any:
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                "the value is a URL, which Kubernetes sets for a service named stepzero; "
                "rename the service, or set `enableServiceLinks: false` on the pod"
            )
        return value

    @field_validator("api_keys_file")
    @classmethod
    def _has_keys(cls, path: Path | None) -> Path | None:
        if path and not read_key_file(path):
            raise ValueError("the file contains no key; create one with `python -m app.key NAME`")
        return path

    @field_validator("allow_anonymous")
    @classmethod
    def _require_keys(cls, allowed: bool, info: ValidationInfo) -> bool:
        """Require keys if other machines can reach the service, unless anonymous access is set."""
        host = info.data.get("host", "127.0.0.1")
        keyed = info.data.get("api_keys") or info.data.get("api_keys_file")
        if not (allowed or keyed or _is_loopback(host)):
            raise ValueError(
                f"{host} is reachable from other machines, but no API keys are configured. Set STEPZERO_API_KEYS_FILE "
                "(create a key with `python -m app.key NAME`), or set this to true to serve everyone"
            )
        return allowed

    @property
    def serves_anybody(self) -> bool:
        """Whether other machines can reach the service without a key."""
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
            raise ValueError("not a Redis URL, such as redis://localhost:6379")
        if url and find_spec("redis") is None:
            raise ValueError("the Redis client is not installed: pip install redis")
        return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
