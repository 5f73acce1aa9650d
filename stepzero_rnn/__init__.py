"""Step Zero: recurrent networks as they stand at training step zero.

What the service does, without a server:

    import stepzero_rnn
    spec = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "init": "orthogonal"}
    model = stepzero_rnn.build(spec)

Importing this, `spec`, `plan` or `client` does not import torch; the first call that draws does.
"""

from stepzero_rnn.comparison.calls import compare, recommend
from stepzero_rnn.library import (
    build,
    check,
    diagnose,
    identify,
    init_,
    plan,
    save,
    state_dict,
    stream,
    with_arrays,
)
from stepzero_rnn.recipe_warnings import RecipeWarning
from stepzero_rnn.reports.calls import report
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.version import __version__

__all__ = [
    "CheckSize",
    "RecipeWarning",
    "Spec",
    "__version__",
    "build",
    "check",
    "compare",
    "diagnose",
    "identify",
    "init_",
    "plan",
    "recommend",
    "report",
    "save",
    "state_dict",
    "stream",
    "with_arrays",
]


def __dir__() -> list[str]:
    return __all__
