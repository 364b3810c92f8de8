"""Look up the addresses of upstreams: off the event loop, and so that a slow name holds up no other one.

Not a cache: an answer is shared by those who wait for it, and the next one asks anew. How long anybody waits
is their own business.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable

__all__ = ["LookUp", "Names", "look_up"]

LookUp = Callable[[str, int], list[str]]


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, as this machine knows them; OSError says why there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Names:
    """Look names up, each in a thread of its own: the event loop's few threads would all wait for one.

    There are as many threads as there are names at a time, and those are the configuration's.
    """

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._loop = asyncio.get_running_loop()
        self._look_up = look_up
        self._asked: dict[tuple[str, int], asyncio.Future[list[str] | OSError]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, at least one; OSError says why there are none."""
        if _is_address(host):
            return [host]
        asked = self._asked.get((host, port))
        if asked is None:
            asked = self._asked[host, port] = self._loop.create_future()
            asking = threading.Thread(target=self._ask, args=(host, port), name="look up", daemon=True)
            asking.start()
        found = await asyncio.shield(asked)
        if isinstance(found, OSError):
            raise found
        return found

    def _ask(self, host: str, port: int) -> None:
        try:
            found: list[str] | OSError = self._look_up(host, port)
        except OSError as error:
            found = error
        except UnicodeError:  # a label that is too long, or empty
            found = socket.gaierror(socket.EAI_NONAME, "this cannot be a name")
        try:
            self._loop.call_soon_threadsafe(self._found, (host, port), found)
        except RuntimeError:
            pass  # the loop has ended meanwhile

    def _found(self, name: tuple[str, int], found: list[str] | OSError) -> None:
        self._asked.pop(name).set_result(found)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
