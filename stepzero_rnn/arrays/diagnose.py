"""Likely causes of a wrong shape, each a common mistake or a convention of another library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stepzero_rnn.arrays.forms import Shape
from stepzero_rnn.arrays.habits import FLAT, is_flat
from stepzero_rnn.arrays.layouts import LayoutRule
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS, Kind


@dataclass(frozen=True, slots=True)
class Misfit:
    """An array that does not fit: what it should hold, the shape it has and the one it needs.

    `sizes` are those of the network it should belong to, `implied` those that most arrays imply,
    and `implied_here` those that this array implies.
    """

    rule: LayoutRule
    layer: int
    given: Shape
    needed: Shape
    spec: Spec
    layout: LayoutName
    sizes: Mapping[str, int]
    implied: Mapping[str, int]
    implied_here: Mapping[str, int]

    @property
    def hidden_size(self) -> int:
        """The hidden size of the network it should belong to."""
        return self.sizes["hidden_size"]

    @property
    def proj_size(self) -> int:
        """The projection size of the network it should belong to."""
        return self.sizes["proj_size"]

    @property
    def kind(self) -> Kind:
        """The first parameter it holds."""
        return self.rule.kinds[0]

    @property
    def is_bias(self) -> bool:
        return self.kind.startswith("bias")

    @property
    def plain(self) -> Shape:
        """Its shape in PyTorch's layout."""
        return self.rule.form.plain(self.given, self.spec.directions) or self.given

    @property
    def rows(self) -> int:
        return self.plain[0] if self.plain else 0

    @property
    def plain_needed(self) -> Shape:
        """The shape it needs, in PyTorch's layout."""
        return self.rule.form.plain(self.needed, self.spec.directions) or ()

    @property
    def inputs(self) -> int:
        """The input width of its layer."""
        return (
            self.spec.directions * self.recurrent_size if self.layer else self.sizes["input_size"]
        )

    @property
    def cols(self) -> int:
        """The number of columns if everything else is right, else 0."""
        fits = self.plain_needed
        return self.plain[1] if len(self.plain) == len(fits) == 2 and self.rows == fits[0] else 0

    @property
    def all_gates(self) -> int:
        return len(self.spec.network.rnn.letters)

    @property
    def recurrent_size(self) -> int:
        """The width of the recurrent input."""
        return self.proj_size or self.hidden_size


def cause(misfit: Misfit) -> str:
    """Return the first guess that applies, or an empty string."""
    return next(filter(None, (guess(misfit) for guess in _GUESSES)), "")


def _axis(m: Misfit) -> str:
    given, needed = ([n for n in shape if n != 1] for shape in (m.given, m.needed))
    return "an axis of length 1 is missing or superfluous; reshape it" if given == needed else ""


def _transposed(m: Misfit) -> str:
    if len(m.given) != 2 or m.given != m.needed[::-1]:
        return ""
    order = ", ".join(m.rule.gates)
    gates = f", provided its gates are in the order {order}" * (len(m.rule.gates) > 1)
    return f"is it transposed? Send its .T, and the .T of any square matrix with it{gates}"


def _one_of_two_biases(m: Misfit) -> str:
    if len(m.rule.kinds) < 2 or m.given[-1:] != (m.all_gates * m.hidden_size,):
        return ""
    if m.layout == "keras":
        return "was it created with reset_after=False? PyTorch's GRU cannot compute that"
    return "is it only one of the two biases? ONNX stores both in one array"


def _joint(m: Misfit) -> str:
    """Detect one matrix over input and state, as in TensorFlow 1 and Haiku."""
    both = (m.inputs + m.recurrent_size, m.all_gates * m.hidden_size)
    if m.kind != "weight_ih" or m.layer or m.given != both:
        return ""  # in later layers it could also be two directions
    if m.spec.rnn_type == "gru":
        return (
            "is it one matrix over input and state? Such a GRU applies the reset gate before the "
            "matrix, which PyTorch's GRU cannot do"
        )
    if len(m.rule.kinds) > 1:
        return ""
    return (
        "is it one matrix over input and state? TensorFlow 1 and Haiku have one (layout tf1 or "
        "haiku)"
    )


