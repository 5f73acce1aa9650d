"""`AsyncClient` as a blocking client, so that one test holds for both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from anyio.from_thread import start_blocking_portal

from stepzero_rnn.client import AsyncClient

Result = TypeVar("Result")


class AwaitingClient:
    """An `AsyncClient` in an event loop of its own; its methods return what those of it return."""

    def __init__(self, base_url: str, **options: Any) -> None:
        self._client = AsyncClient(base_url, **options)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(self._portal.wrap_async_context_manager(self._client))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def plan(self, *given: Any, **named: Any) -> dict[str, Any]:
        return self._await(self._client.plan, *given, **named)

    def with_arrays(self, *given: Any, **named: Any) -> Any:
        return self._await(self._client.with_arrays, *given, **named)

    def summary(self, *given: Any, **named: Any) -> dict[str, Any]:
        return self._await(self._client.summary, *given, **named)

    def report(self, *given: Any, **named: Any) -> bytes:
        return self._await(self._client.report, *given, **named)

    def compare(self, *given: Any, **named: Any) -> dict[str, Any]:
        return self._await(self._client.compare, *given, **named)

    def recommend(self, *given: Any, **named: Any) -> dict[str, Any]:
        return self._await(self._client.recommend, *given, **named)

    def identify(self, *given: Any, **named: Any) -> dict[str, Any]:
        return self._await(self._client.identify, *given, **named)

    def download(self, *given: Any, **named: Any) -> Any:
        return self._await(self._client.download, *given, **named)

    def initializers(self) -> dict[str, Any]:
        return self._await(self._client.initializers)

    def devices(self) -> dict[str, Any]:
        return self._await(self._client.devices)

    def _await(self, call: Callable[..., Awaitable[Result]], *given: Any, **named: Any) -> Result:
        async def called() -> Result:
            return await call(*given, **named)

        return self._portal.call(called)
