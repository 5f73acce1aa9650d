"""ONNX and HDF5 files that lie, break off or would do harm are refused, and leave nothing."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest

from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import ReadLimits, ReadOptions, Upload, Watch
from stepzero_rnn.errors import ArraysTooLarge, InvalidArrays, RequestError
from tests.arrays.foreign import hdf5, keras_datasets, module, onnx_bytes
from tests.arrays.making import network, taken

NAME = "layers/lstm/cell/vars/0"
GIB = 1 << 30
LSTM = network()
ONNX = onnx_bytes(module(LSTM), "lstm")
HDF5_MAGIC, ONNX_MAGIC = b"\x89HDF\r\n\x1a\n", b"\x08\x08\x12\x05"
LAYOUTS = {"onnx": "onnx", "h5": "keras"}


def refused(
    folder: Path, file: str, bounds: ReadLimits | None = None, watch: Watch | None = None
) -> RequestError:
    """Return the refusal of a file in a folder, which must leave nothing behind."""
    before = {path.name for path in folder.iterdir()}
    options = ReadOptions(layout=LAYOUTS[file.rpartition(".")[2]], strict=True)  # type: ignore[arg-type]
    uploads, target = [Upload(file, folder / file)], folder / "stored"
    with pytest.raises(RequestError) as refusal:
        ingest(uploads, target, LSTM, options, bounds or ReadLimits(), watch or Watch())
    assert {path.name for path in folder.iterdir()} == before
    return refusal.value


def first(error: RequestError) -> tuple[str, str]:
    """Return the code and the detail of a refusal, or of the first error that it lists."""
    if not isinstance(error, InvalidArrays):
        return error.code, error.detail
    listed = error.facts["errors"][0]
    return listed["code"], listed["detail"]


def external_link(file: Any, folder: Path) -> None:
    hdf5(folder / "other.h5", {NAME: np.ones((3, 20), "f4")})
    file[NAME] = h5py.ExternalLink(str(folder / "other.h5"), NAME)


def soft_link(file: Any, folder: Path) -> None:
    file["there"] = np.ones((3, 20), "f4")
    file[NAME] = h5py.SoftLink("/there")


def virtual(file: Any, folder: Path) -> None:
    hdf5(folder / "other.h5", {"there": np.ones((3, 20), "f4")})
    layout = h5py.VirtualLayout((3, 20), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "there", (3, 20))
    file.create_virtual_dataset(NAME, layout)


def external_storage(file: Any, folder: Path) -> None:
    (folder / "raw").write_bytes(bytes(240))
    file.create_dataset(NAME, (3, 20), "f4", external=[(str(folder / "raw"), 0, 240)])


def cycle(file: Any, folder: Path) -> None:
    inner = file.create_group("a/b")
    inner["c"] = file["a"]


def deep(file: Any, folder: Path) -> None:
    file.create_group("/".join("g" * 50))


def many_groups(file: Any, folder: Path) -> None:
    for number in range(20_000):
        file.create_group(f"g{number}")
    file.flush()


def other_filter(file: Any, folder: Path) -> None:
    file.create_dataset(NAME, data=np.ones((3, 20), "f4"), compression="lzf")


def wide_chunks(file: Any, folder: Path) -> None:
    file.create_dataset(NAME, (1000, 1_000_000), "f4", chunks=(1000, 1000), compression="gzip")


def reserved(file: Any, folder: Path) -> None:
    file["__metadata__"] = np.ones(3, "f4")


HDF5: dict[str, tuple[Callable[[Any, Path], None], str]] = {
    "a link to another file": (external_link, "it is a link to another file"),
    "a soft link": (soft_link, "it is a soft link"),
    "a virtual dataset": (virtual, "made of other files"),
    "values in another file": (external_storage, "its values are in another file"),
    "a cycle": (cycle, "linked under two names"),
    "groups in groups": (deep, "nested more than 32 deep"),
    "a filter that is a plug-in": (other_filter, "filters other than gzip"),
    "a name with a meaning": (reserved, "no array can have this name"),
}


@pytest.mark.parametrize("name", HDF5)
def test_an_hdf5_file_that_reaches_out_is_refused_for_it(tmp_path, name):
    make, said = HDF5[name]
    with h5py.File(tmp_path / "model.h5", "w") as file:
        make(file, tmp_path)

    code, detail = first(refused(tmp_path, "model.h5"))

    assert code == "broken_file"
    assert said in detail


@pytest.mark.parametrize(
    ("make", "what"),
    [(many_groups, "links in a group"), (wide_chunks, "bytes in a row of chunks")],
)
def test_an_hdf5_file_of_too_much_is_refused(tmp_path, make, what):
    with h5py.File(tmp_path / "model.h5", "w") as file:
        make(file, tmp_path)

    error = refused(tmp_path, "model.h5", ReadLimits(arrays=100))

    assert isinstance(error, ArraysTooLarge)
    assert error.facts["what"] == what


def bomb(path: Path, gibibytes: int) -> None:
    """Write gigabytes of zeros, as a dataset of little size."""
    with h5py.File(path, "w") as file:
        file.create_dataset(
            NAME, (gibibytes << 8, 1 << 20), "f4", chunks=(1, 1 << 20), compression="gzip"
        )


def test_a_dataset_that_unpacks_to_more_than_is_allowed_is_refused_before_it_is_read(tmp_path):
    bomb(tmp_path / "model.h5", 8)
    claimed: list[int] = []

    error = refused(tmp_path, "model.h5", watch=Watch(claim=claimed.append))

    assert isinstance(error, ArraysTooLarge)
    assert (error.facts["what"], error.facts["given"]) == ("bytes when unpacked", 8 * GIB)
    assert sum(claimed) < 1 << 22


def test_the_space_of_what_is_unpacked_is_claimed_before_it_is_written(tmp_path):
    bomb(tmp_path / "model.h5", 1)
    claimed: list[int] = []

    def claim(size_bytes: int) -> None:
        claimed.append(size_bytes)
        if sum(claimed) > 1 << 24:
            raise ArraysTooLarge(file="it", what="bytes", given=sum(claimed), limit=1 << 24)

    refused(tmp_path, "model.h5", watch=Watch(claim=claim))

    assert sum(claimed) == GIB


def test_a_chunk_that_unpacks_to_more_than_it_says_takes_no_more_memory_than_is_allowed(tmp_path):
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(32)) + packer.flush()
    with h5py.File(tmp_path / "model.h5", "w") as file:
        chunk = file.create_dataset(NAME, (3, 20), "f4", chunks=(3, 20), compression="gzip")
        chunk.id.write_direct_chunk((0, 0), packed)

    code, _ = first(refused(tmp_path, "model.h5", ReadLimits(child_bytes=256 << 20)))

    assert code == "broken_file"


def test_external_data_of_onnx_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "secret")  # would block whoever opens it
    model = onnx.ModelProto.FromString(ONNX)
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="secret")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    code, detail = first(refused(tmp_path, "model.onnx"))

    assert code == "external_data"
    assert "save_as_external_data=False" in detail


@pytest.mark.parametrize("dims", [(1, 20, 4), (1 << 40, 1 << 40), (-1, 20, 3), (1,) * 9])
def test_an_onnx_tensor_whose_shape_lies_is_refused(tmp_path, dims):
    model = onnx.ModelProto.FromString(ONNX)
    tensor = next(t for t in model.graph.initializer if t.name == "W0")
    tensor.dims[:] = dims
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    assert first(refused(tmp_path, "model.onnx"))[0] == "broken_file"


def doubled(times: int) -> bytes:
    """Write a graph that computes an array of 2ⁿ times its size from a few bytes."""
    model = onnx.ModelProto.FromString(ONNX)
    recurrent = next(node for node in model.graph.node if node.op_type == "LSTM")
    made = recurrent.input[1]
    for step in range(times):
        node = onnx.helper.make_node("Concat", [made, made], [f"double{step}"], axis=0)
        model.graph.node.insert(0 if step == 0 else step, node)
        made = node.output[0]
    recurrent.input[1] = made
    return bytes(model.SerializeToString())


def nested() -> bytes:
    """Write 8 million empty nodes, in 16 MB."""
    nodes = b"\x0a\x00" * 8_000_000
    length, size = b"", len(nodes)
    while size:
        length, size = length + bytes([size & 127 | (128 if size > 127 else 0)]), size >> 7
    return b"\x08\x08\x12\x0cof nothing at\x3a" + length + nodes


@pytest.mark.parametrize("make", [lambda: doubled(40), nested], ids=["doubled", "nested"])
def test_an_onnx_file_that_eats_memory_breaks_only_its_own_process(tmp_path, make):
    (tmp_path / "model.onnx").write_bytes(make())

    code, _ = first(refused(tmp_path, "model.onnx"))

    assert code in ("broken_file", "arrays_too_large")


def test_a_file_that_takes_too_much_time_is_refused(tmp_path):
    with h5py.File(tmp_path / "model.h5", "w") as file:
        for number in range(4000):
            file.create_dataset(f"a{number}", (1 << 18,), "f4", compression="gzip")

    code, detail = first(refused(tmp_path, "model.h5", ReadLimits(child_cpu_s=1)))

    assert code == "broken_file"
    assert "and 1 s" in detail


def test_a_parser_without_enough_memory_is_refused_as_such(tmp_path):
    (tmp_path / "model.onnx").write_bytes(ONNX)

    code, detail = first(refused(tmp_path, "model.onnx", ReadLimits(child_bytes=40 << 20)))

    assert code == "broken_file"
    assert "cannot be loaded" in detail


@pytest.mark.parametrize("magic", [HDF5_MAGIC, ONNX_MAGIC], ids=["h5", "onnx"])
def test_noise_behind_the_right_magic_is_refused(tmp_path, magic):
    noise = random.Random(4)  # noqa: S311 - no secret
    file = "model.h5" if magic == HDF5_MAGIC else "model.onnx"
    for size in (8, 100, 5000):
        (tmp_path / file).write_bytes(magic + noise.randbytes(size))

        assert first(refused(tmp_path, file))[0] in ("broken_file", "not_an_array_file")


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    path = hdf5(tmp_path / "whole", keras_datasets(module(LSTM), "lstm"))
    whole = {"model.h5": path.read_bytes(), "model.onnx": ONNX}
    path.unlink()
    places = random.Random(9)  # noqa: S311 - no secret
    for file, content in whole.items():
        ends = {0, 1, 9, len(content) - 1, *(places.randrange(len(content)) for _ in range(8))}
        for end in sorted(ends):
            (tmp_path / file).write_bytes(content[:end])

            code, _ = first(refused(tmp_path, file))

            assert code in ("broken_file", "not_an_array_file"), (file, end)


@pytest.mark.slow
def test_a_file_with_any_byte_altered_is_taken_or_refused(tmp_path):
    path = hdf5(tmp_path / "model.h5", keras_datasets(module(LSTM), "lstm"))
    whole = {"model.h5": path.read_bytes(), "model.onnx": ONNX}
    chance = random.Random(2)  # noqa: S311 - no secret
    for file, content in whole.items():
        for _ in range(40):
            altered = bytearray(content)
            altered[chance.randrange(8, len(content))] ^= 1 << chance.randrange(8)
            (tmp_path / file).write_bytes(altered)
            with contextlib.suppress(RequestError):  # and nothing else
                taken(tmp_path, [Upload(file, tmp_path / file)], LSTM, layout=LAYOUTS[file[6:]])

    assert {one.name for one in tmp_path.iterdir()} <= {*whole, "stored"}


def test_a_graph_above_its_limit_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "model.onnx").write_bytes(ONNX)

    error = refused(tmp_path, "model.onnx", ReadLimits(onnx_bytes=100))

    assert (error.code, error.facts["what"]) == ("arrays_too_large", "bytes of ONNX")


def test_no_more_files_are_parsed_than_is_allowed(tmp_path):
    (tmp_path / "model.onnx").write_bytes(ONNX)
    uploads = [Upload(f"layer_{n}.onnx", tmp_path / "model.onnx") for n in range(20)]

    with pytest.raises(ArraysTooLarge, match="files to parse"):
        taken(tmp_path, uploads, LSTM, layout="onnx")


def children() -> set[str]:
    """Return the processes that this one has started, where the system tells."""
    found = Path(f"/proc/self/task/{os.getpid()}/children")
    return {*found.read_text().split()} if found.exists() else set()


def test_the_child_ends_when_its_upload_is_given_up(tmp_path):
    bomb(tmp_path / "model.h5", 3)

    class GivenUp(Exception):
        pass

    calls: list[float] = []

    def go_on() -> None:
        calls.append(time.monotonic())
        if len(calls) > 20:
            raise GivenUp

    uploads = [Upload("model.h5", tmp_path / "model.h5")]
    before = children()
    with pytest.raises(GivenUp):
        ingest(
            uploads,
            tmp_path / "stored",
            LSTM,
            ReadOptions(layout="keras"),
            ReadLimits(),
            Watch(go_on=go_on),
        )

    assert [path.name for path in tmp_path.iterdir()] == ["model.h5"]
    assert children() <= before


def test_without_the_extra_the_refusal_names_it(tmp_path):
    (tmp_path / "model.onnx").write_bytes(ONNX)
    code = (
        "import sys\n"
        "import importlib.util as u; f = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'onnx' else f(name, *a)\n"
        "from stepzero_rnn.cli import main; sys.argv[1:] = sys.argv[1].split('|'); main()"
    )
    asked = "plan|-t|lstm|--input-size|3|--hidden-size|5|--layout|onnx|--arrays|model.onnx"

    done = subprocess.run(
        [sys.executable, "-c", code, asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "pip install 'stepzero-rnn[readers]'" in " ".join(done.stderr.split())
