"""Whatever comes is taken or refused in our words, and costs little memory."""

from __future__ import annotations

import contextlib
import json
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepzero_rnn.arrays.canonical import open_stored
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.layouts import LAYOUTS
from stepzero_rnn.arrays.readers.files import list_arrays
from stepzero_rnn.arrays.records import ReadLimits, Upload, Watch
from stepzero_rnn.errors import ArraysTooLarge, InvalidArrays, RequestError, StepZeroError
from stepzero_rnn.plan import plan
from tests.arrays import hostile
from tests.arrays.hostile import HOSTILE, NAME
from tests.arrays.making import DEEP, KINDS, kept, network, saved, taken, weights, written

MEBIBYTE = 1 << 20
MAX_MEMORY_BYTES = 12 * MEBIBYTE
LSTM = network()


@contextlib.contextmanager
def little_memory(max_bytes: int = MAX_MEMORY_BYTES) -> Iterator[None]:
    """Watch the memory that is taken; the corpus's own largest file is no part of it."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < max_bytes


def refused(folder: Path, content: bytes) -> StepZeroError:
    """Return the refusal of a file, which must leave nothing behind."""
    with pytest.raises(RequestError) as refusal:
        taken(folder, written(folder, content, f"{NAME}.npy"), LSTM)
    assert [path.name for path in folder.iterdir()] == ["upload"]
    return refusal.value


def code(error: StepZeroError) -> str:
    """Return a refusal's code, or that of the first error it lists."""
    return str(error.facts["errors"][0]["code"]) if isinstance(error, InvalidArrays) else error.code


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_for_what_it_is_in_little_memory(tmp_path, name):
    with little_memory():
        error = refused(tmp_path, HOSTILE[name].content)

    assert code(error) == HOSTILE[name].code


def test_what_the_corpus_begins_with_is_good(tmp_path):
    for content in (hostile.GOOD, hostile.GOOD_PACKED, hostile.npy()):
        taken(tmp_path, written(tmp_path, content, f"{NAME}.npy"), LSTM)
    taken(tmp_path, written(tmp_path, hostile.safetensors(hostile.tensor())), LSTM)

    assert kept(tmp_path)[NAME].tolist() == [0.0] * 20


def test_sizes_in_a_zips_wide_fields_are_read(tmp_path):
    taken(tmp_path, written(tmp_path, hostile.zip64()), LSTM)

    assert kept(tmp_path)[NAME].tolist() == [0.0] * 20


