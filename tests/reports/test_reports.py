"""Reports: what they say, that others can read them, and that they are the same again."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import pytest

import stepzero_rnn
from stepzero_rnn.errors import DeadOutput, InvalidSpec, UnknownFormat
from stepzero_rnn.spec.schemes.presets import PRESETS
from tests.reports.reading import (
    FORMATS,
    QUICK,
    TINY,
    Page,
    pages_of,
    require_png,
    require_svg,
)

LSTM: dict[str, Any] = {"rnn_type": "lstm", "input_size": 5, "hidden_size": 16}
FOR_RELU = ("irnn", "irnn_speech", "np_rnn")
SHORT: dict[str, Any] = {"seq_len": 12}
TWO = [TINY, {**TINY, "init": "orthogonal"}]


def page(*specs: Any, **options: Any) -> Page:
    return Page(stepzero_rnn.report(*specs, **{**SHORT, **options}))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("specs", [[TINY], TWO], ids=["one", "two"])
def test_the_same_starts_give_the_same_bytes(format: Any, specs: list[Any]) -> None:
    first = stepzero_rnn.report(*specs, format=format, **SHORT)

    assert stepzero_rnn.report(*specs, format=format, **SHORT) == first


def test_another_process_gives_the_same_bytes() -> None:
    code = f"""
import hashlib, stepzero_rnn
for name in {FORMATS}:
    made = stepzero_rnn.report({TINY}, format=name, seq_len=12)
    print(hashlib.sha256(made).hexdigest())
"""
    there = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]

    assert there[0].stdout == there[1].stdout
    assert len({*there[0].stdout.split()}) == len(FORMATS)


def test_matplotlib_is_imported_by_reports_alone() -> None:
    code = f"""
import stepzero_rnn, sys
stepzero_rnn.diagnose({TINY}, seq_len=12)
print("matplotlib" in sys.modules)
stepzero_rnn.report({TINY}, seq_len=12)
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["False", "True False"]


def test_the_users_own_configuration_of_matplotlib_changes_nothing() -> None:
    import matplotlib as mpl

    plain = stepzero_rnn.report(TINY, format="svg", **QUICK)
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.hashsalt": None}):
        styled = stepzero_rnn.report(TINY, format="svg", **QUICK)
        assert mpl.rcParams["font.size"] == 20

    assert hashlib.sha256(styled).digest() == hashlib.sha256(plain).digest()


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    read = page(LSTM)

    assert "script" not in read.tags
    assert read.handlers == []
    assert all(one.startswith("data:image/svg+xml;base64,") for one in read.addresses)
    assert read.alternatives
    for picture in read.pictures:
        require_svg(picture)


def test_a_page_says_in_words_what_the_start_is() -> None:
    spec = {**LSTM, "num_layers": 2, "seed": 7, "init": {"weight_hh": "orthogonal"}}
    read = page(spec)
    plan = stepzero_rnn.plan(spec)

    for words in ("LSTM, 5 → 16, 2 layers", "weight_hh orthogonal, otherwise pytorch", "Seed7"):
        assert words in read.text
    for part in (plan.recipe, f"{plan.parameters:,} parameters", "weight_hh_l1", "Step Zero 0.1.0"):
        assert part in read.text


def test_a_page_has_the_findings_with_their_evidence() -> None:
    found = stepzero_rnn.diagnose(LSTM, seq_len=300, level="quick")
    text = page(LSTM, seq_len=300, level="quick").text

    assert found.findings
    for finding in found.findings:
        assert finding.text in text
        assert finding.evidence is None or finding.evidence in text


def test_a_page_has_the_hash_of_the_file() -> None:
    file = b"".join(map(bytes, stepzero_rnn.stream(LSTM, format="safetensors")))

    assert hashlib.sha256(file).hexdigest() in page(LSTM).text


def test_pictures_and_documents_are_read_by_others() -> None:
    require_svg(stepzero_rnn.report(LSTM, format="svg", **SHORT))
    width, height = require_png(stepzero_rnn.report(LSTM, format="png", **SHORT))

    assert width < height
    assert pages_of(stepzero_rnn.report(LSTM, format="pdf", **SHORT)) == 2


def test_a_hundred_layers_fill_a_few_pages() -> None:
    spec = {"rnn_type": "rnn", "input_size": 2, "hidden_size": 2, "num_layers": 100}

    assert "layers 0–7 of 100" in page(spec, level="quick").text
    assert pages_of(stepzero_rnn.report(spec, format="pdf", **QUICK)) <= 6


