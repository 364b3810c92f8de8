"""An origin names itself as the Host field has to."""

import pytest

from llm_gateway.http.origin import Origin


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("https", "api.example.com", 443), b"api.example.com"),
        (Origin("http", "127.0.0.1", 8080), b"127.0.0.1:8080"),
        (Origin("http", "::1", 80), b"[::1]"),
        (Origin("https", "::1", 80), b"[::1]:80"),
    ],
)
def test_the_authority_has_brackets_and_port_where_they_are_due(origin: Origin, authority: bytes) -> None:
    assert origin.authority == authority
    assert origin.secure == (origin.scheme == "https")
