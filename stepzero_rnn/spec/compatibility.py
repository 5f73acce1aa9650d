"""Checks that an init fits its network, by one table of rules for all schemes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from stepzero_rnn.spec.arrays import refuse_unfit_arrays
from stepzero_rnn.spec.base import InitScheme, refusal
from stepzero_rnn.spec.init import (
    InitParts,
    bias_in_full,
    for_all,
    in_parts,
    override_in_full,
    part_of,
    script_of,
    weight_in_full,
)
from stepzero_rnn.spec.networks import RNNS, Network
from stepzero_rnn.spec.overrides import (
    MAX_OVERRIDES,
    WEIGHTS,
    Place,
    refuse_unfit,
    resolve,
)
from stepzero_rnn.spec.schemes.biases import ZerosBias
from stepzero_rnn.spec.schemes.criticality import refuse_uncritical
from stepzero_rnn.spec.schemes.inline import Array, ArrayBias
from stepzero_rnn.spec.schemes.matrices import Critical
from stepzero_rnn.spec.schemes.presets import PRESETS
from stepzero_rnn.spec.schemes.scripts import refuse_unplayable
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES
from stepzero_rnn.spec.shapes import refuse_misshapen

_NEEDED_BY_OVERRIDES = {"rnn_type", "num_layers", "bidirectional", "bias", "proj_size"}
_SIZED = _NEEDED_BY_OVERRIDES | {"input_size", "hidden_size"}


class Site(NamedTuple):
    """Where a scheme is used: the parameters, and what is known of the network."""

    parameters: tuple[str, ...]
    rnn_type: str
    nonlinearity: str | None  # of a plain RNN
    hidden_size: int | None
    projected: bool

    @property
    def network(self) -> str:
        """The kind of network, with its nonlinearity."""
        return " ".join(filter(None, (self.nonlinearity, self.rnn_type)))


class Requirement(NamedTuple):
    """A condition for a scheme to be defined at a site, and the reason reported otherwise."""

    holds: Callable[[InitScheme, Site], bool]
    reason: str


RULES: tuple[Requirement, ...] = (
    Requirement(
        lambda scheme, at: set(at.parameters) <= set(scheme.parameters),
        "it fills {fills} only, but is requested for {asked}",
    ),
    Requirement(
        lambda scheme, at: not scheme.is_square or set(at.parameters) <= {"weight_hh"},
        "it requires a square matrix, and those of {asked} need not be square",
    ),
    Requirement(
        lambda scheme, at: at.rnn_type in scheme.rnn_types,
        "{at.rnn_type} has no {scheme.needs}",
    ),
    Requirement(
        lambda scheme, at: at.nonlinearity is None or at.nonlinearity in scheme.nonlinearities,
        "{at.network} has no {scheme.needs}",
    ),
    Requirement(
        lambda scheme, at: at.hidden_size is None or at.hidden_size >= scheme.min_hidden_size,
        "it requires a hidden_size of {scheme.min_hidden_size} or more",
    ),
    Requirement(
        lambda scheme, at: not (scheme.is_square and at.projected),
        "its matrix is square, but with proj_size those of weight_hh are not",
    ),
)


def refuse_misfit(init: Any, network: Mapping[str, Any]) -> None:
    """Reject an init with parts that the network lacks, or schemes that are undefined for it.

    Args:
        network: the spec's fields that are valid so far.
    """
    if isinstance(init, InitParts):
        _refuse_misfit_of_parts(init, network)
    elif (script := script_of(init)) is not None:
        refuse_unplayable(script, network)
    elif isinstance(init, str) and init in PRESETS:
        _refuse_undefined_preset(init, network, "")
    else:
        weights = WEIGHTS if network.get("proj_size") else WEIGHTS[:2]
        _refuse_undefined(weight_in_full(init), weights, network, "")
        _refuse_misshapen(for_all(init), network, "")


def _refuse_misfit_of_parts(init: InitParts, network: Mapping[str, Any]) -> None:
    _refuse_undefined_preset(init.preset, network, "/preset", projects=init.weight_hr is None)
    _refuse_unused(init, network)
    for name in WEIGHTS:
        if scheme := getattr(init, name):
            _refuse_undefined(weight_in_full(scheme), (name,), network, f"/{name}")
    if init.bias:
        _refuse_undefined(bias_in_full(init.bias), ("bias",), network, "/bias")
    if init.overrides and _NEEDED_BY_OVERRIDES.issubset(network):
        _refuse_overrides(init, network)
    _refuse_misshapen(init, network)
    _refuse_uncritical(init, network)
    if init.arrays and _SIZED.issubset(network):
        refuse_unfit_arrays(init.arrays, network_of(network))


def network_of(fields: Mapping[str, Any]) -> Network:
    """Return the network of a spec's fields; sizes that are not known yet are 0."""
    return Network(
        RNNS[fields["rnn_type"]],
        fields.get("input_size", 0),
        fields.get("hidden_size", 0),
        fields["num_layers"],
        fields["bias"],
        fields["bidirectional"],
        fields["proj_size"],
    )


def _refuse_unused(init: InitParts, network: Mapping[str, Any]) -> None:
    if init.weight_hr and network.get("proj_size") == 0:
        raise refusal("unused_part", "without proj_size there is no weight_hr", field="/weight_hr")
    if init.bias and network.get("bias") is False:
        raise refusal("unused_part", "with bias false there are no biases", field="/bias")


