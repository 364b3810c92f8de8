"""Two machines in one: network namespaces with a cable between them, for tests of who can reach whom.

Linux alone, as root or where users may make namespaces of their own. What runs in one sees its own loopback,
its own address, and names as the test says.
"""

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["DESK", "SERVER", "Listening", "Machines"]

SERVER, DESK = "10.77.0.2", "10.77.0.3"
_SERVER6, _DESK6 = "fd77::2", "fd77::3"
_HOLD = "echo ready; exec sleep 3600"
# A connection from elsewhere goes nowhere, as behind a firewall that drops it; by the routing tables, because
# these are in every kernel, and only for ports that no program dials from.
_SHUT = """
ip rule add pref 1 lookup local
ip rule del pref 0
ip rule add pref 0 iif cable ipproto tcp dport 1-32767 blackhole
"""
_PROBE = """
import socket, ssl, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2) as peer:
        if sys.argv[3] == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            peer = context.wrap_socket(peer)
        peer.sendall(sys.stdin.buffer.read())
        sys.stdout.buffer.write(peer.recv(65536))
except OSError as error:
    sys.exit(type(error).__name__)
"""


class Listening(NamedTuple):
    """A socket that takes what comes: its protocol and its address."""

    protocol: str
    address: str
    port: int


class Machines:
    """A server and a desk. Use as a context manager; `on_server` and `on_desk` come before a command."""

    def __init__(self, folder: Path, names: Mapping[str, str] | None = None) -> None:
        hosts = folder / "hosts"
        hosts.write_text("".join(f"{address} {name}\n" for name, address in (names or {}).items()))
        self._hosts = hosts
        self._held: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        script = f'mount --bind "$1" /etc/hosts; ip link set lo up; {_HOLD}'
        for _ in range(2):
            self._held.append(_started(["unshare", "-n", "-m", "sh", "-c", script, "sh", str(self._hosts)]))
        desk = self._held[1].pid
        self._run(self.on_server, f"ip link add cable type veth peer name cable netns {desk}")
        # without `nodad` an IPv6 address cannot be bound for two seconds
        self._run(
            self.on_server, f"ip addr add {SERVER}/24 dev cable; ip addr add {_SERVER6}/64 dev cable nodad"
        )
        self._run(self.on_desk, f"ip addr add {DESK}/24 dev cable; ip addr add {_DESK6}/64 dev cable nodad")
        for side in (self.on_server, self.on_desk):
            self._run(side, "ip link set cable up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._held:
            each.kill()
            each.wait()
            if each.stdout is not None:
                each.stdout.close()

    @staticmethod
    def impossible() -> str:
        """Return why no machines can be made here, "" when they can."""
        try:
            probe = [
                "unshare",
                "-n",
                "-m",
                "ip",
                "link",
                "add",
                "cable",
                "type",
                "veth",
                "peer",
                "name",
                "end",
            ]
            done = subprocess.run(probe, check=False, capture_output=True, text=True)
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        return done.stderr.strip() if done.returncode else ""

    @property
    def on_server(self) -> tuple[str, ...]:
        """Return what runs a command on the server."""
        return ("nsenter", "-t", str(self._held[0].pid), "-n", "-m", "--")

    @property
    def on_desk(self) -> tuple[str, ...]:
        """Return what runs a command on the desk."""
        return ("nsenter", "-t", str(self._held[1].pid), "-n", "-m", "--")

    def inside(self, side: Sequence[str], threads: int) -> ThreadPoolExecutor:
        """Return threads of this process whose sockets are those of one machine."""
        namespace = f"/proc/{_pid(side)}/ns/net"
        return ThreadPoolExecutor(threads, "machine", _enter, (namespace,))

    def shut(self, side: Sequence[str]) -> None:
        """Let no connection come to a machine from the other one any more."""
        self._run(side, _SHUT)

    def cut(self, side: Sequence[str]) -> None:
        """Pull the cable out of a machine; the other one is not told."""
        self._run(side, "ip link set cable down")

    def mend(self, side: Sequence[str]) -> None:
        """Put the cable back."""
        self._run(side, "ip link set cable up")

    def listening(self, side: Sequence[str] = ()) -> list[Listening]:
        """Return every socket on the server, or the side said, that takes connections or datagrams."""
        found: list[Listening] = []
        pid = _pid(side or self.on_server)
        for protocol, waits in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
            table = Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]
            for fields in map(str.split, table):
                if fields[3] == waits:
                    address, _, port = fields[1].partition(":")
                    found.append(Listening(protocol, _address(address), int(port, 16)))
        return found

    def ask(self, side: Sequence[str], host: str, port: int, data: bytes, *, tls: bool = False) -> bytes:
        """Return the first bytes of an answer, b"" where nobody takes the connection or says anything."""
        probe = [*side, sys.executable, "-c", _PROBE, host, str(port), "tls" if tls else "plain"]
        return subprocess.run(probe, check=False, input=data, capture_output=True, timeout=20).stdout

    def _run(self, side: Sequence[str], script: str) -> None:
        done = subprocess.run([*side, "sh", "-ec", script], check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{script}: {done.stderr}"


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n", "no namespace can be made"
    return process


def _pid(side: Sequence[str]) -> str:
    return side[side.index("-t") + 1]


def _enter(namespace: str) -> None:
    """Have this thread make its sockets in a namespace (setns(2), which is for one thread alone)."""
    file = os.open(namespace, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(file, 0):
            raise OSError(ctypes.get_errno(), "this thread cannot enter a network namespace")
    finally:
        os.close(file)


def _address(text: str) -> str:
    """Return an address of /proc/net: words of 32 bits in the machine's own order."""
    packed = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
