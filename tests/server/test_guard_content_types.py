"""What a browser sends is JSON, or the guard refuses it; any other program sends what it likes."""

import pytest

from llm_gateway.config import Server
from llm_gateway.errors import Forbidden, GatewayError
from llm_gateway.server.guard import Guard

PORT = 8787
US = b"127.0.0.1:8787"
ALLOWED = Server(origins=("https://app.example",))


def judged(guard: Guard, *headers: tuple[bytes, bytes]) -> type[GatewayError] | None:
    try:
        guard.check(list(headers))
    except GatewayError as error:
        return type(error)
    return None


CONTENT_TYPES = [
    (b"application/json", True),
    (b"application/json; charset=utf-8", True),
    (b"Application/JSON", True),
    (b"application/vnd.x+json", True),
    (b"text/plain", False),
    (b"text/plain;charset=UTF-8", False),
    (b"text/plain; application/json", False),
    (b"application/x-www-form-urlencoded", False),
    (b"multipart/form-data; boundary=x", False),
    (b"application/jsonp", False),
    (b"text/json", False),
    (b"application/json, text/plain", False),
    (b"application/octet-stream", False),
    (b"", False),
]


@pytest.mark.control("T6")
@pytest.mark.parametrize(("kind", "passes"), CONTENT_TYPES)
@pytest.mark.parametrize(
    "page",
    [
        (b"origin", b"http://127.0.0.1:8787"),
        (b"origin", b"https://app.example"),
        (b"sec-fetch-site", b"same-origin"),
        (b"sec-fetch-site", b"none"),
    ],
    ids=["its own page", "a listed page", "its own page, same origin", "an address that was typed"],
)
def test_a_browser_sends_json_alone(page: tuple[bytes, bytes], kind: bytes, passes: bool) -> None:
    guard = Guard(ALLOWED, PORT)
    assert judged(guard, (b"host", US), page, (b"content-type", kind)) is (None if passes else Forbidden)


@pytest.mark.parametrize("kind", [kind for kind, _ in CONTENT_TYPES])
def test_any_other_program_sends_what_it_likes(kind: bytes) -> None:
    """`curl -d` says that JSON is a form, and an upload is one: no page can send without its marks."""
    assert judged(Guard(ALLOWED, PORT), (b"host", US), (b"content-type", kind)) is None


def test_two_content_types_are_none() -> None:
    json = (b"content-type", b"application/json")
    own = (b"origin", b"http://127.0.0.1:8787")
    assert judged(Guard(ALLOWED, PORT), (b"host", US), own, json, json) is Forbidden
