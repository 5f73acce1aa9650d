"""What the usual clients of a soak do: they read, leave, stall, are killed, and ask for what cannot
be had.
"""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping

import httpx

from scripts.soak.served import DEAR, LARGE, SMALL, Served, read

FILES = [
    spec | {"format": name, "seed": seed}
    for spec in (SMALL, LARGE, DEAR)
    for name in ("pt", "safetensors")
    for seed in range(3)
]
BODY = b'{"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}'
Deed = Callable[[Served, random.Random, Mapping[str, str]], str]


def fetch(served: Served, dice: random.Random, known: Mapping[str, str]) -> str:
    """Fetch a file and compare it."""
    spec = dice.choice(FILES)
    found = read(served, spec)
    if found not in {known[str(spec)], "busy"}:
        raise AssertionError(f"{spec} gave {found}")
    return "refused as busy" if found == "busy" else "files, each right"


def make_new(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a file that nobody asked for before."""
    read(served, dice.choice([SMALL, LARGE, DEAR]) | {"seed": dice.randrange(1 << 50)})
    return "new files"


def abort(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Leave anywhere in a file, or while it is checked."""
    spec = dice.choice([LARGE, DEAR]) | {"seed": dice.randrange(1000)}
    with (
        httpx.Client(timeout=120) as client,
        client.stream("POST", f"{served.url}/v1/checkpoints", json=spec) as answer,
    ):
        most = dice.randrange(1, 1 << 25)
        for part in answer.iter_raw():
            most -= len(part)
            if most < 0:
                break
    return "aborts"


def kill(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Kill a client that reads slowly, which says no good-bye."""
    query = f"rnn_type=lstm&input_size=1024&hidden_size=1024&seed={dice.randrange(1000)}"
    url = f"{served.url}/v1/checkpoints?{query}"
    with subprocess.Popen(["curl", "-sL", "--limit-rate", "1M", "-o", "/dev/null", url]) as client:
        time.sleep(dice.random())
        client.kill()
    return "killed clients"


def stall(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a file and read nothing of it, until the server or the patience ends."""
    head = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    with socket.create_connection(served.address) as connection:
        connection.sendall(b"POST /v1/checkpoints HTTP/1.1\r\n" + head.encode() + BODY)
        time.sleep(dice.uniform(0, 8))
    return "stalled readers"


def garbage(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Send what is no request, or half of one."""
    whole = b"POST /v1/checkpoints HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + BODY
    with socket.create_connection(served.address) as connection:
        connection.settimeout(5)
        connection.sendall(dice.choice([dice.randbytes(300), whole[: dice.randrange(len(whole))]]))
        if dice.random() < 0.5:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    return "garbage"


def refuse(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for what cannot be had."""
    wrong = dice.choice(
        [
            {},
            SMALL | {"hidden_size": 0},
            LARGE | {"init": "zeros"},
            LARGE | {"hidden_size": 1 << 30},
        ]
    )
    answer = httpx.post(f"{served.url}/v1/checkpoints", json=dict(wrong), timeout=120)
    if answer.status_code not in {413, 422, 503}:
        raise AssertionError(f"{wrong} gave {answer.status_code}")
    return "refusals"
