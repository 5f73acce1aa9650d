"""How the command line names a field of a request: as an option, a file, or a place in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepzero_rnn.errors import readable

# Fields whose items are given by an option each.
_LABELLED = {"starts": "start", "include": "include", "exclude": "exclude"}
Options = Mapping[str, Any]  # option values by parameter name; None if an option was not given


def place(pointer: str, options: Options) -> str:
    """Return where a JSON pointer of a request points, in terms of the command line."""
    name, *below = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if name == "files":
        return _in_files(below, options)
    if name in ("check", "network") and below:
        name, *below = below
    if name in _LABELLED and below and options.get(_LABELLED[name]):
        return _labelled(name, below, options)
    file = options.get("spec_file") or options.get("request_file")
    if file and options.get(_LABELLED.get(name, name)) in (None, [], ()):
        return f"{file}: {readable(pointer)}"
    name = _LABELLED.get(name, name)
    return " ".join([option(name), *(["/" + "/".join(below)] if below else [])])


def option(name: str) -> str:
    """Return the option for a field of a request."""
    return "--" + name.replace("_", "-")


def _in_files(below: list[str], options: Options) -> str:
    """Return a file as it was given on the command line, and the array in it."""
    if not below:
        return "--arrays"
    file, *array = below
    paths = (str(path) for path in options.get("arrays") or () if Path(path).name == file)
    return ": ".join([next(paths, file), *array])


def _labelled(name: str, below: list[str], options: Options) -> str:
    """Return an item of a list as the option that gave it, by its label."""
    number, *rest = below
    label, _, _ = options[_LABELLED[name]][int(number)].partition("=")
    inside = "/".join(rest).removeprefix("label").removeprefix("init")
    return f"{option(_LABELLED[name])} {label} {inside}".rstrip()