def _apart(m: Misfit) -> str:
    if m.rule.kinds != ("weight_ih", "weight_hh") or m.given[1:] != m.needed[1:]:
        return ""
    alone = m.given[:1] in ((m.inputs,), (m.recurrent_size,))
    return (
        f"is it the matrix over input or state alone? Layout {m.layout} has one over both" * alone
    )


def _slices(m: Misfit) -> str:
    """Detect gates stacked along a third axis."""
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
    return (
        f"are the gates stacked along axis {axis}? Send np.concatenate({parts}, axis={side}), "
        f"provided they are in the order {order}"
    )


def _flat(m: Misfit) -> str:
    return FLAT if is_flat(m.given, m.spec) else ""


def _one_gate(m: Misfit) -> str:
    if m.all_gates == 1 or len(m.rule.gates) == 1 or m.rows != m.hidden_size:
        return ""
    word = m.spec.network.rnn.gates[0].name
    return f"is it one gate only? Layout pytorch accepts gates by name, as in {m.kind}_l{m.layer}.{word}"


def _both_biases(m: Misfit) -> str:
    rows = m.all_gates * m.hidden_size
    if (
        m.layout != "pytorch"
        or not m.is_bias
        or m.given != (2 * rows,)
        or m.implied != m.implied_here
    ):
        return ""  # if other arrays imply the same size, it is the network's
    order = ", ".join(m.rule.gates)
    gates = f", provided their gates are in the order {order}" * (m.all_gates > 1)
    names = f"bias_ih_l{m.layer} and bias_hh_l{m.layer}"
    return f"is it both biases in one? Send its halves as {names}{gates}"


def _all_gates(m: Misfit) -> str:
    one = len(m.rule.gates) == 1 < m.all_gates and m.kind != "weight_hr"
    is_stacked = one and m.rows == m.all_gates * m.hidden_size
    return "is it all gates? Then omit the gate from its name" if is_stacked else ""


def _other_network(m: Misfit) -> str:
    if len(m.rule.gates) != m.all_gates or m.kind == "weight_hr":
        return ""
    rows = {len(rnn.letters) * m.hidden_size: name for name, rnn in RNNS.items()}
    other = rows.get(m.rows, m.spec.rnn_type)
    return f"is its rnn_type {other}?" if other != m.spec.rnn_type else ""


def _unprojected(m: Misfit) -> str:
    wide = (m.hidden_size, m.spec.directions * m.hidden_size)
    unprojected = m.proj_size and m.kind != "weight_hr" and m.cols in wide
    return (
        f"is it from a network without projection? proj_size is {m.proj_size}"
        if unprojected
        else ""
    )


def _projected(m: Misfit) -> str:
    lstm = m.spec.rnn_type == "lstm" and m.kind == "weight_hh" and not m.proj_size
    narrow = lstm and 0 < m.cols < m.hidden_size
    return f"is it from a network with a proj_size of {m.cols}? proj_size is 0" if narrow else ""


def _directions(m: Misfit) -> str:
    if m.kind != "weight_ih" or not m.layer:
        return ""
    if m.spec.bidirectional and m.cols == m.recurrent_size:
        return "is it from a unidirectional network? bidirectional is true"
    if not m.spec.bidirectional and m.cols == 2 * m.recurrent_size:
        return "is it from a bidirectional network? bidirectional is false"
    return ""


def _first_layer(m: Misfit) -> str:
    first = m.kind == "weight_ih" and m.layer and m.cols == m.sizes["input_size"]
    return "is it from layer 0?" if first else ""


def _other_sizes(m: Misfit) -> str:
    listed = _listed(m.implied, m.sizes)
    smaller = all(m.implied[name] <= m.sizes[name] for name in m.implied)
    grow = "; to use them as a part of this larger network, set grow"
    return f"the arrays come from a network with {listed}" + grow * smaller if listed else ""


def _own_sizes(m: Misfit) -> str:
    listed = _listed(m.implied_here, m.sizes)
    return f"its shape implies a network with {listed}, unlike the others" if listed else ""


def _listed(implied: Mapping[str, int], sizes: Mapping[str, int]) -> str:
    return " and ".join(f"{n} {size}" for n, size in implied.items() if size != sizes[n])


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
