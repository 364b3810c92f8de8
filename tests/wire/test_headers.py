"""Header lists: look-up in order, and the names that stay behind."""

from llm_gateway.wire.headers import CREDENTIALS, HOP_BY_HOP, Headers, connection_names, get, get_all

FIELDS: Headers = [
    (b"host", b"127.0.0.1"),
    (b"accept", b"application/json"),
    (b"connection", b"Keep-Alive, X-Session ,"),
    (b"accept", b"text/event-stream"),
    (b"connection", b"x-trace"),
]


def test_get_returns_the_first_value() -> None:
    assert get(FIELDS, b"accept") == b"application/json"
    assert get(FIELDS, b"authorization") is None


def test_get_all_keeps_the_order() -> None:
    assert get_all(FIELDS, b"accept") == [b"application/json", b"text/event-stream"]
    assert get_all(FIELDS, b"cookie") == []


def test_connection_names_are_lower_case_and_never_empty() -> None:
    assert connection_names(FIELDS) == {b"keep-alive", b"x-session", b"x-trace"}
    assert connection_names([(b"connection", b"")]) == frozenset()


def test_every_credential_of_the_contract_is_named() -> None:
    assert {
        b"authorization",
        b"x-api-key",
        b"x-goog-api-key",
        b"api-key",
        b"x-llm-gateway-key",
    } <= CREDENTIALS


def test_names_are_lower_case_as_the_parser_gives_them() -> None:
    assert all(name == name.lower() for name in CREDENTIALS | HOP_BY_HOP)
    assert {b"connection", b"transfer-encoding", b"te", b"upgrade"} <= HOP_BY_HOP
