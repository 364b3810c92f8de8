"""The schema of the protocol, and what is missing in one that has changed."""

import json

import pytest

from bridges.codex.fake_codex import SCHEMA
from llm_gateway.bridges.codex.agreement import differences, older

WHOLE = SCHEMA.read_bytes()


def test_the_schema_of_the_tried_program_has_everything() -> None:
    assert differences(WHOLE) == ()


@pytest.mark.fault("B10")
def test_a_method_that_is_gone_is_named() -> None:
    assert differences(WHOLE.replace(b'"thread/inject_items"', b'"thread/append_items"')) == (
        "thread/inject_items",
    )
    assert differences(WHOLE.replace(b'"turn/completed"', b'"turn/done"')) == ("turn/completed",)


@pytest.mark.fault("B10")
def test_a_field_that_is_gone_is_named_with_where_it_was() -> None:
    assert differences(WHOLE.replace(b'"environments"', b'"surroundings"')) == ("thread/start.environments",)
    assert differences(WHOLE.replace(b'"cachedInputTokens"', b'"cached"')) == (
        "TokenUsageBreakdown.cachedInputTokens",
    )


def test_a_field_may_be_in_any_variant_and_behind_a_reference() -> None:
    known = json.loads(WHOLE)["definitions"]
    known["Account"] = {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/Inner"}]}
    known["Inner"] = {"allOf": [{"properties": {"planType": {}, "type": {}}}]}
    assert differences(json.dumps({"definitions": known}).encode()) == ()
    known["Inner"] = {"$ref": "#/definitions/Inner"}
    assert differences(json.dumps({"definitions": known}).encode()) == ("Account.planType", "Account.type")


@pytest.mark.fault("B10")
def test_a_form_that_is_gone_is_named() -> None:
    known = json.loads(WHOLE)["definitions"]
    del known["RateLimitWindow"], known["ClientRequest"]
    found = differences(json.dumps({"definitions": known}).encode())
    assert {"RateLimitWindow", "initialize", "thread/start"} <= set(found)


@pytest.mark.parametrize("schema", [b"", b"[]", b"{}", b"\xff"])
def test_what_is_no_schema_is_none(schema: bytes) -> None:
    assert differences(schema) == ("the schema itself",)


@pytest.mark.parametrize(
    ("version", "than", "is_older"),
    [
        ("0.162.9", "0.163.0", True),
        ("0.163.0", "0.163.0", False),
        ("1.0.0", "0.163.0", False),
        ("0.9.0", "0.163.0", True),
        ("0.163.0-alpha.1", "0.163.0", False),
        ("of somebody's own", "0.163.0", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, than: str, is_older: bool) -> None:
    assert older(version, than) is is_older
