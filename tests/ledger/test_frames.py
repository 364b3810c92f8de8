"""Whatever happens to the bytes: what is whole is read, what is not is said."""

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.frames import HEADER, Damage, frame, scan

PAYLOADS = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


def payloads_in(data: bytes) -> list[bytes]:
    return [payload for _, payload in scan(data).entries]


@given(PAYLOADS)
def test_what_was_written_is_read(payloads: list[bytes]) -> None:
    data = b"".join(map(frame, payloads))
    found = scan(data)
    assert [payload for _, payload in found.entries] == payloads
    assert found.entries[-1][0] == len(data)
    assert not found.damage


@given(PAYLOADS)
def test_any_truncation_gives_a_prefix_and_a_torn_tail(payloads: list[bytes]) -> None:
    data = b"".join(map(frame, payloads))
    ends = [0, *(end for end, _ in scan(data).entries)]
    for length in range(len(data)):
        found = scan(data[:length])
        whole = sum(end <= length for end in ends) - 1
        assert [payload for _, payload in found.entries] == payloads[:whole]
        torn = [Damage(ends[whole], length - ends[whole], torn=True)] if length != ends[whole] else []
        assert found.damage == torn


@given(PAYLOADS, st.data())
def test_any_flipped_byte_is_detected_and_costs_one_entry(payloads: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(frame, payloads))
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= data.draw(st.integers(1, 255))
    hit = sum(end <= at for end, _ in scan(whole).entries)
    found = scan(bytes(flipped))
    assert [payload for _, payload in found.entries] == payloads[:hit] + payloads[hit + 1 :]
    assert len(found.damage) == 1
    assert found.damage[0].length == HEADER + len(payloads[hit])


def test_damage_before_a_whole_entry_is_not_a_torn_tail() -> None:
    first, second = frame(b"first"), frame(b"second")
    found = scan(first[:-1] + second)
    assert found.damage == [Damage(0, len(first) - 1, torn=False)]
    assert payloads_in(first[:-1] + second) == [b"second"]


def test_zeros_that_a_lost_power_left_are_damage() -> None:
    assert scan(frame(b"a") + bytes(64)).damage == [Damage(HEADER + 1, 64, torn=False)]


def test_an_entry_within_a_damaged_one_is_found() -> None:
    inner = frame(b"inner")
    outer = bytearray(frame(inner))
    outer[6] ^= 1
    assert payloads_in(bytes(outer)) == [b"inner"]
