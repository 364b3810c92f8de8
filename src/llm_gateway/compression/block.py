"""One result of a tool, with what can be read further up or is said twice taken out; and back again.

A result is encoded by what came before it and by a setting, by nothing else. What decodes to something else
than the result is not used. What a shell wrote to a terminal is first brought to the screen that it makes,
and that is what comes back: everything else comes back byte for byte.
"""

from typing import NamedTuple

from llm_gateway.compression.places import Places
from llm_gateway.compression.reading import read
from llm_gateway.compression.references import Earlier
from llm_gateway.compression.segments import segments
from llm_gateway.compression.terminal import is_terminal, screen
from llm_gateway.compression.writing import Least, write

__all__ = ["STRICT", "WIDE", "History", "Result", "Setting", "decoded", "encoded", "seen"]

_LARGEST = 1_000_000  # characters: what is longer is sent as it is, and not referred to
_LONGEST_LINE = 200_000
_SHORTEST = 80  # of which nothing is worth a marker
_FEWEST_LINES = 3
_MARGIN = 8  # characters that have to go


class Setting(NamedTuple):
    """From how much on something is taken out.

    `version` names everything that decides how a result is encoded, this code included: it changes whenever
    any result would be encoded differently.
    """

    version: str
    least: Least = Least()


STRICT = Setting("strict-1")
WIDE = Setting("wide-1", Least(numbered=300, beside=120, printed=120, text=300, keep=2, groups=True))


class Result(NamedTuple):
    """A tool's result: its text, its place among the results, from 1, and whether a shell printed it."""

    text: str
    number: int
    shell: bool


class History:
    """What a result may refer to: what stands before it. `failures` counts what had to be sent as it is."""

    def __init__(self) -> None:
        self.lines = Earlier()
        self.places = Places()
        self.failures = 0

    def called(self, number: int, name: str, text: str) -> None:
        """Add what a tool was called with: the number of the call, the argument's name, and its text."""
        if len(text) > _LARGEST or not (name.isascii() and name.replace(".", "").isidentifier()):
            return
        lines = text.split("\n")
        if len(lines) >= _FEWEST_LINES:
            self.lines.add(f"call {number} {name}", lines)

    def passed(self, number: int, text: str) -> None:
        """Add a result that is sent as it is."""
        if not _SHORTEST <= len(text) <= _LARGEST:
            return
        lines = text.split("\n")
        found: list[str] = []
        for segment in segments(text, lines):
            found += segment.lines
        self.lines.add(f"result {number}", found)


def seen(result: Result) -> str:
    """Return what of a result is to be seen: all of it, or the screen that it makes of a terminal."""
    text = result.text
    if result.shell and is_terminal(text):
        return screen(text) or text
    return text


def encoded(result: Result, history: History, setting: Setting) -> str:
    """Return how a result is sent, and keep it as history: encoded where that is shorter and comes back."""
    if _SHORTEST <= len(result.text) <= _LARGEST:
        try:
            sent = _encoded(result, history, setting)
        except Exception:  # the edge of compression: what it cannot do must not cost a request
            history.failures += 1
            sent = None
        if sent is not None:
            return sent
    history.passed(result.number, result.text)
    return result.text


def decoded(sent: str, history: History, number: int) -> str:
    """Return what is to be seen of the result that was encoded so, and keep it as history.

    `history` is what stands before it, decoded in order. ValueError, KeyError or IndexError for what never
    was encoded.
    """
    found = read(sent.split("\n"), history.lines, history.places, number)
    history.lines.add(f"result {number}", found.plain, found.shown)
    history.places.roots.update(found.roots)
    return "\n".join(found.lines)


def _encoded(result: Result, history: History, setting: Setting) -> str | None:
    text = seen(result)
    wrote = write(text, result.number, result.shell, history.lines, history.places, setting.least)
    if not wrote.shorter and text is result.text:
        return None
    sent = "\n".join(wrote.lines)
    if len(sent) + _MARGIN > len(result.text):
        return None
    found = read(wrote.lines, history.lines, history.places, result.number)
    if "\n".join(found.lines) != text:
        raise ValueError("a result does not come back")
    history.lines.add(f"result {result.number}", found.plain, found.shown)
    for root, json in wrote.json.items():
        history.places.add(root, json.value, json.first, json.kin)
    return sent
