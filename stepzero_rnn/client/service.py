"""The service as coroutines, over whatever wire: what is asked, and what must come back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.arrays.saving import AnyArrays, AnyInputs, as_uploads, inputs_file
from stepzero_rnn.client.download import Download, Progress
from stepzero_rnn.client.part import Expected
from stepzero_rnn.client.session import Session
from stepzero_rnn.client.wire import ending_at_work
from stepzero_rnn.comparison.cost import cost_of_starts
from stepzero_rnn.comparison.requests import (
    AnyInit,
    AnyStarts,
    ComparisonRequest,
    RecommendationRequest,
    StartsArguments,
    StartsRequest,
    comparison_fields,
    recommendation_fields,
)
from stepzero_rnn.comparison.starts import NamedStart, candidates_of, starts_of
from stepzero_rnn.diagnostics.cost import cost
from stepzero_rnn.diagnostics.options import DiagnosticsArguments, DiagnosticsOptions
from stepzero_rnn.errors import InvalidRecipe, RequestError, TransferError, UnknownFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.naming import choose_format, format_and_rest
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import plan
from stepzero_rnn.recipe_warnings import caution_of
from stepzero_rnn.reports.requests import (
    ReportArguments,
    ReportFormat,
    ReportOptions,
    require_format,
    require_one_network,
)
from stepzero_rnn.spec.arrays import (
    IdentifyArguments,
    IdentifyOptions,
    UploadArguments,
    UploadOptions,
    listed,
    upload_options,
)
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import AnySpec, as_spec, decode_recipe, encode_recipe, file_stem
from stepzero_rnn.targets import fetched, path_of_file

MIN_SILENCE_S = 300.0


class Service:
    """What `Client` describes, as coroutines."""

    def __init__(self, session: Session, *, timeout_s: float | None) -> None:
        self._session = session
        self._timeout_s = timeout_s

    async def close(self) -> None:
        """Close the connections."""
        await self._session.wire.close()

    async def plan(self, spec: AnySpec) -> dict[str, Any]:
        """Describe a checkpoint, as `Client.plan`."""
        return await self._document(checkpoint_path(as_spec(spec)))

    async def with_arrays(
        self, spec: AnySpec, arrays: AnyArrays, **options: Unpack[UploadArguments]
    ) -> Spec:
        """Send weights of your own, as `Client.with_arrays`."""
        asked, how = as_spec(spec), upload_options(options)
        with tempfile.TemporaryDirectory() as folder:
            saving = partial(as_uploads, listed(arrays), Path(folder))
            files = await self._session.wire.work(saving)
            size_bytes = sum(file.path.stat().st_size for file in files)
            silence_s = self._silence_s(size_bytes=size_bytes)
            described = await self._session.upload(
                "/v1/plan", _texts(asked, how), files, silence_s=silence_s
            )
        recipe, cautions = _named_recipe(described)
        if recipe.model_copy(update={"init": asked.init}) != asked:
            raise TransferError(
                "/v1/plan returned the recipe of another network than the requested one."
            )
        for sentence in cautions:
            caution_of(sentence)
        return recipe

    async def summary(
        self,
        spec: AnySpec,
        *,
        check: CheckSize | None = None,
        device: str = "auto",
        layer: int | None = None,
    ) -> dict[str, Any]:
        """Draw and check a network on the server, as `Client.summary`."""
        recipe, size = as_spec(spec), check or CheckSize()
        planned = plan(recipe)
        silence_s = self._silence_s(
            planned.multiply_adds(planned.forward_size(size)), planned.size_bytes
        )
        query = {"device": device} | size.model_dump(exclude_none=True)
        query |= {} if layer is None else {"layer": layer}
        return await self._document(f"{checkpoint_path(recipe)}/summary", query, silence_s)

    async def diagnose(
        self,
        spec: AnySpec,
        *,
        inputs: AnyInputs | None = None,
        device: str = "auto",
        **options: Unpack[DiagnosticsArguments],
    ) -> dict[str, Any]:
        """Diagnose a start on the server, as `Client.diagnose`."""
        recipe = as_spec(spec)
        asked = parse(DiagnosticsOptions, options)
        planned = plan(recipe)
        silence_s = self._silence_s(cost(planned, asked).multiply_adds, planned.size_bytes)
        query = {"device": device} | asked.model_dump(exclude_unset=True)
        query |= {"figures": ",".join(asked.measured)} if asked.figures else {}
        path = f"{checkpoint_path(recipe)}/diagnostics"
        if inputs is None:
            return await self._document(path, query, silence_s)
        with tempfile.TemporaryDirectory() as folder:
            saving = partial(inputs_file, inputs, Path(folder))
            file = Upload("inputs.npy", await self._session.wire.work(saving))
            document = await self._session.upload(
                path, {}, [file], silence_s=silence_s, field="inputs", query=query
            )
        return _object(path, document)

    async def report(
        self,
        spec: AnySpec,
        *others: AnySpec,
        format: ReportFormat = "html",
        device: str = "auto",
        **options: Unpack[ReportArguments],
    ) -> bytes:
        """Make a report on the server, as `Client.report`."""
        name, asked = require_format(format), parse(ReportOptions, options)
        specs = [as_spec(one) for one in (spec, *others)]
        require_one_network(specs)
        planned = plan(specs[0])
        work = cost(planned, asked.options).multiply_adds
        query = {"device": device} | asked.model_dump(exclude_unset=True)
        query |= {"against": [encode_recipe(one) for one in specs[1:]]}
        silence_s = self._silence_s(len(specs) * work, len(specs) * planned.size_bytes)
        path = f"{checkpoint_path(specs[0])}/report.{name}"
        return await self._session.file(path, query, silence_s=silence_s)

    async def compare(
        self,
        network: NetworkSpec | Mapping[str, Any],
        starts: AnyStarts,
        **options: Unpack[StartsArguments],
    ) -> dict[str, Any]:
        """Compare starts on the server, as `Client.compare`."""
        fields = comparison_fields(network, starts, options)
        request = parse(ComparisonRequest, fields)
        return await self._measured("/v1/compare", fields, request, starts_of(request))

    async def recommend(
        self,
        network: NetworkSpec | Mapping[str, Any],
        *,
        init: AnyInit | None = None,
        include: AnyStarts = (),
        exclude: Sequence[str] = (),
        max_seconds: float | None = None,
        **options: Unpack[StartsArguments],
    ) -> dict[str, Any]:
        """Rank starts on the server, as `Client.recommend`."""
        fields = recommendation_fields(network, init, include, exclude, max_seconds)
        fields |= options
        request = parse(RecommendationRequest, fields)
        return await self._measured("/v1/recommend", fields, request, candidates_of(request))

    async def _measured(
        self,
        path: str,
        fields: Mapping[str, Any],
        request: StartsRequest,
        starts: Sequence[NamedStart],
    ) -> dict[str, Any]:
        planned = cost_of_starts(request, starts, Limits.none())
        silence_s = self._silence_s(planned.multiply_adds)
        return _object(path, await self._session.post(path, fields, silence_s=silence_s))

    async def identify(
        self, arrays: AnyArrays, **options: Unpack[IdentifyArguments]
    ) -> dict[str, Any]:
        """Identify weights on the server, as `Client.identify`."""
        how = parse(IdentifyOptions, options).model_dump(exclude_defaults=True)
        with tempfile.TemporaryDirectory() as folder:
            saving = partial(as_uploads, listed(arrays), Path(folder))
            files = await self._session.wire.work(saving)
            size_bytes = sum(file.path.stat().st_size for file in files)
            silence_s = self._silence_s(10 * size_bytes, size_bytes)
            document = await self._session.upload("/v1/identify", how, files, silence_s=silence_s)
        return _object("/v1/identify", document)

    async def download(  # noqa: PLR0913 - its options
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
        """Save a checkpoint's file, as `Client.download`."""
        file = path_of_file(path)
        fields, named = format_and_rest(spec)
        name = choose_format(file, format or named)
        recipe = await self._recipe(fields, arrays, options)
        wire = self._session.wire
        job = await wire.work(partial(plan_job, recipe, name, Serving(), Limits.none()))
        found = Download(
            self._session,
            _expected(job, name),
            self._silence_s(job.plan.multiply_adds(job.forward_size), job.size_bytes),
            # The plain permalink is the address that caches know.
            query=None if device == "auto" else {"device": device},
            progress=progress,
        )
        async with ending_at_work(wire, fetched(file)) as target:
            await found.save(target, replace=replace)
        return file

    async def initializers(self) -> dict[str, Any]:
        """List the init schemes that the server draws."""
        return await self._document("/v1/initializers")

    async def devices(self) -> dict[str, Any]:
        """List the devices that the server has."""
        return await self._document("/v1/devices")

    async def _recipe(
        self, spec: AnySpec, arrays: AnyArrays | None, options: UploadArguments
    ) -> Spec:
        if arrays is not None:
            return await self.with_arrays(spec, arrays, **options)
        if options:
            raise RequestError(f"`{next(iter(options))}` is for `arrays`, and none are given.")
        return as_spec(spec)

    def _silence_s(self, multiply_adds: int = 0, size_bytes: int = 0) -> float:
        """Return the longest silence that work may need: generously, as a server may be slow, and
        busy.
        """
        if self._timeout_s is not None:
            return self._timeout_s
        return MIN_SILENCE_S + multiply_adds / 1e9 + size_bytes / 1e8

    async def _document(
        self, path: str, query: Mapping[str, Any] | None = None, silence_s: float | None = None
    ) -> dict[str, Any]:
        silence_s = silence_s or self._silence_s()
        document = await self._session.json(path, query, silence_s=silence_s)
        return _object(path, document)


def _object(path: str, document: Any) -> dict[str, Any]:
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


def _texts(spec: Spec, options: UploadOptions) -> dict[str, str]:
    """Return the text fields of an upload's form."""
    given = options.model_dump(exclude_defaults=True)
    return {
        "spec": json.dumps(canonical(spec)),
        **{name: v if isinstance(v, str) else json.dumps(v) for name, v in given.items()},
    }


def _named_recipe(described: Any) -> tuple[Spec, list[str]]:
    """Read the answer to an upload: the recipe, and what the server warns of."""
    try:
        recipe = decode_recipe(described["recipe"])
        cautions = described.get("warnings", [])
        return recipe, [f"{one['pointer']}: {one['detail']}" for one in cautions]
    except (AttributeError, KeyError, TypeError, InvalidRecipe) as error:
        raise TransferError("/v1/plan should name a recipe; is this a Step Zero server?") from error


def _expected(job: Job, name: FormatName) -> Expected:
    etag = None if job.spec.script else job.etag
    return Expected(file_path(job.spec, name), job.size_bytes, etag)
