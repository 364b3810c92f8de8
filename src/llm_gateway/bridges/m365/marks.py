"""Copilot's own marks in its answers: numbers of citations and names of things. Cleaned away, sources listed.

A mark of a citation (`[^1^]`, `[^external^]`) points to nothing that a client has; the sources follow the
answer as a list of links. A tag (`<Person>`) only says what kind of thing a name is. Code is left as it is.
"""

import re
from collections.abc import Iterable

__all__ = ["cited", "cleaned"]

_FENCE = "```"
_MARK = re.compile(r"```|\[\^[\w-]{1,24}\^\]|</?(?:Person|Event|File)>", re.ASCII)
# What may become a mark with the next letters: every beginning of one.
_BEGUN = re.compile(r"(?:\[(?:\^(?:[\w-]{1,24}\^?)?)?|</?[A-Z]?[a-z]{0,5})\Z", re.ASCII)
_MOST_SOURCES = 20
_NAME = str.maketrans({"[": "(", "]": ")", "\n": " ", "\r": " ", "\\": " "})
_URL = str.maketrans({"(": "%28", ")": "%29", " ": "%20", "<": "%3C", ">": "%3E"})


def cleaned(text: str, *, more: bool) -> str:
    """Return the text without its marks. With `more` to come, an end that may be half a mark is held back.

    So the cleaned beginning of a text is always a beginning of the cleaned text.
    """
    if more and (begun := _BEGUN.search(text)) is not None:
        text = text[: begun.start()]
    if "[^" not in text and "<" not in text:
        return text
    pieces: list[str] = []
    code, position = False, 0
    for mark in _MARK.finditer(text):
        if mark[0] == _FENCE:
            code = not code
        elif not code:
            pieces.append(text[position : mark.start()])
            position = mark.end()
    pieces.append(text[position:])
    return "".join(pieces)


def cited(sources: Iterable[tuple[str, str]]) -> str:
    """Return a list of sources, each a name and an address, to stand behind an answer; none for none."""
    lines: list[str] = []
    for name, url in sources:
        if url.isprintable() and url.lower().startswith(("https://", "http://")):
            address = url.translate(_URL)
            lines.append(f"- [{' '.join(name.translate(_NAME).split()) or address}]({address})")
    if not lines:
        return ""
    return "\n\nSources:\n" + "\n".join(lines[:_MOST_SOURCES])
