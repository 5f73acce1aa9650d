"""Progress bars for checks and transfers, with the estimated remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.filesize import decimal as size
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress_bar import ProgressBar

from stepzero_rnn.engine.cores import usable_cores
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.plan import ForwardSize, Plan

Show = Callable[[int, int], None]
ShowStart = Callable[[int, int, str], None]  # starts done, starts in all, label of the next
__all__ = ["checking", "counting", "making", "seconds_to_check", "size", "waiting"]

BAR_FROM_BYTES = 8 << 20  # for smaller files a bar would only flicker
BAR_FROM_S = 1.0
# Throughput of one core of an ordinary server under no other load.
MULTIPLY_ADDS_PER_S = 20e9
NUMBERS_PER_S = 50e6


def seconds_to_check(plan: Plan, check: ForwardSize, cores: int) -> float:
    """Estimate the time to draw and check a network."""
    single_core_s = (
        plan.multiply_adds(check) / MULTIPLY_ADDS_PER_S + plan.parameters / NUMBERS_PER_S
    )
    return single_core_s / cores


@contextmanager
def checking(plan: Plan, check: ForwardSize, *, is_there: bool = False) -> Iterator[None]:
    """Show on a terminal (stderr) that a network is being checked, if that takes a while.

    Args:
        is_there: the check runs on a server, whose speed is unknown.
    """
    about_s = seconds_to_check(plan, check, usable_cores())
    with _showing("checking", about_s, is_there=is_there):
        yield


@contextmanager
def waiting(doing: str, multiply_adds: int, *, is_there: bool = False) -> Iterator[None]:
    """Show on a terminal (stderr) that work goes on, if that takes a while.

    Args:
        is_there: it runs on a server, whose speed is unknown.
    """
    about_s = multiply_adds / MULTIPLY_ADDS_PER_S / usable_cores()
    with _showing(doing, about_s, is_there=is_there):
        yield


@contextmanager
def _showing(doing: str, about_s: float, *, is_there: bool) -> Iterator[None]:
    console = Console(stderr=True)
    label = (
        f"{doing} on the server"
        if is_there
        else f"{doing}, about {max(about_s, 1):.0f} s on an idle machine"
    )
    columns = TextColumn("{task.description}"), _TimeBar(), TimeElapsedColumn()
    hidden = not console.is_terminal or about_s < BAR_FROM_S
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        progress.add_task(label, total=None if is_there else about_s)
        yield


@contextmanager
def making(job: Job, *, is_there: bool = False) -> Iterator[Show]:
    """Show the check, which precedes the first byte, and then the progress of the file."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    hidden = not console.is_terminal or job.size_bytes < BAR_FROM_BYTES
    writing = Progress(*columns, console=console, transient=True, disable=hidden)
    task = writing.add_task("downloading" if is_there else "writing", total=job.size_bytes)
    with ExitStack() as check, ExitStack() as stack:
        check.enter_context(checking(job.plan, job.forward_size, is_there=is_there))

        def show(done: int, total: int) -> None:
            check.close()
            if not writing.live.is_started:
                stack.enter_context(writing)
            writing.update(task, completed=done, total=total)

        yield show


@contextmanager
def counting(doing: str) -> Iterator[ShowStart]:
    """Show on a terminal (stderr) which of several starts is next, and how many are done."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress:
        task = progress.add_task(doing, total=None)

        def show(done: int, total: int, label: str) -> None:
            progress.update(task, description=f"{doing} {label}", completed=done, total=total)

        yield show


class _TimeBar(ProgressColumn):
    """A bar of elapsed against estimated time; indeterminate once the estimate is exceeded, or if
    there is none.
    """

    def render(self, task: Task) -> ProgressBar:
        elapsed_s = task.elapsed or 0.0
        is_open = task.total is None or elapsed_s >= task.total
        return ProgressBar(task.total or 1, elapsed_s, width=40, pulse=is_open)
