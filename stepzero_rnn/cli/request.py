"""The options that describe a checkpoint: one per field of a request, derived from its model."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import partial, wraps
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
_SHORT = {"rnn_type": ("-t",), "format": ("-f",)}
_HELP = {  # where the API's description does not suit a command line
    "init": "Name of a preset, such as `keras`, or of a scheme for all weights; or JSON: a scheme "
    "with its fields, or an object with a scheme for each of `weight_ih`, `weight_hh`, `weight_hr` "
    "and `bias`, a `preset` for the rest, and `overrides`. `stepzero schemes` lists the names. "
    "`@FILE` reads JSON from a file, `@-` from stdin. [default: pytorch]",
    "format": "File format. [default: from the output's suffix, else pt]",
}
_UPLOAD_PANEL = "Your own weights"
_SPEC_FILE = typer.Option(
    "--spec",
    metavar="FILE",
    help="Start from a JSON spec (`-` for stdin). Other options override its fields.",
    rich_help_panel="Starting point",
)
_RECIPE = typer.Option(
    "--recipe",
    metavar="TOKEN",
    help="Start from a recipe token or a permalink. Other options override its fields.",
    rich_help_panel="Starting point",
)
_SPECS = typer.Argument(
    metavar="[SPEC]...",
    help="A start: a JSON file (`-` for stdin), a recipe token or a permalink. Options override its fields.",
    show_default=False,
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
            help="Your own weights: a `.npy`, `.npz`, `.safetensors`, `.onnx`, `.h5` or `.keras` "
            "file; repeat for several files. Missing parameters are drawn.",
            rich_help_panel=_UPLOAD_PANEL,
        ),
    ),
    **{
        name: (
            _KINDS.get(name, bool | None),
            typer.Option(
                f"--{name}",
                help=f"{field.description}",
                metavar="JSON|@FILE" if name == "redraw" else None,
                rich_help_panel=_UPLOAD_PANEL,
                case_sensitive=False,
            ),
        )
        for name, field in UploadOptions.model_fields.items()
    },
}


def takes_request(*served: str) -> Callable[[Command], Command]:
    """Add an option for every field of a spec, and for the `served` fields of a request.

    The command's first argument is the `CheckpointRequest` that the options describe.
    """
    return _decorator(served, [], lambda _, fields, place: place(read_request(**fields)))


def takes_requests(*served: str) -> Callable[[Command], Command]:
    """Add the same options, and arguments that each name a spec.

    The command's first argument is the list of these requests, or of the one that the options
    describe.
    """
    return _decorator(served, [parameter_of("specs", list[str] | None, _SPECS)], _read_requests)


def _read_requests(
    specs: list[str] | None,
    fields: Mapping[str, Any],
    place: Callable[[CheckpointRequest], CheckpointRequest],
) -> list[CheckpointRequest]:
    if not specs:
        return [place(read_request(**fields))]
    if fields["spec_file"] or fields["recipe"]:
        raise RequestError("Use either SPEC arguments or one of --spec and --recipe, not both.")
    return [place(read_request(**{**fields, **_named(spec)})) for spec in specs]


def _named(spec: str) -> dict[str, Any]:
    """Return a spec's place: a file if there is one, else a recipe."""
    is_file = spec == "-" or spec.endswith(".json") or Path(spec).is_file()
    return {"spec_file": Path(spec)} if is_file else {"recipe": spec}


def _decorator(
    served: tuple[str, ...], arguments: list[inspect.Parameter], read: Callable[..., Any]
) -> Callable[[Command], Command]:
    options = [
        *(option_of(name, "The network") for name in Spec.model_fields),
        *(option_of(name, "How to serve") for name in served),
        parameter_of("spec_file", Path | None, _SPEC_FILE),
        parameter_of("recipe", str | None, _RECIPE),
    ]
    upload = [parameter_of(name, kind, option) for name, (kind, option) in _UPLOAD.items()]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def described(**values: Any) -> None:
            fields = {option.name: values.pop(option.name) for option in options}
            uploads = {option.name: values.pop(option.name) for option in upload}
            named = next((values.pop(argument.name) for argument in arguments), None)
            there = remote(values.get("server"), values.get("api_key"))
            place = partial(place_arrays, there=there, **uploads)
            command(read(named, fields, place), **values)

        _, *command_options = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [*arguments, *options, *upload, *command_options]
        # Typer reads a command's options from its signature and its annotations.
        described.__dict__["__signature__"] = inspect.Signature(parameters)
        described.__annotations__ = {option.name: option.annotation for option in parameters}
        return described

    return decorate


