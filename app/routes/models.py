"""Models of the JSON responses."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Answer(BaseModel, frozen=True):
    """Base of all responses."""


class SchemeField(Answer, extra="allow"):
    """An option of a scheme, with the keywords of its JSON schema."""

    name: str
    required: bool


class SchemeEntry(Answer):
    """An init scheme."""

    name: str
    summary: str
    formula: str
    source: str
    parameters: list[str] = Field(description="Parameters that the scheme supports.")
    rnn_types: list[str] = Field(description="Network types that the scheme supports.")
    fields: list[SchemeField]
    example: dict[str, Any] = Field(description="Fields of a request that uses the scheme.")


class PresetEntry(Answer):
    """The default initialization of a library, or the initialization used in a paper."""

    name: str
    summary: str
    source: str
    note: str = Field(description="Additional remarks; may be empty.")
    rnn_types: list[str] = Field(description="Network types that the preset supports.")
    parts: dict[str, dict[str, Any]] = Field(
        description="The equivalent `init` object for each network type."
    )
    example: dict[str, Any] = Field(description="Fields of a request that uses the preset.")


class Catalogue(Answer):
    """All init schemes and presets."""

    weights: list[SchemeEntry]
    biases: list[SchemeEntry]
    presets: list[PresetEntry]
    scripts: list[SchemeEntry] = Field(description="Schemes that initialize a whole network.")


class Device(Answer, extra="allow"):
    """A device that can draw and run networks."""

    name: str = Field(examples=["cpu", "cuda:0"])
    kind: str


class DeviceList(Answer):
    """The devices of this server; `auto` uses the first."""

    devices: list[Device]


class Versions(Answer):
    """The versions of the service and its libraries."""

    release: str
    stream_versions: list[int] = Field(
        description="Versions of the random streams that this server can draw."
    )
    torch: str = Field(
        description="PyTorch version, which runs the networks and the script `torch_seeded`."
    )
    numpy: str = Field(description="NumPy version, which runs the script `numpy_randn`.")
    formats: list[str]
    devices: list[str]


class Health(Answer):
    """The state of the server."""

    status: str = Field(examples=["live", "ready"])
