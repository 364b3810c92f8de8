"""Sealed texts open in their own place, under their own key, unaltered, and nowhere else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.content.sealing import MasterKey
from llm_gateway.content.seals import Place
from llm_gateway.errors import ContentDamaged

MASTER = MasterKey(b"m" * 32)
WRAPPED = MASTER.make("key_1")
KEY = MASTER.unwrap("key_1", WRAPPED)
PLACE = Place("key_1", "response", "resp_1", 1, 2)


@given(st.binary(max_size=2000))
def test_what_was_sealed_opens(payload: bytes) -> None:
    sealed = KEY.seal(PLACE, payload)
    assert KEY.open(PLACE, sealed) == payload
    assert MASTER.unwrap("key_1", WRAPPED).open(PLACE, sealed) == payload
    assert sealed != KEY.seal(PLACE, payload), "a nonce came twice"


def test_nothing_of_it_is_seen_and_it_is_shorter() -> None:
    payload = b"the marker of this test " * 1000
    sealed = KEY.seal(PLACE, payload)
    assert b"marker" not in sealed
    assert len(sealed) < len(payload) / 10


@pytest.mark.parametrize("changed", Place.__struct_fields__)
def test_it_opens_in_no_other_place(changed: str) -> None:
    sealed = KEY.seal(PLACE, b"text")
    value = getattr(PLACE, changed)
    other = msgspec.structs.replace(PLACE, **{changed: value + (1 if isinstance(value, int) else "2")})
    with pytest.raises(ContentDamaged, match="altered"):
        KEY.open(other, sealed)


def test_a_place_cannot_be_spelt_in_two_ways() -> None:
    sealed = KEY.seal(Place("a", "b\x00c", "d", 1, 2), b"text")
    with pytest.raises(ContentDamaged):
        KEY.open(Place("a\x00b", "c", "d", 1, 2), sealed)


@given(st.data())
def test_no_altered_bit_goes_unnoticed(data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(PLACE, b"text"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ContentDamaged):
        KEY.open(PLACE, bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + b"n" * 12, b"text as it is"])
def test_what_is_too_short_or_was_never_sealed(sealed: bytes) -> None:
    with pytest.raises(ContentDamaged):
        KEY.open(PLACE, sealed)


def test_a_data_key_is_one_owners_and_one_master_keys() -> None:
    with pytest.raises(ContentDamaged, match="master key"):
        MASTER.unwrap("key_2", WRAPPED)
    with pytest.raises(ContentDamaged, match="master key"):
        MasterKey(b"n" * 32).unwrap("key_1", WRAPPED)
    another = MASTER.unwrap("key_1", MASTER.make("key_1"))
    with pytest.raises(ContentDamaged):
        another.open(PLACE, KEY.seal(PLACE, b"text"))
