"""What of the gateway's environment a program of our own gets, so that none of its keys goes with it.

Not what a vendor's program gets, which has to find its login (`bridges/process.py`), and not the settings
that are in it (`config/`).
"""

from collections.abc import Mapping

__all__ = ["keyless"]

# What an interpreter needs to run: where it and its libraries are, the language, a place for files.
_PASSED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "VIRTUAL_ENV",
)


def keyless(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that a program of our own needs to run."""
    return {name: environ[name] for name in _PASSED if name in environ}
