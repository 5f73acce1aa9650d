"""What each scheme promises, from its source: the test's own formulas, beside which the draws are held.

fan_in, fan_out: fan in and fan out of the block; H: hidden_size; kurtosis: of one element, 3 or less where not said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, sqrt
from typing import Any

from scipy import stats

TRUNCATED = 0.87962566103423978  # standard deviation of N(0, 1) cut at ±2 (jax.nn.initializers)
TANH = 5 / 3  # torch.nn.init.calculate_gain
SELU = 3 / 4
Size = Callable[[int, int, int], float]


@dataclass(frozen=True)
class Promise:
    """A scheme as it is asked for, and the law that its source states for a block (fan in, fan out, hidden_size)."""

    scheme: Mapping[str, Any]
    std: Size
    mean: float = 0.0
    bound: Size = field(default=lambda fan_in, fan_out, hidden: inf)
    kurtosis: float = 3.0
    random: bool = True


def weight(name: str, **given: Any) -> dict[str, Any]:
    """Ask for a scheme."""
    return {"scheme": name, **given}


def uniform(name: str, bound: Size, **given: Any) -> Promise:
    """Promise U(±bound)."""
    return Promise(
        weight(name, **given),
        std=lambda fan_in, fan_out, hidden: bound(fan_in, fan_out, hidden) / sqrt(3),
        bound=bound,
        kurtosis=1.8,
    )


def normal(name: str, std: Size, **given: Any) -> Promise:
    """Promise N(0, std²)."""
    return Promise(weight(name, **given), std=std)


def fixed(value: float) -> Size:
    """Give a number that no fan changes."""
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
        kurtosis=3 + float(law.stats("k")),
    )


def still(name: str, everywhere: float, **given: Any) -> Promise:
    """Promise one value everywhere."""
    return Promise(weight(name, **given), std=fixed(0), mean=everywhere, random=False)


WEIGHTS = [
    uniform("pytorch", lambda fan_in, fan_out, hidden: 1 / sqrt(hidden)),
    uniform("pytorch", lambda fan_in, fan_out, hidden: 1 / sqrt(hidden), scope="fused"),
    Promise(weight("uniform"), fixed(1 / sqrt(12)), mean=0.5, kurtosis=1.8),
    Promise(weight("uniform", low=-0.1, high=0.3), fixed(0.4 / sqrt(12)), mean=0.1, kurtosis=1.8),
    normal("normal", fixed(1)),
    Promise(weight("normal", mean=0.5, std=0.02), fixed(0.02), mean=0.5),
    Promise(weight("trunc_normal"), fixed(TRUNCATED), bound=fixed(2)),
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
    normal("variance_scaling", lambda fan_in, fan_out, hidden: 1 / sqrt(fan_in)),
    normal("variance_scaling", lambda fan_in, fan_out, hidden: sqrt(2 / fan_out), scale=2, mode="fan_out"),
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
    normal("orthogonal", lambda fan_in, fan_out, hidden: 1 / sqrt(max(fan_in, fan_out))),
    normal("orthogonal", lambda fan_in, fan_out, hidden: 3 / sqrt(max(fan_in, fan_out)), gain=3, scope="fused"),
    Promise(
        weight("identity", gain=2),
        std=lambda fan_in, fan_out, hidden: 2 * sqrt((1 - 1 / max(fan_in, fan_out)) / max(fan_in, fan_out)),
        random=False,
    ),
    Promise(weight("sparse", sparsity=0.75), fixed(0.01 * sqrt(0.25)), kurtosis=3 / 0.25),
    Promise(weight("sparse", sparsity=0.5, std=2, axis="out"), fixed(2 * sqrt(0.5)), kurtosis=6),
]  # fmt: skip
"""`identity`: max(fan_in, fan_out) elements for each one on the diagonal, and so its mean is gain / max(fan_in, fan_out)."""

# The total of both biases.
BIASES = [
    Promise(
        weight("pytorch"), lambda fan_in, fan_out, hidden: sqrt(2 / 3) / sqrt(hidden), kurtosis=2.4
    ),
    still("zeros", 0.0),
    still("constant", 0.75, value=0.75),
    Promise(weight("uniform"), fixed(1 / sqrt(12)), mean=0.5, kurtosis=1.8),
    Promise(weight("uniform", low=-1, high=0.5), fixed(1.5 / sqrt(12)), mean=-0.25, kurtosis=1.8),
    Promise(weight("normal", mean=1, std=0.5), fixed(0.5), mean=1.0),
]


def named(promise: Promise) -> str:
    """Write a scheme as a test's name."""
    return "-".join(str(value) for value in promise.scheme.values())
