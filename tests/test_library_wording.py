"""The library's messages, help and descriptions are in plain English."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import stepzero_rnn
from stepzero_rnn.cli import cli
from stepzero_rnn.errors import BY_CODE
from stepzero_rnn.spec.arrays import UploadOptions
from stepzero_rnn.spec.catalogue import catalogue
from stepzero_rnn.spec.checkpoint import CheckpointRequest
from stepzero_rnn.uploads.settings import StoreSettings
from tests.prose import banned_in

ROOT = Path(stepzero_rnn.__file__).parent
SOURCES = sorted({*ROOT.rglob("*.py")} - {ROOT / "engine" / "draw.py"})
COMMANDS: dict[str, Any] = typer.main.get_command(cli).commands  # type: ignore[attr-defined]


def messages(source: str) -> Iterator[str]:
    """Yield the string literals of a module that read as text, without its docstrings."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in docstrings and " " in node.value.strip():
            yield node.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_are_in_plain_english(path: Path) -> None:
    found = {text: banned_in([text]) for text in messages(path.read_text(encoding="utf-8"))}

    assert {text: turns for text, turns in found.items() if turns} == {}


@pytest.mark.parametrize("code", BY_CODE)
def test_an_errors_title_and_description_are_in_plain_english(code: str) -> None:
    error = BY_CODE[code]

    assert banned_in([f"{error.title}\n{error.__doc__}"]) == []


@pytest.mark.parametrize("model", [CheckpointRequest, UploadOptions, StoreSettings])
def test_the_descriptions_of_fields_are_in_plain_english(model: Any) -> None:
    described = json.dumps(model.model_json_schema(), ensure_ascii=False).replace("\\n", " ")

    assert banned_in([described]) == []


def test_the_catalogue_of_schemes_is_in_plain_english() -> None:
    assert banned_in([json.dumps(catalogue(), ensure_ascii=False)]) == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_help_of_a_command_is_in_plain_english(command: Any) -> None:
    options = [option.help for option in command.params if option.help]

    assert banned_in([command.help, *options]) == []


def test_the_help_of_the_command_line_is_in_plain_english() -> None:
    assert banned_in([typer.main.get_command(cli).help or ""]) == []


def test_summaries_of_schemes_are_whole_sentences() -> None:
    summaries = [row["summary"] for rows in catalogue().values() for row in rows]

    assert [summary for summary in summaries if not summary.endswith(".")] == []
