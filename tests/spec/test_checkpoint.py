"""What can be asked for: PyTorch's words, strictly read, every refusal with its place and its
reason.
"""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.schemes import BIASES, WEIGHTS
from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.checkpoint import FORMAT_NAMES, CheckpointRequest, CheckSize, Serving, Spec
from stepzero_rnn.spec.init import InitParts
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.schemes.biases import ForgetBias, PytorchBias, ZerosBias
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.scripts import SCRIPTS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES, BiasName, WeightName
from stepzero_rnn.spec.schemes.weights import Orthogonal, Pytorch, XavierUniform
from tests.engine.every import MATRIX_SCHEMES

GRU = {"rnn_type": "gru", "input_size": 3, "hidden_size": 4}
LSTM = GRU | {"rnn_type": "lstm"}
RNN = GRU | {"rnn_type": "rnn"}
BIAS_WORDS = ["pytorch", "zeros", "uniform", "normal", "forget", "ugi", "out_gate_ladder"]
GATELESS_BIASES = ["pytorch", "zeros", "constant", "array", "uniform", "normal"]
KEEPING_BIASES = ["forget", "chrono", "chrono_forget_only", "ugi"]
BIAS_TAGS = [*GATELESS_BIASES, *KEEPING_BIASES, "out_gate_ladder"]
WEIGHT_WORDS = [
    "pytorch", "uniform", "normal", "trunc_normal", "zeros", "ones", "identity", "xavier_uniform",
    "xavier_normal", "kaiming_uniform", "kaiming_normal", "lecun_uniform", "lecun_normal",
    "variance_scaling", "random_walk", "hadamard", "orthogonal", "spectral_band", "lsuv",
    "scaled_identity", "chain", "fbchain", "ramp", "henaff_rotation", "cayley_rotation", "fsi",
    "critical", "spectral_radius", "np_rnn", "skew", "ring_spectrum",
]  # fmt: skip
INIT_WORDS = [
    *WEIGHT_WORDS, "numpy_randn", "torch_seeded", "keras", "flax_linen", "flax_nnx", "haiku", "sonnet", "tf1", "mxnet", "haste",
    "fairseq", "sutskever2014", "zaremba_small", "zaremba_medium", "zaremba_large",
    "jozefowicz2015", "irnn", "irnn_speech", "esn", "sutskever2013", "orhan2020",
    "chrono_lstm",
]  # fmt: skip
WEIGHT_TAGS = [
    "pytorch", "uniform", "normal", "trunc_normal", "constant", "array", "zeros", "ones", "identity",
    "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "lecun_uniform",
    "lecun_normal", "variance_scaling", "random_walk", "hadamard", "orthogonal", "sparse",
    "spectral_band", "lsuv", "scaled_identity", "chain", "fbchain", "ramp", "henaff_rotation", "cayley_rotation", "fsi",
    "critical", "spectral_radius", "np_rnn", "skew", "ring_spectrum",
]  # fmt: skip
GENERAL_WEIGHTS = [
    name for name, cls in WEIGHT_SCHEMES.items() if not issubclass(cls, RecurrentScheme)
]
every_matrix = pytest.mark.parametrize("scheme", MATRIX_SCHEMES.values(), ids=MATRIX_SCHEMES)
SAFE_INTEGER = 9007199254740991  # the largest that every JSON reader keeps (ECMA-262, 21.1.2.8)


def wrong(given: Any) -> list[FieldError]:
    """Ask for something that must be refused; give every wrong field."""
    with pytest.raises(InvalidSpec) as refused:
        parse(CheckpointRequest, given)
    return [FieldError(**error) for error in refused.value.facts["errors"]]


def only_wrong(given: Any) -> tuple[str, str, Any, Any]:
    """Ask for something with one wrong field; give its pointer, code, value and what is allowed."""
    (error,) = wrong(given)
    return error.pointer, error.code, error.given, error.allowed


