"""Write the expected files of the golden matrix from the code, so that a change of behaviour is one of files.

    python scripts/goldens.py [CASE…]

Read the difference before it is committed: what is written here is what clients and providers will get.
`matrix.py` says what the files are; `tests/dialects/test_matrix.py` holds them to the code.
"""

import sys
from pathlib import Path

from matrix import CASES, Case, cases, expected, is_made

__all__ = ["main", "stale"]


def main(names: list[str]) -> int:
    """Bring the files of the named cases, or of all of them, up to date, and say which ones changed."""
    for case in cases():
        if names and case.name not in names:
            continue
        wanted = expected(case)
        for path, text in wanted.items():
            if not path.is_file() or path.read_bytes() != text.encode():
                path.write_bytes(text.encode())
                print(path.relative_to(CASES))
        for path in stale(case, wanted):
            path.unlink()
            print(path.relative_to(CASES), "(removed)")
    return 0


def stale(case: Case, wanted: dict[Path, str]) -> list[Path]:
    """Return files that the program once made of a case, and makes no longer."""
    return [path for path in sorted(case.folder.glob("*/*")) if is_made(path) and path not in wanted]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
