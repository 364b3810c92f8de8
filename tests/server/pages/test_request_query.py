"""What an address asks for, and the addresses that ask for others."""

import pytest

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.filters import Filter
from llm_gateway.server.pages.request_query import CHOICES, SPANS, USUAL, address, filter_of, live_address

NOW = 1_700_000_000_000_000
QUERY = {"client": "a&b", "status": "error", "q": "x y", "since": "24h", "before": "1", "other": "2"}


def test_an_address_is_a_filter() -> None:
    assert filter_of(QUERY, NOW) == Filter(
        client="a&b", outcome="error", text="x y", since_us=NOW - 86_400_000_000
    )
    assert filter_of({}, NOW).since_us == filter_of({"since": USUAL}, NOW).since_us > 0
    assert filter_of({"since": "all", "until": "1d"}, NOW).since_us == 0
    assert USUAL in SPANS and "key" in CHOICES


@pytest.mark.parametrize("query", [{"since": "x"}, {"until": "x"}, {"key": "k" * 201}])
def test_what_is_not_understood_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(MalformedRequest):
        filter_of(query, NOW)


def test_other_addresses_change_one_thing() -> None:
    assert address(QUERY) == "/requests?client=a%26b&status=error&q=x+y&since=24h"
    assert address(QUERY, client="", before="9") == "/requests?status=error&q=x+y&since=24h&before=9"
    assert address({}) == "/requests"


def test_what_is_told_live_is_what_is_shown() -> None:
    assert live_address({**QUERY, "before": ""}) == "/live?client=a%26b&status=error&q=x+y"
    assert live_address(QUERY) == live_address({"until": "1h"}) == ""
    assert live_address({"since": "1h"}) == "/live"
