"""A query is read one way: values for us, its text without our key for others."""

import pytest

from llm_gateway.errors import MalformedRequest
from llm_gateway.server.query import query_text, query_values


def test_the_last_value_of_a_parameter_counts() -> None:
    assert query_values(b"/v1/models?limit=1&limit=2&a=%C3%A9&empty=") == {
        "limit": "2",
        "a": "é",
        "empty": "",
    }
    assert query_values(b"/v1/models") == query_values(b"/v1/models?") == {}


def test_too_many_are_refused() -> None:
    with pytest.raises(MalformedRequest, match="30 parameters"):
        query_values(b"/?" + b"&".join(b"a%d=1" % number for number in range(31)))


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (b"/v1/files", ""),
        (b"/v1/files?", ""),
        (b"/v1/files?a=1&b=%20", "a=1&b=%20"),
        (b"/v1/files?key=lgw_x&alt=sse", "alt=sse"),
        (b"/v1/files?alt=sse&&key=", "alt=sse"),
        (b"/v1/files?monkey=1&keys=2", "monkey=1&keys=2"),
        (b"/v1/files?a=b?c", "a=b?c"),
    ],
)
def test_our_key_is_no_upstreams_business(target: bytes, text: str) -> None:
    assert query_text(target) == text
