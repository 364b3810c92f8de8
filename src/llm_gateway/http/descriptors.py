"""How many files and sockets this process may have open: as many as it needs, where the system lets it.

The usual bound (1,024, on macOS 256) is there for programs that cannot count further. Each connection of a
client costs one, and one more while it is answered by a provider.
"""

import sys

if sys.platform != "win32":
    import resource

__all__ = ["make_room"]

_OWN = 1000  # files, idle connections to providers, and what is open for a moment


def make_room(connections: int) -> None:
    """Raise the bound to what so many connections need at most, or as far as this process may."""
    if sys.platform == "win32":  # it knows no such bound
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _OWN
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        pass  # macOS has a second bound that is not told; what there is has to do
