"""How commands speak: data where data belongs, and never a word too late."""

import contextlib
import io
import json
import threading

import msgspec
import pytest

from llm_gateway.cli import output
from llm_gateway.cli.output import EXIT_CODES, json_line, say, table, table_row, waiting


class _View(msgspec.Struct):
    name: str
    size: int | None = None


def test_messages_go_to_stderr_and_data_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    say("a word")
    json_line("thing", _View("Käse"))
    said = capsys.readouterr()
    assert said.err == "a word\n"
    assert said.out == '{"schema":"llm-gateway/thing/v1","name":"Käse","size":null}\n'


def test_a_json_line_takes_a_dictionary_of_views(capsys: pytest.CaptureFixture[str]) -> None:
    json_line("things", {"things": [_View("a", 1)]})
    assert json.loads(capsys.readouterr().out) == {
        "schema": "llm-gateway/things/v1",
        "things": [{"name": "a", "size": 1}],
    }


def test_a_table_is_as_wide_as_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    widths = table(("A", "LONG"), [("first", None), ("x", 0), ("", 2.5)])
    assert widths == [5, 4]
    table_row(("longer than before", 1), widths)
    assert capsys.readouterr().out.splitlines() == [
        "A      LONG",
        "first  -",
        "x      0",
        "-      2.5",
        "longer than before  1",
    ]


def test_what_comes_from_elsewhere_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table(("A",), [("\x1b[2Jgone\nnext",)])
    assert capsys.readouterr().out == "A\n?[2Jgone?next\n"


def test_a_long_wait_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting("the tide", patience=0.0):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(10)
    assert capsys.readouterr().err == "waiting for the tide …\n"


def test_a_short_wait_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting("nothing"):
        (timer,) = (thread for thread in threading.enumerate() if isinstance(thread, threading.Timer))
    timer.join(10)
    assert capsys.readouterr().err == ""


def test_every_way_to_end_has_its_code() -> None:
    assert sorted(EXIT_CODES) == [0, 1, 2, 3, 4, 5, 6, 130]
    assert [output.OK, output.FAILED, output.USAGE, output.DEGRADED] == [0, 1, 2, 3]
    assert [output.LOGIN_NEEDED, output.NOT_RUNNING, output.REFUSED, output.INTERRUPTED] == [4, 5, 6, 130]


def test_a_message_that_cannot_be_written_stops_nothing() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        unbuffered = io.TextIOWrapper(full, write_through=True)
        with contextlib.redirect_stderr(unbuffered):
            say("nobody hears this")


def test_words_of_others_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("away:\n\t\x1b]0;title\x07 caf\xe9 …\x9b2J")
    assert capsys.readouterr().err == "away:\n\t?]0;title? caf\xe9 …?2J\n"
