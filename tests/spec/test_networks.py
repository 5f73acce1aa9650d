"""The records of the networks are complete, and agree with torch's modules."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.networks import RNNS, Network, RnnType


def test_every_kind_that_can_be_requested_has_a_record() -> None:
    assert tuple(RNNS) == get_args(RnnType)
    assert all(name == rnn.name for name, rnn in RNNS.items())


@pytest.mark.parametrize("name", RNNS)
class TestEveryRecord:
    def test_has_layouts_that_can_be_requested_among_them_pytorchs(self, name: str) -> None:
        assert {"pytorch"} <= set(RNNS[name].layouts) <= set(get_args(LayoutName))

    def test_has_the_names_and_shapes_of_torchs_module(self, name: str) -> None:
        sizes = {"input_size": 3, "hidden_size": 5, "num_layers": 2, "bidirectional": True}
        sizes |= {"proj_size": 2} if RNNS[name].has_projection else {}
        module = getattr(torch.nn, RNNS[name].module)(**sizes)
        network = Network(RNNS[name], **sizes)  # type: ignore[arg-type]  # of several types

        shapes = {}
        for cell in network.cells():
            for kind in network.kinds:
                rows, *cols = network.block_shape(kind, cell.layer)
                shapes[cell.name(kind)] = (rows * len(network.letters(kind)), *cols)

        assert list(network.names()) == list(module.state_dict())
        assert shapes == {key: tuple(value.shape) for key, value in module.state_dict().items()}
