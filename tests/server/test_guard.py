"""Only requests that no foreign page can cause get through the door."""

import pytest

from llm_gateway.config import Server
from llm_gateway.errors import Forbidden, GatewayError, MalformedRequest, Misdirected
from llm_gateway.server.guard import Guard, Peers
from llm_gateway.wire.headers import Headers

PORT = 8787
US = b"127.0.0.1:8787"


def judged(guard: Guard, *headers: tuple[bytes, bytes]) -> type[GatewayError] | None:
    try:
        guard.check(list(headers))
    except GatewayError as error:
        return type(error)
    return None


def with_host(value: bytes, server: Server | None = None, port: int = PORT) -> type[GatewayError] | None:
    return judged(Guard(server or Server(), port), (b"accept", b"*/*"), (b"host", value))


OURS = [
    b"127.0.0.1:8787",
    b"localhost:8787",
    b"[::1]:8787",
    b"127.0.0.1",
    b"localhost",
    b"[::1]",
    b"LocalHost:8787",
]

NOT_OURS = [
    b"",
    b" ",
    b":8787",
    b"0.0.0.0",
    b"0.0.0.0:8787",
    b"[::]:8787",
    b"127.0.0.1:8788",
    b"127.0.0.1:80",
    b"127.0.0.1:",
    b"127.0.0.1:08787",
    b"127.0.0.1:+8787",
    b"127.0.0.1:8787:8787",
    b"127.0.0.1:8787,evil.test",
    b"127.0.0.1:8787 ",
    b" 127.0.0.1:8787",
    b"127.0.0.1\t:8787",
    b"127.0.0.1.:8787",
    b"127.0.0.2:8787",
    b"127.1:8787",
    b"127.1",
    b"2130706433",
    b"2130706433:8787",
    b"0x7f000001:8787",
    b"0177.0.0.1:8787",
    b"017700000001",
    b"localhost.",
    b"localhost.:8787",
    b"localhost.evil.test",
    b"localhost.evil.test:8787",
    b"evil.test",
    b"evil.test:8787",
    b"evil.test#localhost:8787",
    b"evil.test/localhost:8787",
    b"localhost/evil",
    b"localhost?x",
    b"localhost#x",
    b"localhost@evil.test",
    b"evil@localhost:8787",
    b"user:pw@127.0.0.1:8787",
    b"http://localhost:8787",
    b"//localhost:8787",
    b"::1",
    b"::1:8787",
    b"[::1",
    b"[::1%lo]:8787",
    b"[::1%25lo]:8787",
    b"[0:0:0:0:0:0:0:1]:8787",
    b"[::ffff:127.0.0.1]:8787",
    b"[::ffff:7f00:1]:8787",
    b"127.0.0.1.nip.io:8787",
    b"localhost\x00:8787",
    b"localhost\xff:8787",
    "l\u043ecalhost:8787".encode(),
    "ⓛocalhost:8787".encode(),
    b"localtest.me:8787",
    b"ip6-localhost:8787",
    b"my-machine.local:8787",
    b"my-machine.internal:8787",
    b"192.168.1.5:8787",
    b"*",
    b"a" * 5000,
]


@pytest.mark.control("T3")
@pytest.mark.parametrize("value", OURS)
def test_our_names_pass(value: bytes) -> None:
    assert with_host(value) is None


@pytest.mark.control("T3")
@pytest.mark.parametrize("value", NOT_OURS)
def test_everybody_elses_names_do_not(value: bytes) -> None:
    assert with_host(value) is Misdirected


@pytest.mark.control("T3")
def test_there_are_sixty_values_of_host() -> None:
    assert len({*OURS, *NOT_OURS}) >= 60


@pytest.mark.control("T3")
def test_there_is_exactly_one_host() -> None:
    guard = Guard(Server(), PORT)
    assert judged(guard) is MalformedRequest
    assert judged(guard, (b"host", US), (b"host", US)) is MalformedRequest
    assert judged(guard, (b"host", US), (b"accept", b"*/*"), (b"host", b"evil.test")) is MalformedRequest


def test_the_port_is_the_one_that_the_system_chose() -> None:
    guard = Guard(Server(port=0))
    guard.listen_on(4711)
    assert judged(guard, (b"host", b"127.0.0.1:4711")) is None
    assert judged(guard, (b"host", US)) is Misdirected
    assert guard.names[:2] == ["127.0.0.1:4711", "127.0.0.1"]


