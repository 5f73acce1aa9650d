"""The options of commands about several starts: the network, how it is measured, and labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import typer

from stepzero_rnn.cli.request import json_file, json_option, option_of, parameter_of
from stepzero_rnn.comparison.requests import StartsRequest
from stepzero_rnn.diagnostics.options import LevelName
from stepzero_rnn.errors import RequestError
from stepzero_rnn.spec.network_spec import NetworkSpec

Command = Callable[..., None]

_FIELDS = StartsRequest.model_fields
_FILE = typer.Argument(
    metavar="[REQUEST]",
    help="A JSON file with a request as for a server; `-` reads stdin. Options override its fields.",
    show_default=False,
)
_MEASURED: Mapping[str, tuple[Any, str]] = {
    "seq_len": (int, "100"),
    "dependency_length": (int, "seq_len"),
    "level": (LevelName, "standard"),
    "seeds": (str, "0,1,2"),
    "device": (str, "auto"),
}


def takes_network(command: Command) -> Command:
    """Add options for a network and its measurement.

    The command's first argument is the request that the file and these options describe, as an
    object that is not validated yet.
    """
    file = parameter_of("request_file", Path | None, _FILE)
    network = [option_of(name, "The network") for name in NetworkSpec.model_fields]
    measured = [_measured(name, *rest) for name, rest in _MEASURED.items()]

    @wraps(command)
    def described(**values: Any) -> None:
        request = _base(values.pop(file.name))
        given = {one.name: values.pop(one.name) for one in network}
        _override(request, {name: value for name, value in given.items() if value is not None})
        options = {one.name: values.pop(one.name) for one in measured}
        if options["seeds"] is not None:
            options["seeds"] = [_number(text) for text in options["seeds"].split(",")]
        request |= {name: value for name, value in options.items() if value is not None}
        command(request, **values)

    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    parameters = [file, *network, *measured, *own]
    # Typer reads a command's options from its signature and its annotations.
    described.__dict__["__signature__"] = inspect.Signature(parameters)
    described.__annotations__ = {one.name: one.annotation for one in parameters}
    return described


def labelled(texts: Sequence[str] | None, flag: str) -> list[dict[str, Any]]:
    """Read options `LABEL=INIT`; a name alone is its own label.

    Raises:
        RequestError: a label is missing.
        MalformedJson: an init is not valid JSON.
    """
    return [_labelled(text, flag) for text in texts or ()]


def init_of(text: str, flag: str) -> Any:
    """Read an init: a name, JSON, or `@` and a file with JSON."""
    return json_option(text, flag) if text.startswith(("{", "@")) else text


def _labelled(text: str, flag: str) -> dict[str, Any]:
    label, has_label, init = text.partition("=")
    if label.startswith(("{", "@")) or (has_label and not label):
        raise RequestError(f"{flag} {text[:80]}: give a label first, as in {flag} LABEL=INIT.")
    return {"label": label, "init": init_of(init, f"{flag} {label}") if has_label else label}


def _base(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    found = json_file(str(file).removeprefix("@"), "REQUEST")
    if not isinstance(found, dict):
        raise RequestError(f"{file} is not a JSON object.")
    return found


def _override(request: dict[str, Any], given: Mapping[str, Any]) -> None:
    network = request.get("network", {})
    request["network"] = {**network, **given} if isinstance(network, dict) else network


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text  # refused with the place where it is


def _measured(name: str, kind: Any, default: str) -> inspect.Parameter:
    described = f"{_FIELDS[name].description} [default: {default}]"
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=described,
        metavar="SEED,…" if name == "seeds" else None,
        rich_help_panel="The measurement",
        case_sensitive=False,
    )
    return parameter_of(name, kind | None, option)
