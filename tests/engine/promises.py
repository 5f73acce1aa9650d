"""What each scheme promises, from its source: the test's own formulas, beside which the draws are
held.

fan_in, fan_out: fan in and fan out of the block; hidden: hidden_size; side: the longer side of the
block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, exp, inf, log2, sqrt
from typing import Any

import numpy as np
from scipy import linalg, stats

from tests.engine.drawing import Values, gates, values

TRUNCATED = 0.87962566103423978  # standard deviation of N(0, 1) cut at ±2 (jax.nn.initializers)
FIRST = ("weight_ih_l0", "weight_hh_l0")
TANH = 5 / 3  # torch.nn.init.calculate_gain
SELU = 3 / 4
Size = Callable[[int, int, int], float]
# From the longer side of a block to a law of SciPy's, of mean 0 and standard deviation 1.
Law = Callable[[int], Any]


def gaussian(side: int) -> Any:
    """Return N(0, 1)."""
    return stats.norm()


def flat(side: int) -> Any:
    """Return U(±√3)."""
    return stats.uniform(-sqrt(3), 2 * sqrt(3))


def triangular(side: int) -> Any:
    """Return the law of the sum of two equal uniform numbers."""
    return stats.triang(0.5, -sqrt(6), 2 * sqrt(6))


def spherical(side: int) -> Any:
    """Return the law of √side·x, x a coordinate of a uniform point on the sphere in as many
    dimensions.

    x² is Beta(½, (side − 1)/2), and so (x + 1)/2 is Beta((side − 1)/2, (side − 1)/2).
    """
    return stats.beta((side - 1) / 2, (side - 1) / 2, -sqrt(side), 2 * sqrt(side))


def truncated(low: float, high: float) -> Law:
    """Return the law of N(0, 1) cut at low and high, standardized."""
    whole = stats.truncnorm(low, high)
    return lambda side: stats.truncnorm(low, high, -whole.mean() / whole.std(), 1 / whole.std())


@dataclass(frozen=True)
class Promise:
    """A scheme as it is asked for, and the law that its source states for a block (fan in, fan out,
    hidden_size).

    `law` is that of an element which is drawn, `drawn` the share of those; the others are zero.
    """

    scheme: Mapping[str, Any]
    std: Size
    mean: float = 0.0
    bound: Size = field(default=lambda fan_in, fan_out, hidden: inf)
    law: Law = gaussian
    drawn: float = 1.0
    random: bool = True

    @property
    def kurtosis(self) -> float:
        """The fourth moment of an element in standard deviations, the zeros counted in; in a large
        block.
        """
        return (3 + float(self.law(1000).stats("k"))) / self.drawn


def weight(name: str, **given: Any) -> dict[str, Any]:
    """Ask for a scheme."""
    return {"scheme": name, **given}


def uniform(name: str, bound: Size, **given: Any) -> Promise:
    """Promise U(±bound)."""
    return Promise(
        weight(name, **given),
        std=lambda fan_in, fan_out, hidden: bound(fan_in, fan_out, hidden) / sqrt(3),
        bound=bound,
        law=flat,
    )


def normal(name: str, std: Size, **given: Any) -> Promise:
    """Promise N(0, std²)."""
    return Promise(weight(name, **given), std=std)


def orthogonal(std: Size, **given: Any) -> Promise:
    """Promise a Haar matrix."""
    return Promise(weight("orthogonal", **given), std=std, law=spherical)


def zero(rows: int, cols: int) -> Values:
    """Return a block as ZerO initializes it."""
    if rows <= cols:
        return np.eye(rows, cols)
    m = ceil(log2(rows))
    scaled: Values = linalg.hadamard(2**m)[:rows, :cols] * 2 ** (-(m - 1) / 2)
    return scaled


def fixed(value: float) -> Size:
    """Return a number that no fan changes."""
    return lambda fan_in, fan_out, hidden: value


def cut(mean: float, std: float, low: float, high: float, *, absolute: bool = False) -> Promise:
    """Promise a cut normal, its moments from SciPy."""
    law = stats.truncnorm(low, high, loc=mean, scale=std)
    given: dict[str, Any] = {"mean": mean, "std": std, "low": low, "high": high}
    if absolute:
        given |= {"low": mean + low * std, "high": mean + high * std, "bounds": "absolute"}
    return Promise(
        weight("trunc_normal", **given),
        std=fixed(law.std()),
        mean=law.mean(),
        law=truncated(low, high),
    )


def still(name: str, everywhere: float, **given: Any) -> Promise:
    """Promise one value everywhere."""
    return Promise(weight(name, **given), std=fixed(0), mean=everywhere, random=False)


WEIGHTS = [
    uniform("pytorch", lambda fan_in, fan_out, hidden: 1 / sqrt(hidden)),
    uniform("pytorch", lambda fan_in, fan_out, hidden: 1 / sqrt(hidden), scope="fused"),
    Promise(weight("uniform"), fixed(1 / sqrt(12)), mean=0.5, law=flat),
    Promise(weight("uniform", low=-0.1, high=0.3), fixed(0.4 / sqrt(12)), mean=0.1, law=flat),
    normal("normal", fixed(1)),
    Promise(weight("normal", mean=0.5, std=0.02), fixed(0.02), mean=0.5),
    Promise(weight("trunc_normal"), fixed(TRUNCATED), bound=fixed(2), law=truncated(-2, 2)),
    cut(0.0, 0.02, -2.0, 2.0),
    cut(0.1, 0.5, -1.0, 3.5),
    cut(0.0, 1.0, 1.5, 4.0),
    cut(0.0, 1.0, -6.0, -2.0),
    cut(0.25, 0.5, -1.0, 0.5, absolute=True),
    still("constant", -0.25, value=-0.25),
    still("zeros", 0.0),
    still("ones", 1.0),
    uniform("xavier_uniform", lambda fan_in, fan_out, hidden: sqrt(6 / (fan_in + fan_out))),
    uniform("xavier_uniform", lambda fan_in, fan_out, hidden: 2 * sqrt(6 / (fan_in + fan_out)), gain=2, scope="fused"),
    normal("xavier_normal", lambda fan_in, fan_out, hidden: sqrt(2 / (fan_in + fan_out))),
    normal("xavier_normal", lambda fan_in, fan_out, hidden: 0.1 * sqrt(2 / (fan_in + fan_out)), gain=0.1),
    uniform("kaiming_uniform", lambda fan_in, fan_out, hidden: sqrt(2) * sqrt(3 / fan_in)),
    uniform("kaiming_uniform", lambda fan_in, fan_out, hidden: sqrt(3 / fan_out), mode="fan_out", nonlinearity="linear"),
    normal("kaiming_normal", lambda fan_in, fan_out, hidden: sqrt(2) / sqrt(fan_in), nonlinearity="relu"),
    normal("kaiming_normal", lambda fan_in, fan_out, hidden: TANH / sqrt(fan_in), nonlinearity="tanh"),
    normal("kaiming_normal", lambda fan_in, fan_out, hidden: SELU / sqrt(fan_in), nonlinearity="selu"),
    normal("kaiming_normal", lambda fan_in, fan_out, hidden: 1 / sqrt(fan_in), nonlinearity="sigmoid"),
    normal("kaiming_normal", lambda fan_in, fan_out, hidden: sqrt(2 / (1 + 0.2**2)) / sqrt(fan_in), a=0.2),
    uniform("lecun_uniform", lambda fan_in, fan_out, hidden: sqrt(3 / fan_in)),
    normal("lecun_normal", lambda fan_in, fan_out, hidden: 1 / sqrt(fan_in)),
    Promise(weight("variance_scaling"), lambda fan_in, fan_out, hidden: 1 / sqrt(fan_in), law=truncated(-2, 2)),
    Promise(
        weight("variance_scaling", std_correct=False),
        lambda fan_in, fan_out, hidden: TRUNCATED / sqrt(fan_in),
        law=truncated(-2, 2),
    ),
    Promise(
        weight("variance_scaling", scale=2, mode="fan_out"),
        lambda fan_in, fan_out, hidden: sqrt(2 / fan_out),
        law=truncated(-2, 2),
    ),
    uniform(
        "variance_scaling",
        lambda fan_in, fan_out, hidden: sqrt(3 / ((fan_in + fan_out) / 2)),
        mode="fan_avg",
        distribution="uniform",
    ),
    normal(
        "variance_scaling",
        lambda fan_in, fan_out, hidden: 1 / sqrt(sqrt(fan_in * fan_out)),
        mode="fan_geo_avg",
        distribution="normal",
    ),
    normal("random_walk", lambda fan_in, fan_out, hidden: 1.13 / sqrt(fan_in)),
    normal(
        "random_walk",
        lambda fan_in, fan_out, hidden: sqrt(2) * exp(1.2 / (max(fan_in, 6) - 2.4)) / sqrt(fan_in),
        nonlinearity="relu",
    ),
    normal(
        "random_walk",
        lambda fan_in, fan_out, hidden: sqrt(2) * exp(1.2 / (max(fan_out, 6) - 2.4)) / sqrt(fan_out),
        nonlinearity="relu",
        mode="fan_out",
    ),
    normal("random_walk", lambda fan_in, fan_out, hidden: exp(0.5 / fan_in) / sqrt(fan_in), nonlinearity="linear"),
    Promise(weight("hadamard"), std=lambda fan_in, fan_out, hidden: zero(fan_out, fan_in).std(), random=False),
    Promise(
        weight("trunc_normal", std=0.3, low=-1.0, high=2.0, std_correct=True),
        fixed(0.3),
        mean=0.3 * stats.truncnorm(-1, 2).mean() / stats.truncnorm(-1, 2).std(),
        law=truncated(-1, 2),
    ),
    orthogonal(lambda fan_in, fan_out, hidden: 1 / sqrt(max(fan_in, fan_out))),
    orthogonal(lambda fan_in, fan_out, hidden: 3 / sqrt(max(fan_in, fan_out)), gain=3, scope="fused"),
    Promise(
        weight("identity", gain=2),
        std=lambda fan_in, fan_out, hidden: 2 * sqrt((1 - 1 / max(fan_in, fan_out)) / max(fan_in, fan_out)),
        random=False,
    ),
    Promise(weight("sparse", sparsity=0.75), fixed(0.01 * sqrt(0.25)), drawn=0.25),
    Promise(
        weight("spectral_band"),
        std=lambda fan_in, fan_out, hidden: sqrt((1 + 0.01 / 3) / max(fan_in, fan_out)),
        law=spherical,
    ),
    Promise(weight("lsuv", probe=4096), lambda fan_in, fan_out, hidden: 1 / sqrt(fan_in), law=spherical),
    Promise(weight("sparse", sparsity=0.5, std=2, axis="out"), fixed(2 * sqrt(0.5)), drawn=0.5),
]  # fmt: skip
"""`identity`: max(fan_in, fan_out) elements for each one on the diagonal: that is its mean."""

# The total of both biases.
BIASES = [
    Promise(
        weight("pytorch"),
        lambda fan_in, fan_out, hidden: sqrt(2 / 3) / sqrt(hidden),
        law=triangular,
    ),
    still("zeros", 0.0),
    still("constant", 0.75, value=0.75),
    Promise(weight("uniform"), fixed(1 / sqrt(12)), mean=0.5, law=flat),
    Promise(weight("uniform", low=-1, high=0.5), fixed(1.5 / sqrt(12)), mean=-0.25, law=flat),
    Promise(weight("uniform", low=-1, high=0.5, split="each"), fixed(1.5 / sqrt(6)), mean=-0.5, law=triangular),
    Promise(weight("normal", mean=1, std=0.5), fixed(0.5), mean=1.0),
    Promise(weight("normal", mean=1, std=0.5, split="each"), fixed(sqrt(0.5)), mean=2.0),
]  # fmt: skip


def blocks(promise: Promise, request: Mapping[str, Any]) -> list[Values]:
    """Draw both weights of the first layer by a scheme; give every block that is drawn by
    itself.
    """
    asked = {**request, "init": dict(promise.scheme)}
    if promise.scheme.get("scope") == "fused":
        return [values(asked)[name] for name in FIRST]
    return [block for (name, _), block in gates(asked).items() if name in FIRST]


def named(promise: Promise) -> str:
    """Write a scheme as a test's name."""
    return "-".join(str(value) for value in promise.scheme.values())
