"""House rules: the repository speaks of its subject alone, on any machine, to anybody."""

import re
from collections.abc import Iterator

from house import ROOT, files, python_files, said, text

# Spelled in pieces, so that this file is not what it forbids. A registry's host in a file makes the
# file depend on one way to the packages; a machine's path makes it depend on one machine.
FOREIGN = re.compile(
    "|".join(
        re.escape(first + second)
        for first, second in (
            ("py", "pi.org"),
            ("pythonhosted", ".org"),
            ("registry.npm", "js"),
            ("deb.deb", "ian.org"),
            ("/wo", "rk/"),
            ("/ro", "ot/"),
            ("/opt/wh", "eels"),
            ("/home/", "user"),
        )
    )
)
NUMBERED = re.compile(r"(\S*)\s+issues?\s+#?\d+", re.IGNORECASE)
NOT_OURS = {"constraints.txt", "LICENSE"}


def lines() -> Iterator[tuple[str, str]]:
    for path in files():
        for number, line in enumerate(text(path).splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def test_no_file_names_a_registry_or_a_machine() -> None:
    assert not (
        found := said(f"{where} {line.strip()}" for where, line in lines() if FOREIGN.search(line))
    ), found


def test_no_file_refers_to_our_own_tickets() -> None:
    """An issue is named with its repository, as a source; a number alone means nothing to a reader."""

    def bare() -> Iterator[str]:
        for where, line in lines():
            for match in NUMBERED.finditer(line):
                if "/" not in match[1]:
                    yield f"{where} {line.strip()}"

    assert not (found := said(bare())), found


def test_no_sentence_is_left_for_later() -> None:
    mark = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
    left = (
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in python_files()
        for number, line in enumerate(text(path).splitlines(), 1)
        if mark.search(line)
    )
    assert not (found := said(left)), found


def test_every_text_ends_with_one_line_ending_and_has_no_other() -> None:
    odd = (
        str(path.relative_to(ROOT))
        for path in files()
        if path.suffix in (".py", ".md", ".toml", ".sql", ".c", ".h", ".txt")
        and path.name not in NOT_OURS
        and path.stat().st_size
        and (not text(path).endswith("\n") or text(path).endswith("\n\n") or "\r" in text(path))
        and "fixtures" not in path.parts
    )
    assert not (found := said(odd)), found
