"""Measures how well `identify` recognizes the catalogue, and writes the tables of docs/identify.md.

python scripts/identify_confusion.py 8 16 32       measures these sizes (hidden units)
python scripts/identify_confusion.py --write       writes the tables of all that was measured

Each scheme, with other parameters at PyTorch's default, and each preset is drawn with several
seeds; so are networks that were trained for some steps of Adam from three presets.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch

import stepzero_rnn
from stepzero_rnn.identification.result import Identified
from stepzero_rnn.spec.schemes.presets import PRESETS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "tests/identification/confusion.json", ROOT / "docs/identify.md"
SEEDS = {8: 6, 16: 6, 32: 4, 64: 4, 128: 2, 256: 1, 512: 1}
RNNS = ("lstm", "gru", "rnn")
STEPS = (1, 10, 100)
STARTS = ("pytorch", "keras", "flax_linen")
# Fields that a scheme requires, or that make its law another one than a simpler scheme's.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "constant": {"value": 0.1},
    "uniform": {"low": -0.2, "high": 0.2},
    "normal": {"std": 0.02},
    "trunc_normal": {"std": 0.03},
    "identity": {"gain": 0.9},
    "kaiming_uniform": {"mode": "fan_out"},
    "kaiming_normal": {"nonlinearity": "tanh"},
    "sparse": {"sparsity": 0.8, "std": 0.1},
    "scaled_identity": {"alpha": 0.95},
    "fsi": {"connectivity": 0.5},
    "random_walk": {"nonlinearity": "relu"},
    "bias constant": {"value": 0.1},
    "bias uniform": {"low": -0.3, "high": 0.3},
    "bias normal": {"std": 0.5},
    "bias chrono": {"t_max": 200},
    "bias chrono_forget_only": {"t_max": 200},
    "bias ugi": {"tied": True},
}
Case = tuple[str, Callable[[], Any], Callable[[Identified], str]]
LITERAL = "array"  # any values are literal values


def schemes() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the name, the parameter and the init of each scheme's case."""
    for name, scheme in WEIGHT_SCHEMES.items():
        if name != LITERAL:
            parameter = "weight_ih" if "weight_ih" in scheme.parameters else "weight_hh"
            yield name, parameter, {parameter: {"scheme": name, **FIELDS.get(name, {})}}
    for name in BIAS_SCHEMES:
        if name != LITERAL:
            fields = FIELDS.get(f"bias {name}", {})
            yield f"bias {name}", "bias", {"bias": {"scheme": name, **fields}}


