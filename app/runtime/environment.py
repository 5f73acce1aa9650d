"""Reads the settings from the environment, and says by a variable's name what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from app.settings import Settings
from stepzero_rnn.errors import RequestError
from stepzero_rnn.spec.parse import field_errors
from stepzero_rnn.uploads.settings import PREFIX

OF_OTHERS = ("STEPZERO_API_KEY",)  # what the client reads
_LINKS = re.compile(PREFIX + r"(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))(_.*)?")  # Kubernetes' own


def read_settings(given: Mapping[str, Any], environment: Iterable[str]) -> Settings:
    """Return the settings, from what was given and else from the environment.

    Args:
        environment: the names of all variables.

    Raises:
        RequestError: a setting is wrong, or a variable looks like one and is none; all are named.
    """
    settings = None
    said = [_unknown(name) for name in environment if _is_unknown(name.upper())]
    try:
        settings = Settings(**given)
    except ValidationError as error:
        wrong = field_errors(error.errors(include_url=False))
        said += [
            f"{_variable(e.pointer.removeprefix('/'))}: {e.detail.removeprefix('Value error, ')}"
            for e in wrong
        ]
    if settings is None or said:
        raise RequestError(f"The settings are wrong. {'; '.join(said)}.")
    return settings


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace("/", "_")


def _is_unknown(name: str) -> bool:
    known = {_variable(field) for field in Settings.model_fields}
    ours = name.startswith(PREFIX) and name not in OF_OTHERS and not _LINKS.fullmatch(name)
    return ours and name not in known


def _unknown(name: str) -> str:
    near = get_close_matches(name.upper(), map(_variable, Settings.model_fields), n=1)
    return f"{name}: there is no such setting" + (f"; did you mean {near[0]}" if near else "")
