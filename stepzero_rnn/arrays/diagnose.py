"""Why a shape is likely to be another than is needed: guesses, each by one habit of people or
libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stepzero_rnn.arrays.forms import Shape
from stepzero_rnn.arrays.habits import FLAT, is_flat
from stepzero_rnn.arrays.layouts import Rule
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS, Kind


@dataclass(frozen=True, slots=True)
class Misfit:
    """An array that does not fit: what it should hold, the shape it has and the one it needs.

    `sizes` are those of the network it should be of, `told` those that most arrays tell, `own`
    those that it tells.
    """

    rule: Rule
    layer: int
    given: Shape
    needed: Shape
    spec: Spec
    layout: LayoutName
    sizes: Mapping[str, int]
    told: Mapping[str, int]
    own: Mapping[str, int]

    @property
    def hidden_size(self) -> int:
        """The hidden size it should be of."""
        return self.sizes["hidden_size"]

    @property
    def proj_size(self) -> int:
        """The projection it should be of."""
        return self.sizes["proj_size"]

    @property
    def kind(self) -> Kind:
        """The parameter, or the first of them."""
        return self.rule.kinds[0]

    @property
    def is_bias(self) -> bool:
        """Whether it holds biases."""
        return self.kind.startswith("bias")

    @property
    def plain(self) -> Shape:
        """Its shape as PyTorch would have it."""
        return self.rule.form.plain(self.given, self.spec.directions) or self.given

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.plain[0] if self.plain else 0

    @property
    def plain_needed(self) -> Shape:
        """The shape it needs, as PyTorch would have it."""
        return self.rule.form.plain(self.needed, self.spec.directions) or ()

    @property
    def inputs(self) -> int:
        """How wide the input of its layer is."""
        return (
            self.spec.directions * self.recurrent_size if self.layer else self.sizes["input_size"]
        )

    @property
    def cols(self) -> int:
        """How many columns it has, if all but these are right."""
        fits = self.plain_needed
        return self.plain[1] if len(self.plain) == len(fits) == 2 and self.rows == fits[0] else 0

    @property
    def all_gates(self) -> int:
        """How many gates the network has."""
        return len(self.spec.network.rnn.letters)

    @property
    def recurrent_size(self) -> int:
        """The width of what comes back from the step before."""
        return self.proj_size or self.hidden_size


def cause(misfit: Misfit) -> str:
    """Return the first guess that holds, or nothing."""
    return next(filter(None, (guess(misfit) for guess in _GUESSES)), "")


def _axis(m: Misfit) -> str:
    given, needed = ([n for n in shape if n != 1] for shape in (m.given, m.needed))
    return "an axis of length 1 too many or too few; reshape it" if given == needed else ""


def _transposed(m: Misfit) -> str:
    if len(m.given) != 2 or m.given != m.needed[::-1]:
        return ""
    order = ", ".join(m.rule.gates)
    gates = f", if its gates stand in the order {order}" * (len(m.rule.gates) > 1)
    return f"is it transposed? Send its .T, and that of any square matrix beside it{gates}"


def _one_of_two_biases(m: Misfit) -> str:
    if len(m.rule.kinds) < 2 or m.given[-1:] != (m.all_gates * m.hidden_size,):
        return ""
    if m.layout == "keras":
        return "was it made with reset_after=False? PyTorch's GRU cannot compute that"
    return "one of the two biases only? ONNX has both in one array"


def _joint(m: Misfit) -> str:
    """TensorFlow 1 and Haiku multiply input and state by one matrix."""
    both = (m.inputs + m.recurrent_size, m.all_gates * m.hidden_size)
    if m.kind != "weight_ih" or m.layer or m.given != both:
        return ""  # a later layer's could also be of two directions
    if m.spec.rnn_type == "gru":
        return "one matrix over input and state? A GRU that has one applies the reset gate before it, which PyTorch's cannot"
    if len(m.rule.kinds) > 1:
        return ""
    return "one matrix over input and state? TensorFlow 1 and Haiku have one (layout tf1 or haiku)"


def _apart(m: Misfit) -> str:
    if m.rule.kinds != ("weight_ih", "weight_hh") or m.given[1:] != m.needed[1:]:
        return ""
    alone = m.given[:1] in ((m.inputs,), (m.recurrent_size,))
    return f"the matrix over input or state alone? Layout {m.layout} has one over both" * alone


def _slices(m: Misfit) -> str:
    """A gate to each place of a third axis."""
    if len(m.given) != 3 or len(m.needed) != 2 or m.all_gates not in m.given:
        return ""
    axis = len(m.given) - 1 - m.given[::-1].index(m.all_gates)
    side = 0 if m.needed == m.plain_needed else 1
    gate = [n // m.all_gates if k == side else n for k, n in enumerate(m.needed)]
    rest = [n for k, n in enumerate(m.given) if k != axis]
    if sorted(rest) != sorted(gate):
        return ""
    parts = f"np.moveaxis(a, {axis}, 0)" + ".swapaxes(1, 2)" * (rest != gate)
    order = ", ".join(m.rule.gates)
    return f"a gate to each place of axis {axis}? Send np.concatenate({parts}, axis={side}), if they stand in the order {order}"


def _flat(m: Misfit) -> str:
    return FLAT if is_flat(m.given, m.spec) else ""


def _one_gate(m: Misfit) -> str:
    if m.all_gates == 1 or len(m.rule.gates) == 1 or m.rows != m.hidden_size:
        return ""
    word = m.spec.network.rnn.gates[0].name
    return f"one gate only? Layout pytorch takes gates by name, as in {m.kind}_l{m.layer}.{word}"


def _both_biases(m: Misfit) -> str:
    rows = m.all_gates * m.hidden_size
    if m.layout != "pytorch" or not m.is_bias or m.given != (2 * rows,) or m.told != m.own:
        return ""  # where others tell the same size, it is the network's
    order = ", ".join(m.rule.gates)
    gates = f", if their gates stand in the order {order}" * (m.all_gates > 1)
    names = f"bias_ih_l{m.layer} and bias_hh_l{m.layer}"
    return f"both biases in one? Send its halves as {names}{gates}"


def _all_gates(m: Misfit) -> str:
    one = len(m.rule.gates) == 1 < m.all_gates and m.kind != "weight_hr"
    found = one and m.rows == m.all_gates * m.hidden_size
    return "all gates? Then leave the gate out of its name" if found else ""


def _other_network(m: Misfit) -> str:
    if len(m.rule.gates) != m.all_gates or m.kind == "weight_hr":
        return ""
    rows = {len(rnn.letters) * m.hidden_size: name for name, rnn in RNNS.items()}
    other = rows.get(m.rows, m.spec.rnn_type)
    return f"is it of rnn_type {other}?" if other != m.spec.rnn_type else ""


def _unprojected(m: Misfit) -> str:
    wide = (m.hidden_size, m.spec.directions * m.hidden_size)
    unprojected = m.proj_size and m.kind != "weight_hr" and m.cols in wide
    return (
        f"is it of a network without projection? proj_size is {m.proj_size}" if unprojected else ""
    )


def _projected(m: Misfit) -> str:
    lstm = m.spec.rnn_type == "lstm" and m.kind == "weight_hh" and not m.proj_size
    narrow = lstm and 0 < m.cols < m.hidden_size
    return f"is it of a network with a proj_size of {m.cols}? proj_size is 0" if narrow else ""


def _directions(m: Misfit) -> str:
    if m.kind != "weight_ih" or not m.layer:
        return ""
    if m.spec.bidirectional and m.cols == m.recurrent_size:
        return "is it of a network of one direction? bidirectional is true"
    if not m.spec.bidirectional and m.cols == 2 * m.recurrent_size:
        return "is it of a bidirectional network? bidirectional is false"
    return ""


def _first_layer(m: Misfit) -> str:
    first = m.kind == "weight_ih" and m.layer and m.cols == m.sizes["input_size"]
    return "is it of layer 0?" if first else ""


def _other_sizes(m: Misfit) -> str:
    listed = _listed(m.told, m.sizes)
    smaller = all(m.told[name] <= m.sizes[name] for name in m.told)
    grow = "; to keep them as a part of this larger one, ask for growth"
    return f"the arrays are of a network with {listed}" + grow * smaller if listed else ""


def _own_sizes(m: Misfit) -> str:
    listed = _listed(m.own, m.sizes)
    return f"it would be of a network with {listed}, unlike the others" if listed else ""


def _listed(told: Mapping[str, int], sizes: Mapping[str, int]) -> str:
    return " and ".join(f"{n} {size}" for n, size in told.items() if size != sizes[n])


_GUESSES: tuple[Callable[[Misfit], str], ...] = (
    _axis,
    _joint,
    _apart,
    _slices,
    _flat,
    _transposed,
    _one_of_two_biases,
    _one_gate,
    _both_biases,
    _all_gates,
    _other_network,
    _unprojected,
    _projected,
    _directions,
    _first_layer,
    _other_sizes,
    _own_sizes,
)