NAMED = Server(host="192.168.1.5", hosts=("Gateway.example", "proxy.example:443", "[fd00::1]"))


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (b"192.168.1.5:8787", True),
        (b"192.168.1.5", True),
        (b"gateway.example:8787", True),
        (b"gateway.example", True),
        (b"GATEWAY.example", True),
        (b"gateway.example:443", False),
        (b"gateway.example.evil.test", False),
        (b"sub.gateway.example", False),
        (b"proxy.example:443", True),
        (b"proxy.example", False),
        (b"proxy.example:8787", False),
        (b"[fd00::1]:8787", True),
        (b"fd00::1", False),
        (b"127.0.0.1:8787", True),
    ],
)
def test_configured_names_pass_as_they_are_written(value: bytes, passes: bool) -> None:
    assert with_host(value, NAMED) is (None if passes else Misdirected)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
def test_a_wildcard_is_not_a_name(host: str) -> None:
    server = Server(host=host)
    assert with_host(US, server) is None
    for value in (b"0.0.0.0:8787", b"[::]:8787", b"[::ffff:0.0.0.0]:8787", b"192.168.1.5:8787"):
        assert with_host(value, server) is Misdirected


def test_an_ipv6_listener_has_its_name_in_brackets() -> None:
    assert with_host(b"[fd00::7]:8787", Server(host="fd00::7")) is None


ALLOWED = Server(origins=("https://app.example", "tauri://localhost", "http://[::1]:3000"))

ORIGINS = [
    b"http://127.0.0.1:8787",
    b"https://app.example",
    b"tauri://localhost",
    b"http://[::1]:3000",
]

