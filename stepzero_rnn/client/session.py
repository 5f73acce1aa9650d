"""HTTP with patience: failures that may pass are waited out, all others become our errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.client.wire import Result, Wire
from stepzero_rnn.errors import StepZeroError, TransferError, from_problem

CONNECT_TIMEOUT_S = 10.0
MAX_BACKOFF_S = 30.0
MAX_WAIT_S = 120.0  # a server that asks for more is given up: a caller should not seem hung
MAX_DOCUMENT_BYTES = 1 << 26  # the statistics of the deepest networks take some 20 MB
# The service's own 408, 429 and 503, and what proxies say in their place.
BUSY = frozenset({408, 429, 502, 503, 504})


class PassingFailure(Exception):
    """A failure that may be gone at the next attempt, and the wait that the server asked for."""

    def __init__(self, error: StepZeroError, *, wait_s: float | None = None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.wait_s = wait_s


class Session:
    """One server, over a wire."""

    def __init__(
        self,
        base_url: str,
        wire: type[Wire],
        *,
        api_key: str | None,
        retries: int,
        backoff_s: float,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        url = _server_address(base_url)
        if api_key and url.userinfo:
            raise TransferError("Give an API key or a name in the server's address, not both.")
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise TransferError("The API key holds characters that no key has.")
        self._place = str(url.copy_with(userinfo=b""))
        self._retries = retries
        self._backoff_s = backoff_s
        self._on_wait = on_wait
        self.wire = wire(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
            follow_redirects=True,  # to another origin without the key
        )

    async def json(
        self, path: str, query: Mapping[str, Any] | None = None, *, silence_s: float
    ) -> Any:
        """Get a JSON document."""
        return await self._json("GET", path, params=query, timeout=_timeout(silence_s))

    async def post(self, path: str, body: Mapping[str, Any], *, silence_s: float) -> Any:
        """Post a JSON document, and return the one that answers it."""
        return await self._json("POST", path, json=body, timeout=_timeout(silence_s))

    async def file(self, path: str, query: Mapping[str, Any], *, silence_s: float) -> bytes:
        """Get a small file: one that is kept in memory."""

        async def attempt() -> bytes:
            async with self.ask("GET", path, query=query, silence_s=silence_s) as response:
                return await self._body(response)

        return await self.patiently(attempt)

    async def _json(self, method: str, path: str, **request: Any) -> Any:
        async def attempt() -> Any:
            async with self._ask(method, path, **request) as response:
                return await self._document(response)

        return await self.patiently(attempt)

    async def upload(
        self,
        path: str,
        texts: Mapping[str, str],
        files: Sequence[Upload],
        *,
        silence_s: float,
        field: str = "arrays",
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Post a form with files, which are read as they are sent; return the JSON document that
        answers it.
        """

        async def attempt() -> Any:
            with ExitStack() as stack:
                parts = [
                    (field, (file.name, stack.enter_context(file.path.open("rb"))))
                    for file in files
                ]
                timeout = _timeout(silence_s)
                form: dict[str, Any] = {"data": texts, "files": parts}
                asked = self._ask("POST", path, params=query, timeout=timeout, **form)
                async with asked as response:
                    return await self._document(response)

        return await self.patiently(attempt)

    async def patiently(
        self, attempt: Callable[[], Awaitable[Result]], *, reached: Callable[[], int] = lambda: 0
    ) -> Result:
        """Repeat `attempt` while its failures may pass, `retries` times.

        Args:
            reached: how far the attempts have come; coming further starts the count again.
        """
        failures, furthest = 0, reached()
        while True:
            try:
                return await attempt()
            except PassingFailure as failure:
                failures = failures + 1 if reached() <= furthest else 1
                furthest = max(furthest, reached())
                if failures > self._retries or (failure.wait_s or 0) > MAX_WAIT_S:
                    raise failure.error from failure
                backoff_s = min(self._backoff_s * 2 ** (failures - 1), MAX_BACKOFF_S)
                wait_s = backoff_s if failure.wait_s is None else failure.wait_s
                if self._on_wait:
                    self._on_wait(f"{failure.error.detail} Trying again in {wait_s:g} s.")
                await self.wire.sleep(wait_s)

    def ask(
        self,
        method: str,
        path: str,
        *,
        silence_s: float,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Return the answer to a GET or HEAD, as `_ask` does; wait through that much silence."""
        timeout = _timeout(silence_s)
        return self._ask(method, path, params=query, headers=headers, timeout=timeout)

    @asynccontextmanager
    async def _ask(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """Return a successful answer, its body unread; reading it in the block is guarded as well.

        Raises:
            PassingFailure: the server is busy, cannot be reached or broke off.
            StepZeroError: the server's own refusal.
            TransferError: the answer is something else.
        """
        try:
            async with self.wire.stream(method, path, **request) as response:
                if not response.is_success:
                    raise await self._failure(response)
                yield response
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
            raise self._transfer_error(error) from error
        except httpx.TransportError as error:
            raise PassingFailure(self._transfer_error(error)) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise self._transfer_error(error) from error

    async def _failure(self, response: httpx.Response) -> Exception:
        error = await self._refusal(response)
        if response.status_code not in BUSY:
            return error
        return PassingFailure(error, wait_s=_wait_s(response.headers.get("Retry-After", "")))

    async def _refusal(self, response: httpx.Response) -> StepZeroError:
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        problem = None
        if media_type == "application/problem+json":
            with suppress(TransferError):  # a HEAD's has no body: then the status says what it can
                problem = await self._document(response)
        if isinstance(problem, dict) and problem:
            return from_problem(problem)
        status = response.status_code
        return TransferError(f"{self._place} answered with status {status}.", answered=status)

    async def _document(self, response: httpx.Response) -> Any:
        body = await self._body(response)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise TransferError(f"What {self._place} answered is not JSON.") from error

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in self.wire.decoded(response):
            body += piece
            if len(body) > MAX_DOCUMENT_BYTES:
                raise TransferError(
                    f"What {self._place} answered exceeds the {MAX_DOCUMENT_BYTES} bytes that are read of a document.",
                    limit_bytes=MAX_DOCUMENT_BYTES,
                )
        return bytes(body)

    def _transfer_error(self, error: Exception) -> TransferError:
        reason = str(error).rstrip(".") or type(error).__name__  # a timeout has no text
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return TransferError(f"{self._place} cannot be reached: {reason}.")
        return TransferError(f"The transfer from {self._place} failed: {reason}.")


def _timeout(silence_s: float) -> httpx.Timeout:
    return httpx.Timeout(silence_s, connect=min(silence_s, CONNECT_TIMEOUT_S))


def _wait_s(retry_after: str) -> float | None:
    """Read a Retry-After header: seconds, or the date of an HTTP header; None where it says
    neither.
    """
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _server_address(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise TransferError(f"{base_url!r} is not the address of a server: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise TransferError(
            f"{base_url!r} is not the address of a server, as http://localhost:8000 is."
        )
    return url