class TestDefaults:
    def test_a_recipe_needs_a_type_and_two_sizes_only(self) -> None:
        assert parse(Spec, GRU) == Spec(rnn_type="gru", input_size=3, hidden_size=4)

    @pytest.mark.parametrize(
        "name",
        ["num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size"],
    )
    def test_are_those_of_torch(self, name: str) -> None:
        theirs = inspect.signature(torch.nn.RNNBase.__init__).parameters[name].default

        assert getattr(parse(Spec, GRU), name) == theirs

    def test_are_float32_seed_0_and_torchs_own_init(self) -> None:
        spec = parse(Spec, GRU)

        assert (spec.dtype, spec.seed, spec.init) == ("float32", 0, "pytorch")

    def test_serve_from_any_device_with_a_check_of_no_size_in_particular(self) -> None:
        request = parse(CheckpointRequest, GRU)

        assert (request.device, request.check, request.format) == ("auto", CheckSize(), None)
        assert (request.check.seq_len, request.check.batch) == (None, None)


class TestStrictness:
    @pytest.mark.parametrize("value", [True, "10", 10.0, None, [10]])
    def test_a_size_is_an_integer_and_nothing_that_looks_like_one(self, value: Any) -> None:
        assert only_wrong(GRU | {"hidden_size": value})[:2] == ("/hidden_size", "int_type")

    @pytest.mark.parametrize("value", [1, 0, "true", None])
    def test_a_switch_is_true_or_false_only(self, value: Any) -> None:
        assert only_wrong(GRU | {"bidirectional": value})[:2] == ("/bidirectional", "bool_type")

    @pytest.mark.parametrize("value", [True, "0.5", None])
    def test_a_number_is_a_number_only(self, value: Any) -> None:
        assert only_wrong(GRU | {"dropout": value})[:2] == ("/dropout", "float_type")

    def test_a_whole_number_is_a_number(self) -> None:
        assert parse(Spec, GRU | {"dropout": 1}).dropout == 1.0

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    @pytest.mark.parametrize(
        ("scheme", "name"),
        [
            ("normal", "mean"),
            ("normal", "std"),
            ("uniform", "low"),
            ("uniform", "high"),
            ("orthogonal", "gain"),
            ("constant", "value"),
            ("sparse", "sparsity"),
            ("trunc_normal", "std"),
            ("variance_scaling", "scale"),
            ("kaiming_normal", "a"),
        ],
    )
    def test_every_number_is_finite(self, scheme: str, name: str, value: float) -> None:
        errors = wrong(GRU | {"init": {"scheme": scheme, name: value}})

        assert (f"/init/{name}", "finite_number") in [(e.pointer, e.code) for e in errors]

    @pytest.mark.parametrize(
        ("extra", "pointer"),
        [
            ({"hiden_size": 3}, "/hiden_size"),
            ({"init": {"scheme": "orthogonal", "gian": 1.0}}, "/init/gian"),
            ({"init": {"weight_xh": "zeros"}}, "/init/weight_xh"),
            ({"init": {"weight_hh": {"scheme": "normal", "sdt": 1.0}}}, "/init/weight_hh/sdt"),
            ({"init": {"scheme": "normal", "split": "hh"}}, "/init/split"),
            ({"init": {"bias": {"scheme": "normal", "scope": "gate"}}}, "/init/bias/scope"),
            ({"check": {"steps": 3}}, "/check/steps"),
        ],
    )
    def test_an_unknown_field_is_named(self, extra: dict[str, Any], pointer: str) -> None:
        assert only_wrong(GRU | extra)[:2] == (pointer, "extra_forbidden")

    def test_every_missing_field_is_named_at_once(self) -> None:
        found = [(error.pointer, error.code) for error in wrong({})]

        assert found == [(f"/{n}", "missing") for n in ("rnn_type", "input_size", "hidden_size")]

    @pytest.mark.parametrize(("scheme", "field"), [("constant", "value"), ("sparse", "sparsity")])
    def test_a_scheme_without_its_required_field_says_which(self, scheme: str, field: str) -> None:
        assert only_wrong(GRU | {"init": {"scheme": scheme}})[:2] == (f"/init/{field}", "missing")

    @pytest.mark.parametrize("given", [None, 3, "gru", [GRU]])
    def test_a_request_is_an_object(self, given: Any) -> None:
        assert only_wrong(given)[:2] == ("", "model_type")

    @pytest.mark.parametrize("name", ["input_size", "hidden_size", "seed"])
    def test_the_largest_integer_is_the_largest_that_json_readers_keep(self, name: str) -> None:
        assert getattr(parse(Spec, GRU | {name: SAFE_INTEGER}), name) == SAFE_INTEGER
        assert only_wrong(GRU | {name: SAFE_INTEGER + 1}) == (
            f"/{name}",
            "less_than_equal",
            SAFE_INTEGER + 1,
            f"at most {SAFE_INTEGER}",
        )


