"""Connections are counted by where they come from, and this machine's own by a rule of its own."""

import pytest

from llm_gateway.http.peers import Peers, is_here


def full(peers: Peers, *from_: str, then: str) -> int:
    for peer in from_:
        peers.joined(peer)
    return peers.most(then)


@pytest.mark.parametrize(
    ("joined", "then", "expected"),
    [
        ((), "192.0.2.1", 0),
        (("192.0.2.1",), "192.0.2.1", 0),
        (("192.0.2.1", "192.0.2.1"), "192.0.2.1", 2),
        (("192.0.2.1", "192.0.2.2"), "192.0.2.1", 0),
        (("2001:db8::1", "2001:db8::2"), "2001:db8::3", 2),
        (("2001:db8::1", "2001:db8:0:1::2"), "2001:db8::3", 0),
        (("fe80::1%eth0", "fe80::2%eth0"), "fe80::3%eth0", 2),
        (("::ffff:192.0.2.1", "192.0.2.1"), "192.0.2.1", 2),
        (("192.0.2.1", "192.0.2.1"), "::ffff:192.0.2.1", 2),
        (("127.0.0.1", "127.0.0.1"), "127.0.0.1", 0),
        (("127.0.0.1",) * 3, "127.0.0.1", 3),
        (("::1",) * 3, "::1", 3),
        (("::ffff:127.0.0.1",) * 3, "127.0.0.1", 3),
        (("",) * 2, "", 0),
    ],
)
def test_a_peer_has_its_bound_and_this_machine_another(
    joined: tuple[str, ...], then: str, expected: int
) -> None:
    assert full(Peers(2, 3), *joined, then=then) == expected


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.1", "2001:db8::1", "::1", ""])
def test_no_bound_is_none(peer: str) -> None:
    assert full(Peers(0, 0), *(peer,) * 5, then=peer) == 0


def test_this_machine_may_be_without_a_bound() -> None:
    assert full(Peers(2, 0), *("127.0.0.1",) * 5, then="127.0.0.1") == 0
    assert full(Peers(0, 2), *("192.0.2.1",) * 5, then="192.0.2.1") == 0


def test_who_leaves_makes_room_and_is_forgotten() -> None:
    peers = Peers(2, 0)
    assert full(peers, "192.0.2.1", "192.0.2.1", then="192.0.2.1") == 2
    peers.left("192.0.2.1")
    assert peers.most("192.0.2.1") == 0
    peers.left("192.0.2.1")
    with pytest.raises(KeyError):
        peers.left("192.0.2.1")


@pytest.mark.parametrize(
    ("peer", "here"),
    [("", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True)]
    + [(peer, False) for peer in ("192.0.2.1", "10.0.0.1", "fe80::1%eth0", "::ffff:192.0.2.1")],
)
def test_this_machine_is_known_by_its_loopback_addresses(peer: str, here: bool) -> None:
    assert is_here(peer) is here
