"""What a terminal shows in the end of all that was written to it: the same screen, in fewer characters.

Colours go, and what was overwritten. The screen is as wide as need be, and everything that has scrolled by is
part of it. What a terminal makes of a text is not always known without its size: such texts stay as they are,
and those that use what is not known here. The sequences are those of ECMA-48 that programs write: SGR, EL,
ED, CUU, CUD, CUF, CUB, CHA; and xterm's titles and private modes ("XTerm Control Sequences", ctlseqs).
"""

import re
from unicodedata import category, east_asian_width

__all__ = ["is_terminal", "screen"]

_BARE_RETURN = re.compile(r"\r(?!\n)")
_LOOKS = re.compile(r"\x1b\[[0-9;:]*m")
# A sequence that another one cuts short: what terminals make of it differs.
_BROKEN = re.compile(r"\x1b(?:\[[0-9;:?]*)?\x1b|\x1b\][^\x07\x1b]*\x1b(?!\\)|\x1b\Z")
_TO_THE_END = "\x1b[K"  # EL: nothing happens where nothing follows, and `grep` sets it behind every word
_LINES = r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]"
_TOKENS = re.compile(
    rf"({_LINES}+(?:\x1b\[K{_LINES}*)*)"
    r"|(\r|\x08)"
    r"|\x1b\[([0-9?]*)([@-~])"  # a control sequence
    r"|\x07|\x1b\][012];[^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\(B|\x1b[=>]"  # a bell, titles, keypad modes
    r"|((?s:.))"
)
_WRITTEN, _MOVE, _COMMAND, _OTHER = 1, 2, 4, 5
_PIECES = re.compile(r"(\x1b\[K)")
_SEEN_MODES = ("?25", "?1", "?12", "?2004", "?2026")  # the cursor's look, keys, pasting, drawing at once
_WIDEST = 10_000
_NARROWEST = 79  # columns that every terminal has, and one less
_LOWEST = 23  # rows that every terminal has, and one less
_ODD = ("Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp")


class _Unknown(Exception):
    """What the terminal shows depends on what is not known here."""


def is_terminal(text: str) -> bool:
    """Return whether a text is something that was written to a terminal, and not only lines."""
    return "\x1b[" in text or "\b" in text or _BARE_RETURN.search(text) is not None


def screen(text: str) -> str | None:
    """Return what the terminal shows, all of it that has scrolled by, too; None where that is not known."""
    if _BROKEN.search(text) is not None:
        return None
    plain = _LOOKS.sub("", text).replace("\r\n", "\n")  # a terminal's driver returns with every new line
    drawn = _Screen(plain)
    try:
        for token in _TOKENS.finditer(plain):
            kind = token.lastindex
            if kind == _WRITTEN:
                drawn.write(token[1])
            elif kind == _MOVE:
                drawn.back(token[2])
            elif kind == _COMMAND:
                drawn.command(token[3], token[4])
            elif kind == _OTHER:
                return None
    except _Unknown:
        return None
    return drawn.text()


class _Screen:
    """Rows of characters, and where the cursor is. A row with characters of unsure width is only added to."""

    def __init__(self, text: str) -> None:
        self._rows: list[str] = [""]
        self._row = self._column = self._bottom = 0
        seen = set("\t" if text.isascii() else text)
        odd = {char for char in seen if char in text and (char == "\t" or (char > "~" and _is_odd(char)))}
        self._odd = re.compile("[" + "".join(map(re.escape, sorted(odd))) + "]") if odd else None

    def write(self, text: str) -> None:
        """Write lines, with nothing else in them than what erases the rest of one."""
        rows = self._rows
        while self._row < self._bottom or self._column != len(rows[self._row]):
            line, new, text = text.partition("\n")
            for piece in _PIECES.split(line):
                if piece == _TO_THE_END:
                    self._erase("0", "K")
                elif piece:
                    self._overwrite(piece)
            if not new:
                return
            self._column = 0
            self._row += 1
            self._bottom = max(self._bottom, self._row)
            self._fill()
        lines = text.replace(_TO_THE_END, "").split("\n")
        lines[0] = rows[self._row] + lines[0]
        if max(map(len, lines)) > _WIDEST:
            raise _Unknown  # it may go on in the next row
        rows[self._row :] = lines
        self._row = self._bottom = len(rows) - 1
        self._column = len(lines[-1])

    def _overwrite(self, text: str) -> None:
        row, column = self._rows[self._row], self._column
        if column == len(row):
            row += text
        else:
            self._sure(row)
            self._sure(text)
            row = row.ljust(column)
            row = row[:column] + text + row[column + len(text) :]
        if len(row) > (_NARROWEST if self._row < self._bottom else _WIDEST):
            raise _Unknown  # it may go on in the next row
        self._rows[self._row] = row
        self._column = column + len(text)

    def back(self, control: str) -> None:
        """Go to the beginning of the row, or a column to the left."""
        if control == "\r":
            self._column = 0
        else:
            self._sure(self._rows[self._row])
            self._column = max(0, self._column - 1)

    def command(self, argument: str, command: str) -> None:
        """Do what a control sequence says."""
        if argument.startswith("?"):
            if command not in "hl" or argument not in _SEEN_MODES:
                raise _Unknown
        elif "?" in argument or len(argument) > 5:
            raise _Unknown
        elif command in "KJ":
            self._erase(argument or "0", command)
        else:
            self._go(int(argument or 1) or 1, command)

    def text(self) -> str:
        return "\n".join(self._rows)

    def _erase(self, argument: str, command: str) -> None:
        row, column = self._rows[self._row], self._column
        if 0 < column < len(row):
            self._sure(row)
        if argument == "0":
            self._rows[self._row] = row[:column]
            if command == "J":
                del self._rows[self._row + 1 :]
        elif command == "K" and argument == "1":
            self._sure(row)
            self._rows[self._row] = " " * min(column + 1, len(row)) + row[column + 1 :]
        elif command == "K" and argument == "2":
            self._sure(row)
            self._rows[self._row] = ""
        else:
            raise _Unknown

    def _go(self, count: int, command: str) -> None:
        if command == "A":
            self._go_up(count)
        elif command == "B":
            if self._row + count > self._bottom:
                raise _Unknown  # how low the screen goes
            self._row += count
            self._fill()
        elif command in "CDG":
            self._sure(self._rows[self._row])
            column = self._column
            column = column + count if command == "C" else column - count if command == "D" else count - 1
            if column > max(_NARROWEST, len(self._rows[self._row])):
                raise _Unknown  # how wide it is
            self._column = max(0, column)
        else:
            raise _Unknown

    def _go_up(self, count: int) -> None:
        """Go up in rows that are in sight on every terminal, and that no terminal has broken in two."""
        self._row = max(0, self._row - count)
        if self._row < self._bottom - _LOWEST:
            raise _Unknown
        if any(len(row) > _NARROWEST for row in self._rows[self._row :]):
            raise _Unknown
        for row in self._rows[self._row :]:
            self._sure(row)

    def _fill(self) -> None:
        missing = self._row + 1 - len(self._rows)
        if missing > 0:
            self._rows += [""] * missing

    def _sure(self, text: str) -> None:
        if self._odd is not None and self._odd.search(text) is not None:
            raise _Unknown  # in which column what stands


def _is_odd(char: str) -> bool:
    """Return whether a character takes two columns, or none, or terminals differ."""
    return east_asian_width(char) in "WF" or category(char) in _ODD
