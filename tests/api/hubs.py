"""What the tests of the Hugging Face routes share: specs, addresses, and clients."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.api.asking import describe

# 8 GB: a tensor above 5 GB, which has a shard of its own, and the others. Never drawn here.
SHARDED: Mapping[str, Any] = {
    "rnn_type": "gru",
    "input_size": 16384,
    "hidden_size": 30000,
    "dtype": "float16",
}
CLIENT_S = 60


def varied(count: int) -> dict[str, Any]:
    """Return a spec whose recipe is the longer, the more overrides it has."""
    overrides = [
        {"parameter": "weight_hh", "layer": n, "init": {"scheme": "normal", "std": 0.1 + n / 7}}
        for n in range(count)
    ]
    init = {"init": {"overrides": overrides}} if overrides else {}
    return {"rnn_type": "lstm", "input_size": 8, "hidden_size": 4, "num_layers": 16, **init}


def hub_of(client: httpx.Client, spec: Mapping[str, Any]) -> tuple[str, str]:
    """Return the repository and the commit that a plan names."""
    link = describe(client, spec)["links"]["hub"]
    return link["repo_id"], link["commit"]


def file_path(repo_id: str, name: str, revision: str = "main") -> str:
    """Return the address of a file."""
    return f"/hub/{repo_id}/resolve/{revision}/{name}"


@dataclass(frozen=True)
class HubClient:
    """A process with the client of the Hub, whose endpoint is ours, and its cache."""

    endpoint: str
    home: Path
    token: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables of such a process."""
        return {
            "PATH": str(Path(sys.executable).parent),
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            **({"HF_TOKEN": self.token} if self.token else {}),
        }

    def run(self, program: str, *arguments: str, **variables: str) -> Any:
        """Run a program with the client's names in it; return what its `answer` is."""
        text = f"from huggingface_hub import *\nimport json, sys\nargv = sys.argv[1:]\n{program}\n"
        text += "print(json.dumps(answer))"
        command = [sys.executable, "-c", text, *arguments]
        done = subprocess.run(
            command,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=CLIENT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])
