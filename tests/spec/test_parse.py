"""From outside text to a model: only one reading of it, and an error that points."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from stepzero_rnn.errors import InvalidSpec, MalformedJson
from stepzero_rnn.spec.base import Strict
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import load_json, parse, parse_json, parse_strings


class _Leaf(Strict):
    size: int = Field(ge=1, default=1)
    odd_name: int = Field(default=0, alias="a/b~c")


class _Tree(Strict):
    leaves: list[_Leaf] = Field(default_factory=list)
    word: Annotated[str, Field(max_length=3)] = "abc"
    kind: Literal["one", "two"] = "one"


def pointers(given: Any) -> list[str]:
    """Return the JSON pointers of every wrong field."""
    with pytest.raises(InvalidSpec) as refused:
        parse(_Tree, given)
    return [error["pointer"] for error in refused.value.facts["errors"]]


class TestLoadJson:
    @pytest.mark.parametrize("text", ['{"a": [1, 2.5, null, true, "é"]}', "3", "null", '""'])
    def test_reads_what_any_reader_reads(self, text: str) -> None:
        assert load_json(text.encode()) == json.loads(text)

    def test_refuses_a_key_that_stands_twice_and_names_it(self) -> None:
        with pytest.raises(MalformedJson, match="the key 'seed' appears twice in one object"):
            load_json('{"seed": 1, "a": {"b": 1}, "seed": 1}')

    def test_refuses_a_repeated_key_at_any_depth(self) -> None:
        with pytest.raises(MalformedJson, match="'x'"):
            load_json('{"init": [{"x": 1, "x": 2}]}')

    def test_takes_one_key_in_two_objects(self) -> None:
        assert load_json('[{"x": 1}, {"x": 2}]') == [{"x": 1}, {"x": 2}]

    @pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
    def test_refuses_what_is_not_a_json_number(self, word: str) -> None:
        with pytest.raises(MalformedJson, match=f"{word} is not a JSON number"):
            load_json(f'{{"dropout": {word}}}')

    @pytest.mark.parametrize("open_bracket", ["[", '{"a":'])
    def test_refuses_deep_nesting(self, open_bracket: str) -> None:
        with pytest.raises(MalformedJson, match="nested too deeply"):
            load_json(open_bracket * 200_000)

    def test_refuses_an_integer_of_absurd_length(self) -> None:
        with pytest.raises(MalformedJson):
            load_json("1" * 10_000)

    @pytest.mark.parametrize("data", [b'{"a": "\xff"}', b"\xfe\xff\xd8", b'"\xc3'])
    def test_refuses_bad_utf_8(self, data: bytes) -> None:
        with pytest.raises(MalformedJson):
            load_json(data)

    @pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[1,]", "1 2", '{"a" 1}', "nul", "01"])
    def test_refuses_what_is_not_one_json_document(self, text: str) -> None:
        with pytest.raises(MalformedJson):
            load_json(text)


class TestPointers:
    def test_count_list_places_from_0(self) -> None:
        assert pointers({"leaves": [{}, {"size": 0}]}) == ["/leaves/1/size"]

    def test_escape_slash_and_tilde_as_rfc_6901_does(self) -> None:
        assert pointers({"m~n/o": 1}) == ["/m~0n~1o"]

    def test_escape_at_any_depth(self) -> None:
        assert pointers({"leaves": [{"~1": 1}]}) == ["/leaves/0/~01"]

    def test_of_the_whole_document_is_empty(self) -> None:
        assert pointers(3) == [""]

    def test_keep_an_empty_key(self) -> None:
        assert pointers({"": 1}) == ["/"]

    def test_keep_a_key_that_begins_with_a_dollar(self) -> None:
        assert pointers({"$id": 1}) == ["/$id"]


class TestFacts:
    def refusal(self, given: Any) -> dict[str, Any]:
        with pytest.raises(InvalidSpec) as refused:
            parse(_Tree, given)
        (error,) = refused.value.facts["errors"]
        assert isinstance(error, dict)
        return error

    def test_tell_what_was_given(self) -> None:
        assert self.refusal({"leaves": [{"size": -3}]})["given"] == -3

    def test_tell_the_bound_in_words(self) -> None:
        assert self.refusal({"leaves": [{"size": -3}]})["allowed"] == "at least 1"

    def test_list_the_words_that_may_stand_there(self) -> None:
        assert self.refusal({"kind": "three"})["allowed"] == ["one", "two"]

    def test_tell_the_greatest_length_as_a_number(self) -> None:
        assert self.refusal({"word": "abcd"})["allowed"] == 3

    def test_cut_a_long_text_to_200_characters(self) -> None:
        assert self.refusal({"word": "x" * 1000})["given"] == "x" * 200 + "…"

    def test_cut_a_huge_integer_to_30_digits(self) -> None:
        assert self.refusal({"kind": 10**50})["given"] == "1" + "0" * 29 + "…"

    def test_are_something_that_json_can_hold(self) -> None:
        text = '{"rnn_type": "gru", "input_size": 1, "hidden_size": 1, "dropout": 1e999}'
        with pytest.raises(InvalidSpec) as refused:
            parse_json(Spec, text)

        assert "1e999" in text
        assert json.dumps(refused.value.problem(), allow_nan=False)


def test_text_values_are_read_by_the_fields_they_are_for() -> None:
    query = {
        "rnn_type": "gru",
        "input_size": "3",
        "hidden_size": "4",
        "bias": "false",
        "dropout": "0.5",
    }

    assert parse_strings(Spec, query) == Spec(
        rnn_type="gru", input_size=3, hidden_size=4, bias=False, dropout=0.5
    )


def test_text_values_that_do_not_read_are_named() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_strings(Spec, {"rnn_type": "gru", "input_size": "three", "hidden_size": "4"})

    assert [error["pointer"] for error in refused.value.facts["errors"]] == ["/input_size"]


def test_json_text_is_read_and_validated_in_one_go() -> None:
    text = b'{"rnn_type": "lstm", "input_size": 3, "hidden_size": 4}'

    assert parse_json(Spec, text) == Spec(rnn_type="lstm", input_size=3, hidden_size=4)


def test_a_refusals_sentence_names_every_field() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(Spec, {"rnn_type": "gru", "input_size": 0})

    assert refused.value.detail == (
        "/input_size: Input should be greater than or equal to 1; /hidden_size: Field required"
    )
