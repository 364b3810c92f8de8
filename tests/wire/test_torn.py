r"""Half a character costs no more than itself, and what is no JSON is none."""

import msgspec
import pytest

from llm_gateway.wire.torn import read_torn

TEXT = msgspec.json.Decoder(dict[str, str])


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (rb"a \ud83d", "a \ufffd"),
        (rb"\ude00 b", "\ufffd b"),
        (rb"\ud83d\ude00\ud83d", "\U0001f600\ufffd"),
        (rb"\uD83D\ud83d\uDE00", "\ufffd\U0001f600"),
        (rb"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (rb"\ud83d\\ude00", "\ufffd\\ude00"),
        (rb"\ud7ff\ue000", "\ud7ff\ue000"),
    ],
)
def test_half_a_character_is_replaced(told: bytes, read: str) -> None:
    assert read_torn(TEXT, b'{"a":"%b"}' % told) == {"a": read}
    assert read_torn(TEXT, msgspec.Raw(b'{"a":"%b"}' % told)) == {"a": read}


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"a":1}', b'{"a":"\\ud83d"', b'{"a":"\\ud8zz"}', b"\xff", b'{"a":"\\ud83d\xff"}']
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        read_torn(TEXT, data)
