"""On which line of a TOML text each key stands, for messages that point there.

Not a parser: the text has passed `tomllib`, which says nothing of places. What stands inside an inline
table or an array has no place of its own and is found at the key that holds it.
"""

from collections.abc import Mapping

__all__ = ["Path", "line_of", "locate"]

Path = tuple[str | int, ...]

_BARE_END = frozenset(" \t=.]\r\n#\"'")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def locate(text: str) -> dict[Path, int]:
    """Return the line of every table and key; the n-th `[[table]]` has n-1 in its path."""
    return _Scanner(text).scan()


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of a key, or of the nearest thing around it that has one; 0 for nothing."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._table: Path = ()
        self._counted = 0
        self._newlines = 0

    def scan(self) -> dict[Path, int]:
        text = self._text
        while self._at < len(text):
            start = text[self._at]
            if start == "[":
                self._header()
            elif start in " \t\r\n":
                self._at += 1
            elif start == "#":
                self._skip_line()
            else:
                self._pair()
        return self._lines

    def _header(self) -> None:
        line = self._line()
        double = self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        keys = self._keys("]")
        self._at += 2 if double else 1
        path = (*self._inside(keys[:-1]), keys[-1])
        if double:
            self._counts[path] = self._counts.get(path, -1) + 1
            self._lines.setdefault(path, line)
            path += (self._counts[path],)
        else:
            path = self._inside(keys)
        self._lines.setdefault(path, line)
        self._table = path

    def _pair(self) -> None:
        line = self._line()
        keys = self._keys("=")
        self._at += 1
        for depth in range(1, len(keys) + 1):
            self._lines.setdefault(self._table + tuple(keys[:depth]), line)
        self._skip_value()

    def _inside(self, keys: list[str]) -> Path:
        """Return the path of a table's name; a name that is an array means its last table."""
        path: Path = ()
        for key in keys:
            path += (key,)
            if path in self._counts:
                path += (self._counts[path],)
        return path

    def _keys(self, end: str) -> list[str]:
        """Read a dotted key up to `end`, and stand on it."""
        keys = []
        while self._text[self._at] != end:
            start = self._text[self._at]
            if start in " \t.":
                self._at += 1
            elif start in "\"'":
                keys.append(self._quoted(start))
            else:
                begin = self._at
                while self._text[self._at] not in _BARE_END:
                    self._at += 1
                keys.append(self._text[begin : self._at])
        return keys

    def _quoted(self, quote: str) -> str:
        self._at += 1
        parts = []
        while (char := self._text[self._at]) != quote:
            if char == "\\" and quote == '"':
                self._at += 1
                char = self._escaped()
            parts.append(char)
            self._at += 1
        self._at += 1
        return "".join(parts)

    def _escaped(self) -> str:
        kind = self._text[self._at]
        if kind in "uU":
            digits = 4 if kind == "u" else 8
            code = self._text[self._at + 1 : self._at + 1 + digits]
            self._at += digits
            return chr(int(code, 16))
        return _ESCAPES[kind]

    def _skip_value(self) -> None:
        """Go behind a value: to the end of its line, over the lines of its strings and brackets."""
        depth = 0
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in "\"'":
                self._skip_string(char)
                continue
            if char == "#":
                self._skip_line()
                continue
            if char in "[{":
                depth += 1
            elif char in "]}":
                depth -= 1
            elif char == "\n" and depth == 0:
                return
            self._at += 1

    def _skip_string(self, quote: str) -> None:
        triple = quote * 3
        if not self._text.startswith(triple, self._at):
            self._quoted(quote)
            return
        self._at += 3
        while not self._text.startswith(triple, self._at):
            self._at += 2 if self._text[self._at] == "\\" and quote == '"' else 1
        while self._text.startswith(quote, self._at):  # up to two quotes may stand before the last three
            self._at += 1

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _line(self) -> int:
        self._newlines += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._newlines + 1
