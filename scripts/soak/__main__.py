"""Serves a mixed load with aborts, kills, garbage and malice for a while, and looks at what is left
behind.

python -m scripts.soak [SECONDS]   600 by default

After a warm-up of a quarter of the time, and again at the end, the load pauses.  In between memory
may not have grown by more than 5 %, and then nothing may be left: no permit, file descriptor,
thread, request or folder of an upload.  Every file that was read to its end is compared with what
the same recipe gave at the beginning.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import httpx

from scripts.soak.deeds import FILES, Deed, abort, fetch, garbage, kill, make_new, refuse, stall
from scripts.soak.malice import MALICE
from scripts.soak.served import Served, State, read, server

USUAL: list[Deed] = [fetch, fetch, fetch, make_new, abort, kill, stall, garbage, refuse]
DEEDS = [*USUAL, *MALICE]
CLIENTS = 12
GROWTH = 0.05
QUARTERS = 4


class Load:
    """Clients that do everything at once for a while: what they did, and what went wrong."""

    def __init__(self, served: Served, seconds: float, known: Mapping[str, str]) -> None:
        self.done: Counter[str] = Counter()
        self.memory: list[int] = []
        self._faults: set[str] = set()
        self._served, self._known = served, known
        self._end = time.monotonic() + seconds

    def run(self, seed: int) -> None:
        """Do it, and look at the memory every second.

        Raises:
            AssertionError: a file was wrong, or an answer undocumented.
        """
        numbers = range(seed * 1000, seed * 1000 + CLIENTS)
        threads = [threading.Thread(target=self._client, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        while time.monotonic() < self._end:
            time.sleep(1)
            self.memory.append(self._served.memory_bytes())
        for thread in threads:
            thread.join()
        if self._faults:
            raise AssertionError("; ".join(sorted(self._faults)[:5]))

    def _client(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - a load, no secret
        while time.monotonic() < self._end:
            try:
                self.done[dice.choice(DEEDS)(self._served, dice, self._known)] += 1
            except (OSError, httpx.TransportError):
                self.done["cut by the server"] += 1
            except Exception as error:  # noqa: BLE001 - the main thread raises it
                self._faults.add(repr(error))


def main() -> None:
    """Warm up, go on, and compare."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    with server() as served:
        known = {str(spec): read(served, spec) for spec in FILES}
        Load(served, seconds / 4, known).run(seed=1)
        before = served.settled()
        load = Load(served, seconds * 3 / 4, known)
        load.run(seed=2)
        after = served.settled()
    size = max(-(-len(load.memory) // QUARTERS), 1)
    quarters = [median(part) for part in parts_of(load.memory, size)]
    print(", ".join(f"{count} {what}" for what, count in sorted(load.done.items())))
    listed = ", ".join(f"{each / 1e6:.0f}" for each in quarters)
    print(f"memory under load, in MB, medians of a quarter of the time each: {listed}")
    for name in ("memory_bytes", "descriptors", "threads"):
        print(
            f"{name}, idle: {getattr(before, name)} after the warm-up, {getattr(after, name)} at the end"
        )
    print("left:", ", ".join(f"{name} {value:g}" for name, value in sorted(after.gauges.items())))
    wrong = complaints(before, after, quarters[-1] / quarters[0] - 1)
    sys.exit("; ".join(wrong) if wrong else 0)


def parts_of(samples: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut samples into parts of a size; the last may be smaller."""
    return (samples[first : first + size] for first in range(0, len(samples), size))


def complaints(before: State, after: State, growth: float) -> list[str]:
    """Say what is not as it should be."""
    idle_growth = after.memory_bytes / before.memory_bytes - 1
    left = {name: n for name, n in after.gauges.items() if n > (name == "requests_in_flight")}
    found = {
        f"memory under load grew by {growth:.1%}": growth > GROWTH,
        f"idle memory grew by {idle_growth:.1%}": idle_growth > GROWTH,
        f"{after.descriptors - before.descriptors} file descriptors leaked": after.descriptors
        > before.descriptors,
        f"{after.threads - before.threads} threads leaked": after.threads > before.threads,
        f"{after.failed_requests:g} requests failed": after.failed_requests > 0,
        f"{after.incoming_folders} folders of uploads left": after.incoming_folders > 0,
        f"left behind: {left}": bool(left),
    }
    return [what for what, is_so in found.items() if is_so]


if __name__ == "__main__":
    main()
