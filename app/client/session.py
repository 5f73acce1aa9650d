"""HTTP with patience: failures that may pass are waited out, all others become our errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

import httpx

from app.arrays.records import Upload
from app.errors import StepZeroError, TransferError, from_problem

Result = TypeVar("Result")

CONNECT_TIMEOUT_S = 10.0
LONGEST_WAIT_S = 30.0  # a server may ask for more; a caller should not seem hung
BUSY = frozenset({429, 502, 503, 504})  # the service's own 503, and what proxies say in its place


class PassingFailure(Exception):
    """A failure that may be gone at the next attempt, and the wait that the server asked for."""

    def __init__(self, error: StepZeroError, *, wait_s: float | None = None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.wait_s = wait_s


class Session:
    """Connections to one server."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None,
        timeout_s: float,
        retries: int,
        backoff_s: float,
    ) -> None:
        url = _server_address(base_url)
        if api_key and url.userinfo:
            raise TransferError("Give an API key or a name in the server's address, not both.")
        self._place = str(url.copy_with(userinfo=b""))
        self._retries = retries
        self._backoff_s = backoff_s
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
            follow_redirects=True,
        )

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def json(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Get a JSON document."""

        def attempt() -> Any:
            with self.get(path, query=query) as response:
                response.read()
                return self._decoded(response)

        return self.patiently(attempt)

    def upload(self, path: str, texts: Mapping[str, str], files: Sequence[Upload]) -> Any:
        """Post a form with files, which are read as they are sent; give the JSON document that answers it."""

        def attempt() -> Any:
            with ExitStack() as stack:
                parts = [
                    ("arrays", (file.name, stack.enter_context(file.path.open("rb"))))
                    for file in files
                ]
                asked = self._ask("POST", path, data=texts, files=parts)
                response = stack.enter_context(asked)
                response.read()
                return self._decoded(response)

        return self.patiently(attempt)

    def patiently(
        self, attempt: Callable[[], Result], *, reached: Callable[[], int] = lambda: 0
    ) -> Result:
        """Repeat `attempt` while its failures may pass, `retries` times.

        Args:
            reached: how far the attempts have come; coming further starts the count again.
        """
        failures, furthest = 0, reached()
        while True:
            try:
                return attempt()
            except PassingFailure as failure:
                failures = failures + 1 if reached() <= furthest else 1
                furthest = max(furthest, reached())
                if failures > self._retries:
                    raise failure.error from failure
                backoff_s = self._backoff_s * 2 ** (failures - 1)
                wait_s = backoff_s if failure.wait_s is None else failure.wait_s
                time.sleep(min(wait_s, LONGEST_WAIT_S))

    def get(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[httpx.Response]:
        """Give the answer to a GET, as `_ask` does."""
        return self._ask("GET", path, params=query, headers=headers)

    @contextmanager
    def _ask(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:
        """Give a successful answer, its body unread; reading it in the block is guarded as well.

        Raises:
            PassingFailure: the server is busy, cannot be reached or broke off.
            StepZeroError: the server's own refusal.
            TransferError: the answer is something else.
        """
        try:
            with self._http.stream(method, path, **request) as response:
                if not response.is_success:
                    response.read()
                    raise self._failure(response)
                yield response
        except httpx.TransportError as error:
            raise PassingFailure(self._transfer_error(error)) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise self._transfer_error(error) from error

    def _failure(self, response: httpx.Response) -> Exception:
        error = self._refusal(response)
        if response.status_code not in BUSY:
            return error
        asked = response.headers.get("Retry-After", "")
        return PassingFailure(error, wait_s=float(asked) if asked.isdecimal() else None)

    def _refusal(self, response: httpx.Response) -> StepZeroError:
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        problem = self._decoded(response) if media_type == "application/problem+json" else None
        if isinstance(problem, dict):
            return from_problem(problem)
        status = response.status_code
        return TransferError(f"{self._place} answered with status {status}.", answered=status)

    def _decoded(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise TransferError(f"What {self._place} answered is not JSON.") from error

    def _transfer_error(self, error: Exception) -> TransferError:
        reason = str(error) or type(error).__name__  # a timeout has no text
        return TransferError(f"The transfer from {self._place} failed: {reason}.")


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
