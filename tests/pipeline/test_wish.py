"""What the cache's header may say, and that a wrong one is not taken for another."""

import pytest

from llm_gateway.errors import MalformedRequest
from llm_gateway.pipeline.wish import Wish, wish_of


@pytest.mark.parametrize(
    ("value", "wish"),
    [
        (b"on", Wish(uses=True)),
        (b" ON ", Wish(uses=True)),
        (b"off", Wish(uses=False)),
        (b"refresh", Wish(uses=True, oldest=0)),
        (b"0", Wish(uses=True, oldest=0)),
        (b"90", Wish(uses=True, oldest=90)),
    ],
)
def test_a_wish_is_read(value: bytes, wish: Wish) -> None:
    assert wish_of([(b"accept", b"*/*"), (b"x-llm-gateway-cache", value)]) == wish


def test_who_says_nothing_wishes_nothing() -> None:
    assert wish_of([(b"cache-control", b"no-cache")]) is None


@pytest.mark.parametrize("value", [b"", b"yes", b"-1", b"1.5", b"on, off", b"9" * 10, "٣".encode()])
def test_what_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(MalformedRequest, match="x-llm-gateway-cache is `on`, `off`, `refresh`, or"):
        wish_of([(b"x-llm-gateway-cache", value)])
