"""How errors reach the terminal: as a clear message and an exit code, never as a traceback."""

from __future__ import annotations

import errno
import json
import re
from inspect import cleandoc
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from stepzero_rnn.cli.notices import silent
from stepzero_rnn.cli.words import Options, place
from stepzero_rnn.errors import (
    ArraysGone,
    CannotListen,
    CrossOrigin,
    DeadOutput,
    DeviceUnavailable,
    DtypeNotInFormat,
    InvalidRecipe,
    MissingExtra,
    NetworkNotInFormat,
    NonfiniteOutput,
    OutdatedRecipe,
    RecipeTooLong,
    RequestError,
    StepZeroError,
    TooLarge,
    TooMuchWork,
    Unauthenticated,
    UnknownFormat,
    alternatives,
)

FAILED, WRONG_USE, CHECK_FAILED, CANNOT_LISTEN, INTERRUPTED = 1, 2, 3, 4, 130

_EXIT_CODES: tuple[tuple[int, tuple[type[StepZeroError], ...]], ...] = (
    (CHECK_FAILED, (NonfiniteOutput, DeadOutput)),
    (CANNOT_LISTEN, (CannotListen,)),
    (
        WRONG_USE,
        (
            RequestError,
            InvalidRecipe,
            UnknownFormat,
            OutdatedRecipe,
            RecipeTooLong,
            ArraysGone,
            TooLarge,
            TooMuchWork,
            DtypeNotInFormat,
            NetworkNotInFormat,
            DeviceUnavailable,
            MissingExtra,
            Unauthenticated,
            CrossOrigin,
        ),
    ),
)


_UsageError: Any = typer.BadParameter.__base__  # typer has no public name for it


class FailedHere(StepZeroError):
    """The disk failed, or the command was interrupted."""

    title = "The command failed"


class RefusingCommand(TyperCommand):
    """A command that reports its errors, as a JSON problem document with `--json`."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        # Typer strips the indent of examples that follow a one-line paragraph; fences survive.
        text = cleandoc(self.help or "")
        self.help = re.sub(r"((?:^ {4}.*\n?)+)", r"```\n\1\n```", text, flags=re.MULTILINE)

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        is_json = "--json" in args  # before parsing consumes them
        try:
            return super().make_context(info_name, args, parent, **extra)
        except _UsageError as error:
            if not is_json:
                raise
            report(RequestError(error.format_message()), {"as_json": True})
            raise typer.Exit(WRONG_USE) from error

    def invoke(self, ctx: Any) -> Any:
        try:
            with silent(bool(ctx.params.get("as_json"))):
                return super().invoke(ctx)
        except StepZeroError as error:
            report(error, ctx.params)
            raise typer.Exit(exit_code(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # the reader closed the pipe; typer handles that
            prefix = f"{error.filename}: " if error.filename else ""
            report(FailedHere(f"{prefix}{error.strerror or error}."), ctx.params)
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt as error:
            message = str(error) or "Stopped."
            if ctx.params.get("as_json"):
                report(FailedHere(message), ctx.params)
            else:
                typer.echo(f"\n{message}", err=True)
            raise typer.Exit(INTERRUPTED) from error


def exit_code(error: StepZeroError) -> int:
    """Return the exit code for an error."""
    for code, classes in _EXIT_CODES:
        if isinstance(error, classes):
            return code
    return FAILED


def report(error: StepZeroError, options: Options) -> None:
    """Print an error to stderr, each wrong field on its own line and by its option."""
    if options.get("as_json"):
        typer.echo(json.dumps(_problem(error)), err=True)
        return
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    fields = error.facts.get("errors")
    if not isinstance(fields, list):
        console.print(f"Error: {error.detail}", style="red")
        return
    console.print(f"Error: {error.title}.", style="red")
    for field in fields:
        console.print(_field_line(field, options))
    if more := error.facts.get("more_errors"):
        console.print(f"  and {more} more")


def _problem(error: StepZeroError) -> dict[str, Any]:
    """Render an error as a problem document; errors of the command itself have no HTTP status."""
    problem = error.problem()
    if type(error) in (FailedHere, RequestError):
        problem["title"] = FailedHere.title
        del problem["status"]
    return problem


def _field_line(field: dict[str, Any], options: Options) -> str:
    """Format one wrong field: its place, the problem, the value given, the values allowed."""
    detail, allowed = str(field.get("detail")), field.get("allowed")
    line = f"  {place(str(field.get('pointer') or '/'), options)}: {detail}"
    # Of a missing field pydantic reports the whole parent as the input, which is no help.
    if field.get("code") not in ("missing", "union_tag_not_found"):
        line += f"; given {json.dumps(field.get('given'), ensure_ascii=False)}"
    if allowed is None:
        return line
    if isinstance(allowed, list) and all(isinstance(name, str) for name in allowed):
        return line + alternatives(detail, allowed)
    return (
        f"{line}; allowed: {', '.join(map(str, allowed)) if isinstance(allowed, list) else allowed}"
    )
