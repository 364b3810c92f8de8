"""The journal's framing, bytes only: each entry is a mark, its length, its CRC-32 and the payload.

Reading never fails. A tail that was torn by a crash and a stretch that was damaged are told apart by whether
whole entries follow. Files are `journal.py`'s business.
"""

import struct
import zlib

import msgspec

__all__ = ["HEADER", "LONGEST", "Damage", "Scan", "frame", "scan"]

# 0xF5 never occurs in UTF-8, so no text in a payload looks like the start of an entry.
_MARK = b"\xf5\x4c"
_HEADER = struct.Struct(">2sII")
_pack = _HEADER.pack
_crc32 = zlib.crc32

HEADER = _HEADER.size
LONGEST = 1 << 18


class Damage(msgspec.Struct, frozen=True):
    """A stretch of bytes that is no entry. `torn`: the last write did not get to its end."""

    offset: int
    length: int
    torn: bool


class Scan(msgspec.Struct, frozen=True):
    """The entries of a segment, each with the offset of its end, and what lies between them."""

    entries: list[tuple[int, bytes]]
    damage: list[Damage]


def frame(payload: bytes) -> bytes:
    """Return the entry for a payload of at most LONGEST bytes."""
    return _pack(_MARK, len(payload), _crc32(payload)) + payload


def scan(data: bytes) -> Scan:
    """Return everything that is whole, and say what is not."""
    entries: list[tuple[int, bytes]] = []
    damage: list[Damage] = []
    at = 0
    while at < len(data):
        end = _entry_end(data, at)
        if end:
            entries.append((end, data[at + HEADER : end]))
            at = end
            continue
        following = _next_entry(data, at + 1)
        if following < 0:
            damage.append(Damage(at, len(data) - at, torn=_is_beginning(data, at)))
            break
        damage.append(Damage(at, following - at, torn=False))
        at = following
    return Scan(entries, damage)


def _entry_end(data: bytes, at: int) -> int:
    """Return where the entry at `at` ends, or 0 when there is no whole entry."""
    if len(data) - at < HEADER:
        return 0
    mark, length, checksum = _HEADER.unpack_from(data, at)
    end = at + HEADER + int(length)
    if mark != _MARK or length > LONGEST or end > len(data):
        return 0
    return end if _crc32(data[at + HEADER : end]) == checksum else 0


def _next_entry(data: bytes, start: int) -> int:
    while (start := data.find(_MARK, start)) >= 0 and not _entry_end(data, start):
        start += 1
    return start


def _is_beginning(data: bytes, at: int) -> bool:
    """Return whether the bytes from `at` are an entry cut short."""
    rest = len(data) - at
    if rest < HEADER:
        return _MARK.startswith(data[at : at + 2])
    mark, length, _ = _HEADER.unpack_from(data, at)
    return bool(mark == _MARK and length <= LONGEST and rest < HEADER + length)
