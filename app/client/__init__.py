"""A thin client of the service: the same words as the library, without torch."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.arrays.saving import AnyArrays, as_uploads
from app.client.download import Progress, download
from app.client.session import Session
from app.errors import InvalidRecipe, TransferError, UnknownFormat
from app.formats import FORMATS
from app.spec.arrays import LayoutName, UploadOptions
from app.spec.canonical import canonical
from app.spec.checkpoint import CheckSize, FormatName, Spec
from app.spec.parse import parse
from app.spec.recipe import decode_recipe, encode_recipe, file_stem

AnySpec = Spec | Mapping[str, Any]


class Client:
    """The service at `base_url`.

    Use it in a `with` block, or close it.  A spec is a `Spec` or its plain mapping, validated here
    before anything is sent.  What the server refuses is raised as the error the library raises; a
    server that cannot be reached, or answers with something else, is a `TransferError`.

    Args:
        api_key: the key to ask with, where the server wants one.
        timeout_s: the longest silence to wait through.  The whole checkpoint is checked before its
            first byte is sent.
        retries: how many failures in a row to wait out: no connection, a cut body, a busy server.
        backoff_s: the wait after the first failure; it doubles with each, unless the server says
            how long to wait.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 300.0,
        retries: int = 4,
        backoff_s: float = 0.25,
    ) -> None:
        self._session = Session(
            base_url, api_key=api_key, timeout_s=timeout_s, retries=retries, backoff_s=backoff_s
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
        """Give back the connections."""
        self._session.close()

    def plan(self, spec: AnySpec) -> dict[str, Any]:
        """Describe a checkpoint: tensors, sizes, and the address of its file in every format."""
        return self._document(checkpoint_path(_validated(spec)))

    def with_arrays(
        self,
        spec: AnySpec,
        arrays: AnyArrays,
        *,
        layout: LayoutName = "pytorch",
        strict: bool = False,
        grow: bool = False,
        redraw: Sequence[Mapping[str, Any]] = (),
    ) -> Spec:
        """Send weights of one's own, which the server keeps; give the recipe that names them.

        Arguments as those of `app.with_arrays`.

        Raises:
            InvalidArrays, NotAnArrayFile, ArraysTooLarge: the server does not take them.
        """
        how = {"layout": layout, "strict": strict, "grow": grow, "redraw": [*redraw]}
        options = parse(UploadOptions, how)
        texts = {
            "spec": json.dumps(canonical(_validated(spec))),
            "redraw": json.dumps(
                [part.model_dump(exclude_defaults=True) for part in options.redraw]
            ),
            **{
                name: json.dumps(value).strip('"')
                for name, value in how.items()
                if name != "redraw"
            },
        }
        with tempfile.TemporaryDirectory() as folder:
            files = as_uploads(arrays, Path(folder))
            described = self._session.upload("/v1/plan", texts, files)
        try:
            return decode_recipe(described["recipe"])
        except (KeyError, TypeError, InvalidRecipe) as error:
            raise TransferError(
                "/v1/plan should name a recipe; is this a Step Zero server?"
            ) from error

    def summary(
        self, spec: AnySpec, *, check: CheckSize | None = None, device: str = "auto"
    ) -> dict[str, Any]:
        """Draw and check a network on the server; give its statistics.

        Raises:
            NonfiniteOutput, DeadOutput: the sanity forward pass failed.
        """
        query = {"device": device} | (check or CheckSize()).model_dump()
        return self._document(f"{checkpoint_path(_validated(spec))}/summary", query)

    def download(
        self,
        spec: AnySpec,
        path: Path | str,
        *,
        format: FormatName = "pt",
        device: str = "auto",
        arrays: AnyArrays | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Save a checkpoint's file under `path`, in place of what is there, once it is whole.

        Until then its bytes are in `<path>.part`.  A broken transfer is taken up where it ended,
        also one that an earlier process left behind.

        Args:
            arrays: weights of one's own, sent as `with_arrays` does.
            progress: is called with the bytes that are here and the bytes there will be.
        """
        recipe = _validated(spec) if arrays is None else self.with_arrays(spec, arrays)
        address = file_path(recipe, format)
        # The plain permalink is the address that caches know.
        query = None if device == "auto" else {"device": device}
        return download(self._session, address, Path(path), query=query, progress=progress)

    def initializers(self) -> dict[str, Any]:
        """List the init schemes that the server draws."""
        return self._document("/v1/initializers")

    def devices(self) -> dict[str, Any]:
        """List the devices that the server has."""
        return self._document("/v1/devices")

    def _document(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        document = self._session.json(path, query)
        if not isinstance(document, dict):
            raise TransferError(f"{path} should be a JSON object; is this a Step Zero server?")
        return document


def checkpoint_path(spec: Spec) -> str:
    """Give the path of a checkpoint's page on any server."""
    return f"/v1/checkpoints/{encode_recipe(spec)}"


def file_path(spec: Spec, name: FormatName) -> str:
    """Give the path of a checkpoint's file on any server: its permalink."""
    if name not in FORMATS:
        raise UnknownFormat(given=name, allowed=FORMATS)
    return f"{checkpoint_path(spec)}/{file_stem(spec)}.{FORMATS[name].suffix}"


def _validated(spec: AnySpec) -> Spec:
    return spec if isinstance(spec, Spec) else parse(Spec, dict(spec))
