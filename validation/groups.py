"""What is trained: groups of starts of one network on one task.

The budgets are such that about half of the starts learn; a group in which two do measures luck.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Sixteen starts of one network, trained on one task for so many steps."""

    kind: str
    task: str
    seq_len: int
    steps: int
    hidden_size: int = 32
    layers: int = 1

    @property
    def name(self) -> str:
        sizes = f"-h{self.hidden_size}" * (self.hidden_size != 32)
        depth = f"-{self.layers}layers" * (self.layers != 1)
        return f"{self.kind}-{self.task}{self.seq_len}{sizes}{depth}"

    @property
    def dependency_length(self) -> int:
        """How far back the task's dependencies reach."""
        return 3 if self.task == "local" else self.seq_len


_KINDS = ("lstm", "gru", "tanh", "relu")
_PLAIN = ("tanh", "relu")

# About 20 minutes on two cores.
SHORT: tuple[Group, ...] = (
    *(Group(kind, "local", 30, 200) for kind in _KINDS),
    *(Group(kind, "digits", 64, 350) for kind in _KINDS),
    *(Group(kind, "recall", 50, 300) for kind in _KINDS),
    *(Group(kind, "recall", 20, 250) for kind in _PLAIN),
    *(Group(kind, "adding", 20, 600) for kind in _PLAIN),
    Group("gru", "adding", 50, 500),
)
LONG: tuple[Group, ...] = (
    Group("lstm", "adding", 50, 600),
    *(Group(kind, "adding", 50, 500) for kind in _PLAIN),
    *(Group(kind, "recall", 100, 300) for kind in _KINDS),
    Group("lstm", "adding", 100, 500),
    Group("gru", "adding", 100, 400),
    Group("tanh", "recall", 50, 300, hidden_size=64),
    Group("relu", "recall", 50, 300, hidden_size=64),
    Group("tanh", "adding", 20, 600, hidden_size=64),
    Group("relu", "adding", 20, 600, hidden_size=64),
    Group("gru", "recall", 50, 300, hidden_size=64),
    Group("lstm", "recall", 50, 400, hidden_size=64),
    Group("lstm", "digits", 64, 350, hidden_size=64),
    Group("relu", "recall", 100, 600),
    Group("lstm", "adding", 50, 900),
    Group("lstm", "recall", 100, 700),
    Group("tanh", "recall", 200, 250),
    # LSTMs on long tasks: at the budgets above, few of their starts learn.
    Group("lstm", "recall", 50, 700),
    Group("lstm", "recall", 70, 700),
    Group("lstm", "recall", 100, 1200),
    Group("lstm", "adding", 70, 900),
    Group("lstm", "adding", 100, 1200),
)
DEEP: tuple[Group, ...] = (
    Group("tanh", "recall", 20, 250, layers=2),
    Group("relu", "adding", 20, 600, layers=2),
    Group("gru", "recall", 50, 300, layers=2),
    Group("lstm", "recall", 50, 400, layers=2),
    Group("lstm", "digits", 64, 350, layers=2),
    Group("gru", "local", 30, 200, layers=2),
)
