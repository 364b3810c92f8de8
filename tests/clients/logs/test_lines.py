"""Files of lines: read once however they grow, and from the beginning when they are not what they were."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.logs.written import lines
from llm_gateway.clients.logs.lines import PIECE, line_reader
from llm_gateway.clients.logs.reading import QUIET_US, Log, Read
from llm_gateway.ledger.sightings import Sighting


class _Line(msgspec.Struct):
    id: str
    form: int = 1
    later: bool = False


class _Counted:
    """A form whose lines are answers; those that say so wait for a better one."""

    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._waiting = msgspec.json.decode(memory, type=list[str] | None) or []

    def feed(self, line: bytes) -> Iterator[Sighting | str]:
        told = msgspec.json.decode(line, type=_Line)
        if told.form > 1:
            yield "newer"
        if told.later:
            self._waiting.append(told.id)
        else:
            yield self._sighting(told.id)

    def waiting(self) -> list[Sighting]:
        return [self._sighting(each) for each in self._waiting]

    def memory(self) -> bytes:
        return msgspec.json.encode(self._waiting)

    def _sighting(self, mark: str) -> Sighting:
        return Sighting(self._log.client, self._log.machine, "log", mark, 1)


def read(path: Path, state: str = "", now_us: int = 0, piece: int = PIECE) -> Read:
    return line_reader((b'"id"',), _Counted, piece)(Log(path, "c", "m", now_us), state)


def marks(path: Path, state: str = "", piece: int = PIECE) -> tuple[list[str], str]:
    found: list[str] = []
    more = True
    while more:
        told = read(path, state, piece=piece)
        found += [each.mark for each in told.sightings]
        state, more = told.state, told.more
    return found, state


def answer(mark: str) -> bytes:
    return lines({"said": "\u4f60\U0001f30d", "id": mark})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(answer("a") + lines({"said": "nothing"}) + answer("b"))
    return path


def test_lines_with_a_needle_are_read_once(log: Path) -> None:
    found, state = marks(log)
    assert found == ["a", "b"]
    assert marks(log, state) == ([], state)
    with log.open("ab") as file:
        file.write(answer("c"))
    assert marks(log, state)[0] == ["c"]


def test_a_line_without_its_end_waits(log: Path) -> None:
    _, state = marks(log)
    line = answer("c")
    for end in range(1, len(line)):
        with log.open("ab") as file:
            file.write(line[end - 1 : end])
        found, state = marks(log, state)
        assert found == [], "half a character, half a name, no end"
    with log.open("ab") as file:
        file.write(line[-1:])
    assert marks(log, state)[0] == ["c"]


@given(
    st.lists(st.one_of(st.integers(0, 99).map(str), st.just("\u4f60" * 40)), max_size=12),
    st.sets(st.integers(0, 2000), max_size=6),
    st.integers(64, 300),
)
def test_any_way_of_growing_and_any_piece_gives_the_same(ids: list[str], cuts: set[int], piece: int) -> None:
    text = b"".join(answer(each) for each in ids)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(text)
        whole, _ = marks(path, piece=piece)
        path.write_bytes(b"")
        grown: list[str] = []
        state, begin = "", 0
        for end in [*sorted(cut for cut in cuts if cut < len(text)), len(text)]:
            with path.open("ab") as file:
                file.write(text[begin:end])
            found, state = marks(path, state, piece)
            grown, begin = grown + found, end
        assert list(dict.fromkeys(grown)) == list(dict.fromkeys(whole))
        short = [each for each in ids if len(answer(each)) <= piece]
        assert list(dict.fromkeys(whole)) == list(dict.fromkeys(short))


def test_a_file_in_its_place_is_read_from_the_beginning(log: Path) -> None:
    _, state = marks(log)
    other = log.with_name("other")
    other.write_bytes(log.read_bytes() + answer("c"))
    other.rename(log)
    assert marks(log, state)[0] == ["a", "b", "c"], "another file, although it begins the same"


@pytest.mark.parametrize(
    "text",
    [
        answer("x"),
        b"",
        answer("a") + lines({"said": "else"}) * 4 + answer("x"),
        answer("y") + lines({"said": "nothing"}) + answer("b") + answer("x"),
    ],
)
def test_a_file_that_was_written_anew_is_read_from_the_beginning(log: Path, text: bytes) -> None:
    _, state = marks(log)
    there = log.stat().st_ino
    log.write_bytes(text)
    assert log.stat().st_ino == there
    log.open("ab").close()
    os.utime(log, (1, 1))
    found, _ = marks(log, state)
    assert found == marks(log)[0]


def test_what_is_no_json_and_what_is_no_answer_is_said_and_passed_over(log: Path) -> None:
    log.write_bytes(
        b'{"id": "a"\n' + b'"id"\n' + b'{"id": 5}\n' + answer("b") + b'\xff\xfe{"id":"c"}\n' + b'[["id"]]\n'
    )
    told = read(log)
    assert [each.mark for each in told.sightings] == ["b"]
    assert told.problems == ("lines that are not JSON: 2", "lines of a form that is not known: 3")


def test_nuls_and_other_ends_of_lines_are_no_matter(log: Path) -> None:
    log.write_bytes(b"\0" * 5000 + answer("a") + b"\0\n\r\n" + answer("b").replace(b"\n", b"\r\n"))
    told = read(log)
    assert [each.mark for each in told.sightings] == ["a", "b"]
    assert told.problems == ()


def test_what_a_form_says_is_passed_on(log: Path) -> None:
    log.write_bytes(lines({"id": "a", "form": 2}))
    assert read(log).problems == ("newer",)


def test_a_line_of_fifty_megabytes_is_passed_over_in_pieces(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"id":"giant","said":"')
        for _ in range(50):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + answer("c"))
    problems: list[str] = []
    found: list[str] = []
    state, more = "", True
    while more:
        told = read(log, state)
        found += [each.mark for each in told.sightings]
        problems += told.problems
        state, more = told.state, told.more
    assert found == ["a", "b", "c"]
    assert problems == ["a line that is too long to be an answer's was passed over"]


def test_what_waits_is_told_when_nothing_better_comes(log: Path) -> None:
    with log.open("ab") as file:
        file.write(lines({"id": "w", "later": True}))
    changed_us = log.stat().st_mtime_ns // 1000
    first = read(log, now_us=changed_us)
    assert [each.mark for each in first.sightings] == ["a", "b"]
    assert read(log, first.state, changed_us + QUIET_US - 1).sightings == []
    second = read(log, first.state, changed_us + QUIET_US)
    assert [each.mark for each in second.sightings] == ["w"]
    assert read(log, second.state, changed_us + 9 * QUIET_US) == Read([], second.state)
    assert [each.mark for each in read(log, now_us=changed_us + QUIET_US).sightings] == ["a", "b", "w"]


def test_a_state_that_is_not_ours_is_the_beginning(log: Path) -> None:
    for state in ("{", "[]", "null", '{"version":99}'):
        assert marks(log, state)[0] == ["a", "b"]
    _, state = marks(log)
    with log.open("ab") as file:
        file.write(answer("c"))
    assert marks(log, state.replace('"memory":[]', '"memory":{"a":1}'))[0] == ["a", "b", "c"]


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone")
