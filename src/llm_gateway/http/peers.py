"""How many connections each peer holds, and whether one more is too many. Who may come is the guard's."""

import ipaddress

__all__ = ["Peers", "is_here", "network_of"]


class Peers:
    """Count connections by where they come from: an IPv4 address, or an IPv6 network of 64 bits.

    `most` holds for a peer from elsewhere, `most_here` for this machine's own addresses; 0 is no bound.
    Whoever has one IPv6 address mostly has its network (RFC 6177): a bound by address would bind nobody.
    """

    __slots__ = ("_counts", "_most", "_most_here")

    def __init__(self, most: int, most_here: int) -> None:
        self._most = most
        self._most_here = most_here
        self._counts: dict[str, int] = {}

    def most(self, peer: str) -> int:
        """Return the bound that this peer has reached, 0 when it may have one more connection."""
        count = self._counts.get(network_of(peer), 0)
        if not (0 < self._most <= count or 0 < self._most_here <= count):
            return 0
        most = self._most_here if is_here(peer) else self._most
        return most if most <= count else 0

    def joined(self, peer: str) -> None:
        """Count a connection in."""
        network = network_of(peer)
        self._counts[network] = self._counts.get(network, 0) + 1

    def left(self, peer: str) -> None:
        """Count a connection out that was counted in."""
        network = network_of(peer)
        if (count := self._counts[network]) > 1:
            self._counts[network] = count - 1
        else:
            del self._counts[network]


def is_here(peer: str) -> bool:
    """Return whether a peer is this machine: a loopback address, or "" for a socket that has none."""
    if not peer:
        return True
    address = ipaddress.ip_address(peer.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def network_of(peer: str) -> str:
    """Return what a peer is counted by."""
    if ":" not in peer:
        return peer
    address = ipaddress.IPv6Address(peer.partition("%")[0])
    return str(address.ipv4_mapped or address.packed[:8].hex())