def _refuse_undefined_preset(
    name: str, network: Mapping[str, Any], field: str, *, projects: bool = True
) -> None:
    """Reject a preset that does not define everything the network needs.

    Args:
        projects: whether the preset has to define how a projection is drawn.
    """
    if "rnn_type" not in network:
        return
    site = _site((), network)
    if reason := _why_no_preset(name, site, projects):
        raise refusal(
            "undefined_preset",
            f"{name} is undefined here: {reason}",
            field=field,
            given=name,
            allowed=[other for other in PRESETS if not _why_no_preset(other, site, projects)],
        )


def _why_no_preset(name: str, site: Site, projects: bool) -> str | None:
    preset = PRESETS[name]
    if site.rnn_type not in preset.parts:
        return f"it is for {' and '.join(preset.rnn_types)}"
    if site.nonlinearity not in (None, *preset.nonlinearities):
        return f"it is for nonlinearity {' and '.join(preset.nonlinearities)}"
    if site.projected and projects and "weight_hr" not in preset.parts[site.rnn_type]:
        return "it does not define a projection; add a scheme for weight_hr"
    return None


def _refuse_overrides(init: InitParts, network: Mapping[str, Any]) -> None:
    weights = {name: part_of(init, name, network["rnn_type"]) for name in WEIGHTS}
    fused = {
        name for name, part in weights.items() if part and weight_in_full(part).scope == "fused"
    }
    refuse_unfit(init.overrides, network_of(network), fused)
    for number, override in enumerate(init.overrides):
        scheme, field = override_in_full(override), f"/overrides/{number}/init"
        _refuse_undefined(scheme, (override.parameter,), network, field)
    preset_overrides = len(in_parts(init, network_of(network)).overrides) - len(init.overrides)
    if preset_overrides + len(init.overrides) > MAX_OVERRIDES:
        raise refusal(
            "too_long",
            f"{init.preset} has {preset_overrides} overrides of its own",
            field="/overrides",
            given=len(init.overrides),
            allowed=f"at most {MAX_OVERRIDES - preset_overrides}",
        )


def _refuse_misshapen(
    init: InitParts, network: Mapping[str, Any], pointer: str | None = None
) -> None:
    """Reject literal values of a wrong shape.

    Args:
        pointer: the JSON pointer of the scheme, if a single one is used for all weights.
    """
    schemes = [getattr(init, name) for name in (*WEIGHTS, "bias")]
    schemes += [override.init for override in init.overrides]
    if not _SIZED.issubset(network) or not any(
        isinstance(scheme, Array | ArrayBias) for scheme in schemes
    ):
        return
    sized = network_of(network)
    matches = resolve(init.overrides, sized)

    def scheme_at(parameter: str, place: Place) -> tuple[Any, str]:
        number = matches.get((parameter, place))
        if number is not None:
            return override_in_full(init.overrides[number]), f"/overrides/{number}/init"
        full = bias_in_full if parameter == "bias" else weight_in_full
        part = part_of(init, parameter, sized.rnn.name)
        return full(part), f"/{parameter}" if pointer is None else pointer

    refuse_misshapen(scheme_at, sized)


def _refuse_uncritical(init: InitParts, network: Mapping[str, Any]) -> None:
    """Reject `critical` if the gate biases of some cell rule it out."""
    if not _SIZED.issubset(network):
        return
    sized, hidden_size = network_of(network), network["hidden_size"]
    parts = in_parts(init, sized)
    matches = resolve(parts.overrides, sized)
    candidate = sized.rnn.letter_of("candidate")

    def scheme_at(parameter: str, place: Place) -> Any:
        number = matches.get((parameter, place))
        full = bias_in_full if parameter == "bias" else weight_in_full
        return (
            full(getattr(parts, parameter))
            if number is None
            else override_in_full(parts.overrides[number])
        )

    for layer, reverse in sized.cells():
        place = (layer, reverse, candidate)
        scheme = scheme_at("weight_hh", place)
        if isinstance(scheme, Critical):
            biases = {
                gate: scheme_at("bias", (layer, reverse, gate)) if sized.bias else ZerosBias()
                for gate in sized.rnn.letters
            }
            number = matches.get(("weight_hh", place))
            field = "/weight_hh" if number is None else f"/overrides/{number}/init"
            refuse_uncritical(scheme, sized.rnn, biases, hidden_size, field)


def _refuse_undefined(
    scheme: InitScheme, parameters: tuple[str, ...], network: Mapping[str, Any], field: str
) -> None:
    if "rnn_type" not in network:
        return
    site = _site(parameters, network)
    reason = _why_undefined(scheme, site)
    if reason is None:
        return
    schemes = BIAS_SCHEMES if parameters == ("bias",) else WEIGHT_SCHEMES
    raise refusal(
        "undefined_scheme",
        f"{scheme.name} is undefined here: {reason}",
        field=field,
        given=scheme.name,
        allowed=[
            name
            for name, cls in schemes.items()
            if _why_undefined(cls.model_construct(), site) is None
        ],
    )


def _why_undefined(scheme: InitScheme, site: Site) -> str | None:
    names = {"fills": " and ".join(scheme.parameters), "asked": " and ".join(site.parameters)}
    broken = (rule for rule in RULES if not rule.holds(scheme, site))
    return next((rule.reason.format(scheme=scheme, at=site, **names) for rule in broken), None)


def _site(parameters: tuple[str, ...], network: Mapping[str, Any]) -> Site:
    rnn_type = network["rnn_type"]
    return Site(
        parameters,
        rnn_type,
        (network.get("nonlinearity") or "tanh") if RNNS[rnn_type].has_nonlinearity else None,
        network.get("hidden_size"),
        bool(network.get("proj_size")),
    )
