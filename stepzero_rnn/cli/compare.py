"""`stepzero compare` and `stepzero recommend`: several starts of one network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console

import stepzero_rnn
from stepzero_rnn.cli import comparison_tables as tables
from stepzero_rnn.cli.network import init_of, labelled, takes_network
from stepzero_rnn.cli.progress import ShowStart, counting, waiting
from stepzero_rnn.cli.remote import ApiKey, Remote, Server, remote
from stepzero_rnn.cli.reports import AsJson, require_document
from stepzero_rnn.comparison.cost import cost_of_starts
from stepzero_rnn.comparison.csv_text import as_csv
from stepzero_rnn.comparison.requests import (
    ComparisonRequest,
    RecommendationRequest,
    StartsRequest,
)
from stepzero_rnn.comparison.results import Comparison, Recommendation
from stepzero_rnn.comparison.starts import NamedStart, candidates_of, starts_of
from stepzero_rnn.errors import RequestError
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.parse import parse

_UNREADABLE = "The server did not return a document that this release can read."
_RECOMMENDATION = RecommendationRequest.model_fields


def _help(name: str) -> str:
    return f"{_RECOMMENDATION[name].description}"


@takes_network
def compare(
    request: dict[str, Any],
    *,
    start: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=INIT",
            help="A start: a label, and its init as for `make --init`: a name, JSON or `@FILE`. "
            "A name without a label is its own label. Repeat it for every start.",
        ),
    ] = None,
    server: Server = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Measure several starts of one network side by side.

    Every figure is a median over seeds. For what the figures mean, see `stepzero diagnose`.

        stepzero compare -t lstm --input-size 10 --hidden-size 64 --seq-len 200 \\
            --start pytorch --start keras \\
            --start 'long memory={"bias": {"scheme": "chrono", "t_max": 200}}'
        stepzero compare request.json --csv > starts.csv
    """
    if as_json and csv:
        raise RequestError("Use either --json or --csv, not both.")
    fields = request | ({"starts": labelled(start, "--start")} if start else {})
    asked = parse(ComparisonRequest, {"starts": [], **fields})
    starts = starts_of(asked)
    given = {name: value for name, value in fields.items() if name != "format"}
    there = remote(server, api_key)
    with _progress(asked, starts, there) as progress:
        found = (
            require_document(Comparison, _posted(there, "compare", given), _UNREADABLE)
            if there
            else stepzero_rnn.compare(**given, progress=progress)
        )
    if csv or (asked.format == "csv" and not as_json):
        typer.echo(as_csv(found), nl=False)
    elif as_json:
        typer.echo(TypeAdapter(Comparison).dump_json(found, indent=2))
    else:
        Console(highlight=False).print(*tables.comparison(found), sep="\n")


@takes_network
def recommend(  # noqa: PLR0913 - its options
    request: dict[str, Any],
    *,
    init: Annotated[str | None, typer.Option(metavar="NAME|JSON|@FILE", help=_help("init"))] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=INIT", help=f"{_help('include')} Repeat it for every start."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help=f"{_help('exclude')} Repeat it for every label."),
    ] = None,
    max_seconds: Annotated[float | None, typer.Option(help=_help("max_seconds"))] = None,
    server: Server = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Rank the starts that are defined for a network, and say which three to try first.

    The order is by two measured figures: whether earlier inputs can be read from the state, and
    whether gradients reach back to them. A rank says nothing about
    how likely training is to succeed.

        stepzero recommend -t lstm --input-size 10 --hidden-size 64 --seq-len 200
        stepzero recommend -t rnn --input-size 10 --hidden-size 64 --seq-len 200 \\
            --dependency-length 20 --init orthogonal --exclude kaiming
    """
    given = {
        "init": None if init is None else init_of(init, "--init"),
        "include": labelled(include, "--include"),
        "exclude": exclude,
        "max_seconds": max_seconds,
    }
    fields = request | {name: value for name, value in given.items() if value not in (None, [])}
    asked = parse(RecommendationRequest, fields)
    there = remote(server, api_key)
    with _progress(asked, candidates_of(asked), there) as progress:
        found = (
            require_document(Recommendation, _posted(there, "recommend", fields), _UNREADABLE)
            if there
            else stepzero_rnn.recommend(**fields, progress=progress)
        )
    if as_json:
        typer.echo(TypeAdapter(Recommendation).dump_json(found, indent=2))
    else:
        Console(highlight=False).print(*tables.recommendation(found), sep="\n")


@contextmanager
def _progress(
    asked: StartsRequest, starts: Sequence[NamedStart], there: Remote | None
) -> Iterator[ShowStart]:
    """Show how many starts are done; on a server, that work goes on."""
    if there is None:
        with counting("measuring") as show:
            yield show
        return
    work = cost_of_starts(asked, starts, Limits.none()).multiply_adds
    with waiting("measuring", work, is_there=True):
        yield lambda *_: None


def _posted(there: Remote, call: str, fields: dict[str, Any]) -> Any:
    with there.connect() as client:
        return getattr(client, call)(**fields)