REFUSALS: list[tuple[dict[str, Any], str, str, Any, Any]] = [
    (GRU | {"hidden_size": 0}, "/hidden_size", "greater_than_equal", 0, "at least 1"),
    (GRU | {"hidden_size": -4}, "/hidden_size", "greater_than_equal", -4, "at least 1"),
    (GRU | {"input_size": 0}, "/input_size", "greater_than_equal", 0, "at least 1"),
    (GRU | {"num_layers": 0}, "/num_layers", "greater_than_equal", 0, "at least 1"),
    (GRU | {"num_layers": 1025}, "/num_layers", "less_than_equal", 1025, "at most 1024"),
    (GRU | {"seed": -1}, "/seed", "greater_than_equal", -1, "at least 0"),
    (GRU | {"dropout": 1.5}, "/dropout", "less_than_equal", 1.5, "at most 1"),
    (LSTM | {"proj_size": -1}, "/proj_size", "greater_than_equal", -1, "at least 0"),
    (LSTM | {"proj_size": 4}, "/proj_size", "proj_size_not_below_hidden_size", 4, "0 to 3"),
    (LSTM | {"proj_size": 9}, "/proj_size", "proj_size_not_below_hidden_size", 9, "0 to 3"),
    (GRU | {"proj_size": 2}, "/proj_size", "not_for_rnn_type", 2, 0),
    (RNN | {"proj_size": 2}, "/proj_size", "not_for_rnn_type", 2, 0),
    (LSTM | {"nonlinearity": "tanh"}, "/nonlinearity", "not_for_rnn_type", "tanh", None),
    (GRU | {"nonlinearity": "relu"}, "/nonlinearity", "not_for_rnn_type", "relu", None),
    (RNN | {"nonlinearity": "gelu"}, "/nonlinearity", "literal_error", "gelu", ["tanh", "relu"]),
    (GRU | {"rnn_type": "elman"}, "/rnn_type", "literal_error", "elman", ["rnn", "gru", "lstm"]),
    (GRU | {"dtype": "int8"}, "/dtype", "literal_error", "int8", list(DTYPES)),
    (
        GRU | {"format": "h5"},
        "/format",
        "literal_error",
        "h5",
        [*FORMAT_NAMES],
    ),
    (
        GRU | {"device": "gpu"},
        "/device",
        "unknown_device",
        "gpu",
        ["auto", "cpu", "cuda", "cuda:N", "mps"],
    ),
    (
        GRU | {"device": "cuda:01"},
        "/device",
        "unknown_device",
        "cuda:01",
        ["auto", "cpu", "cuda", "cuda:N", "mps"],
    ),
    (GRU | {"check": {"batch": 0}}, "/check/batch", "greater_than_equal", 0, "at least 1"),
    (GRU | {"check": {"seq_len": 0}}, "/check/seq_len", "greater_than_equal", 0, "at least 1"),
    (GRU | {"init": "he"}, "/init", "literal_error", "he", INIT_WORDS),
    (GRU | {"init": "constant"}, "/init", "literal_error", "constant", INIT_WORDS),
    (
        GRU | {"init": {"weight_hh": "he"}},
        "/init/weight_hh",
        "literal_error",
        "he",
        WEIGHT_WORDS,
    ),
    (
        GRU | {"init": {"bias": "xavier_uniform"}},
        "/init/bias",
        "literal_error",
        "xavier_uniform",
        BIAS_WORDS,
    ),
    (
        GRU | {"init": {"scheme": "normal", "scope": "both"}},
        "/init/scope",
        "literal_error",
        "both",
        ["gate", "fused"],
    ),
    (
        GRU | {"init": {"scheme": "normal", "std": -0.1}},
        "/init/std",
        "greater_than_equal",
        -0.1,
        "at least 0",
    ),
    (
        GRU | {"init": {"bias": {"scheme": "normal", "std": -0.1}}},
        "/init/bias/std",
        "greater_than_equal",
        -0.1,
        "at least 0",
    ),
    (
        GRU | {"init": {"weight_hh": {"scheme": "trunc_normal", "std": 0}}},
        "/init/weight_hh/std",
        "greater_than",
        0,
        "above 0",
    ),
    (
        GRU | {"init": {"scheme": "orthogonal", "gain": 0.0}},
        "/init/gain",
        "greater_than",
        0.0,
        "above 0",
    ),
    (
        GRU | {"init": {"scheme": "lecun_normal", "scope": "fused", "fans": "joint_pair"}},
        "/init/fans",
        "pair_of_fused",
        "joint_pair",
        ["block", "joint"],
    ),
    (
        GRU
        | {"init": {"scheme": "variance_scaling", "distribution": "normal", "std_correct": False}},
        "/init/std_correct",
        "std_correct_of_no_cut",
        False,
        [True],
    ),
    (
        GRU | {"init": {"bias": {"scheme": "constant", "value": 1, "split": "each"}}},
        "/init/bias/split",
        "literal_error",
        "each",
        ["ih", "hh", "half"],
    ),
    (
        GRU | {"init": {"scheme": "sparse", "sparsity": 1.5}},
        "/init/sparsity",
        "less_than_equal",
        1.5,
        "at most 1",
    ),
]


