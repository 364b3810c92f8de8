"""The limits that hold when nothing is configured are the safe ones."""

from llm_gateway.http.limits import Limits


def test_the_defaults_are_within_what_is_promised() -> None:
    limits = Limits()
    assert limits.header_timeout <= 15
    assert limits.max_head_bytes <= 64 * 1024
    assert limits.max_body_bytes == 64 * 1024 * 1024