def test_noise_within_a_long_record_is_refused(tmp_path):
    spec = network(hidden_size=64)
    (upload,) = saved(tmp_path / "from", weights(spec), "packed.npz")
    content = upload.path.read_bytes()
    upload.path.write_bytes(hostile.patched(content, len(content) // 2, b"\xff" * 99))

    with pytest.raises(InvalidArrays) as refusal:
        taken(tmp_path, [upload], spec)

    assert code(refusal.value) == "broken_file"


def test_elements_beyond_the_last_are_not_read(tmp_path):
    taken(tmp_path, written(tmp_path, hostile.npy(), f"{NAME}.npy"), LSTM)

    with open_stored(tmp_path / "stored") as stored, pytest.raises(EOFError):
        stored.read(NAME, 10, 21)


@pytest.mark.parametrize(
    "content", [b"", hostile.safetensors(b"[]"), hostile.safetensors({}, b"1")]
)
def test_a_stored_file_that_is_broken_is_refused(tmp_path, content):
    (tmp_path / "stored").write_bytes(content)

    with pytest.raises(InvalidArrays):
        open_stored(tmp_path / "stored")


def test_a_name_that_steers_a_terminal_is_not_repeated(tmp_path):
    error = refused(tmp_path, HOSTILE["a name that steers a terminal"].content)

    assert "\x1b" not in str(error)
    assert "\x1b" not in str(error.facts)


def test_a_file_named_by_half_a_character_is_refused_in_whole_ones(tmp_path):
    with pytest.raises(RequestError) as refusal:
        taken(tmp_path, written(tmp_path, b"", "\ud800/\x07.npy"), LSTM)

    str(refusal.value).encode()


BOUNDS: list[tuple[ReadLimits, str]] = [
    (ReadLimits(files=1), "files"),
    (ReadLimits(arrays=3), "arrays"),
    (ReadLimits(total_bytes=1000), "bytes"),
]


@pytest.mark.parametrize(("bounds", "what"), BOUNDS, ids=str)
@pytest.mark.parametrize("file", ["npy", "npz", "packed.npz", "safetensors"])
def test_more_than_is_allowed_is_refused_with_both_numbers(tmp_path, file, bounds, what):
    uploads = saved(tmp_path / "from", weights(LSTM), file) * 2

    with pytest.raises(RequestError) as refusal:
        taken(tmp_path, uploads, LSTM, bounds)

    assert refusal.value.code == "arrays_too_large"
    assert refusal.value.facts["given"] > refusal.value.facts["limit"]


def test_files_that_unpack_to_too_much_together_are_refused(tmp_path):
    uploads = saved(tmp_path / "from", {"a": np.zeros(100_000)}, "packed.npz") * 2

    with pytest.raises(RequestError) as refusal:
        taken(tmp_path, uploads, LSTM, ReadLimits(total_bytes=1_500_000))

    assert refusal.value.facts["what"] == "bytes when unpacked"


ODD = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x50, 0x4B, 0x7B, 0x22, 0x28])
SEEDS: list[bytes] = [
    hostile.GOOD,
    hostile.GOOD_PACKED,
    hostile.npz((f"{NAME}.npy", hostile.npy()), ("weight_hh_l0.npy", hostile.npy()), packed=True),
    hostile.npy(),
    hostile.safetensors(hostile.tensor()),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a good file with some bytes changed, left out, doubled or cut off."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 8)))
        piece = draw(st.one_of(st.binary(max_size=8), st.lists(ODD, max_size=8).map(bytes)))
        content[start:end] = piece
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
tensors = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F16", "BF16", "F32", "F64", "I8"]) | json_values,
        "shape": st.lists(st.integers(-1, 30), max_size=3) | json_values,
        "data_offsets": st.lists(st.integers(-1, 200), max_size=3) | json_values,
    }
)
safetensors_files = st.dictionaries(
    st.sampled_from([NAME, "weight_ih_l0", "__metadata__"]) | st.text(max_size=9),
    tensors | json_values,
    max_size=3,
).map(hostile.safetensors)
header_texts = st.builds(
    hostile.described,
    st.lists(st.integers(-2, 2**70), max_size=4).map(lambda s: str(tuple(s))) | st.text(max_size=9),
    st.sampled_from(["'<f4'", "'>f8'", "'<f2'", "'|O'"]) | st.text(max_size=9),
    st.sampled_from(["True", "False"]) | st.text(max_size=9),
).map(lambda text: hostile.npy(text.encode("latin-1", "replace").decode("latin-1")))
files = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"\x93NUMPY\1\0", b"PK\3\4", b"\x80\4", bytes(4)]).flatmap(
        lambda magic: st.binary(max_size=200).map(lambda rest: magic + rest)
    ),
    mutated(),
    safetensors_files,
    header_texts,
)


@settings(max_examples=400, deadline=None)
@given(content=files, layout=st.sampled_from(["pytorch", "keras"]))
def test_any_bytes_are_taken_or_refused(tmp_path_factory, content, layout):
    folder = tmp_path_factory.getbasetemp()
    try:
        manifest = taken(folder, written(folder, content), LSTM, layout=layout)
    except RequestError as error:
        refusal = error
    else:
        assert manifest.size_bytes == (folder / "stored").stat().st_size
        (folder / "stored").unlink()
        return
    assert refusal.code in {"invalid_arrays", "arrays_too_large", "not_an_array_file"}
    assert not (folder / "stored").exists()
    json.dumps(refusal.problem(), allow_nan=False).encode()


WORDS = [
    *("weight_ih_l0", "weight_hh_l1", "bias_ih_l0_reverse", "bias_hh_l0.forget", "weight_hr_l0"),
    *("kernel", "recurrent_kernel", "bias", "W", "R", "B", "ii", "hn", "dense_h", "i", "value", ""),
    *("layer_0", "layer_1", "lstm", "lstm_1", "forward_lstm", "backward", "cell", "9" * 12),
]
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("/".join) | st.text(max_size=9)
lengths = st.sampled_from([0, 1, 2, 3, 4, 5, 8, 10, 15, 16, 20, 30, 40])
shapes = st.lists(lengths, max_size=3).map(tuple)
networks = st.builds(
    network,
    st.sampled_from(list(KINDS)),
    num_layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    bias=st.booleans(),
)
ways = st.fixed_dictionaries(
    {"layout": st.sampled_from(list(LAYOUTS)), "strict": st.booleans(), "grow": st.booleans()}
)