class TestRefusals:
    @pytest.mark.parametrize(("given", "pointer", "code", "value", "allowed"), REFUSALS)
    def test_say_where_what_and_what_instead(
        self, given: dict[str, Any], pointer: str, code: str, value: Any, allowed: Any
    ) -> None:
        assert only_wrong(given) == (pointer, code, value, allowed)

    @pytest.mark.parametrize("init", [{"scheme": "he"}, {"scheme": "forget"}])
    def test_an_unknown_weight_scheme_lists_the_known(self, init: Any) -> None:
        (error,) = wrong(GRU | {"init": {"weight_hh": init}})

        assert (error.pointer, error.allowed) == ("/init/weight_hh/scheme", WEIGHT_TAGS)

    def test_an_unknown_scheme_for_all_weights_lists_the_known(self) -> None:
        (error,) = wrong(GRU | {"init": {"scheme": "he"}})

        assert (error.pointer, error.allowed) == ("/init/scheme", [*WEIGHT_TAGS, *SCRIPTS])

    def test_a_weight_scheme_for_a_bias_lists_the_bias_schemes(self) -> None:
        (error,) = wrong(GRU | {"init": {"bias": {"scheme": "xavier_uniform"}}})

        assert (error.pointer, error.allowed) == ("/init/bias/scheme", BIAS_TAGS)

    @pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0)])
    @pytest.mark.parametrize(
        ("part", "scheme"),
        [("weight_ih", "uniform"), ("weight_hh", "trunc_normal"), ("bias", "uniform")],
    )
    def test_bounds_that_hold_nothing_point_at_the_lower(
        self, part: str, scheme: str, low: float, high: float
    ) -> None:
        bounds = {"scheme": scheme, "low": low, "high": high}

        (error,) = wrong(GRU | {"init": {part: bounds}})

        assert (error.pointer, error.code) == (f"/init/{part}/low", "low_not_below_high")
        assert error.allowed == f"less than {high}"

    def test_bounds_that_hold_nothing_repeat_the_lower(self) -> None:
        (error,) = wrong(GRU | {"init": {"scheme": "uniform", "low": 2.0, "high": 1.0}})

        assert (error.pointer, error.given) == ("/init/low", 2.0)

    def test_a_cut_far_out_in_the_tail_says_how_far_it_may_be(self) -> None:
        init = {"scheme": "trunc_normal", "low": 9.0, "high": 12.0}

        (error,) = wrong(GRU | {"init": init})

        assert (error.pointer, error.code) == ("/init/low", "empty_cut")
        assert "within 8 standard deviations" in error.allowed

    @pytest.mark.parametrize(
        ("cut", "field", "code"),
        [
            ({"bounds": "absolute"}, "bounds", "std_correct_of_absolute_cuts"),
            ({"low": 0.0, "high": 5e-324}, "high", "narrow_cut"),
        ],
    )
    def test_a_spread_that_cannot_be_corrected_says_why(
        self, cut: dict[str, Any], field: str, code: str
    ) -> None:
        init = {"scheme": "trunc_normal", "std_correct": True, **cut}

        (error,) = wrong(GRU | {"init": {"weight_hh": init}})

        assert (error.pointer, error.code) == (f"/init/weight_hh/{field}", code)
        assert error.given == cut[field]

    def test_absolute_cuts_are_measured_in_standard_deviations(self) -> None:
        init = {"scheme": "trunc_normal", "std": 0.1, "low": 0.9, "high": 1.2, "bounds": "absolute"}

        (error,) = wrong(GRU | {"init": init})

        assert (
            error.detail
            == "the interval from 9 to 12 standard deviations has almost no probability"
        )

    def test_a_bias_scheme_without_biases_points_at_it(self) -> None:
        given = GRU | {"bias": False, "init": {"bias": "zeros"}}

        assert only_wrong(given)[:2] == ("/init/bias", "unused_part")

    @pytest.mark.parametrize("network", [RNN, GRU, LSTM])
    def test_a_projection_scheme_without_projection_points_at_it(
        self, network: dict[str, Any]
    ) -> None:
        given = network | {"init": {"weight_hr": "orthogonal"}}

        assert only_wrong(given)[:2] == ("/init/weight_hr", "unused_part")

    @pytest.mark.parametrize(
        "bias",
        [
            "forget",
            "ugi",
            {"scheme": "forget"},
            {"scheme": "chrono", "t_max": 9},
            "out_gate_ladder",
        ],
    )
    def test_a_plain_rnn_hears_that_it_has_no_such_gate_and_what_it_has(self, bias: Any) -> None:
        (error,) = wrong(RNN | {"init": {"bias": bias}})

        assert (error.pointer, error.code) == ("/init/bias", "undefined_scheme")
        assert "rnn has no" in error.detail
        assert error.allowed == GATELESS_BIASES

    def test_an_undefined_bias_is_named_beside_a_wrong_size(self) -> None:
        errors = wrong(RNN | {"hidden_size": 0, "init": {"bias": "forget"}})

        assert [error.pointer for error in errors] == ["/hidden_size", "/init/bias"]

    def test_a_gru_has_no_output_gate(self) -> None:
        (error,) = wrong(GRU | {"init": {"bias": "out_gate_ladder"}})

        assert error.detail == "out_gate_ladder is undefined here: gru has no output gate"
        assert error.allowed == [*GATELESS_BIASES, *KEEPING_BIASES]

    def test_one_unit_has_no_uniform_gates(self) -> None:
        (error,) = wrong(GRU | {"hidden_size": 1, "init": {"bias": "ugi"}})

        assert (error.pointer, error.code) == ("/init/bias", "undefined_scheme")
        assert "hidden_size of 2 or more" in error.detail
        assert "ugi" not in error.allowed

    @every_matrix
    @pytest.mark.parametrize("part", ["weight_ih", "weight_hr"])
    def test_a_recurrent_matrix_stands_in_weight_hh_only(
        self, scheme: dict[str, Any], part: str
    ) -> None:
        network = LSTM | ({"proj_size": 2} if part == "weight_hr" else {})

        (error,) = wrong(network | {"init": {part: scheme}})

        assert (error.pointer, error.code) == (f"/init/{part}", "undefined_scheme")
        assert f"it fills weight_hh only, but is requested for {part}" in error.detail
        assert (error.given, error.allowed) == (scheme["scheme"], GENERAL_WEIGHTS)

    @every_matrix
    def test_a_recurrent_matrix_never_fills_all_weights(self, scheme: dict[str, Any]) -> None:
        (error,) = wrong(GRU | {"init": scheme})

        assert (error.pointer, error.code) == ("/init", "undefined_scheme")
        assert "it fills weight_hh only" in error.detail
        assert error.allowed == GENERAL_WEIGHTS

    @every_matrix
    def test_a_recurrent_matrix_is_square(self, scheme: dict[str, Any]) -> None:
        (error,) = wrong(LSTM | {"proj_size": 2, "init": {"weight_hh": scheme}})

        assert (error.pointer, error.code) == ("/init/weight_hh", "undefined_scheme")
        assert error.allowed == GENERAL_WEIGHTS

    @every_matrix
    def test_a_recurrent_matrix_is_refused_in_an_override_too(self, scheme: dict[str, Any]) -> None:
        override = {"parameter": "weight_ih", "init": scheme}

        (error,) = wrong(GRU | {"init": {"overrides": [override]}})

        assert (error.pointer, error.code) == ("/init/overrides/0/init", "undefined_scheme")

    @pytest.mark.parametrize("scheme", ["chrono", "chrono_forget_only"])
    @pytest.mark.parametrize(
        ("times", "field", "code", "allowed"),
        [
            ({"t_max": 1.5}, "t_max", "t_max_below_t_min", "2 or more"),
            ({"t_min": 10, "t_max": 9}, "t_max", "t_max_below_t_min", "10 or more"),
            ({"t_min": 1, "t_max": 9}, "t_min", "t_min_below_2", "2 or more"),
        ],
    )
    def test_memory_times_without_meaning_say_why(
        self, scheme: str, times: dict[str, float], field: str, code: str, allowed: str
    ) -> None:
        (error,) = wrong(GRU | {"init": {"bias": {"scheme": scheme, **times}}})

        assert (error.pointer, error.code) == (f"/init/bias/{field}", code)
        assert (error.given, error.allowed) == (times[field], allowed)

    def test_name_every_wrong_field_at_once(self) -> None:
        given = {"rnn_type": "gru", "input_size": 0, "hidden_size": "4", "seed": -1}

        pointers = [error.pointer for error in wrong(given)]

        assert pointers == ["/input_size", "/hidden_size", "/seed"]


