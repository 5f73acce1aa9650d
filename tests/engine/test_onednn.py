"""oneDNN's switch is the process's: it comes back when the last that needs it off has left."""

from __future__ import annotations

import threading

import torch

from stepzero_rnn.engine.check.onednn import without_onednn


def is_on() -> bool:
    return bool(torch.backends.mkldnn.set_flags(_fp32_precision=None)[0])


def test_is_off_inside_and_on_again_behind() -> None:
    with without_onednn():
        assert not is_on()

    assert is_on()


def test_stays_off_until_the_last_has_left() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with without_onednn():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    with without_onednn():
        pass
    still_off = not is_on()
    leave.set()
    thread.join()

    assert still_off
    assert is_on()