def spec_of(hidden: int, init: Any, seed: int, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return a network with one and a half times as many inputs as units."""
    kind = kinds[seed % len(kinds)]
    spec = {"rnn_type": kind, "input_size": hidden * 3 // 2, "hidden_size": hidden}
    relu = {"nonlinearity": "relu"} if kind == "rnn" and init in RELU else {}
    return spec | relu | {"init": init, "seed": seed}


RELU: list[Any] = [
    *(name for name, preset in PRESETS.items() if preset.nonlinearities == ("relu",)),
    {"weight_hh": {"scheme": "np_rnn"}},
]


def of_scheme(name: str, parameter: str) -> Callable[[Identified], str]:
    """Return the judge of a scheme: it is named first, listed, or missed."""
    true = name.removeprefix("bias ")

    def judge(found: Identified) -> str:
        parts = [part for part in found.parts if part.tensor.startswith(parameter)]
        if all(part.fits and part.fits[0].scheme["scheme"] == true for part in parts):
            return "named"
        listed = all(
            true in part.indistinguishable or any(fit.scheme["scheme"] == true for fit in part.fits)
            for part in parts
        )
        return "listed" if listed else "missed"

    return judge


def of_preset(name: str) -> Callable[[Identified], str]:
    """Return the judge of a preset."""

    def judge(found: Identified) -> str:
        if found.nearest and found.nearest.init == name:
            return "named"
        return "listed" if f" {name}" in found.verdict else "missed"

    return judge


def of_trained(found: Identified) -> str:
    """Judge a trained network."""
    return "named" if found.verdict.startswith("Trained") else "missed"


def measure(hidden: int, seeds: int, rows: Callable[[str], bool] = lambda _: True) -> Any:
    """Return the counts of each case at a size."""
    counts: dict[str, Counter[str]] = {}
    for seed in range(seeds):
        for row, arrays, judge in cases(hidden, seed):
            if rows(row):
                counts.setdefault(row, Counter())[judge(stepzero_rnn.identify(arrays()))] += 1
    return {row: dict(counted) for row, counted in counts.items()}


def cases(hidden: int, seed: int) -> Iterator[Case]:
    """Yield each row of the tables, what makes its arrays, and what judges the result."""
    for name, parameter, init in schemes():
        yield name, partial(_drawn, hidden, init, seed, name), of_scheme(name, parameter)
    for name, preset in PRESETS.items():
        spec = spec_of(hidden, name, seed, tuple(preset.rnn_types))
        yield f"preset {name}", partial(_state, spec), of_preset(name)
    for steps, start in product(STEPS, STARTS):
        row = f"{steps} steps from {start}"
        yield row, partial(trained, hidden, start, steps, seed), of_trained


def _drawn(hidden: int, init: Mapping[str, Any], seed: int, name: str) -> Any:
    scheme = (BIAS_SCHEMES if name.startswith("bias ") else WEIGHT_SCHEMES)[
        name.removeprefix("bias ")
    ]
    kinds = tuple(kind for kind in RNNS if kind in scheme.rnn_types)
    return _state(spec_of(hidden, init, seed, kinds))


def _state(spec: Mapping[str, Any]) -> Any:
    """Draw a network, without the recipe that the library puts beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(stepzero_rnn.state_dict(spec))


def trained(hidden: int, start: str, steps: int, seed: int) -> Any:
    """Train a network to sum five inputs of 15 to 19 steps ago, and return its parameters."""
    generator = torch.Generator().manual_seed(seed)
    spec = spec_of(hidden, start, seed, RNNS)
    network: Any = stepzero_rnn.build(spec)
    head = torch.randn(hidden, 1, generator=generator) / hidden**0.5
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(steps):
        inputs = torch.randn(20, 16, spec["input_size"], generator=generator)
        target = inputs[:5, :, :1].sum(0)
        loss = (network(inputs)[0][-1] @ head - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dict(network.state_dict())


def tables(results: Mapping[str, Any]) -> str:
    """Return the tables: shares in percent, named first and, where it differs, at least listed."""
    sizes = sorted(results, key=int)
    rows = dict.fromkeys(row for size in sizes for row in results[size])
    kinds = {
        "scheme": [r for r in rows if not r.startswith("preset ") and "steps from" not in r],
        "preset": [r for r in rows if r.startswith("preset ")],
        "trained": [r for r in rows if "steps from" in r],
    }
    parts = [_table(title, kinds[title], sizes, results) for title in kinds]
    return "\n\n".join([_summary(results), *parts])


def _summary(results: Mapping[str, Any]) -> str:
    """Return how many networks were drawn, trained and missed, in words."""
    drawn, learned = Counter[str](), Counter[str]()
    for counts in results.values():
        for row, found in counts.items():
            (learned if "steps from" in row else drawn).update(found)
    return (
        f"Of {drawn.total():,} networks that were drawn, {drawn['missed']} had its own scheme neither named nor listed; "
        f"of {learned.total():,} that were trained, {learned['missed']} were called a start, all of them below 64 units."
    )


def _table(title: str, rows: list[str], sizes: list[str], results: Mapping[str, Any]) -> str:
    head = f"| {title} | {' | '.join(sizes)} |\n|{' --- |' * (1 + len(sizes))}"
    lines = [
        f"| {_label(row)} | {' | '.join(_cell(results[size].get(row, {})) for size in sizes)} |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def _label(row: str) -> str:
    if "steps from" in row:
        return row.replace("1 steps", "1 step")
    return f"`{row.removeprefix('preset ')}`"


def _cell(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return ""
    named = counts.get("named", 0)
    listed = named + counts.get("listed", 0)
    shares = [f"{round(100 * count / total)}" for count in dict.fromkeys((named, listed))]
    return " / ".join(shares)


def main(arguments: list[str]) -> None:
    """Measure sizes, or write the tables."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if arguments == ["--write"]:
        before, begin, rest = PAGE.read_text().partition("<!-- measured -->\n")
        after = rest[rest.index("<!-- end -->") :]
        PAGE.write_text(f"{before}{begin}\n{tables(results)}\n\n{after}")
        return
    for hidden in map(int, arguments):
        counts = measure(hidden, SEEDS[hidden])
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        ordered = sorted({**results, str(hidden): counts}.items(), key=lambda item: int(item[0]))
        RESULTS.write_text(json.dumps(dict(ordered), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
