"""Checkpoints made of uploaded arrays: what holds while the store drops files, and which store a
server opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.settings import Settings
from stepzero_rnn.arrays.saving import as_uploads
from stepzero_rnn.engine.thread_pool import Stop, Stopped, ThreadPool
from stepzero_rnn.errors import ArraysGone, StoreUnavailable
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.arrays import UploadOptions
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.uploads.eviction import SUFFIX
from stepzero_rnn.uploads.intake import take
from stepzero_rnn.uploads.settings import open_store
from stepzero_rnn.uploads.store import Store
from tests.formats.laying import HOLD_SMALL

NET: dict[str, Any] = {"rnn_type": "rnn", "input_size": 1500, "hidden_size": 1500}
WEIGHT = np.random.default_rng(1).normal(0, 0.01, (1500, 1500)).astype("f4")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "arrays", 1 << 30)


@pytest.fixture
def factory(store: Store) -> Iterator[Factory]:
    with ThreadPool(2) as workers:
        yield Factory(workers, store=store)


def job(store: Store, tmp_path: Path, name: FormatName = "pt") -> Job:
    """Order a network of which one weight of 9 MB is given."""
    files = as_uploads({"weight_hh_l0": WEIGHT}, tmp_path)
    with store.incoming() as incoming:
        recipe = take(files, Spec(**NET), incoming, options=UploadOptions())
    (tmp_path / "arrays.npz").unlink()
    return plan_job(recipe, name, Serving(device="cpu"), Limits.none())


def drop(store: Store) -> None:
    """Drop every file, as making room does."""
    for path in store.folder.glob("*" + SUFFIX):
        path.unlink()


def test_an_upload_whose_sender_has_left_is_worked_on_no_further(
    store: Store, tmp_path: Path
) -> None:
    files, stop = as_uploads({"weight_hh_l0": WEIGHT}, tmp_path), Stop()
    stop.set()

    with store.incoming() as incoming, pytest.raises(Stopped):
        take(files, Spec(**NET), incoming, UploadOptions(), stop=stop)

    assert not [*store.folder.glob("*" + SUFFIX)]


@pytest.mark.parametrize("name", HOLD_SMALL)
def test_a_stream_that_has_begun_ends_though_its_file_is_dropped(
    store: Store, factory: Factory, tmp_path: Path, name: FormatName
) -> None:
    asked = job(store, tmp_path, name)
    expected = b"".join(factory.stream(asked, Stop()))
    again = job(store, tmp_path, name)
    with ThreadPool(2) as workers:  # who knows nothing of it yet
        chunks = Factory(workers, store=store).stream(again, Stop())
        begun = bytes(next(chunks))
        drop(store)

        assert begun + b"".join(chunks) == expected


def test_a_check_that_passed_promises_no_file_that_is_dropped(
    store: Store, factory: Factory, tmp_path: Path
) -> None:
    asked = job(store, tmp_path)
    factory.require(asked.spec)
    factory.check(asked, Stop())
    drop(store)

    with pytest.raises(ArraysGone):
        factory.require(asked.spec)
    with pytest.raises(ArraysGone):
        next(factory.stream(asked, Stop()))


def test_a_file_that_is_closed_is_free(store: Store, factory: Factory, tmp_path: Path) -> None:
    """As many streams as a process may open files, and more."""
    asked = job(store, tmp_path)
    for _ in range(50):
        chunks = factory.stream(asked, Stop())
        next(chunks)
        chunks.close()
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]

    assert not [link for link in links if str(store.folder) in str(link)]


def test_a_factory_without_a_store_has_no_arrays(store: Store, tmp_path: Path) -> None:
    with ThreadPool(1) as workers, pytest.raises(ArraysGone):
        Factory(workers).require(job(store, tmp_path).spec)


class TestTheStoreOfAServer:
    def test_is_the_folder_of_its_settings(self, tmp_path: Path) -> None:
        opened = open_store(Settings(arrays_folder=tmp_path, max_arrays_bytes=7))

        assert (opened.folder, opened.max_bytes) == (tmp_path, 7)

    def test_may_have_a_bucket_behind_it(self, tmp_path: Path) -> None:
        """Here a bucket in memory; `test_store.py` asks one by HTTP."""
        opened = open_store(Settings(arrays_folder=tmp_path / "arrays", arrays_bucket="memory:///"))
        asked = job(opened, tmp_path)
        drop(opened)
        with ThreadPool(1) as workers:
            Factory(workers, store=opened).check(asked, Stop())

        assert len([*opened.folder.glob("*" + SUFFIX)]) == 1

    def test_is_refused_at_start_where_there_is_no_such_bucket(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable):
            open_store(Settings(arrays_folder=tmp_path, arrays_bucket="nowhere://x"))

    @pytest.mark.parametrize("url", ["s3://", "x"])
    def test_is_refused_by_its_setting_where_its_address_is_none(self, url: str) -> None:
        with pytest.raises(ValidationError, match="arrays_bucket"):
            Settings(arrays_bucket=url)
