#!/usr/bin/env python3
"""Everything that is done with a checkout: `python3 scripts/dev.py VERB`, or `make VERB`.

This file only finds a Python that is new enough, so that one that is too old can say so; what the verbs
do is in `verbs.py`. Standard library only, and nothing here that Python 3.6 could not read.
"""

import os
import shutil
import subprocess
import sys

__all__ = ["main"]

OLDEST = (3, 11)
NEWEST_MINOR = 20


def main() -> int:
    """Do the verb, by this interpreter or a newer one; return the exit code."""
    if sys.version_info >= OLDEST:
        import verbs  # noqa: PLC0415 - an older interpreter could not even read it

        return verbs.main(sys.argv[1:])
    for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        if python and works(python):
            return subprocess.call([python, *sys.argv])
    needed, this = (".".join(map(str, version[:2])) for version in (OLDEST, sys.version_info))
    sys.stderr.write(
        f"error: Python {needed} or newer is needed, and this is {this}.\n"
        "hint: install a newer one; `make PYTHON=/path/to/python3.12 ...` takes the one you name\n"
    )
    return 1


def works(python: str) -> bool:
    """Whether an interpreter starts: a version manager leaves names behind that lead nowhere."""
    with open(os.devnull, "w") as nowhere:
        return subprocess.call([python, "-c", ""], stdout=nowhere, stderr=nowhere) == 0


if __name__ == "__main__":
    sys.exit(main())
