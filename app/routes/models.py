"""The JSON answers, as they stand in OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Answer(BaseModel, frozen=True):
    """The base of all answers."""


class SchemeField(Answer, extra="allow"):
    """One argument of a scheme, with its JSON schema's keywords."""

    name: str
    required: bool


class SchemeEntry(Answer):
    """One init scheme."""

    name: str
    summary: str
    formula: str
    source: str
    parameters: list[str] = Field(description="The parameters that it is defined for.")
    rnn_types: list[str] = Field(description="The networks that it is defined for.")
    fields: list[SchemeField]
    example: dict[str, Any] = Field(description="The scheme in a request.")


class PresetEntry(Answer):
    """What a library draws by default, or what a paper drew."""

    name: str
    summary: str
    source: str
    note: str = Field(description="What else is to be known of it, or nothing.")
    rnn_types: list[str] = Field(description="The networks that it is defined for.")
    parts: dict[str, dict[str, Any]] = Field(
        description="By network, the `init` that it is a name for."
    )
    example: dict[str, Any] = Field(description="The preset in a request.")


class Catalogue(Answer):
    """Every init scheme, from the table that draws, and every preset made of them."""

    weights: list[SchemeEntry]
    biases: list[SchemeEntry]
    presets: list[PresetEntry]
    scripts: list[SchemeEntry] = Field(description="Those that fill a whole network by themselves.")


class Device(Answer, extra="allow"):
    """A device that draws and runs networks here."""

    name: str = Field(examples=["cpu", "cuda:0"])
    kind: str


class DeviceList(Answer):
    """The devices of this server; `auto` takes the first."""

    devices: list[Device]


class Versions(Answer):
    """What answers here."""

    release: str
    stream_versions: list[int] = Field(description="Recipes of these versions are served.")
    torch: str = Field(description="Runs the networks, and makes the numbers of some scripts.")
    numpy: str = Field(description="Makes the numbers of other scripts.")
    formats: list[str]
    devices: list[str]


class Health(Answer):
    """The state of the server."""

    status: str = Field(examples=["live", "ready"])
