"""A signature is good for one key, one gateway, one connection and one token, and for nothing else."""

import pytest

from llm_gateway.companion.proof import is_signed, new_key, public_key, signature, statement, thumbprint

KEY = new_key()
PUBLIC = public_key(KEY)
NAME = thumbprint(PUBLIC)
STATED = statement("gateway", b"n" * 32, 17, NAME, "lgj_token")


def test_a_key_signs_for_itself() -> None:
    assert is_signed(PUBLIC, STATED, signature(KEY, STATED))
    assert (len(KEY), len(PUBLIC), len(NAME)) == (32, 32, 64)
    assert new_key() != KEY


@pytest.mark.control("T18")
@pytest.mark.fault("B8")
@pytest.mark.parametrize(
    "other",
    [
        statement("another", b"n" * 32, 17, NAME, "lgj_token"),
        statement("gateway", b"m" * 32, 17, NAME, "lgj_token"),
        statement("gateway", b"n" * 32, 18, NAME, "lgj_token"),
        statement("gateway", b"n" * 32, 17, thumbprint(b"x"), "lgj_token"),
        statement("gateway", b"n" * 32, 17, NAME, "lgj_tokem"),
        statement("gateway", b"n" * 32, 17, NAME),
        statement("gatewa", b"y" + b"n" * 31, 17, NAME, "lgj_token"),
    ],
)
def test_what_was_signed_is_signed_for_nothing_else(other: bytes) -> None:
    assert not is_signed(PUBLIC, other, signature(KEY, STATED))


@pytest.mark.parametrize(
    ("public", "signed"),
    [
        (public_key(new_key()), signature(KEY, STATED)),
        (b"", signature(KEY, STATED)),
        (bytes(33), signature(KEY, STATED)),
        (PUBLIC, b""),
        (PUBLIC, bytes(64)),
    ],
)
def test_what_is_no_key_or_no_signature_is_none(public: bytes, signed: bytes) -> None:
    assert not is_signed(public, STATED, signed)


@pytest.mark.control("T7")
@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize(
    "weak",
    [
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    ],
)
def test_a_key_under_which_anybody_can_sign_is_none(weak: str, sign: int) -> None:
    key = bytearray.fromhex(weak)
    key[-1] |= sign
    for number in range(16):
        signed = bytes(key) + bytes(32)
        assert not is_signed(bytes(key), STATED + bytes([number]), signed)
        assert not is_signed(bytes(key), STATED + bytes([number]), bytes(64))


def test_a_statement_does_not_hold_the_token() -> None:
    assert b"lgj_token" not in STATED
