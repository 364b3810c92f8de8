"""Hosts, names, networks, origins and URLs, told apart by their form."""

import pytest

from llm_gateway.config.addresses import Reach, networks, reach, split_authority, wrong_origin, wrong_url

HOSTS: list[tuple[str, Reach]] = [
    ("127.0.0.1", "loopback"),
    ("127.0.0.2", "loopback"),
    ("127.255.255.254", "loopback"),
    ("::1", "loopback"),
    ("localhost", "loopback"),
    ("LocalHost", "loopback"),
    ("::ffff:127.0.0.1", "loopback"),
    ("0.0.0.0", "wildcard"),
    ("::", "wildcard"),
    ("::ffff:0.0.0.0", "wildcard"),
    ("0:0:0:0:0:0:0:0", "wildcard"),
    ("192.168.1.5", "address"),
    ("8.8.8.8", "address"),
    ("::ffff:192.168.1.5", "address"),
    ("fe80::1%eth0", "address"),
    ("2001:db8::1", "address"),
    ("gateway.example", "name"),
    ("GATEWAY", "name"),
    ("my_host-1.lan", "name"),
    ("localhost.evil.example", "name"),
    ("", "none"),
    ("0", "none"),
    ("127.1", "none"),
    ("2130706433", "none"),
    ("0x7f000001", "none"),
    ("1.2.3.0x", "none"),
    ("127.0.0.1.", "none"),
    ("localhost.", "none"),
    ("0177.0.0.1", "none"),
    ("127.0.0.1:80", "none"),
    ("[::1]", "none"),
    ("a b", "none"),
    ("-a.example", "none"),
    ("a..b", "none"),
    ("user@host", "none"),
    ("ü.example", "none"),
    ("a" * 64, "none"),
    (".".join(["a" * 60] * 5), "none"),
]


@pytest.mark.parametrize(("host", "expected"), HOSTS)
def test_who_reaches_a_host(host: str, expected: Reach) -> None:
    assert reach(host) == expected


def test_networks_are_read_and_the_wrong_one_is_named() -> None:
    assert [str(network) for network in networks(["10.0.0.0/8", "192.168.1.5", "fd00::/8"])] == [
        "10.0.0.0/8",
        "192.168.1.5/32",
        "fd00::/8",
    ]
    for text in ("10.0.0.1/8", "10.0.0.0/33", "lan", ""):
        with pytest.raises(ValueError, match=f"'{text}' is not a network"):
            networks(["10.0.0.0/8", text])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", ("localhost", None)),
        ("LOCALHOST:80", ("localhost", 80)),
        ("gateway.example:8443", ("gateway.example", 8443)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("[::1]", ("[::1]", None)),
        ("[::1]:8787", ("[::1]", 8787)),
    ],
)
def test_a_name_with_or_without_a_port(text: str, expected: tuple[str, int | None]) -> None:
    assert split_authority(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "a:",
        "a:0",
        "a:080",
        "a:65536",
        "a:http",
        "a:+8",
        "a:٨",
        "::1",
        "[::1",
        "[1.2.3.4]",
        "[a]",
        "a/b",
        "*",
        "*.example",
        "a.example.",
        "http://a",
        "user@a",
        "a b",
        "0x7f.1",
    ],
)
def test_what_is_no_name_with_a_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host name|has no port"):
        split_authority(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://app.example",
        "http://localhost:3000",
        "tauri://localhost",
        "vscode-webview://abc",
        "http://[::1]:81",
        "https://app.example:8443",
    ],
)
def test_origins_as_browsers_send_them(text: str) -> None:
    assert wrong_origin(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "app.example",
        "https://",
        "https://app.example/",
        "https://app.example/path",
        "https://*.example",
        "https://App.example",
        "HTTPS://app.example",
        "https://app.example:443",
        "http://app.example:80",
        "https://u@a",
        "https://a b",
        "://a",
    ],
)
def test_what_no_browser_sends_as_an_origin(text: str) -> None:
    assert "is not an origin" in wrong_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:11434",
        "https://api.example/v1",
        "https://api.example/v1/",
        "http://[::1]:8080",
        "http://lan-host",
        "https://api.example/accounts/${ACCOUNT_ID}/v1",
    ],
)
def test_base_urls(text: str) -> None:
    assert wrong_url(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "htp://a",
        "127.0.0.1:11434",
        "localhost",
        "//a",
        "http://",
        "http://a:0",
        "http://a:99999",
        "http://a:x",
        "file:///a",
        "http://a?x=1",
        "http://a#x",
        "http://a?",
        "http://a b",
        "http://a\n",
        "http://[::1",
    ],
)
def test_what_is_no_base_url(text: str) -> None:
    assert wrong_url(text)
