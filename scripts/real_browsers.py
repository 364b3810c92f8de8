"""Have real browsers for the tests of what a web page can reach: Debian's, installed where that can be.

Standard library only. Where a browser is missing and cannot be installed, that is said and is no failure.
"""

import os
import shutil
import subprocess

from environment import say

__all__ = ["BROWSERS", "VARIABLE", "Unavailable", "ready"]

VARIABLE = "LLM_GATEWAY_TEST_BROWSERS"
# The program as Debian calls it, and the package that it is in.
BROWSERS = {"chromium": "chromium", "firefox-esr": "firefox-esr"}
_APT_S = 900.0


class Unavailable(Exception):
    """There is no way to a browser on this machine; the message says why."""


def ready() -> None:
    """Install what is missing; Unavailable where that cannot be."""
    missing = [package for program, package in BROWSERS.items() if shutil.which(program) is None]
    if not missing:
        return
    names = " and ".join(missing)
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{names}: not here, and there is no apt-get")
    as_root = [] if os.name == "posix" and os.geteuid() == 0 else ["sudo", "-n"]
    try:
        say(f"installing {names}: a minute or two, 0.7 GB")
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(
                [*as_root, "apt-get", *words],
                check=words[0] == "install",
                env=environ,
                stdout=subprocess.DEVNULL,
                timeout=_APT_S,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{names}: {error}") from error
