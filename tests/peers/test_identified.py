"""Weights that packages carry are called trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stepzero_rnn
from tests.peers.test_real_files import carried

pytestmark = pytest.mark.peers
TRAINED = "Trained: no start fits the weights."


@pytest.mark.parametrize("part", ["enc", "dec"])
def test_g2p_ens_networks_are_trained(part: str) -> None:
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    with np.load(carried("g2p_en", "checkpoint20.npz")) as file:
        own = [file[f"{part}_{kind}"] for kind in ("w_ih", "w_hh", "b_ih", "b_hh")]

    assert stepzero_rnn.identify(dict(zip(names, own, strict=True))).verdict == TRAINED


def test_silero_vads_cell_is_trained() -> None:
    file = carried("silero_vad", "data/silero_vad_16k.safetensors")

    assert stepzero_rnn.identify([file], prefix="lstm_cell.").verdict == TRAINED


@pytest.mark.parametrize("size", [50, 100, 150, 200, 300])
def test_chars2vecs_networks_are_trained(size: int) -> None:
    h5py = pytest.importorskip("h5py")
    arrays: dict[str, Any] = {}

    def read(name: str, item: Any) -> None:
        arrays.update({name: item[()]} if isinstance(item, h5py.Dataset) else {})

    with h5py.File(carried("chars2vec", f"trained_models/eng_{size}/weights.h5")) as file:
        file.visititems(read)

    assert stepzero_rnn.identify(arrays, layout="keras").verdict == TRAINED
