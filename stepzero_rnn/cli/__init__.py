"""The command line: everything the service does, locally or against a server."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from stepzero_rnn.cli import run
from stepzero_rnn.cli.compare import compare, recommend
from stepzero_rnn.cli.diagnose import diagnose
from stepzero_rnn.cli.identify import identify
from stepzero_rnn.cli.make import make
from stepzero_rnn.cli.refusals import RefusingCommand
from stepzero_rnn.cli.report import report
from stepzero_rnn.cli.reports import check, plan, schemes
from stepzero_rnn.cli.run import version, warm

COMMANDS = (
    make,
    plan,
    check,
    diagnose,
    report,
    compare,
    recommend,
    identify,
    schemes,
    warm,
    version,
)

HELP = """
Recurrent networks at training step zero.

A checkpoint is a pure function of its recipe: the same options produce the same bytes on every
machine and device, with this command and on any server.

    stepzero make -t gru --input-size 10 --hidden-size 20 -o gru.pt
    stepzero plan -t lstm --input-size 512 --hidden-size 2048
    stepzero check -t rnn --input-size 8 --hidden-size 64 --init orthogonal
    stepzero diagnose -t lstm --input-size 10 --hidden-size 64 --seq-len 200
    stepzero report -t lstm --input-size 10 --hidden-size 64 -o lstm.pdf
    stepzero recommend -t lstm --input-size 10 --hidden-size 64 --seq-len 200
    stepzero identify model.pt
    stepzero schemes orthogonal

With `--server URL`, the server draws the weights; this machine then needs no torch.

Exit codes: **0** success; **1** the service, the transfer or the disk failed; **2** invalid options
or spec; **3** the network failed its check (output not finite, or zero everywhere); **130**
interrupted by Ctrl-C, **143** terminated by SIGTERM.
"""

cli = typer.Typer(
    name="stepzero",
    help=HELP,
    no_args_is_help=True,
    invoke_without_command=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True)
    ] = False,
) -> None:
    if version:
        run.version()
        raise typer.Exit


for command in COMMANDS:
    cli.command(cls=RefusingCommand)(command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # ASCII has no "×"
            stream.reconfigure(errors="backslashreplace")
    cli()
