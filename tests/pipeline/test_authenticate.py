"""Who is asking: every place where a key may stand, which one counts, and what is said when none opens."""

import pytest

from fakes import FakeClock
from llm_gateway.errors import Unauthenticated
from llm_gateway.pipeline.authenticate import Credential, Identity, KeyRing, credentials
from llm_gateway.vault import key_digest, mint_key
from llm_gateway.wire.headers import Headers

PEPPER = b"p" * 32
ADA, BOB = Identity("key_1", "ada"), Identity("key_2", "bob")
ADAS, BOBS = mint_key(), mint_key()


def ring(*more: Credential, clock: FakeClock | None = None) -> KeyRing:
    """Return a ring that accepts the keys of Ada and Bob."""
    made = KeyRing(PEPPER, clock or FakeClock())
    made.replace([accepted(ADA, ADAS), accepted(BOB, BOBS), *more])
    return made


def accepted(who: Identity, key: str, expires_us: int = 0) -> Credential:
    return Credential(who, key_digest(PEPPER, key), expires_us)


def refusal(keys: KeyRing, headers: Headers, target: bytes = b"") -> str:
    with pytest.raises(Unauthenticated) as refused:
        keys.authenticate(headers, target)
    return refused.value.message


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer %b"),
        (b"authorization", b"bearer %b"),
        (b"authorization", b"BEARER  %b "),
        (b"authorization", b"\t Bearer %b"),
        (b"x-api-key", b"%b"),
        (b"x-api-key", b" %b\t"),
        (b"x-goog-api-key", b"%b"),
        (b"api-key", b"%b"),
        (b"x-llm-gateway-key", b"%b"),
    ],
    ids=str,
)
def test_a_key_opens_from_every_header_that_may_hold_one(header: tuple[bytes, bytes]) -> None:
    name, value = header
    keys = ring()
    for _ in range(2):  # the second time it is known already
        assert keys.authenticate([(b"accept", b"*/*"), (name, value % ADAS.encode())]) == ADA
    assert refusal(keys, [(name, value % (ADAS + "x").encode())])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", ADAS.encode())],
        [(b"authorization", b"Basic " + ADAS.encode())],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"x-api-key", b"")],
        [(b"cookie", b"key=" + ADAS.encode())],
        [(b"x-key", ADAS.encode())],
    ],
    ids=str,
)
def test_without_a_key_in_its_place_the_refusal_says_how_to_send_one(headers: Headers) -> None:
    message = refusal(ring(), headers)
    assert "Authorization: Bearer" in message and "keys create" in message
    assert ADAS not in message


# which one counts


def test_our_own_header_wins_and_leaves_the_others_to_a_login_that_passes_through() -> None:
    login = (b"authorization", b"Bearer " + BOBS.encode())
    own = (b"x-llm-gateway-key", ADAS.encode())
    assert credentials([login, own]) == credentials([own, login]) == [ADAS.encode()]
    assert ring().authenticate([login, own]) == ADA


@pytest.mark.parametrize("own", [b"wrong", b"", b"lgw_" + b"0" * 49])
def test_a_wrong_key_in_our_own_header_is_not_made_good_by_another(own: bytes) -> None:
    headers = [(b"authorization", b"Bearer " + ADAS.encode()), (b"x-llm-gateway-key", own)]
    assert "not known" in refusal(ring(), headers)


def test_of_several_headers_the_first_known_key_counts_and_each_is_tried_once() -> None:
    headers = [
        (b"authorization", b"Bearer sk-of-somebody-else"),
        (b"x-api-key", b"sk-of-somebody-else"),
        (b"api-key", ADAS.encode()),
        (b"x-goog-api-key", BOBS.encode()),
    ]
    assert credentials(headers) == [b"sk-of-somebody-else", ADAS.encode(), BOBS.encode()]
    assert ring().authenticate(headers) == ADA


# ?key=, for clients that know no other place


@pytest.mark.parametrize("query", [b"key=%b", b"alt=sse&key=%b", b"key=%b&key=other"])
def test_a_key_in_the_query_opens_where_it_is_looked_for(query: bytes) -> None:
    target = b"/v1beta/models/m:generateContent?" + query % ADAS.encode()
    assert ring().authenticate([], target) == ADA
    assert "no gateway key" in refusal(ring(), [])


@pytest.mark.parametrize(
    "query", [b"key=", b"monkey=1", b"key=%%C3%%A9", b"key=\xff\xfe", b"key=%%00", b"&key&"]
)
def test_a_query_without_a_good_key_does_not_open(query: bytes) -> None:
    message = refusal(ring(), [], b"/v1beta/models?" + query % ())
    assert "key" in message


def test_a_header_comes_before_the_query() -> None:
    target = b"/v1beta/models?key=" + ADAS.encode()
    assert credentials([(b"x-goog-api-key", b"wrong")], target) == [b"wrong"]


# keys that open no more


def test_a_key_opens_until_it_expires() -> None:
    clock = FakeClock(1_000_000)
    keys = ring(accepted(Identity("key_3", "eve"), "lgw_eve", expires_us=2_000_000), clock=clock)
    headers = [(b"x-api-key", b"lgw_eve")]
    assert keys.authenticate(headers).caller == "eve"
    clock.advance(0.999_999)
    assert keys.authenticate(headers).caller == "eve"
    clock.advance(0.000_001)
    assert "expired" in refusal(keys, headers)


def test_a_revoked_key_opens_no_more_even_if_it_did_before() -> None:
    keys = ring()
    headers = [(b"x-api-key", ADAS.encode())]
    assert keys.authenticate(headers) == ADA
    keys.replace([accepted(BOB, BOBS)])
    assert "revoked" in refusal(keys, headers)
    keys.replace([accepted(BOB, ADAS)])
    assert keys.authenticate(headers) == BOB


def test_an_overlong_key_is_not_even_digested() -> None:
    long = "k" * 513
    keys = ring(accepted(ADA, long), accepted(BOB, long[:-1]))
    assert keys.authenticate([(b"api-key", long[:-1].encode())]) == BOB
    message = refusal(keys, [(b"api-key", long.encode())])
    assert "kkk" not in message and len(message) < 300


@pytest.mark.parametrize("key", [ADAS[:-1] + "_", "lgw_\u00fcber", "sk-secret-of-a-vendor", "%s%n{0}"])
def test_a_refusal_never_repeats_a_key(key: str) -> None:
    message = refusal(ring(), [(b"authorization", b"Bearer " + key.encode())])
    assert key not in message and key[4:] not in message
    assert "keys list" in message and "keys create" in message


def test_a_key_is_no_longer_accepted_under_another_pepper() -> None:
    other = KeyRing(b"q" * 32, FakeClock())
    other.replace([accepted(ADA, ADAS)])
    assert refusal(other, [(b"x-api-key", ADAS.encode())])
