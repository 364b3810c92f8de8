"""What a header section says of its sender, found out once for all the requests that come with it."""

import pytest

from fakes import FakeClock, FakeIncoming
from llm_gateway.errors import MalformedRequest, Unauthenticated
from llm_gateway.pipeline.authenticate import Credential, Identity, KeyRing
from llm_gateway.pipeline.sender import sender_of
from llm_gateway.pipeline.wish import Wish
from llm_gateway.vault import key_digest
from llm_gateway.wire.headers import Headers

PEPPER = b"p" * 32
KEY = (b"x-api-key", b"lgw_ada")
ADA = Identity("key_1", "ada")


def ring(clock: FakeClock, *, expires_us: int = 0) -> KeyRing:
    made = KeyRing(PEPPER, clock)
    made.replace([Credential(ADA, key_digest(PEPPER, "lgw_ada"), expires_us)])
    return made


def with_headers(*headers: tuple[bytes, bytes]) -> FakeIncoming:
    return FakeIncoming(headers=headers)


def test_everything_is_found_out_at_once() -> None:
    clock = FakeClock()
    headers: Headers = [
        KEY,
        (b"user-agent", b"aider/1"),
        (b"x-llm-gateway-caller", b"nightly\x1b"),
        (b"content-encoding", b"deflate"),
        (b"x-vendor", b"kept"),
        (b"content-encoding", b"gzip"),
    ]
    sender = sender_of(with_headers(*headers), ring(clock), clock)
    assert sender.caller.identity == sender.credential.identity == ADA
    assert (sender.caller.client, sender.caller.purpose) == ("aider", "request")
    assert (sender.caller.declared, sender.caller.name) == ("nightly?", "nightly? (self-declared)")
    assert sender.coding == b"deflate,gzip"
    assert sender.forwarded == b"user-agent: aider/1\r\nx-vendor: kept\r\n"


def test_how_a_client_was_told_and_its_conversation_are_known() -> None:
    clock = FakeClock()
    caller = sender_of(
        with_headers(KEY, (b"user-agent", b"aider/1"), (b"session-id", b"s-1")), ring(clock), clock
    )
    assert (caller.caller.told_by, caller.caller.session, caller.caller.label) == ("agent", "s-1", "")
    keys = KeyRing(PEPPER, clock)
    mine = Identity("key_1", "ada", client="github-copilot")
    keys.replace([Credential(mine, key_digest(PEPPER, "lgw_ada"))])
    known = sender_of(with_headers(KEY, (b"x-claude-code-parent-agent-id", b"1")), keys, clock).caller
    assert (known.client, known.told_by, known.label) == ("github-copilot", "key", "sub-agent")


def test_what_is_not_said_is_nothing() -> None:
    clock = FakeClock()
    sender = sender_of(with_headers(KEY), ring(clock), clock)
    assert (sender.caller.declared, sender.caller.name, sender.coding) == ("", "ada", b"")
    assert sender.forwarded == b""


@pytest.mark.parametrize("name", [b"user-agent", b"x-llm-gateway-client"])
def test_a_smoke_request_is_told_by_its_client(name: bytes) -> None:
    clock = FakeClock()
    value = b"llm-gateway-smoke" + (b"/1" if name == b"user-agent" else b"")
    assert sender_of(with_headers(KEY, (name, value)), ring(clock), clock).caller.purpose == "smoke"


def test_nobody_is_told_how_to_become_somebody() -> None:
    clock = FakeClock()
    incoming = with_headers((b"x-api-key", b"lgw_eve"))
    with pytest.raises(Unauthenticated):
        sender_of(incoming, ring(clock), clock)
    assert incoming.memo.sender is None


# the memo


def test_the_same_header_section_is_read_once() -> None:
    clock = FakeClock()
    keys, incoming = ring(clock), with_headers(KEY)
    assert sender_of(incoming, keys, clock) is sender_of(incoming, keys, clock)
    assert sender_of(with_headers(KEY), keys, clock) is not incoming.memo.sender


def test_a_memo_does_not_outlive_the_keys_it_was_made_with() -> None:
    clock = FakeClock()
    keys, incoming = ring(clock), with_headers(KEY)
    sender_of(incoming, keys, clock)
    keys.replace([])
    with pytest.raises(Unauthenticated):
        sender_of(incoming, keys, clock)
    keys.replace([Credential(Identity("key_2", "bob"), key_digest(PEPPER, "lgw_ada"))])
    assert sender_of(incoming, keys, clock).caller.name == "bob"


def test_a_memo_does_not_outlive_its_key() -> None:
    clock = FakeClock(1_000_000)
    keys, incoming = ring(clock, expires_us=2_000_000), with_headers(KEY)
    sender = sender_of(incoming, keys, clock)
    clock.advance(0.999_999)
    assert sender_of(incoming, keys, clock) is sender
    clock.advance(0.000_001)
    with pytest.raises(Unauthenticated, match="expired"):
        sender_of(incoming, keys, clock)


def test_what_somebody_else_left_in_a_memo_is_no_sender() -> None:
    clock = FakeClock()
    incoming = with_headers(KEY)
    incoming.memo.sender = "root"
    assert sender_of(incoming, ring(clock), clock).caller.name == "ada"


def test_what_is_said_of_the_response_cache_is_read_once() -> None:
    clock = FakeClock()
    incoming = with_headers(KEY, (b"x-llm-gateway-cache", b"60"))
    sender = sender_of(incoming, ring(clock), clock)
    assert sender.wish == Wish(uses=True, oldest=60)
    assert sender_of(incoming, ring(clock), clock) is sender
    assert sender_of(with_headers(KEY), ring(clock), clock).wish is None
    with pytest.raises(MalformedRequest):
        sender_of(with_headers(KEY, (b"x-llm-gateway-cache", b"perhaps")), ring(clock), clock)