def read_request(*, spec_file: Path | None, recipe: str | None, **fields: Any) -> CheckpointRequest:
    """Validate the request in a file or a recipe; `fields` that are not None override it.

    Raises:
        MalformedJson, InvalidSpec, InvalidRecipe, OutdatedRecipe: the request is invalid.
    """
    base = _base(spec_file, recipe)
    if not isinstance(base, dict):
        return parse(CheckpointRequest, base)
    changes = {name: value for name, value in fields.items() if value is not None}
    if changes.get("init", "").startswith(("{", "@")):
        changes["init"] = json_option(changes["init"], "--init")
    size = {name: changes.pop(name) for name in CheckSize.model_fields if name in changes}
    if size:
        check = base.get("check")
        changes["check"] = (check if isinstance(check, dict) else {}) | size
    return parse(CheckpointRequest, base | changes)


def place_arrays(
    request: CheckpointRequest, there: Remote | None, *, arrays: list[Path] | None, **options: Any
) -> CheckpointRequest:
    """Upload array files to the server, or store them locally; return the request that uses them.

    Raises:
        InvalidArrays, NotAnArrayFile, InvalidSpec: the arrays do not fit.
        RequestError: there are upload options, but no arrays.
    """
    how = {name: value for name, value in options.items() if value is not None}
    if not arrays:
        if how:
            raise RequestError(f"--{next(iter(how))} requires --arrays.")
        return request
    if "redraw" in how:
        how["redraw"] = json_option(how["redraw"], "--redraw")
    how = parse(UploadOptions, how).model_dump(exclude_defaults=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        spec = _store(request.spec, there, arrays, how)
    for warning in caught:
        typer.echo(f"Warning: {warning.message}.", err=True)
    serving = request.serving.model_dump() | {"format": request.format}
    return parse(CheckpointRequest, canonical(spec) | serving)


def _store(spec: Spec, there: Remote | None, arrays: list[Path], how: Any) -> Spec:
    if there is None:
        return stepzero_rnn.with_arrays(spec, arrays, **how)
    with there.connect() as client:
        return client.with_arrays(spec, arrays, **how)


def _base(spec_file: Path | None, recipe: str | None) -> Any:
    if spec_file and recipe:
        raise RequestError("Use either --spec or --recipe, not both.")
    if recipe:
        _, in_url, rest = recipe.partition("/checkpoints/")
        return canonical(decode_recipe(rest.partition("/")[0] if in_url else recipe))
    if spec_file is None:
        return {}
    return json_file(str(spec_file), "--spec")


def json_option(text: str, option: str) -> Any:
    """Read JSON from an option: literally, or from the file after `@`."""
    return json_file(text[1:], option) if text.startswith("@") else _json(text, option)


def json_file(name: str, option: str) -> Any:
    """Read JSON from a file, or from stdin if it is called `-`."""
    if name == "-":
        return _json(sys.stdin.buffer.read(), "stdin")
    try:
        text = Path(name).read_bytes()
    except OSError as error:
        raise RequestError(f"{option} {name}: {error.strerror}.") from error
    return _json(text, name)


def _json(text: str | bytes, source: str) -> Any:
    return load_json(text, source)


def option_of(name: str, panel: str) -> inspect.Parameter:
    """Return the option for a field of a request."""
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
    return parameter_of(name, kind | None, option)


def parameter_of(name: str, kind: Any, option: Any) -> inspect.Parameter:
    """Return an option as a parameter of the function that typer calls; its default is None."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )
