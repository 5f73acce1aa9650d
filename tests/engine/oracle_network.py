"""A whole network by the oracle: from a request to the bytes of every tensor.

Written from `stepzero_rnn/engine/README.md`, the formulas that it names and the documentation of
the request, without the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, pi, sqrt
from typing import Any

from stepzero_rnn.spec.schemes.presets import PRESETS
from tests.engine import oracle, oracle_blocks, oracle_dense, oracle_matrices
from tests.engine.oracle_blocks import Rows

GATES = {"rnn": "-", "gru": "rzn", "lstm": "ifgo"}
NAMES: Mapping[str, Mapping[str, str]] = {
    "rnn": {},
    "gru": {"r": "reset", "z": "update", "n": "new"},
    "lstm": {"i": "input", "f": "forget", "g": "cell", "o": "output"},
}
RETENTION_GATE = {"gru": "z", "lstm": "f"}
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """What is drawn by itself: where from, and of what shape."""

    seed: int
    stream: int
    rows: int
    cols: int
    hidden: int
    gate: str
    joint: int = 0
    biases: Mapping[str, Options] = field(default_factory=dict)

    @property
    def place(self) -> tuple[int, int]:
        """The seed and the stream it is drawn from."""
        return self.seed, self.stream

    @property
    def shape(self) -> tuple[int, int]:
        """Its rows and columns."""
        return self.rows, self.cols

    def each(self, element: Callable[[int], Any]) -> Rows:
        """Return every element by its number, row by row."""
        return [
            [float(element(r * self.cols + c)) for c in range(self.cols)] for r in range(self.rows)
        ]

    def uniform(self, low: float, high: float) -> Rows:
        """Return uniform numbers."""
        return self.each(lambda i: oracle.uniform(self.seed, self.stream, i, low, high))

    def normal(self, mean: float, std: float) -> Rows:
        """Return normal numbers."""
        return self.each(lambda i: oracle.normal(self.seed, self.stream, i, mean, std))

    def cut(self, mean: float, std: float, low: float, high: float) -> Rows:
        """Return normal numbers, cut at `low` and `high` standard deviations."""
        law = (mean, std, low, high)
        return self.each(lambda i: oracle.cut_normal(self.seed, self.stream, i, law))

    def log(self, low: float, high: float, factor: float) -> Rows:
        """Return logarithms of uniform numbers."""
        law = (low, high, factor)
        return self.each(lambda i: oracle.log_uniform(self.seed, self.stream, i, law))

    def logit(self, low: float, high: float, factor: float) -> Rows:
        """Return logits of uniform numbers."""
        law = (low, high, factor)
        return self.each(lambda i: oracle.logit_uniform(self.seed, self.stream, i, law))

    def constant(self, value: float) -> Rows:
        """Return one number everywhere."""
        return self.each(lambda i: oracle.constant(value))

    def fans(self, o: Options) -> tuple[int, int]:
        """Return fan_in and fan_out: the block's own, or of the matrix over input and state that
        holds it.
        """
        kind = o.get("fans", "block") if self.joint else "block"
        fan_in = self.cols if kind == "block" else self.joint
        return fan_in, self.rows * (2 if kind == "joint_pair" else 1)

    def fan(self, o: Options) -> float:
        """Return the fan that a scheme asks for."""
        fan_in, fan_out = self.fans(o)
        return {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": sqrt(fan_in * fan_out),
        }[o.get("mode", "fan_in")]


def network(given: Mapping[str, Any]) -> dict[str, bytes]:
    """Draw a network."""
    asked: dict[str, Any] = {
        "num_layers": 1,
        "bias": True,
        "bidirectional": False,
        "proj_size": 0,
        "seed": 0,
    }
    asked |= {"dtype": "float32", "init": "pytorch"} | dict(given)
    if isinstance(asked["init"], str) and asked["init"] in PRESETS:
        asked["init"] = PRESETS[asked["init"]].parts[asked["rnn_type"]]
    return {
        name: b"".join(oracle_blocks.stored(x, asked["dtype"]) for row in rows for x in row)
        for name, rows in _tensors(asked, _parts(asked["init"]))
    }


def _parts(init: Any) -> dict[str, Options]:
    """Return a scheme for every kind of parameter."""
    names = ("weight_ih", "weight_hh", "weight_hr", "bias")
    if isinstance(init, Mapping) and "scheme" not in init:
        return {name: _options(init.get(name, "pytorch")) for name in names}
    scheme = _options(init)
    bias = scheme if scheme["scheme"] == "pytorch" else {"scheme": "zeros"}
    return dict.fromkeys(names, scheme) | {"bias": {"scheme": bias["scheme"]}}


def _options(scheme: Any) -> Options:
    return {"scheme": scheme} if isinstance(scheme, str) else scheme


def _tensors(asked: Options, parts: Mapping[str, Options]) -> Iterator[tuple[str, Rows]]:
    hidden, proj = asked["hidden_size"], asked["proj_size"]
    directions = ("forward", "reverse")[: 1 + asked["bidirectional"]]
    for layer in range(asked["num_layers"]):
        inputs = len(directions) * (proj or hidden) if layer else asked["input_size"]
        for direction in directions:
            suffix = f"_l{layer}" + ("_reverse" if direction == "reverse" else "")
            cell = Cell(asked, parts, layer, direction, suffix, inputs + (proj or hidden))
            yield f"weight_ih{suffix}", _weight(cell, "weight_ih", (hidden, inputs))
            yield f"weight_hh{suffix}", _weight(cell, "weight_hh", (hidden, proj or hidden))
            if proj:
                yield f"weight_hr{suffix}", _weight(cell, "weight_hr", (proj, hidden))
            if asked["bias"]:
                for kind in ("ih", "hh"):
                    yield f"bias_{kind}{suffix}", _bias(cell, kind)


@dataclass(frozen=True)
class Cell:
    """One direction of one layer, and what was asked for it."""

    asked: Options
    parts: Mapping[str, Options]
    layer: int
    direction: str
    suffix: str
    joint: int

    def scheme(self, parameter: str, gate: str) -> Options:
        """Return the scheme of a gate: the first override that matches, or the part's."""
        init, last = self.asked["init"], self.asked["num_layers"] - 1
        for o in init.get("overrides", []) if isinstance(init, Mapping) else []:
            layers = {"first": 0, "last": last}.get(str(o.get("layer")), o.get("layer", [0, last]))
            low, high = layers if isinstance(layers, list) else (layers, layers)
            named = NAMES[self.asked["rnn_type"]].get(gate)
            if (
                o["parameter"] == parameter
                and low <= self.layer <= high
                and o.get("direction", self.direction) == self.direction
                and o.get("gate", named) == named
            ):
                return _options(o["init"])
        return self.parts[parameter]


def _weight(cell: Cell, kind: str, shape: tuple[int, int]) -> Rows:
    gates = "-" if kind == "weight_hr" else GATES[cell.asked["rnn_type"]]
    (rows, cols), drawn = shape, []
    if cell.scheme(kind, gates[0]).get("scope") == "fused":
        rows, gates = rows * len(gates), "-"
    for gate in gates:
        at = gate if gate != "-" else GATES[cell.asked["rnn_type"]][0]
        scheme = cell.scheme(kind, "-" if kind == "weight_hr" else at)
        stream = oracle.stream(kind + cell.suffix, gate)
        joint = 0 if kind == "weight_hr" else cell.joint
        block = Block(
            *(cell.asked["seed"], stream, rows, cols, cell.asked["hidden_size"], gate, joint),
            {other: cell.scheme("bias", other) for other in gates} if cell.asked["bias"] else {},
        )
        drawn += WEIGHTS[scheme["scheme"]](block, scheme)
    return drawn


def _bias(cell: Cell, kind: str) -> Rows:
    rnn_type, hidden = cell.asked["rnn_type"], cell.asked["hidden_size"]
    drawn: Rows = []
    for gate in GATES[rnn_type]:
        scheme = cell.scheme("bias", gate)
        own = scheme["scheme"] == "pytorch" or scheme.get("split") == "each"
        name = (f"bias_{kind}" if own else "bias") + cell.suffix
        split = "ih" if gate == "n" else scheme.get("split", "ih")
        share = 1.0 if own or split == kind else 0.5 if split == "half" else 0.0
        tied = gate == "i" and (scheme["scheme"] == "chrono" or scheme.get("tied", False))
        stream = oracle.stream(name, "f" if tied else gate)
        block = Block(cell.asked["seed"], stream, hidden, 1, hidden, gate)
        drawn += (
            BIASES[scheme["scheme"]](block, scheme, share, rnn_type) if share else block.constant(0)
        )
    return drawn


def _sign(block: Block, o: Options, rnn: str) -> float:
    """Return 1 for the keeping gate, −1 for an input gate that is tied to it."""
    tied = o["scheme"] == "chrono" or o.get("tied", False)
    return 1.0 if block.gate == RETENTION_GATE[rnn] else -1.0 if block.gate == "i" and tied else 0.0


def _chrono(block: Block, o: Options, share: float, rnn: str) -> Rows:
    sign = _sign(block, o, rnn)
    times = o.get("t_min", 2.0) - 1, o["t_max"] - 1
    return block.log(*times, sign * share) if sign else block.constant(0)


def _ugi(block: Block, o: Options, share: float, rnn: str) -> Rows:
    sign, edge = _sign(block, o, rnn), 1 / block.hidden
    return block.logit(edge, 1 - edge, sign * share) if sign else block.constant(0)


def _ladder(block: Block, o: Options, share: float, rnn: str) -> Rows:
    if block.gate != "o":
        return block.constant(0)
    step, blocks = oracle.f32(-o.get("step", 1.0) * share), o.get("blocks", 4)
    return block.each(lambda j: oracle.f32(j * blocks // block.hidden + 1) * step)


def _symmetric(block: Block, bound: float) -> Rows:
    return block.uniform(-bound, bound)


def _trunc_normal(block: Block, o: Options) -> Rows:
    mean, std, low, high = (
        o.get(name, default)
        for name, default in (("mean", 0.0), ("std", 1.0), ("low", -2.0), ("high", 2.0))
    )
    if o.get("bounds") == "absolute":
        low, high = (low - mean) / std, (high - mean) / std
    if o.get("std_correct"):
        assert (low, high) == (-2, 2)
        std /= oracle.spread_of_cut_at_2()
    return block.cut(mean, std, low, high)


def _gain(o: Options) -> float:
    """Return torch.nn.init.calculate_gain."""
    a = o.get("a", 0.0)
    return {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": sqrt(2),
        "leaky_relu": sqrt(2 / (1 + a * a)),
        "selu": 0.75,
    }[o.get("nonlinearity", "leaky_relu")]


def _variance_scaling(block: Block, o: Options) -> Rows:
    std = sqrt(o.get("scale", 1.0) / block.fan(o))
    match o.get("distribution", "truncated_normal"):
        case "uniform":
            return _symmetric(block, sqrt(3) * std)
        case "normal":
            return block.normal(0.0, std)
        case _:
            spread = oracle.spread_of_cut_at_2() if o.get("std_correct", True) else 1.0
            return block.cut(0.0, std / spread, -2.0, 2.0)


def _random_walk(block: Block, o: Options) -> Rows:
    n = int(block.fan({"mode": o.get("mode", "fan_in")}))
    gain = {
        "linear": oracle.exp(1 / (2 * n)),
        "tanh": 1.13,
        "relu": sqrt(2) * oracle.exp(1.2 / (max(n, 6) - 2.4)),
    }
    return block.normal(0.0, gain[o.get("nonlinearity", "tanh")] / sqrt(n))


def _sparse(block: Block, o: Options) -> Rows:
    axis = o.get("axis", "in")
    connections = block.cols if axis == "in" else block.rows
    zeros = ceil(Fraction(Decimal(repr(o["sparsity"]))) * connections)
    drawn = block.normal(0.0, o.get("std", 0.01))
    return oracle_blocks.with_zeros(*block.place, drawn, zeros, axis)


def _orthogonal(block: Block, o: Options) -> Rows:
    shape = (block.rows, block.cols)
    special = o.get("determinant") == "+1"
    return oracle_blocks.orthogonal(*block.place, shape, o.get("gain", 1.0), special=special)


def _ramp(block: Block, o: Options) -> Rows:
    if block.gate == "g":
        return oracle_matrices.bands(block.rows, o.get("alpha", 1.02), 0.0)
    return oracle_matrices.ramp(block.rows, o.get("end", 0.01))


def _cayley_rotation(block: Block, o: Options) -> Rows:
    turns = (o.get("low", 0.0) / (2 * pi), o.get("high", pi / 2) / (2 * pi))
    return oracle_matrices.rotations(block.seed, block.stream, block.rows, turns)


def _fsi(block: Block, o: Options) -> Rows:
    share = o.get("connectivity", 1.0)
    kept = ceil(Fraction(Decimal(repr(share))) * block.cols)
    bound = o.get("radius", 0.9) * sqrt(3 / kept)
    return oracle_blocks.with_zeros(
        block.seed, block.stream, _symmetric(block, bound), block.cols - kept, "in"
    )


def _critical(block: Block, o: Options) -> Rows:
    if block.gate == "-":
        gain = oracle_matrices.tanh_gain(o.get("input_variance", 0.0))
        return oracle_blocks.orthogonal(block.seed, block.stream, (block.rows, block.cols), gain)
    gain = oracle_matrices.gated_gain(o, block.biases) if block.gate in "gn" else 1.0
    return block.normal(0.0, gain / sqrt(block.rows))


WEIGHTS: Mapping[str, Callable[[Block, Options], Rows]] = {
    "pytorch": lambda b, o: _symmetric(b, 1 / sqrt(b.hidden)),
    "uniform": lambda b, o: b.uniform(o.get("low", 0.0), o.get("high", 1.0)),
    "normal": lambda b, o: b.normal(o.get("mean", 0.0), o.get("std", 1.0)),
    "trunc_normal": _trunc_normal,
    "constant": lambda b, o: b.constant(o["value"]),
    "zeros": lambda b, o: b.constant(0),
    "ones": lambda b, o: b.constant(1),
    "identity": lambda b, o: oracle_blocks.identity(b.rows, b.cols, o.get("gain", 1.0)),
    "xavier_uniform": lambda b, o: _symmetric(b, o.get("gain", 1.0) * sqrt(6 / sum(b.fans(o)))),
    "xavier_normal": lambda b, o: b.normal(0.0, o.get("gain", 1.0) * sqrt(2 / sum(b.fans(o)))),
    "kaiming_uniform": lambda b, o: _symmetric(b, _gain(o) * sqrt(3 / b.fan(o))),
    "kaiming_normal": lambda b, o: b.normal(0.0, _gain(o) * sqrt(1 / b.fan(o))),
    "lecun_uniform": lambda b, o: _symmetric(b, sqrt(3 / b.fan(o))),
    "lecun_normal": lambda b, o: b.normal(0.0, sqrt(1 / b.fan(o))),
    "variance_scaling": _variance_scaling,
    "random_walk": _random_walk,
    "hadamard": lambda b, o: oracle_blocks.hadamard(b.rows, b.cols),
    "orthogonal": _orthogonal,
    "sparse": _sparse,
    "array": lambda b, o: [[float(value) for value in row] for row in o["values"]],
    "scaled_identity": lambda b, o: oracle_blocks.identity(b.rows, b.cols, o.get("alpha", 1.0)),
    "chain": lambda b, o: oracle_matrices.bands(b.rows, o.get("alpha", 1.02), 0.0),
    "fbchain": lambda b, o: oracle_matrices.bands(b.rows, o.get("alpha", 0.99), o.get("beta", 0.04)),
    "ramp": _ramp,
    "henaff_rotation": lambda b, o: oracle_matrices.rotations(b.seed, b.stream, b.rows, (-0.5, 0.5)),
    "cayley_rotation": _cayley_rotation,
    "fsi": _fsi,
    "critical": _critical,
    "spectral_band": lambda b, o: oracle_dense.spectral_band(*b.place, b.shape, o.get("margin", 0.1)),
    "lsuv": lambda b, o: oracle_dense.lsuv(*b.place, b.shape, o.get("probe", 256)),
    "spectral_radius": lambda b, o: oracle_dense.spectral_radius(*b.place, b.rows, o),
    "np_rnn": lambda b, o: oracle_dense.np_rnn(*b.place, b.rows),
    "ring_spectrum": lambda b, o: oracle_dense.ring_spectrum(*b.place, b.rows, o),
    "skew": lambda b, o: oracle_dense.skew(*b.place, b.rows, o),
}  # fmt: skip
# A share of the total, which is 1 or ½: each number of a law is halved before it is used.
BIASES: Mapping[str, Callable[[Block, Options, float, str], Rows]] = {
    "pytorch": lambda b, o, share, rnn: _symmetric(b, 1 / sqrt(b.hidden)),
    "zeros": lambda b, o, share, rnn: b.constant(0),
    "constant": lambda b, o, share, rnn: b.constant(o["value"] * share),
    "uniform": lambda b, o, share, rnn: b.uniform(o.get("low", 0.0) * share, o.get("high", 1.0) * share),
    "normal": lambda b, o, share, rnn: b.normal(o.get("mean", 0.0) * share, o.get("std", 1.0) * share),
    "forget": lambda b, o, share, rnn: b.constant(o.get("value", 1.0) * share if b.gate == RETENTION_GATE[rnn] else 0),
    "chrono": _chrono,
    "chrono_forget_only": _chrono,
    "ugi": _ugi,
    "out_gate_ladder": _ladder,
    "array": lambda b, o, share, rnn: [[value * share] for value in o["values"]],
}  # fmt: skip