@settings(max_examples=200, deadline=None)
@given(spec=networks, options=ways, given=st.dictionaries(names, shapes, max_size=4))
def test_arrays_of_any_names_and_shapes_are_taken_or_refused(
    tmp_path_factory, spec, options, given
):
    folder = tmp_path_factory.getbasetemp()
    uploads = saved(folder, {n: np.ones(shape) for n, shape in given.items()}, "safetensors")
    try:
        manifest = taken(folder, uploads, spec, **options)
    except InvalidArrays as error:
        json.dumps(error.problem(), allow_nan=False).encode()
        return
    known = {tensor.name for tensor in plan(spec).tensors}
    assert {entry.name.partition(".")[0] for entry in manifest.entries} <= known


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(content=mutated())
def test_any_change_of_a_good_file_is_taken_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(RequestError):
        taken(folder, written(folder, content), LSTM)


@pytest.mark.parametrize("file", ["npz", "packed.npz", "safetensors"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_the_arrays(tmp_path, file, order):
    spec = network(input_size=1024, hidden_size=1024)
    arrays = {"weight_ih_l0": np.zeros((4096, 1024), np.float32, order=order)}
    uploads = saved(tmp_path / "from", arrays, file)

    with little_memory():
        taken(tmp_path, uploads, spec)

    assert (tmp_path / "stored").stat().st_size > MAX_MEMORY_BYTES


@pytest.mark.parametrize("size", [512, 2048])
def test_memory_does_not_grow_with_a_transposed_kernel(tmp_path, size):
    spec = network(input_size=size, hidden_size=512)
    uploads = saved(tmp_path / "from", {"kernel": np.zeros((size, 2048), np.float32)})

    with little_memory():
        taken(tmp_path, uploads, spec, layout="keras")


def test_a_million_entries_are_not_built(tmp_path):
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, *[0] * 14)
    count = 500_000
    end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, count * 46, 4)
    end += struct.pack("<4sIQI", b"PK\6\7", 0, 4 + count * 46, 1)
    end += struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    uploads = written(tmp_path, b"PK\3\4" + entry * count + end)

    with little_memory(MEBIBYTE), pytest.raises(RequestError) as refusal:
        list_arrays(uploads, ReadLimits())

    assert refusal.value.code == "arrays_too_large"


def test_a_deep_network_of_many_files_is_listed_and_fitted(tmp_path):
    spec = network(**DEEP | {"num_layers": 60})
    uploads = saved(tmp_path / "from", weights(spec), "npy")

    manifest = taken(tmp_path, uploads, spec, strict=True)

    assert len(manifest.entries) == 60 * 8


def test_a_file_that_is_named_as_another_kind_is_read_by_its_content(tmp_path):
    content: Any = hostile.safetensors(hostile.tensor())

    taken(tmp_path, [*written(tmp_path, content, "weights.pt")], LSTM)

    assert kept(tmp_path).keys() == {NAME}


def test_uploads_are_never_opened_by_the_name_their_sender_gave(tmp_path):
    (path,) = written(tmp_path, hostile.npy())

    with pytest.raises(InvalidArrays) as refusal:
        taken(tmp_path, [Upload("/etc/passwd", path.path)], LSTM)

    assert code(refusal.value) == "unknown_array"


def test_what_an_upload_takes_is_claimed_before_it_is_written(tmp_path):
    """A packed array of 16 MB, column by column: it is unpacked, laid in rows gate by gate, and
    kept.
    """
    spec = network(hidden_size=1000, input_size=1000)
    weight = np.asfortranarray(np.full((4000, 1000), 0.5, np.float32))
    np.savez_compressed(tmp_path / "upload", weight_ih_l0=weight)
    uploads = [Upload("weights.npz", tmp_path / "upload.npz")]
    claimed = []

    def refuse(size_bytes):
        claimed.append(size_bytes)
        raise KeyError

    with pytest.raises(KeyError):
        ingest(uploads, tmp_path / "stored", spec, watch=Watch(claim=refuse))

    assert [*tmp_path.iterdir()] == [tmp_path / "upload.npz"]
    (claim,) = claimed
    assert 36_000_000 < claim < 36_001_000


def test_arrays_that_are_more_than_may_be_kept_are_refused_before_they_are_unpacked(tmp_path):
    (upload,) = saved(tmp_path / "from", weights(LSTM), "packed.npz")
    with pytest.raises(ArraysTooLarge, match="bytes in total"):
        taken(tmp_path, [upload], LSTM, ReadLimits(kept_bytes=100))

    assert not (tmp_path / "stored").exists()


def test_zeros_take_no_disk(tmp_path):
    spec = network(hidden_size=2048, input_size=2048)
    np.savez_compressed(tmp_path / "upload", weight_ih_l0=np.zeros((8192, 2048), np.float32))
    manifest = taken(tmp_path, [Upload("weights.npz", tmp_path / "upload.npz")], spec)
    found = (tmp_path / "stored").stat()

    assert found.st_size == manifest.size_bytes > 64 << 20
    assert found.st_blocks * 512 < 4 << 20