FOREIGN_ORIGINS = [
    b"",
    b"null",
    b"*",
    b"http://127.0.0.1",
    b"http://127.0.0.1:80",
    b"http://127.0.0.1:8788",
    b"https://127.0.0.1:8787",
    b"http://127.0.0.1:8787/",
    b"http://127.0.0.1:8787/path",
    b"http://127.0.0.1:87870",
    b"http://127.0.0.1:8787@evil.test",
    b"http://127.0.0.1:8787.evil.test",
    b"HTTP://127.0.0.1:8787",
    b" http://127.0.0.1:8787",
    b"http://127.0.0.1:8787 ",
    b"http://localhost:8787",
    b"http://localhost",
    b"http://localhost.evil.test",
    b"http://localhost.evil.test:8787",
    b"http://localhost:8787.evil.test",
    b"http://localhostevil.test",
    b"http://evil.test",
    b"http://evil.test:8787",
    b"https://evil.test",
    b"https://evil.test#https://app.example",
    b"https://evil.test?https://app.example",
    b"https://evil.test/https://app.example",
    b"http://app.example",
    b"https://app.example.evil.test",
    b"https://app.example:443",
    b"https://app.example:8443",
    b"https://app.example/",
    b"https://app.example@evil.test",
    b"https://user@app.example",
    b"https://App.example",
    b"https://APP.EXAMPLE",
    b"HTTPS://app.example",
    b"https://sub.app.example",
    b"https://xapp.example",
    b"https://app.example.",
    b"https://app.example https://evil.test",
    b"https://evil.test, https://app.example",
    b"https:app.example",
    b"https:/app.example",
    b"//app.example",
    b"app.example",
    b"ws://127.0.0.1:8787",
    b"file://",
    b"tauri://localhost.evil.test",
    b"tauri://evil",
    b"chrome-extension://abcdefgh",
    b"moz-extension://abcdefgh",
    b"http://[::1]:3001",
    b"http://[::1]",
    b"http://::1:3000",
    b"http://[0:0:0:0:0:0:0:1]:3000",
    b"http://0.0.0.0:8787",
    b"http://2130706433:8787",
    b"data:text/html,x",
    b"\x00",
    b"https://app.example\x00",
    b"https://app.example\xff",
    "https://\u0430pp.example".encode(),
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_our_own_and_listed_origins_pass(origin: bytes) -> None:
    assert judged(Guard(ALLOWED, PORT), (b"host", US), (b"origin", origin)) is None


@pytest.mark.control("T4")
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_all_other_origins_do_not(origin: bytes) -> None:
    assert judged(Guard(ALLOWED, PORT), (b"host", US), (b"origin", origin)) is Forbidden


def test_there_are_sixty_values_of_origin() -> None:
    assert len({*ORIGINS, *FOREIGN_ORIGINS}) >= 60


def test_an_origin_is_our_own_by_the_name_that_was_called() -> None:
    guard = Guard(Server(), PORT)
    assert judged(guard, (b"host", b"localhost:8787"), (b"origin", b"http://localhost:8787")) is None
    assert judged(guard, (b"host", US), (b"origin", b"http://localhost:8787")) is Forbidden


def test_with_tls_our_own_origin_is_https() -> None:
    guard = Guard(Server(tls_cert="c", tls_key="k", hosts=("gw.example",)), 443)
    assert judged(guard, (b"host", b"gw.example"), (b"origin", b"https://gw.example")) is None
    assert judged(guard, (b"host", b"gw.example"), (b"origin", b"http://gw.example")) is Forbidden


def test_two_origins_agree_with_nothing() -> None:
    guard = Guard(ALLOWED, PORT)
    own = (b"origin", b"http://127.0.0.1:8787")
    assert judged(guard, (b"host", US), own, own) is Forbidden
    assert judged(guard, (b"host", US), (b"origin", b"https://app.example"), own) is Forbidden


@pytest.mark.parametrize(
    ("site", "passes"),
    [
        (b"same-origin", True),
        (b"none", True),
        (b"same-site", False),
        (b"cross-site", False),
        (b"", False),
        (b"Same-Origin", False),
        (b"none, cross-site", False),
        (b"unknown", False),
    ],
)
def test_a_browser_says_whose_page_asked(site: bytes, passes: bool) -> None:
    guard = Guard(ALLOWED, PORT)
    expected = None if passes else Forbidden
    assert judged(guard, (b"host", US), (b"sec-fetch-site", site)) is expected
    own = (b"origin", b"http://127.0.0.1:8787")
    assert judged(guard, (b"host", US), own, (b"sec-fetch-site", site)) is expected
    # A listed origin is another site by nature: that is what it was listed for.
    listed = (b"origin", b"https://app.example")
    assert judged(guard, (b"host", US), listed, (b"sec-fetch-site", site)) is None


@pytest.mark.parametrize(
    "order", [(b"none", b"cross-site"), (b"cross-site", b"none"), (b"x", b"same-origin")]
)
def test_the_worst_of_two_counts(order: tuple[bytes, bytes]) -> None:
    sites = [(b"sec-fetch-site", value) for value in order]
    assert judged(Guard(Server(), PORT), (b"host", US), *sites) is Forbidden


# What real browsers were seen to send when a page named evil.test reaches for this port, on each way in.
BROWSERS: list[tuple[str, Headers]] = [
    (
        "form post, no-cors",
        [(b"host", US), (b"origin", b"http://evil.test"), (b"sec-fetch-site", b"cross-site")],
    ),
    (
        "post of json, cors",
        [(b"host", US), (b"origin", b"http://evil.test"), (b"sec-fetch-site", b"cross-site")],
    ),
    ("get of 0.0.0.0", [(b"host", b"0.0.0.0:8787")]),
    ("get of localhost", [(b"host", b"localhost:8787"), (b"sec-fetch-site", b"cross-site")]),
    ("image", [(b"host", US), (b"sec-fetch-site", b"cross-site")]),
    ("post to a rebound name", [(b"host", b"evil.test:8787"), (b"origin", b"http://evil.test")]),
    ("websocket, Chromium", [(b"host", US), (b"origin", b"http://evil.test"), (b"upgrade", b"websocket")]),
    ("get, same port rebound", [(b"host", b"evil.test:8787")]),
    ("post, same port rebound", [(b"host", b"evil.test:8787"), (b"origin", b"http://evil.test:8787")]),
    (
        "websocket, Firefox",
        [(b"host", US), (b"origin", b"http://evil.test"), (b"sec-fetch-site", b"cross-site")],
    ),
]


@pytest.mark.control("T4")
@pytest.mark.parametrize("headers", [headers for _, headers in BROWSERS], ids=[name for name, _ in BROWSERS])
def test_no_way_in_from_a_foreign_page(headers: Headers) -> None:
    assert judged(Guard(Server(), PORT), *headers) in (Misdirected, Forbidden)


def test_host_is_judged_before_origin() -> None:
    guard = Guard(ALLOWED, PORT)
    assert judged(guard, (b"origin", b"https://app.example"), (b"host", b"evil.test")) is Misdirected


def test_refusals_name_the_value_and_the_way_out_and_nothing_unprintable() -> None:
    guard = Guard(Server(), PORT)
    with pytest.raises(Misdirected) as refused:
        guard.check([(b"host", b"evil\x1b[31m\xff" + b"x" * 500)])
    assert refused.value.message.startswith("the Host header names evil?[31m?xxx")
    assert "127.0.0.1:8787" in refused.value.message
    assert "server.hosts" in refused.value.message
    assert len(refused.value.message) < 400
    with pytest.raises(Forbidden, match=r"pages of https://evil\.test may not call .* server\.origins"):
        guard.check([(b"host", US), (b"origin", b"https://evil.test")])


@pytest.mark.parametrize(
    ("peer", "admitted"),
    [
        ("192.168.1.77", True),
        ("192.168.2.77", False),
        ("::ffff:192.168.1.77", True),
        ("::ffff:8.8.8.8", False),
        ("10.1.2.3", True),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("fe80::1%eth0", False),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("", False),
        ("not an address", False),
    ],
)
def test_peers_of_the_listed_networks_may_connect(peer: str, admitted: bool) -> None:
    assert Peers(("192.168.1.0/24", "10.1.2.3", "fd00::/8")).admits(peer) is admitted
    assert Peers(()).admits(peer)
