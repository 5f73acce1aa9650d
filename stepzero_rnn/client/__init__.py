"""A thin client of the service: the same words as the library, without torch."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from stepzero_rnn.arrays.saving import AnyArrays, as_uploads
from stepzero_rnn.client.download import Progress, download
from stepzero_rnn.client.part import Expected
from stepzero_rnn.client.session import Session
from stepzero_rnn.errors import InvalidRecipe, TransferError, UnknownFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.naming import choose_format, format_and_rest
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.arrays import UploadArguments, UploadOptions, listed
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe, file_stem
from stepzero_rnn.targets import fetched, path_of_file

AnySpec = Spec | Mapping[str, Any]

MIN_SILENCE_S = 300.0


class Client:
    """The service at `base_url`.

    Use it in a `with` block, or close it.  A spec is a `Spec` or its plain mapping, validated here
    before anything is sent.  What the server refuses is raised as the error the library raises; a
    server that cannot be reached, or answers with something else, is a `TransferError`.

    Args:
        api_key: the key to ask with, where the server wants one.
        timeout_s: the longest silence to wait through.  The whole checkpoint is checked before its
            first byte is sent, so unless given it is five minutes and what the plan's cost adds: a
            second for every 10⁹ multiplications and for every 10⁸ bytes.
        retries: how many failures in a row to wait out: no connection, a cut body, wrong bytes, or
            a server that answers 408, 429, 502, 503 or 504.  Every request can be repeated, a POST
            too: what it makes is a function of what it says.
        backoff_s: the wait after the first failure; it doubles with each, unless the server says
            how long to wait (`Retry-After`).  One that asks for more than two minutes is given up.
        on_wait: called before each wait, with a sentence that says what failed and how long it is.
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
        self._timeout_s = timeout_s
        self._session = Session(
            base_url, api_key=api_key, retries=retries, backoff_s=backoff_s, on_wait=on_wait
        )

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
        """Return back the connections."""
        self._session.close()

    def plan(self, spec: AnySpec) -> dict[str, Any]:
        """Describe a checkpoint: tensors, sizes, and the address of its file in every format."""
        return self._document(checkpoint_path(_validated(spec)))

    def with_arrays(
        self, spec: AnySpec, arrays: AnyArrays, **options: Unpack[UploadArguments]
    ) -> Spec:
        """Send weights of one's own, which the server keeps; give the recipe that names them.

        Arguments as those of `stepzero_rnn.with_arrays`.

        Raises:
            InvalidArrays, NotAnArrayFile, ArraysTooLarge: the server does not take them.
        """
        asked, how = _validated(spec), parse(UploadOptions, options)
        said = how.model_dump(exclude_defaults=True)
        texts = {
            "spec": json.dumps(canonical(asked)),
            **{name: v if isinstance(v, str) else json.dumps(v) for name, v in said.items()},
        }
        with tempfile.TemporaryDirectory() as folder:
            files = as_uploads(listed(arrays), Path(folder))
            size_bytes = sum(file.path.stat().st_size for file in files)
            described = self._session.upload(
                "/v1/plan", texts, files, silence_s=self._silence_s(size_bytes=size_bytes)
            )
        try:
            recipe = decode_recipe(described["recipe"])
            told = [f"{one['pointer']}: {one['detail']}" for one in described.get("warnings", [])]
        except (AttributeError, KeyError, TypeError, InvalidRecipe) as error:
            raise TransferError(
                "/v1/plan should name a recipe; is this a Step Zero server?"
            ) from error
        if recipe.model_copy(update={"init": asked.init}) != asked:
            raise TransferError("/v1/plan named the recipe of another network than was asked for.")
        for one in told:
            warnings.warn(one, stacklevel=2)
        return recipe

    def summary(
        self,
        spec: AnySpec,
        *,
        check: CheckSize | None = None,
        device: str = "auto",
        layer: int | None = None,
    ) -> dict[str, Any]:
        """Draw and check a network on the server; give its statistics.

        Args:
            layer: whose details are returned; unless given, those of all layers of a small network.

        Raises:
            NonfiniteOutput, DeadOutput: the sanity forward pass failed.
        """
        recipe, size = _validated(spec), check or CheckSize()
        planned = plan(recipe)
        silence_s = self._silence_s(planned.multiply_adds(size), planned.size_bytes)
        query = {"device": device} | size.model_dump()
        query |= {} if layer is None else {"layer": layer}
        return self._document(f"{checkpoint_path(recipe)}/summary", query, silence_s)

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
    ) -> Path:
        """Save a checkpoint's file under `path`, in place of what is there, once it is whole and
        proved.

        Until then its bytes are in `<path>.part`.  A broken transfer is taken up where it ended,
        also one that an earlier process left behind; the error that ends it says what is kept, in
        its notes and, if it is ours, in the facts `part`, `here_bytes` and `size_bytes`.  The whole
        file is compared with the checksum that the server tells; bytes that differ are fetched
        again.  A device or a pipe is written into, once the file is whole.

        Args:
            format: unless given here or as the spec's `format`, the path's suffix tells it, else it
                is `pt`.
            arrays: weights of one's own, sent as `with_arrays` does.
            progress: is called with the bytes that are here and the bytes there will be.
            replace: take the place of a file that is there by the end.

        Raises:
            FileExistsError: there is one, and it is not to be replaced.
            FormatMismatch: the path's suffix is another format's.
            TransferError: the file cannot be had, or is not the one that the recipe names.
        """
        file = path_of_file(path)
        fields, named = format_and_rest(spec)
        name = choose_format(file, format or named)
        recipe = _validated(fields) if arrays is None else self.with_arrays(fields, arrays)
        job = plan_job(recipe, name, Serving(), Limits.none())
        silence_s = self._silence_s(job.plan.multiply_adds(CheckSize()), size_bytes=job.size_bytes)
        expected = Expected(
            file_path(recipe, name), job.size_bytes, None if recipe.script else job.etag
        )
        with fetched(file) as target:
            download(
                self._session,
                expected,
                target,
                # The plain permalink is the address that caches know.
                query=None if device == "auto" else {"device": device},
                silence_s=silence_s,
                progress=progress,
                replace=replace,
            )
        return file

    def initializers(self) -> dict[str, Any]:
        """List the init schemes that the server draws."""
        return self._document("/v1/initializers")

    def devices(self) -> dict[str, Any]:
        """List the devices that the server has."""
        return self._document("/v1/devices")

    def _silence_s(self, multiply_adds: int = 0, size_bytes: int = 0) -> float:
        """Return the longest silence that work may need: generously, as a server may be slow, and
        busy.
        """
        if self._timeout_s is not None:
            return self._timeout_s
        return MIN_SILENCE_S + multiply_adds / 1e9 + size_bytes / 1e8

    def _document(
        self, path: str, query: Mapping[str, Any] | None = None, silence_s: float | None = None
    ) -> dict[str, Any]:
        document = self._session.json(path, query, silence_s=silence_s or self._silence_s())
        if not isinstance(document, dict):
            raise TransferError(f"{path} should be a JSON object; is this a Step Zero server?")
        return document


def checkpoint_path(spec: Spec) -> str:
    """Return the path of a checkpoint's page on any server."""
    return f"/v1/checkpoints/{encode_recipe(spec)}"


def file_path(spec: Spec, name: FormatName) -> str:
    """Return the path of a checkpoint's file on any server: its permalink."""
    if name not in FORMATS:
        raise UnknownFormat(given=name, allowed=FORMATS)
    return f"{checkpoint_path(spec)}/{file_stem(spec)}.{FORMATS[name].suffix}"


def _validated(spec: AnySpec) -> Spec:
    return spec if isinstance(spec, Spec) else parse(Spec, dict(spec))
