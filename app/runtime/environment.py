"""Reads the settings from the environment, and reports errors by the names of variables."""

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

OF_OTHERS = ("STEPZERO_API_KEY",)  # read by the client
_LINKS = re.compile(PREFIX + r"(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))(_.*)?")  # set by Kubernetes


def read_settings(values: Mapping[str, Any], environment: Iterable[str]) -> Settings:
    """Return the settings; explicit values take precedence over the environment.

    Args:
        environment: the names of all environment variables.

    Raises:
        RequestError: settings are invalid, or variables with the prefix are unknown; all are named.
    """
    settings = None
    messages = [_unknown(name) for name in environment if _is_unknown(name.upper())]
    try:
        settings = Settings(**values)
    except ValidationError as error:
        messages += [
            f"{_variable(e.pointer.removeprefix('/'))}: {e.detail.removeprefix('Value error, ')}"
            for e in field_errors(error.errors(include_url=False))
        ]
    if settings is None or messages:
        raise RequestError(f"Invalid settings. {'; '.join(messages)}.")
    return settings


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace("/", "_")


def _is_unknown(name: str) -> bool:
    variables = {_variable(field) for field in Settings.model_fields}
    ours = name.startswith(PREFIX) and name not in OF_OTHERS and not _LINKS.fullmatch(name)
    return ours and name not in variables


def _unknown(name: str) -> str:
    near = get_close_matches(name.upper(), map(_variable, Settings.model_fields), n=1)
    return f"{name}: unknown setting" + (f" (did you mean {near[0]}?)" if near else "")
