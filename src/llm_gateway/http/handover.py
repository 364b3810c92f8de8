"""Sockets that outlive a program: those that a service manager gives, and those that a restart hands on.

The former come by systemd's protocol (sd_listen_fds(3)), as descriptors from 3 on; the latter stay where they
are, and a variable says where. What is done with them, and whether they may be used, is not decided here.
"""

import os
import socket
from collections.abc import MutableMapping, Sequence

import msgspec

from llm_gateway.errors import ConfigError

__all__ = ["NOTHING", "Inherited", "duplicate", "leave", "read_activation"]

_FIRST = 3
_PID, _COUNT, _NAMES = "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"
_KEPT = "LLM_GATEWAY_KEPT_SOCKETS"
# A variable has room for 128 KiB (Linux, MAX_ARG_STRLEN), and a descriptor takes up to eight bytes of it.
_MOST = 16_000


class Inherited(msgspec.Struct, frozen=True):
    """Sockets that were open before this program began.

    `given` were made by a service manager, `bound` by the gateway that was here before; `connections`
    are that one's clients, who expect to be served on. `restarted` says that there was one.
    """

    given: tuple[socket.socket, ...] = ()
    bound: tuple[socket.socket, ...] = ()
    connections: tuple[socket.socket, ...] = ()
    restarted: bool = False


NOTHING = Inherited()


def read_activation(environ: MutableMapping[str, str], pid: int, first: int = _FIRST) -> Inherited:
    """Take over what is meant for this process, and the variables: they are for none of its children.

    ConfigError says what is wrong with what was given.
    """
    told, count, _ = (environ.pop(name, "") for name in (_PID, _COUNT, _NAMES))
    owner, *kept = environ.pop(_KEPT, "").split(";")
    if owner == str(pid):
        given, bound, connections = (map(int, each.split(",") if each else ()) for each in kept)
        return Inherited(
            tuple(map(_listening, given)),
            tuple(map(_listening, bound)),
            tuple(map(_opened, connections)),
            True,
        )
    if told != str(pid):
        return NOTHING
    if not (count.isascii() and count.isdigit()):
        raise ConfigError(f"{_COUNT}: {count[:20]!r} is no number of descriptors")
    return Inherited(given=tuple(map(_listening, range(first, first + int(count)))))


def leave(kept: Inherited) -> dict[str, str]:
    """Let the next program of this process have these sockets; return the variable that tells of them.

    They stay where they are: what is moved to a number that is free now may be closed by the thread that
    had it, late, when it ends what it is at.
    """
    lists = [_inheritable(each) for each in (kept.given, kept.bound, kept.connections[:_MOST])]
    return {_KEPT: ";".join([str(os.getpid()), *lists])}


def duplicate(number: int) -> socket.socket:
    """Return a socket of our own for a descriptor that somebody else is about to close."""
    return socket.socket(fileno=os.dup(number))


def _inheritable(sockets: Sequence[socket.socket]) -> str:
    numbers = [each.detach() for each in sockets]
    for number in numbers:
        os.set_inheritable(number, True)
    return ",".join(map(str, numbers))


def _listening(number: int) -> socket.socket:
    found = _opened(number)
    why = ""
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        why = "is no TCP socket; the gateway listens on TCP alone"
    elif not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        why = "does not listen; a .socket unit needs `Accept=no`, its default"
    if why:
        found.close()
        raise ConfigError(f"{_COUNT}: descriptor {number} {why}")
    return found


def _opened(number: int) -> socket.socket:
    try:
        found = socket.socket(fileno=number)
    except OSError as error:
        raise ConfigError(f"{_COUNT}: descriptor {number} is no socket: {error.strerror}") from error
    found.set_inheritable(False)
    return found
