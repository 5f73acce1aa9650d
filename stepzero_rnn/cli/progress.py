"""What a terminal shows while something takes long: how far it is, and how long it may yet take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.filesize import decimal as size
from rich.progress import (
    BarColumn,
    DownloadColumn,
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
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import CheckSize

Show = Callable[[int, int], None]
__all__ = ["checking", "making", "seconds_to_check", "size"]

BAR_FROM_BYTES = 8 << 20  # below these a bar would only flicker
BAR_FROM_S = 1.0
# What a core of a usual server does in a second, if nothing else runs there.
MULTIPLY_ADDS_PER_S = 20e9
NUMBERS_PER_S = 50e6


def seconds_to_check(plan: Plan, check: CheckSize, cores: int) -> float:
    """Estimate how long it takes to draw and check a network."""
    alone_s = plan.multiply_adds(check) / MULTIPLY_ADDS_PER_S + plan.parameters / NUMBERS_PER_S
    return alone_s / cores


@contextmanager
def checking(plan: Plan, check: CheckSize, *, is_there: bool = False) -> Iterator[None]:
    """Show on stderr that a network is checked, where somebody sees it and it takes a while.

    Args:
        is_there: on a server, whose speed is not known.
    """
    console = Console(stderr=True)
    about_s = seconds_to_check(plan, check, usable_cores())
    said = (
        "the server checks"
        if is_there
        else f"checking, about {max(about_s, 1):.0f} s if nothing else runs"
    )
    columns = TextColumn("{task.description}"), _TimeBar(), TimeElapsedColumn()
    hidden = not console.is_terminal or about_s < BAR_FROM_S
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        progress.add_task(said, total=None if is_there else about_s)
        yield


@contextmanager
def making(job: Job, *, is_there: bool = False) -> Iterator[Show]:
    """Show the check, which comes before the first byte, and then how much of the file is there."""
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
    task = writing.add_task("receiving" if is_there else "writing", total=job.size_bytes)
    with ExitStack() as check, ExitStack() as stack:
        check.enter_context(checking(job.plan, job.serving.check, is_there=is_there))

        def show(done: int, total: int) -> None:
            check.close()
            if not writing.live.is_started:
                stack.enter_context(writing)
            writing.update(task, completed=done, total=total)

        yield show


class _TimeBar(ProgressColumn):
    """A bar of the time that has passed of the time it may take; without an end where that is not
    known, or over.
    """

    def render(self, task: Task) -> ProgressBar:
        passed_s = task.elapsed or 0.0
        is_open = task.total is None or passed_s >= task.total
        return ProgressBar(task.total or 1, passed_s, width=40, pulse=is_open)
