"""Room that is kept back, given up once, and taken again when there is enough."""

import errno
from pathlib import Path

import pytest

from llm_gateway.ledger import reserve as module
from llm_gateway.ledger.reserve import RESERVE_BYTES, Reserve
from storage_faults import Calls, failing, no_larger_than

SIZE = 256 * 1024


def is_spent(reserve: Reserve) -> bool:
    return reserve.spent


def test_it_takes_real_room_for_its_owner_alone(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve")
    assert reserve.hold() and not is_spent(reserve)
    status = (tmp_path / "reserve").stat()
    assert status.st_size == RESERVE_BYTES and status.st_mode & 0o777 == 0o600
    assert status.st_blocks * 512 >= RESERVE_BYTES


def test_it_is_given_up_once_and_taken_again(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert not reserve.release() and not is_spent(reserve), "there is none yet"
    assert reserve.hold() and reserve.hold()
    assert reserve.release() and is_spent(reserve) and not (tmp_path / "reserve").exists()
    assert not reserve.release()
    assert reserve.hold() and not is_spent(reserve) and (tmp_path / "reserve").stat().st_size == SIZE


def test_what_an_earlier_process_kept_is_kept(tmp_path: Path) -> None:
    assert Reserve(tmp_path / "reserve", SIZE).hold()
    later = Reserve(tmp_path / "reserve")
    assert later.hold() and later.release()
    assert not (tmp_path / "reserve").exists()


def test_on_a_small_disk_it_is_small_and_on_a_tiny_one_it_is_not(tmp_path: Path) -> None:
    assert Reserve(tmp_path / "small", free=lambda _: 1 << 20).hold()
    assert (tmp_path / "small").stat().st_size == (1 << 20) // 8
    assert not Reserve(tmp_path / "tiny", free=lambda _: 100_000).hold()
    assert not (tmp_path / "tiny").exists()


def test_it_is_not_taken_again_from_a_disk_that_is_as_good_as_full(tmp_path: Path) -> None:
    free = [8 * SIZE]
    reserve = Reserve(tmp_path / "reserve", SIZE, lambda _: free[0])
    assert reserve.hold() and reserve.release()
    free[0] = 2 * SIZE - 1
    assert not reserve.hold() and is_spent(reserve)
    free[0] = 2 * SIZE
    assert reserve.hold() and not is_spent(reserve)


def test_what_the_system_refuses_leaves_no_half_reserve(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    with no_larger_than(SIZE // 2):
        assert not reserve.hold()
    assert not (tmp_path / "reserve").exists()


@pytest.mark.parametrize("at", [1, 2])
def test_a_call_that_fails_is_no_reserve_and_no_crash(tmp_path: Path, at: int) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE)
    with failing(Calls(at, errno.EIO), module) as calls:
        assert not reserve.hold()
    assert calls.failed and reserve.hold()