class TestInit:
    def test_by_name_is_that_scheme_for_all_weights(self) -> None:
        parts = parse(Spec, LSTM | {"proj_size": 2, "init": "orthogonal"}).parts

        assert (parts.weight_ih, parts.weight_hh, parts.weight_hr) == (Orthogonal(),) * 3

    def test_as_an_object_is_that_scheme_for_all_weights(self) -> None:
        parts = parse(Spec, GRU | {"init": {"scheme": "orthogonal", "gain": 2}}).parts

        assert (parts.weight_ih, parts.weight_hh) == (Orthogonal(gain=2.0),) * 2

    @pytest.mark.parametrize(
        "init",
        ["orthogonal", {"scheme": "normal", "std": 0.1}, {"scheme": "sparse", "sparsity": 0}],
    )
    def test_of_one_scheme_leaves_the_biases_0(self, init: Any) -> None:
        assert parse(Spec, GRU | {"init": init}).parts.bias == ZerosBias()

    @pytest.mark.parametrize("init", ["pytorch", {"scheme": "pytorch"}])
    def test_of_torch_itself_draws_the_biases_too(self, init: Any) -> None:
        assert parse(Spec, GRU | {"init": init}).parts.bias == PytorchBias()

    def test_in_parts_leaves_what_it_does_not_name_to_torch(self) -> None:
        parts = parse(Spec, GRU | {"init": {"weight_hh": "orthogonal"}}).parts

        assert parts.weight_hh == Orthogonal()
        assert (parts.weight_ih, parts.bias) == (Pytorch(), PytorchBias())

    def test_in_parts_mixes_names_and_objects(self) -> None:
        init = {"weight_ih": "xavier_uniform", "bias": {"scheme": "forget", "value": 2.0}}

        parts = parse(Spec, LSTM | {"init": init}).parts

        assert (parts.weight_ih, parts.bias) == (XavierUniform(), ForgetBias(value=2.0))

    @pytest.mark.parametrize("init", [3, None, ["zeros"], True])
    def test_of_another_kind_is_refused_at_its_place(self, init: Any) -> None:
        assert only_wrong(GRU | {"init": init})[0] == "/init"


