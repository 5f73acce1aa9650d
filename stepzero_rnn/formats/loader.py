"""The script in a bundle that loads the checkpoint; it needs only torch and safetensors."""

from __future__ import annotations

from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Spec

_ARGUMENTS = (  # of torch's modules, in their order
    "input_size",
    "hidden_size",
    "num_layers",
    "nonlinearity",
    "bias",
    "batch_first",
    "dropout",
    "bidirectional",
    "proj_size",
)
_SCRIPT = '''\
"""Load {checkpoint} and run it once; needs torch and safetensors."""

from pathlib import Path

import torch
from safetensors.torch import load_file

network = torch.nn.{module}(
{arguments}
)
network.load_state_dict(load_file(Path(__file__).with_name("{checkpoint}")), strict=True)
network.eval()

features = torch.randn({input_shape}, dtype=torch.{dtype})  # {input_axes}
with torch.inference_mode():
    output, state = network(features)
print(tuple(output.shape))
'''


def loader_script(spec: Spec, checkpoint: str) -> str:
    """Return the script for a network; arguments with PyTorch's default value are omitted.

    Args:
        checkpoint: the name of the safetensors file in the same folder.
    """
    fields = canonical(spec)
    arguments = [f"    {name}={fields[name]!r}," for name in _ARGUMENTS if name in fields]
    shape, axes = ("4, 16", "batch, time") if spec.batch_first else ("16, 4", "time, batch")
    return _SCRIPT.format(
        checkpoint=checkpoint,
        module=spec.network.rnn.module,
        arguments="\n".join([*arguments, f"    dtype=torch.{spec.dtype},"]),
        dtype=spec.dtype,
        input_shape=f"{shape}, {spec.input_size}",
        input_axes=f"{axes}, feature",
    )
