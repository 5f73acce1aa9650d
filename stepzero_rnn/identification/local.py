"""Identifies arrays and files of the caller's own machine."""

from __future__ import annotations

from stepzero_rnn.arrays.records import ReadLimits, ReadOptions
from stepzero_rnn.arrays.saving import AnyArrays, as_uploads
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.identification.identify import Given, identify
from stepzero_rnn.identification.redraw import Tools
from stepzero_rnn.identification.result import Identified
from stepzero_rnn.identification.torch_files import loaded
from stepzero_rnn.spec.arrays import IdentifyOptions
from stepzero_rnn.uploads.settings import StoreSettings, open_store


def identify_here(arrays: AnyArrays, options: IdentifyOptions) -> Identified:
    """Say which initialization arrays are, as `stepzero_rnn.identify` describes."""
    store, (given, recipe) = open_store(StoreSettings()), loaded(arrays)
    reading = ReadOptions(options.layout, prefix=options.prefix)
    bounds = ReadLimits(total_bytes=store.max_bytes)
    with store.incoming() as incoming, ThreadPool() as workers:
        files = as_uploads(given, incoming.path)
        return identify(Given(files, reading, bounds, recipe), incoming, Tools(workers))
