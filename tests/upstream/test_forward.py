"""Which header fields pass, in either direction."""

from collections.abc import Callable

import pytest

from llm_gateway.upstream.forward import forwarded, returned
from llm_gateway.wire.headers import CREDENTIALS, HOP_BY_HOP, Headers

OUR_REQUEST_FIELDS = (b"key", b"client", b"caller", b"strict", b"anything-to-come")
OUR_ANSWER_FIELDS = (b"request-id", b"provider", b"model", b"attempts", b"losses", b"cost-usd")


def test_what_is_unknown_goes_upstream_in_its_order() -> None:
    headers: Headers = [
        (b"accept", b"text/event-stream"),
        (b"x-stainless-lang", b"python"),
        (b"anthropic-beta", b"one"),
        (b"anthropic-beta", b"two"),
        (b"user-agent", b"codex/1"),
        (b"content-type", b"application/json"),
        (b"x-empty", b""),
        (b"x-latin", b"caf\xe9"),
    ]
    assert forwarded(headers) == b"".join(b"%b: %b\r\n" % field for field in headers)


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP | CREDENTIALS))
def test_what_belongs_to_a_connection_or_is_secret_does_not_go_upstream(name: bytes) -> None:
    assert forwarded([(b"a", b"1"), (name, b"close"), (b"b", b"2")]) == b"a: 1\r\nb: 2\r\n"


@pytest.mark.parametrize(
    "name",
    [
        b"host",
        b"content-length",
        b"content-encoding",
        b"accept-encoding",
        b"expect",
        b"origin",
        b"referer",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"sec-fetch-dest",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
        *(b"x-llm-gateway-" + name for name in OUR_REQUEST_FIELDS),
    ],
)
def test_what_is_between_the_client_and_us_does_not_go_upstream(name: bytes) -> None:
    assert forwarded([(name, b"secret")]) == b""
    assert forwarded([(b"connection", b"x-a"), (name, b"secret")]) == b"", "by the longer way neither"


def test_an_answer_comes_back_as_it_is() -> None:
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"x-request-id", b"req_1"),
        (b"retry-after", b"7"),
        (b"x-ratelimit-remaining-tokens", b"0"),
        (b"openai-processing-ms", b"12"),
        (b"www-authenticate", b"Bearer"),
        (b"server-timing", b"a;dur=1"),
    ]
    assert returned(headers) == b"".join(b"%b: %b\r\n" % field for field in headers)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(HOP_BY_HOP),
        b"set-cookie",
        b"content-length",
        b"alt-svc",
        b"strict-transport-security",
        *(b"x-llm-gateway-" + name for name in OUR_ANSWER_FIELDS),
    ],
)
def test_what_is_not_the_upstreams_to_say_does_not_come_back(name: bytes) -> None:
    assert returned([(b"a", b"1"), (name, b"close"), (b"b", b"2")]) == b"a: 1\r\nb: 2\r\n"


@pytest.mark.parametrize("pass_on", [forwarded, returned])
@pytest.mark.parametrize(
    "connection",
    [[b"x-one, X-Two"], [b"keep-alive, x-one", b"x-two"], [b"close", b"x-two,x-one"], [b" x-one ,, x-two,"]],
    ids=str,
)
def test_fields_that_connection_names_do_not_pass(
    pass_on: Callable[[Headers], bytes], connection: list[bytes]
) -> None:
    """Named fields belong to the connection wherever they stand (RFC 9110, 7.6.1)."""
    headers: Headers = [
        (b"x-one", b"1"),
        *((b"connection", value) for value in connection),
        (b"x-two", b"2"),
        (b"x-three", b"3"),
    ]
    assert pass_on(headers) == b"x-three: 3\r\n"


@pytest.mark.parametrize("value", [b"keep-alive", b"Keep-Alive", b"close", b"upgrade", b"TE"])
def test_the_usual_values_of_connection_name_nothing_else(value: bytes) -> None:
    assert forwarded([(b"connection", value), (b"x-one", b"1")]) == b"x-one: 1\r\n"


def test_nothing_gives_nothing() -> None:
    assert forwarded([]) == returned([]) == b""