class TestNames:
    def test_a_weight_scheme_has_a_short_name_if_it_needs_no_field(self) -> None:
        assert list(get_args(WeightName)) == [
            name for name, scheme in WEIGHT_SCHEMES.items() if _needs_nothing(scheme)
        ]

    def test_a_bias_scheme_has_a_short_name_if_it_needs_no_field(self) -> None:
        assert list(get_args(BiasName)) == [
            name for name, scheme in BIAS_SCHEMES.items() if _needs_nothing(scheme)
        ]

    def test_the_request_and_the_table_that_draws_name_the_same_weight_schemes(self) -> None:
        assert {name: row.spec for name, row in WEIGHTS.items()} == WEIGHT_SCHEMES

    def test_the_request_and_the_table_that_draws_name_the_same_bias_schemes(self) -> None:
        assert {name: row.spec for name, row in BIASES.items()} == BIAS_SCHEMES

    def test_the_unions_are_those_that_the_refusals_list(self) -> None:
        assert (list(WEIGHT_SCHEMES), list(BIAS_SCHEMES)) == (WEIGHT_TAGS, BIAS_TAGS)


class TestFrozen:
    @pytest.mark.parametrize(
        ("model", "name"),
        [
            (parse(Spec, GRU), "seed"),
            (parse(CheckpointRequest, GRU), "device"),
            (Serving(), "device"),
            (CheckSize(), "batch"),
            (InitParts(), "bias"),
            (Orthogonal(), "gain"),
            (ForgetBias(), "value"),
        ],
        ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
    )
    def test_a_request_never_changes(self, model: Any, name: str) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, getattr(model, name))

    def test_a_recipe_can_be_a_key(self) -> None:
        assert len({parse(Spec, GRU), parse(Spec, dict(GRU)), parse(Spec, LSTM)}) == 2


def test_how_to_serve_is_no_part_of_the_recipe() -> None:
    served = parse(
        CheckpointRequest, GRU | {"device": "cpu", "format": "npz", "check": {"batch": 2}}
    )

    assert served.spec == parse(Spec, GRU)
    assert served.serving == Serving(device="cpu", check=CheckSize(batch=2))


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:15"])
def test_every_kind_of_device_can_be_asked_for(device: str) -> None:
    assert parse(Serving, {"device": device}).device == device


def _needs_nothing(scheme: type[Any]) -> bool:
    return not any(field.is_required() for field in scheme.model_fields.values())
