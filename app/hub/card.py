"""The model card of a repository, `README.md`, and `config.json`."""

from __future__ import annotations

from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.spec.checkpoint import Spec

CARD = """---
library_name: pytorch
tags:
{tags}
---

# {title}

The initial weights of `torch.nn.{module}`: **not trained**. They are a pure function of the recipe below (stream
version {version}): whoever makes it again gets the same bytes.{tied}

| | |
| --- | --- |
| recipe | `{recipe}` |
| parameters | {parameters} |
| dtype | {dtype} |
| tensors | {tensors}, {size_bytes} bytes |

```json
{spec}
```

## How to load it

```python
import json
from pathlib import Path

import torch
from huggingface_hub import load_torch_model, snapshot_download

folder = snapshot_download({where})
arguments = json.loads(Path(folder, "config.json").read_text())
network = torch.nn.{module}(**arguments, dtype=torch.{dtype})
load_torch_model(network, folder, strict=True)
```

`config.json` holds the arguments of `torch.nn.{module}`, `stepzero.json` the spec. Set `HF_ENDPOINT` to the server that
this file is from, with `/hub` at the end.
"""


def tags_of(spec: Spec) -> list[str]:
    """Return the tags of a repository."""
    return list(dict.fromkeys(["rnn", spec.rnn_type, "stepzero"]))


def card(job: Job, repo_id: str, spec_text: str, *, is_long: bool) -> str:
    """Return the model card."""
    spec, plan = job.spec, job.plan
    where = f'"{repo_id}"' + (f', revision="{job.recipe}"' if is_long else "")
    return CARD.format(
        tags="\n".join(f"- {tag}" for tag in tags_of(spec)),
        title=_title(spec),
        module=spec.network.rnn.module,
        version=STREAM_VERSION,
        tied=f" The values are those of {job.tied_to}." if job.tied_to else "",
        recipe=job.recipe,
        parameters=plan.parameters,
        dtype=spec.dtype,
        tensors=len(plan.tensors),
        size_bytes=plan.size_bytes,
        spec=spec_text,
        where=where,
    )


def _title(spec: Spec) -> str:
    layers = "1 layer" if spec.num_layers == 1 else f"{spec.num_layers} layers"
    both = ", bidirectional" if spec.bidirectional else ""
    return f"{spec.rnn_type.upper()}, {spec.input_size} → {spec.hidden_size}, {layers}{both}"
