"""Screens: what a terminal shows in the end, and what is left alone because terminals differ."""

import pytest

from llm_gateway.compression.terminal import is_terminal, screen


@pytest.mark.parametrize(
    "written, shown",
    [
        ("\x1b[1;31merror\x1b[0m: no", "error: no"),
        ("\x1b[38:2::255:0:0mred\x1b[m", "red"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("10 of 10\r5 of\x1b[K\n", "5 of\n"),
        ("a\r\nb\r\r\nc\r\n", "a\nb\nc\n"),
        ("abc\b\bX", "aXc"),
        ("one\ntwo\x1b[1A\r\x1b[2KONE\x1b[1B\rTWO", "ONE\nTWO"),
        ("one\ntwo\nthree\x1b[2A\r\x1b[Jnew", "new"),
        ("abcdef\x1b[3D\x1b[1KX", "   Xef"),
        ("a\x1b[5Cb\x1b[2Gc", "ac    b"),
        ("\x1b[?25lspinning\x1b[?25h\x07", "spinning"),
        ("\x1b]0;title\x07text\x1b(B\x1b[m", "text"),
        ("██████\r███   ", "███   "),
        ("\x1b[1mtab\there\r\n漢字\r\n", "tab\there\n漢字\n"),
        ("  trailing  \r\n\x1b[0m", "  trailing  \n"),
    ],
)
def test_what_is_shown(written: str, shown: str) -> None:
    assert is_terminal(written)
    assert screen(written) == shown
    assert screen(shown) == shown


@pytest.mark.parametrize("text", ["", "a\nb", "a\r\nb\r\n", "a\tb", "[31mnot a sequence"])
def test_lines_alone_are_no_terminal(text: str) -> None:
    assert not is_terminal(text)


@pytest.mark.parametrize(
    "written",
    [
        "\x1b[?1049hfull screen",
        "\x1b[2J\x1b[Hhome",
        "\x1b[10;5Hthere",
        "\x1b[3;5rregion",
        "\x1b7save\x1b8",
        "\x1bMup",
        "\x1b(0lqk",
        "\x1b]8;;https://example.com\x07link\x1b]8;;\x07",
        "cut short\x1b[",
        "cut\x1b[3\x1b[1mK",
        "\x1b",
        "eight bits\x9b1m",
        "\x0e\x0f",
        "\x7f",
        "\x1b[99999999C",
        "right edge\x1b[999C!",
        "no rows there\x1b[3B",
        "漢字\rX",
        "e\u0301\b\bX",
        "tab\t\rX",
        "👍🏽\x1b[2DX",
        "x" * 100 + "\ny\x1b[Anot two rows",
        "a\n\x1b[A" + "x" * 100,
        "\n" * 40 + "\x1b[30Aout of sight",
        "x" * 20_000 + "\x1b[0m",
    ],
)
def test_what_depends_on_the_terminal_is_left_alone(written: str) -> None:
    assert screen(written) is None


def test_wide_characters_are_fine_where_nothing_is_overwritten() -> None:
    assert screen("漢字 10%\r\x1b[K漢字 20%\r\n") == "漢字 20%\n"
    assert screen("漢字 10%\r漢字 20%\r\n") is None
    assert screen("10%\r\x1b[K20%\r\n漢字\x1b[K\r\n") == "20%\n漢字\n"


def test_a_long_capture_is_drawn_in_time() -> None:
    bars = [f"{done:6} of 100000 |{'█' * (done // 2500):40}|" for done in range(20_000)]
    assert screen("".join(f"\r\x1b[32m{bar}\x1b[0m" for bar in bars)) == bars[-1]
