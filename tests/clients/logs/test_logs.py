"""Every reader on its client's log: what is found, that reading goes on, and that nothing said gets out."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.logs.written import BEGAN, CANARY, LINES, LOGS, SESSION, USAGES, Written
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.logs import READERS, Batch, Log, Whose, read_logs
from llm_gateway.ledger.sightings import LogPosition, Sighting

LATER = 4_000_000_000_000_000
every = pytest.mark.parametrize("written", LOGS, ids=lambda each: f"{each.reader}-{each.name[-5:]}")
of_lines = pytest.mark.parametrize("written", LINES, ids=lambda each: each.reader)


def read_all(
    written: Written, path: Path, state: str = "", now_us: int = LATER
) -> tuple[list[Sighting], str]:
    """Read a log to its end, from a state on."""
    found: list[Sighting] = []
    more = True
    while more:
        read = READERS[written.reader](Log(path, "a-client", "a-machine", now_us), state)
        assert not read.problems
        found += read.sightings
        state, more = read.state, read.more
    return found, state


def kept(sightings: Sequence[Sighting]) -> dict[str, Sighting]:
    """Return sightings as the ledger keeps them: the first of each mark."""
    first: dict[str, Sighting] = {}
    for each in sightings:
        first.setdefault(each.mark, each)
    return first


def test_every_reader_is_known_and_every_log_of_the_catalog_has_one() -> None:
    assert {each.reader for each in LOGS} == set(READERS)
    assert {log.reader for row in catalog().values() for log in row.logs} <= set(READERS)


@every
def test_every_answer_is_found_once_with_its_tokens(written: Written, tmp_path: Path) -> None:
    path = tmp_path / written.name
    written.write(path, USAGES)
    found, _ = read_all(written, path)
    assert [each.usage for each in kept(found).values()] == written.usages()
    for each in found:
        assert (each.client, each.machine, each.source, each.session) == (
            "a-client",
            "a-machine",
            "log",
            SESSION,
        )
        assert each.model
        if written.reader != "continue":
            assert 0 <= each.at_us / 1e6 - BEGAN.timestamp() < len(USAGES)


@every
def test_what_was_read_is_not_told_again_and_what_is_new_is(written: Written, tmp_path: Path) -> None:
    path = tmp_path / written.name
    written.write(path, USAGES[:1])
    first, state = read_all(written, path)
    assert read_all(written, path, state) == ([], state)
    written.write(path, USAGES)
    os.utime(path, (1_790_000_000, 1_790_000_000))
    second, _ = read_all(written, path, state)
    whole, _ = read_all(written, path)
    assert {mark: each.usage for mark, each in kept(first + second).items()} == {
        mark: each.usage for mark, each in kept(whole).items()
    }
    assert len(kept(first + second)) == len(USAGES)


@every
def test_nothing_that_was_said_gets_out(written: Written, tmp_path: Path) -> None:
    path = tmp_path / written.name
    written.write(path, USAGES)
    written_log = path.read_bytes()
    assert CANARY.encode() in written_log
    for end in (len(written_log), len(written_log) // 2):
        broken = tmp_path / f"cut-{written.name}"
        broken.write_bytes(written_log[:end])
        read = READERS[written.reader](Log(broken, "a-client", "a-machine", LATER), "")
        told = msgspec.json.encode(read).decode()
        assert CANARY not in told
        assert "canary" not in told.casefold()


@of_lines
@given(data=st.data())
def test_any_way_in_which_a_log_grows_gives_the_same_answers(written: Written, data: st.DataObject) -> None:
    assert written.text is not None
    text = written.text(USAGES)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=6)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / written.name
        path.write_bytes(text)
        whole, _ = read_all(written, path)
        path.write_bytes(b"")
        grown: list[Sighting] = []
        state = ""
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            with path.open("ab") as file:
                file.write(text[begin:end])
            found, state = read_all(written, path, state, now_us=0)
            grown += found
        found, _ = read_all(written, path, state)
        assert kept(grown + found) == kept(whole)


@of_lines
@given(data=st.data())
def test_a_log_that_was_cut_off_or_is_noise_is_survived(written: Written, data: st.DataObject) -> None:
    assert written.text is not None
    text = bytearray(written.text(USAGES))
    for _ in range(data.draw(st.integers(1, 8))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as folder:
        path = Path(folder) / written.name
        path.write_bytes(text)
        read = READERS[written.reader](Log(path, "a-client", "a-machine", LATER), "")
        assert len(read.sightings) <= len(USAGES) * 4
        for each in read.sightings:
            *counts, special = msgspec.structs.astuple(each.usage)
            assert min(counts) >= 0
            assert special is None


def replaced(value: object, at: list[int], new: object) -> object:
    """Return a JSON value in which one member is another: the one that is counted down to."""
    at[0] -= 1
    if at[0] == 0:
        return new
    match value:
        case dict():
            return {key: replaced(each, at, new) for key, each in value.items()}
        case list():
            return [replaced(each, at, new) for each in value]
    return value


ODD: tuple[object, ...] = (None, True, -1, 10**30, 1e308, "x" * 5000, [], {}, [[[]]], "NaN", 2**63)


@of_lines
@given(data=st.data())
def test_any_field_may_be_anything(written: Written, data: st.DataObject) -> None:
    assert written.text is not None
    rows = written.text(USAGES).splitlines()
    number = data.draw(st.integers(0, len(rows) - 1))
    at = [data.draw(st.integers(1, 60))]
    rows[number] = msgspec.json.encode(
        replaced(msgspec.json.decode(rows[number]), at, data.draw(st.sampled_from(ODD)))
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / written.name
        path.write_bytes(b"\n".join(rows) + b"\n")
        read = READERS[written.reader](Log(path, "a-client", "a-machine", LATER), "")
        for each in read.sightings:
            assert 0 <= each.usage.total <= 4 * 10**9
            assert all(len(getattr(each, name)) <= 500 for name in ("mark", "answer_id", "session", "model"))


def batches(
    path: Path, reader: str = "claude", positions: dict[str, LogPosition] | None = None
) -> list[Batch]:
    return list(read_logs(Whose("claude-code", "m", LATER), [(reader, path)], positions or {}))


def test_positions_are_kept_with_what_was_read(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}").mkdir()
        LINES[0].write(tmp_path / f"{number}" / LINES[0].name, USAGES[: number + 1])
    first = batches(tmp_path / "**" / "*.jsonl")
    assert [len(each.sightings) for each in first] == [1, 2, 3]
    positions = {each.position.path: each.position for each in first if each.position}
    assert {each.machine for each in positions.values()} == {"m"}
    assert {each.client for each in positions.values()} == {"claude-code"}
    assert batches(tmp_path / "**" / "*.jsonl", positions=positions) == []
    text = LINES[0].text
    assert text is not None
    with (tmp_path / "0" / LINES[0].name).open("ab") as file:
        file.write(text(USAGES))
    again = batches(tmp_path / "**" / "*.jsonl", positions=positions)
    assert [len(each.sightings) for each in again] == [3]


def test_a_position_that_means_nothing_is_the_beginning(tmp_path: Path) -> None:
    for written in LOGS:
        path = tmp_path / written.name
        written.write(path, USAGES)
        for state in ("{}", "no state", '{"version":99}', "[]", '{"version":1,"memory":{"x":1}}'):
            found, _ = read_all(written, path, state)
            assert len(kept(found)) == len(USAGES), state


def test_a_log_may_have_any_bytes_for_its_name(tmp_path: Path) -> None:
    odd = b"\xff" if sys.platform == "linux" else b"y"  # elsewhere names are text
    for written in (LINES[0], LOGS[-1]):
        folder = tmp_path / os.fsdecode(written.reader.encode() + odd)
        folder.mkdir()
        written.write(folder / written.name, USAGES)
        (batch,) = batches(folder / "*", written.reader)
        assert len(batch.sightings) == len(USAGES)
        assert batch.position is not None
        batch.position.path.encode()
        assert batches(folder / "*", written.reader, {batch.position.path: batch.position}) == []


def test_what_is_gone_is_nothing(tmp_path: Path) -> None:
    assert batches(tmp_path / "gone.jsonl") == []
    assert batches(tmp_path / "gone" / "**" / "*.jsonl") == []


def test_a_log_that_is_deleted_between_two_pieces_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    text = LINES[0].text
    assert text is not None
    path.write_bytes(text(USAGES) * 6000)
    assert path.stat().st_size > 16 * 1024 * 1024
    reading = read_logs(Whose("claude-code", "m", LATER), [("claude", path)], {})
    first = next(reading)
    assert len(first.sightings) == len(USAGES)
    assert first.position is not None
    path.unlink()
    assert list(reading) == []


def test_a_folder_in_the_place_of_a_log_is_said(tmp_path: Path) -> None:
    for written in LOGS:
        (batch,) = batches(tmp_path, written.reader)
        assert (batch.sightings, batch.position) == ([], None)
        assert batch.problems == ("what stands where a log is looked for is no file",)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who owns nothing, where this one could read everything."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_what_may_not_be_read_is_said_without_its_path() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for written in LOGS:
            written.write(folder / written.name, USAGES)
            (folder / written.name).chmod(0)
            with as_nobody():
                (batch,) = batches(folder / written.name, written.reader)
            assert batch.position is None
            assert len(batch.problems) == 1
            assert name not in batch.problems[0]
        (folder / "closed").mkdir(mode=0o700)
        (folder / "closed").chmod(0)
        with as_nobody():
            (batch,) = batches(folder / "closed" / "*.jsonl")
        (folder / "closed").chmod(0o700)
        assert batch.problems == ("a folder of logs may not be listed by this user",)


def test_thousands_of_logs_take_no_time_when_nothing_is_new(tmp_path: Path) -> None:
    text = LINES[0].text
    assert text is not None
    log = text(USAGES)
    for number in range(2000):
        folder = tmp_path / f"project-{number % 40}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jsonl").write_bytes(log)
    first = batches(tmp_path / "**" / "*.jsonl")
    assert len(first) == 2000
    positions = {each.position.path: each.position for each in first if each.position}
    began = time.perf_counter()
    assert batches(tmp_path / "**" / "*.jsonl", positions=positions) == []
    assert time.perf_counter() - began < 1.0
