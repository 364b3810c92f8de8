"""The journal keeps what it acknowledged, and a write that fails leaves nothing behind."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.frames import HEADER
from llm_gateway.ledger.journal import Journal, Segment, read_segment, segments

ENTRY = HEADER + 10


def payload(number: int) -> bytes:
    return b"%010d" % number


def contents(folder: Path, after: int = 0) -> list[bytes]:
    return [payload for each in segments(folder) for _, payload in read_segment(each, after).entries]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse bytes beyond a size, the last write cut short: what a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_entries_are_read_in_order_across_segments(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=False, limit=3 * ENTRY)
    positions = [journal.append(payload(number)) for number in range(10)]
    assert contents(tmp_path) == [payload(number) for number in range(10)]
    assert contents(tmp_path, positions[6]) == [payload(number) for number in range(7, 10)]
    assert positions == sorted(set(positions))
    assert len(segments(tmp_path)) == 4
    assert journal.position == positions[-1]
    journal.close()


def test_nothing_is_on_the_disk_before_the_first_entry(tmp_path: Path) -> None:
    Journal(tmp_path, 0, durable=True).close()
    assert segments(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_segments_are_their_owners_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=True)
    journal.append(b"x")
    journal.close()
    assert segments(tmp_path)[0].path.stat().st_mode & 0o777 == 0o600


def test_only_closed_segments_that_were_applied_are_deleted(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=False, limit=2 * ENTRY)
    positions = [journal.append(payload(number)) for number in range(6)]
    assert not journal.has_applied(positions[0])
    assert journal.has_applied(positions[1])
    journal.drop(positions[2])
    assert contents(tmp_path) == [payload(number) for number in range(2, 6)]
    journal.drop(positions[5])
    assert contents(tmp_path) == [payload(4), payload(5)]
    journal.close()
    journal.drop(positions[5])
    assert contents(tmp_path) == []


def test_a_later_process_goes_on_in_a_file_of_its_own(tmp_path: Path) -> None:
    first = Journal(tmp_path, 0, durable=False)
    first.append(payload(1))
    first.close()
    torn = segments(tmp_path)[0]
    with torn.path.open("ab") as file:
        file.write(b"\xf5\x4c torn")
    second = Journal(tmp_path, segments(tmp_path)[-1].end + 1, durable=False)
    second.append(payload(2))
    second.close()
    assert contents(tmp_path) == [payload(1), payload(2)]
    assert [damage.torn for damage in read_segment(segments(tmp_path)[0], 0).damage] == [True]


def test_damage_that_was_passed_before_is_not_reported_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=False)
    positions = [journal.append(payload(number)) for number in range(3)]
    journal.close()
    (segment,) = segments(tmp_path)
    data = bytearray(segment.path.read_bytes())
    data[HEADER] ^= 1
    segment.path.write_bytes(data)
    assert len(read_segment(segment, 0).damage) == 1
    assert read_segment(segment, positions[1]).damage == []


def test_a_write_cut_short_is_taken_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=False)
    journal.append(payload(1))
    with files_no_larger_than(ENTRY + 5):
        with pytest.raises(LedgerUnavailable, match="disk is full"):
            journal.append(payload(2))
        assert segments(tmp_path)[0].end == ENTRY
    with files_no_larger_than(ENTRY), pytest.raises(LedgerUnavailable, match="file too large"):
        journal.append(payload(3))
    assert journal.append(payload(4)) == 2 * ENTRY
    journal.close()
    assert contents(tmp_path) == [payload(1), payload(4)]


def test_where_half_an_entry_cannot_be_taken_back_another_segment_follows(tmp_path: Path) -> None:
    """A pipe in place of the file: it takes a part of the entry, and cannot be made shorter."""
    journal = Journal(tmp_path, 0, durable=False)
    journal.append(payload(1))
    (handle,) = [
        int(link.name) for link in Path("/proc/self/fd").iterdir() if link.resolve().parent == tmp_path
    ]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.write(writing, bytes(60_000))
    os.dup2(writing, handle)
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        journal.append(bytes(10_000))
    os.close(writing)
    os.close(reading)
    journal.append(payload(2))
    journal.close()
    assert contents(tmp_path) == [payload(1), payload(2)]
    assert segments(tmp_path)[1].start > ENTRY + 10_000


def test_a_durable_journal_goes_on_in_another_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=True, limit=2 * ENTRY)
    for number in range(5):
        journal.append(payload(number))
    assert journal.sync() == journal.position
    assert contents(tmp_path) == [payload(number) for number in range(5)]
    assert len(segments(tmp_path)) == 3
    journal.close()


def test_an_abandoned_segment_is_followed_by_another_even_when_it_is_empty(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=True)
    with files_no_larger_than(0), pytest.raises(LedgerUnavailable):
        journal.append(payload(1))
    journal.abandon()
    journal.append(payload(2))
    journal.abandon()
    journal.append(payload(3))
    journal.close()
    assert contents(tmp_path) == [payload(2), payload(3)]


def test_a_sync_says_how_far_it_reached(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 100, durable=True)
    end = journal.append(payload(1))
    assert journal.sync() == end
    journal.close()


def test_a_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "gone", 0, durable=False)
    with pytest.raises(LedgerUnavailable, match="gone: no such file"):
        journal.append(b"x")


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, durable=False)
    journal.append(payload(1))
    journal.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        journal.append(payload(2))
    assert contents(tmp_path) == [payload(1)]


def test_segments_are_listed_by_position_not_by_date(tmp_path: Path) -> None:
    (tmp_path / f"{1 << 40:016x}.journal").write_bytes(b"later")
    (tmp_path / f"{255:016x}.journal").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"not ours")
    assert segments(tmp_path) == [
        Segment(tmp_path / f"{255:016x}.journal", 255, 255),
        Segment(tmp_path / f"{1 << 40:016x}.journal", 1 << 40, (1 << 40) + 5),
    ]
