"""The JSON answers, as they stand in OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Answer(BaseModel, frozen=True):
    """The base of all answers."""


class TensorEntry(Answer):
    """One parameter of the checkpoint."""

    name: str = Field(examples=["weight_ih_l0"])
    shape: list[int]
    dtype: str
    size_bytes: int


class FileEntry(Answer):
    """The checkpoint as a file of one format."""

    url: str = Field(description="The file's permalink.")
    media_type: str
    size_bytes: int = Field(description="Exact length of the file.")
    etag: str
    sha256: str | None = Field(description="Of the whole file, where it is known or was asked for.")


class Cost(Answer):
    """What serving takes."""

    working_bytes: int = Field(
        description="Memory for the check: the largest layer and its activations."
    )
    drawn_elements: int = Field(
        description="Numbers drawn per pass; a full download takes two passes."
    )


class Description(Answer):
    """A recipe: what it describes and where its files are."""

    recipe: str = Field(description="The recipe as it stands in permalinks.")
    digest: str = Field(description="sha256 of stream version and canonical spec.")
    spec: dict[str, Any] = Field(description="The canonical spec: what differs from the defaults.")
    parameters: int
    size_bytes: int = Field(description="Bytes of all tensors.")
    cost: Cost
    tensors: list[TensorEntry]
    files: dict[str, FileEntry] = Field(
        description="By format; a format that cannot hold the dtype is left out."
    )
    links: dict[str, str]


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
    fields: list[SchemeField]
    example: dict[str, Any] = Field(description="The scheme in a request.")


class Catalogue(Answer):
    """Every init scheme, from the table that draws."""

    weights: list[SchemeEntry]
    biases: list[SchemeEntry]


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
    torch: str
    formats: list[str]
    devices: list[str]


class Health(Answer):
    """The state of the server."""

    status: str = Field(examples=["live", "ready"])
