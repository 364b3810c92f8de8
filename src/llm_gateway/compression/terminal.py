"""What a terminal shows in the end of all that was written to it: the same screen, in fewer characters.

Colours go, and what was overwritten. A text that uses the terminal in a way that is not known here stays as
it is. The sequences are those of ECMA-48 that programs write: SGR, EL, ED, CUU, CUD, CUF, CUB, CHA.
"""

import re

__all__ = ["is_terminal", "screen"]

_TOKENS = re.compile(
    r"\x1b\[([0-9;?]*)([@-~])"  # a control sequence
    r"|(\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][AB0]|\x1b[=>])"  # titles, character sets, keypad modes
    r"|([\n\r\b])"
    r"|([^\x1b\n\r\b]+)"
)
_BARE_RETURN = re.compile(r"\r(?!\n)")
_SEEN_MODES = ("?25", "?7", "?1", "?12", "?2004", "?2026")  # the cursor's look, wrapping, keys, pasting
_WIDEST = 10_000
_TALLEST = 100_000


def is_terminal(text: str) -> bool:
    """Return whether a text is something that was written to a terminal, and not only lines."""
    return "\x1b[" in text or "\b" in text or _BARE_RETURN.search(text) is not None


def screen(text: str) -> str | None:
    """Return what the terminal shows, all of it that has scrolled by, too; None where that is not known."""
    drawn = _Screen()
    at = 0
    for token in _TOKENS.finditer(text):
        if token.start() != at:
            return None
        at = token.end()
        argument, command, ignored, move, plain = token.groups()
        if plain is not None:
            drawn.write(plain)
        elif move is not None:
            drawn.move(move)
        elif ignored is None and not drawn.command(argument, command):
            return None
    return drawn.text() if at == len(text) else None


class _Screen:
    def __init__(self) -> None:
        self._rows: list[list[str]] = [[]]
        self._row = self._column = 0

    def write(self, text: str) -> None:
        row = self._rows[self._row]
        if self._column > len(row):
            row.extend(" " * (self._column - len(row)))
        row[self._column : self._column + len(text)] = text
        self._column += len(text)

    def move(self, control: str) -> None:
        if control == "\n":
            self._column = 0  # a terminal's driver returns with every new line
            self._down(1)
        elif control == "\r":
            self._column = 0
        else:
            self._column = max(0, self._column - 1)

    def command(self, argument: str, command: str) -> bool:
        """Do what a control sequence says; return whether it is known."""
        if command == "m":
            return True
        if argument.startswith("?"):
            return command in "hl" and argument in _SEEN_MODES
        if not (argument.isdecimal() or not argument) or len(argument) > 5:
            return False
        return self._erase(argument, command) or self._go(int(argument or 1) or 1, command)

    def text(self) -> str:
        return "\n".join("".join(row) for row in self._rows)

    def _erase(self, argument: str, command: str) -> bool:
        row, column = self._rows[self._row], self._column
        if (command, argument) in (("K", ""), ("K", "0")):
            del row[column:]
        elif (command, argument) == ("K", "1"):
            row[: column + 1] = " " * min(column + 1, len(row))
        elif (command, argument) == ("K", "2"):
            row.clear()
        elif (command, argument) in (("J", ""), ("J", "0")):
            del row[column:]
            del self._rows[self._row + 1 :]
        else:
            return False
        return True

    def _go(self, count: int, command: str) -> bool:
        if command == "A":
            self._row = max(0, self._row - count)
        elif command == "B":
            self._down(count)
        elif command == "C":
            self._column = self._column + count
        elif command == "D":
            self._column = max(0, self._column - count)
        elif command == "G":
            self._column = count - 1
        else:
            return False
        return self._column <= _WIDEST and self._row <= _TALLEST

    def _down(self, count: int) -> None:
        self._row += min(count, _TALLEST)
        while self._row >= len(self._rows):
            self._rows.append([])
