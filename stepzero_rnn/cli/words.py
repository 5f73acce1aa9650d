"""What a field of a request is called on the command line: its option, its file, or its place in a
JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepzero_rnn.errors import readable

Given = Mapping[str, Any]  # the options by their parameters' names; None where one was not given


def place(pointer: str, given: Given) -> str:
    """Say where a JSON pointer of a request points, in the words of who typed a command."""
    name, *below = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if name == "files":
        return _in_files(below, given)
    if name == "check" and below:
        name, *below = below
    if given.get("spec_file") and given.get(name) is None:
        return f"{given['spec_file']}: {readable(pointer)}"
    return " ".join([option(name), *(["/" + "/".join(below)] if below else [])])


def option(name: str) -> str:
    """Return the option of a request's field."""
    return "--" + name.replace("_", "-")


def _in_files(below: list[str], given: Given) -> str:
    """Name a file as it was given, and the array in it."""
    if not below:
        return "--arrays"
    file, *array = below
    paths = (str(path) for path in given.get("arrays") or () if Path(path).name == file)
    return ": ".join([next(paths, file), *array])
