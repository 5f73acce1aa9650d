"""The options that describe a checkpoint: one per field of a request, read off its own model."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

import stepzero_rnn
from stepzero_rnn.cli.remote import Remote, remote
from stepzero_rnn.errors import RequestError
from stepzero_rnn.spec.arrays import LayoutName, UploadOptions
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import CheckpointRequest, CheckSize, Spec
from stepzero_rnn.spec.parse import load_json, parse
from stepzero_rnn.spec.recipe import decode_recipe

Command = Callable[..., None]

_FIELDS: dict[str, FieldInfo] = {**CheckpointRequest.model_fields, **CheckSize.model_fields}
_SHORT = {"rnn_type": ("-t",)}
_HELP = {  # where the API's own words do not fit a command line
    "init": "A preset's name, such as `keras`; or a scheme's, for all weights; or JSON: a scheme with its fields, or an "
    "object with one for each of `weight_ih`, `weight_hh`, `weight_hr` and `bias`, a `preset` for the others, and `overrides`. "
    "`stepzero schemes` lists them. `@FILE` reads JSON from a file, `@-` from stdin. [default: pytorch]",
    "format": "File format. [default: what the output's suffix says, else pt]",
}
_OWN = "Weights of your own"
_SPEC_FILE = typer.Option(
    "--spec",
    metavar="FILE",
    help="Start from a JSON spec (`-` is stdin). Options beside it replace its fields.",
    rich_help_panel="Where to start",
)
_RECIPE = typer.Option(
    "--recipe",
    metavar="TOKEN",
    help="Start from a recipe token or a permalink. Options beside it replace its fields.",
    rich_help_panel="Where to start",
)
_KINDS: Mapping[str, Any] = {
    "layout": LayoutName | None,
    "prefix": str | None,
    "redraw": str | None,
}
_UPLOAD: Mapping[str, tuple[Any, Any]] = {
    "arrays": (
        list[Path] | None,
        typer.Option(
            "--arrays",
            metavar="FILE",
            help="Weights of your own, `.npy`, `.npz` or `.safetensors`; give it once for each file. What they lack is drawn.",
            rich_help_panel=_OWN,
        ),
    ),
    **{
        name: (
            _KINDS.get(name, bool | None),
            typer.Option(
                f"--{name}",
                help=f"{field.description}",
                metavar="JSON|@FILE" if name == "redraw" else None,
                rich_help_panel=_OWN,
                case_sensitive=False,
            ),
        )
        for name, field in UploadOptions.model_fields.items()
    },
}


def takes_request(*served: str) -> Callable[[Command], Command]:
    """Return a command options for every field of a spec, and the `served` fields of how to serve.

    What they describe becomes its first argument, a `CheckpointRequest`.
    """
    options = [
        *(_option(name, "The network") for name in Spec.model_fields),
        *(_option(name, "How to serve") for name in served),
        _parameter("spec_file", Path | None, _SPEC_FILE),
        _parameter("recipe", str | None, _RECIPE),
    ]
    upload = [_parameter(name, kind, option) for name, (kind, option) in _UPLOAD.items()]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def described(**given: Any) -> None:
            asked = {option.name: given.pop(option.name) for option in options}
            sent = {option.name: given.pop(option.name) for option in upload}
            there = remote(given.get("server"), given.get("api_key"))
            request = place_arrays(read_request(**asked), there, **sent)
            command(request, **given)

        _, *own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [*options, *upload, *own]
        # Typer reads a command's options from its signature and its annotations.
        described.__dict__["__signature__"] = inspect.Signature(parameters)
        described.__annotations__ = {option.name: option.annotation for option in parameters}
        return described

    return decorate


def read_request(*, spec_file: Path | None, recipe: str | None, **given: Any) -> CheckpointRequest:
    """Validate what a file or a recipe holds; `given` fields that are not None replace its own.

    Raises:
        MalformedJson, InvalidSpec, InvalidRecipe, OutdatedRecipe: it describes no checkpoint.
    """
    base = _base(spec_file, recipe)
    if not isinstance(base, dict):
        return parse(CheckpointRequest, base)
    named = {name: value for name, value in given.items() if value is not None}
    if named.get("init", "").startswith(("{", "@")):
        named["init"] = _json_option(named["init"], "--init")
    size = {name: named.pop(name) for name in CheckSize.model_fields if name in named}
    if size:
        check = base.get("check")
        named["check"] = (check if isinstance(check, dict) else {}) | size
    return parse(CheckpointRequest, base | named)


def place_arrays(
    request: CheckpointRequest, there: Remote | None, *, arrays: list[Path] | None, **options: Any
) -> CheckpointRequest:
    """Hand files of arrays to the server, or keep them here; give the request that names them.

    Raises:
        InvalidArrays, NotAnArrayFile, InvalidSpec: they do not fit, or options stand there without
            any.
    """
    how = {name: value for name, value in options.items() if value is not None}
    if not arrays:
        if how:
            raise RequestError(f"--{next(iter(how))} is for files that --arrays names.")
        return request
    if "redraw" in how:
        how["redraw"] = _json_option(how["redraw"], "--redraw")
    how = parse(UploadOptions, how).model_dump(exclude_defaults=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        spec = _kept(request.spec, there, arrays, how)
    for warning in told:
        typer.echo(f"Warning: {warning.message}.", err=True)
    serving = request.serving.model_dump() | {"format": request.format}
    return parse(CheckpointRequest, canonical(spec) | serving)


def _kept(spec: Spec, there: Remote | None, arrays: list[Path], how: Any) -> Spec:
    if there is None:
        return stepzero_rnn.with_arrays(spec, arrays, **how)
    with there.connect() as client:
        return client.with_arrays(spec, arrays, **how)


def _base(spec_file: Path | None, recipe: str | None) -> Any:
    if spec_file and recipe:
        raise RequestError("Give --spec or --recipe, not both.")
    if recipe:
        _, in_url, rest = recipe.partition("/checkpoints/")
        return canonical(decode_recipe(rest.partition("/")[0] if in_url else recipe))
    if spec_file is None:
        return {}
    return _json_file(str(spec_file), "--spec")


def _json_option(text: str, option: str) -> Any:
    """Read JSON from an option: as it stands there, or from the file that `@` names."""
    return _json_file(text[1:], option) if text.startswith("@") else _json(text, option)


def _json_file(name: str, option: str) -> Any:
    if name == "-":
        return _json(sys.stdin.buffer.read(), "stdin")
    try:
        text = Path(name).read_bytes()
    except OSError as error:
        raise RequestError(f"{option} {name}: {error.strerror}.") from error
    return _json(text, name)


def _json(text: str | bytes, source: str) -> Any:
    return load_json(text, source)


def _option(name: str, panel: str) -> inspect.Parameter:
    field = _FIELDS[name]
    flag = "--" + name.replace("_", "-")
    declared = [f"{flag}/--no-{flag[2:]}"] if field.default is True else [flag]
    shown = not field.is_required() and field.default is not None and field.annotation is not bool
    described = f"{field.description}{f' [default: {field.default}]' if shown else ''}"
    option = typer.Option(
        *declared,
        *_SHORT.get(name, ()),
        help=_HELP.get(name, described),
        metavar="NAME|JSON|@FILE" if name == "init" else None,
        rich_help_panel=panel,
        case_sensitive=False,
    )
    kind: Any = str if name == "init" else field.annotation
    return _parameter(name, kind | None, option)


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )
