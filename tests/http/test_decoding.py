"""Codings of bodies are undone under a cap, and what is not what it says is refused."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from llm_gateway.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding
from llm_gateway.http.decoding import decode_body

TEXT = b'{"model":"m","messages":[]}' * 400


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib frame, as some senders do."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODED = {
    b"gzip": gzip.compress(TEXT),
    b"x-gzip": gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:]),
    b"deflate": zlib.compress(TEXT),
    b"Deflate": raw_deflate(TEXT),
    b"br": brotli.compress(TEXT),
    b"zstd": zstandard.compress(TEXT),
    b"identity": TEXT,
    b"gzip, zstd": zstandard.compress(gzip.compress(TEXT)),
}


@pytest.mark.parametrize("coding", CODED)
def test_what_was_coded_comes_back(coding: bytes) -> None:
    assert decode_body(CODED[coding], coding, len(TEXT)) == TEXT


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"Deflate", b"br", b"zstd"])
def test_a_body_is_cut_off_at_the_cap(coding: bytes) -> None:
    with pytest.raises(BodyTooLarge):
        decode_body(CODED[coding], coding, len(TEXT) - 1)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_a_cut_body_is_not_taken_for_a_whole_one(coding: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_body(CODED[coding][:-5], coding, 1 << 20)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_noise_is_refused(coding: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_body(b"\xff\x00 this is not compressed at all", coding, 1 << 20)


@pytest.mark.parametrize("coding", [b"deflate", b"zstd"])
def test_bytes_behind_the_end_are_refused(coding: bytes) -> None:
    with pytest.raises(MalformedRequest, match=r"after the end|not what"):
        decode_body(CODED[coding] + b"more", coding, 1 << 20)


def test_an_unknown_coding_is_named() -> None:
    with pytest.raises(UnsupportedEncoding, match="'lzma'"):
        decode_body(b"x", b"lzma", 100)


def test_endless_codings_are_refused() -> None:
    with pytest.raises(UnsupportedEncoding):
        decode_body(b"x", b"gzip," * 5, 100)
