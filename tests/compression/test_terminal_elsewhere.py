"""Screens drawn by us and by pyte, a terminal of somebody else's, from sequences that are made up.

Without characters that take no column at the beginning of a row: pyte drops what is behind them.
"""

import random
import unicodedata

import pyte
import pytest

from llm_gateway.compression.terminal import screen

PIECES = (
    *("a", "bc", "word ", "100%", "x" * 60, " " * 20, "█▏", "é", "漢字", "e\u0301", "\t"),
    *("\n", "\n", "\r", "\r", "\r\n", "\b", "\x07", "\x1b[K", "\x1b[0K", "\x1b[1K", "\x1b[2K", "\x1b[J"),
    *("\x1b[A", "\x1b[2A", "\x1b[B", "\x1b[C", "\x1b[3C", "\x1b[2D", "\x1b[G", "\x1b[5G", "\x1b[80G"),
    *("\x1b[31m", "\x1b[0m", "\x1b[?25l", "\x1b[?25h", "\x1b]0;t\x07", "\x1b[30A", "\x1b[H"),
)
COLUMNS, ROWS = 200, 50


def shown_elsewhere(written: str) -> list[str]:
    emulated = pyte.Screen(COLUMNS, ROWS)
    pyte.Stream(emulated).feed(written.replace("\n", "\r\n"))  # as a terminal's driver does
    return [unicodedata.normalize("NFC", line.rstrip()) for line in emulated.display]


def shown(drawn: str) -> list[str]:
    """Return the rows of a screen of ours, whose tabs are still to be set."""
    rows: list[str] = []
    for line in drawn.split("\n"):
        row, column = "", 0
        for char in line:
            if char == "\t":
                row += " " * (8 - column % 8)
                column += 8 - column % 8
                continue
            row += char
            wide = unicodedata.east_asian_width(char) in "WF"
            column += 2 if wide else 0 if unicodedata.category(char) in ("Mn", "Cf") else 1
        rows.append(unicodedata.normalize("NFC", row.rstrip()))
    return rows + [""] * (ROWS - len(rows))


@pytest.mark.parametrize("seed", range(4))
def test_the_same_screen(seed: int) -> None:
    rng = random.Random(seed)
    known = 0
    for _ in range(300):
        pieces = rng.sample(PIECES, rng.randint(3, 20))
        written = "".join(rng.choice(pieces) for _ in range(rng.choice((3, 6, 12, 40))))
        drawn = screen(written)
        if drawn is None or max(map(len, drawn.split("\n"))) > COLUMNS // 2:
            continue
        known += 1
        assert shown(drawn) == shown_elsewhere(written), repr(written)
    assert known > 100, "too little of it is known for this to prove anything"


def test_progress_bars_on_any_terminal() -> None:
    """Draw bars as programs do, on a terminal that is just wide enough for them."""
    rng = random.Random(5)
    for _ in range(50):
        rows = rng.randint(1, 6)
        written = "start\n"
        for frame in range(rng.randint(1, 12)):
            written += f"\x1b[{rows}A" if frame else ""
            written += "".join(f"\r\x1b[2K{row:3} {'█' * rng.randint(0, 60)}\n" for row in range(rows))
        drawn = screen(written + "done\n")
        assert drawn is not None
        emulated = pyte.Screen(80, 24)
        pyte.Stream(emulated).feed((written + "done\n").replace("\n", "\r\n"))
        lines = [line.rstrip() for line in emulated.display]
        assert [line.rstrip() for line in drawn.split("\n")] == lines[: drawn.count("\n") + 1]
