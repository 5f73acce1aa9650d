"""The peers: the same work done the usual way, by a script on this machine and by a tutorial's
endpoint.

python tests/bench/peers.py script SPEC.json FILE     prints seconds and peak resident bytes, for
each line on stdin python tests/bench/peers.py endpoint PORT             serves POST /
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import uvicorn
from fastapi import Body, FastAPI, Response
from torch import nn

MODULES: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
INITS: dict[str, Any] = {
    "xavier_uniform": nn.init.xavier_uniform_,
    "trunc_normal": nn.init.trunc_normal_,
    "orthogonal": nn.init.orthogonal_,
}


def build(spec: dict[str, Any]) -> nn.RNNBase:
    """Make, initialize and run a network, as the tutorials do."""
    sizes = spec["input_size"], spec["hidden_size"], spec.get("num_layers", 1)
    device = spec.get("device", "cpu")
    module = MODULES[spec["rnn_type"]](*sizes, device=device)
    if "init" in spec:
        for parameter in module.parameters():
            if parameter.dim() > 1:
                INITS[spec["init"]](parameter)
            else:
                nn.init.zeros_(parameter)
    with torch.no_grad():
        output = module.eval()(torch.randn(16, 4, spec["input_size"], device=device))[0]
    assert output.isfinite().all()
    return module


@torch.no_grad()
def statistics(tensor: torch.Tensor) -> list[Any]:
    """Return what the service's summary gives of a tensor, in torch calls."""
    return [
        tensor.mean().item(),
        tensor.std(correction=0).item(),
        tensor.min().item(),
        tensor.max().item(),
        tensor.norm().item(),
        (tensor == 0).float().mean().item(),
        tensor.histc(32).tolist(),
    ]


def save(spec: dict[str, Any], path: Path) -> None:
    """Do the whole work of a local script."""
    module = build(spec)
    summary = {name: statistics(tensor) for name, tensor in module.state_dict().items()}
    assert len(summary) == len(module.state_dict())
    torch.save(module.state_dict(), path)


def _script(spec: dict[str, Any], path: Path) -> None:
    for _ in sys.stdin:
        began = time.perf_counter()
        save(spec, path)
        print(time.perf_counter() - began, flush=True)


def _endpoint(port: int) -> None:
    tutorial = FastAPI()

    @tutorial.post("/")
    def make(spec: Annotated[dict[str, Any], Body()]) -> Response:
        buffer = io.BytesIO()
        torch.save(build(spec).state_dict(), buffer)
        return Response(buffer.getvalue(), media_type="application/octet-stream")

    uvicorn.run(tutorial, port=port)


if __name__ == "__main__":
    if sys.argv[1] == "script":
        _script(json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
    else:
        _endpoint(int(sys.argv[2]))
