"""Reads requests for reports: options from the query, and the recipes to compare with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from app.request.body import single
from stepzero_rnn.reports.requests import ReportRequest
from stepzero_rnn.spec.parse import parse, parse_strings

_REPEATED = "against"


async def read_report(request: Request) -> ReportRequest:
    """Read the options of a report; `against` may be repeated.

    Raises:
        InvalidSpec: an option is unknown or invalid.
    """
    items = request.query_params.multi_items()
    asked = parse_strings(ReportRequest, single(one for one in items if one[0] != _REPEATED))
    fields: dict[str, Any] = {name: getattr(asked, name) for name in asked.model_fields_set}
    against = [value for name, value in items if name == _REPEATED]
    return parse(ReportRequest, {**fields, _REPEATED: against})


ReportQuery = Annotated[ReportRequest, Depends(read_report)]