def test_a_comparison_has_each_start_and_each_finding_once() -> None:
    specs = [TINY, {**TINY, "init": "orthogonal"}, {**TINY, "init": "zeros", "accept_dead": True}]
    specs = [{**one, "accept_dead": True} for one in specs]
    text = page(*specs, seq_len=200, level="quick").text

    for words in ("Comparison of 3 starts", "1  pytorch", "2  weight_ih orthogonal", "(starts "):
        assert words in text
    for spec in specs:
        assert stepzero_rnn.plan(spec).recipe in text
    assert text.count("vanishing gradient.") <= 1


def test_a_page_shows_the_colour_of_each_start() -> None:
    pictures = page(TINY, {**TINY, "seed": 1}, {**TINY, "seed": 2}, level="quick").pictures
    swatches = [one for one in pictures if b'width="26"' in one]

    assert len({*swatches}) == 3


def test_seeds_name_starts_that_differ_in_them() -> None:
    text = page(TINY, {**TINY, "seed": 5}, level="quick").text

    assert "1  pytorch, seed 0" in text
    assert "2  pytorch, seed 5" in text


@pytest.mark.parametrize(
    ("preset", "rnn_type"),
    [(name, kind) for name, preset in PRESETS.items() for kind in preset.rnn_types],
)
def test_every_preset_has_a_report(preset: str, rnn_type: str) -> None:
    spec = {**TINY, "rnn_type": rnn_type, "init": preset}
    if preset in FOR_RELU:
        spec["nonlinearity"] = "relu"

    require_svg(stepzero_rnn.report(spec, format="svg", **QUICK))


@pytest.mark.parametrize(
    "fields",
    [
        {"rnn_type": "rnn", "input_size": 1, "hidden_size": 1},
        {"init": "zeros", "accept_dead": True},
        {"init": {"weight_hh": "orthogonal", "bias": {"scheme": "constant", "value": 0.5}}},
        {"init": "identity", "bias": False},
        {"proj_size": 3},
        {"num_layers": 8, "bidirectional": True},
        {"dtype": "float16", "init": {"scheme": "normal", "std": 1e6}, "accept_nonfinite": True},
        {"dtype": "bfloat16", "init": {"scheme": "numpy_randn"}},
        {
            "rnn_type": "rnn",
            "nonlinearity": "relu",
            "init": {"scheme": "normal", "std": 1e5},
            "accept_nonfinite": True,
        },
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::stepzero_rnn.RecipeWarning")
def test_unusual_networks_have_a_report(fields: dict[str, Any]) -> None:
    spec = {**LSTM, **fields}

    require_svg(stepzero_rnn.report(spec, format="svg", **SHORT))
    require_svg(stepzero_rnn.report(spec, {**spec, "seed": 1}, format="svg", **SHORT))


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ("orthogonal", "Singular values of W_hh (layer 0): All singular values are 1."),
        ("zeros", "State norm: The state is 0 at every step."),
        ("zeros", "Gradient reach: The gradient is zero or overflows at every step."),
        ("zeros", "All eigenvalues are 0."),
    ],
)
def test_what_a_plot_would_not_show_is_said_in_words(init: str, said: str) -> None:
    read = page({**LSTM, "init": init, "accept_dead": True})

    assert said in " ".join(read.alternatives)


def test_what_the_level_leaves_out_is_said() -> None:
    read = page(LSTM, level="quick")

    assert "Spectra of W_hh: Not measured at level quick." in read.alternatives
    assert any("State norm: Not measured at level quick." in one for one in read.alternatives)


def test_other_formats_are_refused() -> None:
    with pytest.raises(UnknownFormat, match="html, svg, png, pdf"):
        stepzero_rnn.report(TINY, format="gif")  # type: ignore[arg-type]


def test_starts_of_different_networks_are_refused() -> None:
    with pytest.raises(InvalidSpec) as refused:
        stepzero_rnn.report(TINY, TINY, {**TINY, "hidden_size": 5})

    (error,) = refused.value.facts["errors"]
    assert (error["pointer"], error["code"]) == ("/against/1", "different_network")


def test_more_starts_than_the_limit_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="at most 32 starts"):
        stepzero_rnn.report(*[TINY] * 33)


def test_a_start_that_fails_the_check_has_no_report() -> None:
    with pytest.raises(DeadOutput):
        stepzero_rnn.report({**TINY, "init": "zeros"}, **QUICK)
