"""A client of the service: the same words as the library, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from stepzero_rnn.arrays.saving import AnyArrays, AnyInputs
from stepzero_rnn.client.download import Progress
from stepzero_rnn.client.service import Service, checkpoint_path, file_path
from stepzero_rnn.client.session import Session
from stepzero_rnn.client.wire import AsyncWire, BlockingWire, finished
from stepzero_rnn.comparison.requests import AnyInit, AnyStarts, StartsArguments
from stepzero_rnn.diagnostics.options import DiagnosticsArguments
from stepzero_rnn.reports.requests import ReportArguments, ReportFormat
from stepzero_rnn.spec.arrays import IdentifyArguments, UploadArguments
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Spec
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.recipe import AnySpec

__all__ = ["AsyncClient", "Client", "checkpoint_path", "file_path"]


class Client:
    """The service at `base_url`.

    Use it in a `with` block, or close it.  A spec is a `Spec`, a mapping of its fields or a recipe
    token, and is validated here before anything is sent.  What the server refuses is raised as the
    error that the library raises; a server that cannot be reached, or that answers with something
    else, is a `TransferError`.

    Args:
        api_key: the key to send, if the server wants one.
        timeout_s: the longest silence to wait through.  The whole checkpoint is checked before its
            first byte is sent, so the default is five minutes plus what the plan's cost adds: a
            second for every 10⁹ multiplications and for every 10⁸ bytes.
        retries: how many failures in a row to wait out: no connection, a cut body, wrong bytes, or
            a server that answers 408, 429, 502, 503 or 504.  Every request can be repeated, even a
            POST: its answer depends on nothing but what it says.
        backoff_s: the wait after the first failure; it doubles with each, unless the server says
            how long to wait (`Retry-After`).  A server that asks for more than two minutes is given
            up.
        on_wait: called before each wait with a sentence that says what failed, and how long the
            wait is.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float | None = None,
        retries: int = 4,
        backoff_s: float = 0.25,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        session = Session(
            base_url,
            BlockingWire,
            api_key=api_key,
            retries=retries,
            backoff_s=backoff_s,
            on_wait=on_wait,
        )
        self._service = Service(session, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        finished(self._service.close())

    def plan(self, spec: AnySpec) -> dict[str, Any]:
        """Describe a checkpoint: tensors, sizes, and the address of its file in every format."""
        return finished(self._service.plan(spec))

    def with_arrays(
        self, spec: AnySpec, arrays: AnyArrays, **options: Unpack[UploadArguments]
    ) -> Spec:
        """Send weights of your own, which the server keeps; return the recipe that names them.

        Arguments and warnings are those of `stepzero_rnn.with_arrays`.

        Raises:
            InvalidArrays, NotAnArrayFile, ArraysTooLarge: the server does not take them.
        """
        return finished(self._service.with_arrays(spec, arrays, **options))

    def summary(
        self,
        spec: AnySpec,
        *,
        check: CheckSize | None = None,
        device: str = "auto",
        layer: int | None = None,
    ) -> dict[str, Any]:
        """Draw and check a network on the server; return its statistics.

        Args:
            layer: whose details are returned; unless given, those of all layers of a small network.

        Raises:
            NonfiniteOutput, DeadOutput: the sanity forward pass failed.
        """
        return finished(self._service.summary(spec, check=check, device=device, layer=layer))

    def diagnose(
        self,
        spec: AnySpec,
        *,
        inputs: AnyInputs | None = None,
        device: str = "auto",
        **options: Unpack[DiagnosticsArguments],
    ) -> dict[str, Any]:
        """Measure on the server what a start will do in training.

        Arguments are those of `stepzero_rnn.diagnose`.

        Raises:
            InvalidArrays: `inputs` does not fit the network.
            TooLarge, TooMuchWork: the server has a limit below what was asked for.
        """
        return finished(self._service.diagnose(spec, inputs=inputs, device=device, **options))

    def report(
        self,
        spec: AnySpec,
        *others: AnySpec,
        format: ReportFormat = "html",
        device: str = "auto",
        **options: Unpack[ReportArguments],
    ) -> bytes:
        """Return a report of a start, or a comparison of several, that the server makes.

        Arguments are those of `stepzero_rnn.report`.

        Raises:
            MissingExtra: the server cannot make reports.
            TooLarge, TooMuchWork: the server has a limit below what was asked for.
        """
        made = self._service.report(spec, *others, format=format, device=device, **options)
        return finished(made)

    def compare(
        self,
        network: NetworkSpec | Mapping[str, Any],
        starts: AnyStarts,
        **options: Unpack[StartsArguments],
    ) -> dict[str, Any]:
        """Measure several starts of one network on the server; arguments are those of
        `stepzero_rnn.compare`.

        Raises:
            TooLarge, TooMuchWork: the server has a limit below what was asked for.
        """
        return finished(self._service.compare(network, starts, **options))

    def recommend(
        self,
        network: NetworkSpec | Mapping[str, Any],
        *,
        init: AnyInit | None = None,
        include: AnyStarts = (),
        exclude: Sequence[str] = (),
        max_seconds: float | None = None,
        **options: Unpack[StartsArguments],
    ) -> dict[str, Any]:
        """Rank starts of a network on the server; arguments are those of `stepzero_rnn.recommend`.

        Errors are those of `compare`.
        """
        return finished(
            self._service.recommend(
                network,
                init=init,
                include=include,
                exclude=exclude,
                max_seconds=max_seconds,
                **options,
            )
        )

    def identify(self, arrays: AnyArrays, **options: Unpack[IdentifyArguments]) -> dict[str, Any]:
        """Say which initialization weights are; the server tests them, and does not keep them.

        Arguments are those of `stepzero_rnn.identify`, but a server reads no `.pt` file.

        Raises:
            InvalidArrays, NotAnArrayFile, ArraysTooLarge: the server does not take them.
        """
        return finished(self._service.identify(arrays, **options))

    def download(  # noqa: PLR0913 - its options
        self,
        spec: AnySpec,
        path: Path | str,
        *,
        format: FormatName | None = None,
        device: str = "auto",
        arrays: AnyArrays | None = None,
        progress: Progress | None = None,
        replace: bool = True,
        **options: Unpack[UploadArguments],
    ) -> Path:
        """Save a checkpoint's file as `path`, in place of what is there, once it is complete and
        verified.

        Until then its bytes are in `<path>.part`.  A broken transfer continues where it ended, even
        one of an earlier process; the error that ends it says what is kept, in its notes and, if it
        is ours, in the facts `part`, `here_bytes` and `size_bytes`.  The whole file is compared
        with the server's checksum; bytes that differ are fetched again.  A device or a pipe is
        written into once the file is complete.

        Args:
            format: without it, and without `format` in the spec, the path's suffix decides; without
                a suffix that is known, it is `pt`.
            arrays: weights of your own; these and the options are those of `with_arrays`.
            progress: called with the bytes that are here and the bytes of the whole file.
            replace: replace a file that is there by the end.

        Raises:
            FileExistsError: there is one, and it is not to be replaced.
            FormatMismatch: the path's suffix is another format's.
            TransferError: the file cannot be had, or is not the one that the recipe names.
        """
        return finished(
            self._service.download(
                spec,
                path,
                format=format,
                device=device,
                arrays=arrays,
                progress=progress,
                replace=replace,
                **options,
            )
        )

    def initializers(self) -> dict[str, Any]:
        """List the init schemes that the server draws."""
        return finished(self._service.initializers())

    def devices(self) -> dict[str, Any]:
        """List the devices that the server has."""
        return finished(self._service.devices())


class AsyncClient(Service):
    """The service at `base_url`, for an event loop: `Client` with every method awaited.

    Use it in an `async with` block, or await `close`.  Its arguments are those of `Client`;
    `progress` and `on_wait` are plain functions, called in the loop.  A download that is cancelled
    keeps its `.part`, and the next one goes on from there.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float | None = None,
        retries: int = 4,
        backoff_s: float = 0.25,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        session = Session(
            base_url,
            AsyncWire,
            api_key=api_key,
            retries=retries,
            backoff_s=backoff_s,
            on_wait=on_wait,
        )
        super().__init__(session, timeout_s=timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
