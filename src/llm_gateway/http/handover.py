"""Sockets that outlive a program: those that a service manager gives, and those that a restart hands on.

Both come by systemd's protocol (sd_listen_fds(3)): open descriptors from 3 on, told of by three variables.
What is done with the sockets, and whether they may be used, is not decided here.
"""

import os
import socket
import sys
from collections.abc import MutableMapping

import msgspec

from llm_gateway.errors import ConfigError

if sys.platform != "win32":
    import fcntl

__all__ = ["NOTHING", "Inherited", "duplicate", "leave", "read_activation"]

_FIRST = 3
_PID, _COUNT, _NAMES = "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"
# A unit's sockets have names of their own; what has one of these comes from the gateway that was here before.
_GIVEN, _BOUND, _CONNECTION = "llm-gateway.given", "llm-gateway.bound", "llm-gateway.connection"
_OURS = (_GIVEN, _BOUND, _CONNECTION)


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
    told, count, names = (environ.pop(name, "") for name in (_PID, _COUNT, _NAMES))
    if told != str(pid):
        return NOTHING
    if not (count.isascii() and count.isdigit()):
        raise ConfigError(f"{_COUNT}: {count[:20]!r} is no number of descriptors")
    named = names.split(":") if names else []
    named += [""] * (int(count) - len(named))
    found: dict[str, list[socket.socket]] = {kind: [] for kind in _OURS}
    for number, name in enumerate(named[: int(count)], first):
        kind = name if name in _OURS else _GIVEN
        found[kind].append(_opened(number, listens=kind != _CONNECTION))
    restarted = any(name in _OURS for name in named)
    return Inherited(tuple(found[_GIVEN]), tuple(found[_BOUND]), tuple(found[_CONNECTION]), restarted)


def leave(kept: Inherited, first: int = _FIRST) -> dict[str, str]:
    """Put sockets where the next program of this process finds them; return the variables that tell of them.

    Nothing but that program may follow: descriptors from `first` on are overwritten.
    """
    kinds = ((_GIVEN, kept.given), (_BOUND, kept.bound), (_CONNECTION, kept.connections))
    # In ascending order a descriptor is never put where another one still waits: none moves upward.
    moving = sorted((_from(first, each.detach()), kind) for kind, sockets in kinds for each in sockets)
    for place, (number, _) in enumerate(moving, first):
        if number == place:
            os.set_inheritable(number, True)
        else:
            os.dup2(number, place, inheritable=True)
            os.close(number)
    return {
        _PID: str(os.getpid()),
        _COUNT: str(len(moving)),
        _NAMES: ":".join(kind for _, kind in moving),
    }


def duplicate(number: int) -> socket.socket:
    """Return a socket of our own for a descriptor that somebody else is about to close."""
    return socket.socket(fileno=os.dup(number))


def _from(first: int, number: int) -> int:
    """Return a descriptor from `first` on: who was started without stdin has a socket there."""
    if number >= first or sys.platform == "win32":
        return number
    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, first)
    os.close(number)
    return moved


def _opened(number: int, *, listens: bool) -> socket.socket:
    try:
        found = socket.socket(fileno=number)
    except OSError as error:
        raise ConfigError(f"{_COUNT}: descriptor {number} is no socket: {error.strerror}") from error
    found.set_inheritable(False)
    why = ""
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        why = "is no TCP socket; the gateway listens on TCP alone"
    elif listens and not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        why = "does not listen; a .socket unit needs `Accept=no`, its default"
    if why:
        found.close()
        raise ConfigError(f"{_COUNT}: descriptor {number} {why}")
    return found
