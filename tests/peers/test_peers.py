"""Presets beside the libraries that they are named after: the same laws, parameter by parameter,
and the same outputs.

`make peers` installs the libraries and runs this.  One that is not installed is skipped; Haste,
MXNet and fairseq install on few machines, and are held to their sources in
`tests/engine/test_presets.py` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from stepzero_rnn.engine.tensors import empty_module
from tests.engine.drawing import values
from tests.peers.libraries import ORDER, PEERS, Array, B, Drawn, H, I, Peer, T

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]  # theirs

SURE = 5  # standard errors
LIKELY = 5.7e-7  # what lies beyond so many of a normal number
WEIGHTS = ("weight_ih_l0", "weight_hh_l0")


@dataclass(frozen=True)
class Pair:
    """A library's draw and ours of one network, laid out alike; and how the library runs its
    own.
    """

    peer: Peer
    drawn: Drawn
    theirs: dict[str, Array]
    ours: dict[str, Array]

    def gates(self, name: str) -> Iterator[tuple[Array, Array]]:
        """Return both draws of each gate of a parameter."""
        count = len(ORDER[self.peer.rnn_type])
        return zip(
            np.split(self.theirs[name], count), np.split(self.ours[name], count), strict=True
        )


@pytest.fixture(
    scope="module",
    params=PEERS,
    ids=lambda peer: f"{peer.preset}-{peer.rnn_type}-{PEERS.index(peer)}",
)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    peer: Peer = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "jax")
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        drawn = peer.draw(7)
        folder: Path = tmp_path_factory.mktemp("peer")
        yield Pair(peer, drawn, peer.state(drawn.arrays, folder), values(peer.spec))


@pytest.mark.parametrize("name", WEIGHTS)
class TestAWeight:
    def test_of_every_gate_is_drawn_by_the_same_law(self, pair: Pair, name: str) -> None:
        for theirs, ours in pair.gates(name):
            # Elements of an orthogonal matrix are spread more evenly than independent ones: the
            # safe side.
            assert stats.ks_2samp(theirs.ravel(), ours.ravel()).pvalue > LIKELY

    def test_of_every_gate_has_the_same_spread(self, pair: Pair, name: str) -> None:
        for theirs, ours in pair.gates(name):
            # √((κ − 1)/4n) of it each, and the kurtosis κ of all these laws is at most 3.
            error = sqrt(2) * sqrt(1 / (2 * ours.size))

            assert theirs.std() == pytest.approx(ours.std(), rel=SURE * error)

    def test_reaches_as_far(self, pair: Pair, name: str) -> None:
        # Of n uniform numbers the largest is within 14/n of the bound, but for one draw in a
        # million; tails reach less evenly.
        theirs, ours = (np.abs(draw[name]).max() for draw in (pair.theirs, pair.ours))

        assert theirs == pytest.approx(ours, rel=0.3)


def is_orthogonal(matrix: Array) -> bool:
    """Whether its columns are orthonormal, to float32's precision."""
    return bool(np.abs(matrix.T @ matrix - np.eye(matrix.shape[1])).max() < 1e-4)


def test_recurrent_weights_are_orthogonal_gate_by_gate_or_stacked_as_theirs(pair: Pair) -> None:
    stacked = (pair.theirs["weight_hh_l0"], pair.ours["weight_hh_l0"])
    for theirs, ours in (stacked, *pair.gates("weight_hh_l0")):
        assert is_orthogonal(theirs) == is_orthogonal(ours)


def test_total_biases_are_the_same_numbers(pair: Pair) -> None:
    theirs, ours = (draw["bias_ih_l0"] + draw["bias_hh_l0"] for draw in (pair.theirs, pair.ours))

    assert np.array_equal(theirs, ours)


def test_our_module_with_their_weights_gives_their_outputs(pair: Pair) -> None:
    """Which is to read their order of gates, their signs and their biases as they do."""
    x = np.random.default_rng(7).standard_normal((T, B, I)).astype(np.float32)
    module = empty_module(pair.peer.spec)
    state = {name: torch.from_numpy(np.array(a, np.float32)) for name, a in pair.theirs.items()}
    module.load_state_dict(state, strict=True, assign=True)

    with torch.inference_mode():
        ours, _ = module(torch.from_numpy(x))

    theirs = pair.drawn.run(x)
    assert theirs.shape == (T, B, H)
    assert np.abs(theirs - ours.numpy())[: pair.peer.steps].max() <= 1e-5
