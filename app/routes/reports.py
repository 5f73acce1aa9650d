"""The route of reports: one start, or several side by side, as a page, a picture or a document."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from app.context import CurrentContext
from app.openapi import reports as docs
from app.request.planning import job_of
from app.request.reports import ReportQuery
from app.response.reports import send_report
from app.routes.checkpoints import Token
from stepzero_rnn.reports.requests import MEDIA_TYPES, ReportFormat, decoded, require_one_network
from stepzero_rnn.spec.checkpoint import Serving
from stepzero_rnn.spec.recipe import decode_recipe


class _Format(StringConvertor):
    """A format of reports; all other suffixes are those of checkpoints that are called `report`."""

    regex = "|".join(MEDIA_TYPES)


register_url_convertor("report_format", _Format())
router = APIRouter(prefix="/v1", tags=["diagnostics"])
PATH = "/checkpoints/{recipe}/report.{format:report_format}"


@router.head(PATH, include_in_schema=False, response_class=Response)
@router.get(PATH, response_class=Response, **docs.GET_REPORT)
async def report_on_checkpoint(
    request: Request,
    recipe: Token,
    format: Annotated[
        ReportFormat,
        Path(description="The file format.", json_schema_extra={"example": "png"}),
    ],
    asked: ReportQuery,
    context: CurrentContext,
) -> Response:
    """Return what is known of a start as one file: figures, findings, plots and tensors.

    With `against`, the report compares starts of one network.  The HTML file loads nothing and runs
    no scripts.  The bytes depend on the recipe, the release and the machine.
    """
    specs = [decode_recipe(recipe), *decoded(asked.against)]
    require_one_network(specs)
    serving = Serving(device=asked.device)
    jobs = [await job_of(request, context, spec, "safetensors", serving) for spec in specs]
    return await send_report(request, context, jobs, asked.options, format)
