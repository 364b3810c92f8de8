"""Content codings of whole bodies, decoded under a cap. Streams are never decoded here."""

import zlib

import brotli
import zstandard

from llm_gateway.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding

__all__ = ["SUPPORTED", "decode_body"]

SUPPORTED = ("gzip", "deflate", "br", "zstd", "identity")
_STEP = 256 * 1024


def decode_body(body: bytes, content_encoding: bytes, limit: int) -> bytes:
    """Return the body with every coding of the Content-Encoding field undone, last applied first.

    Raises UnsupportedEncoding for a coding that is not in SUPPORTED, MalformedRequest for data that
    is not what it says, BodyTooLarge as soon as more than `limit` bytes have come out.
    """
    codings = [coding.strip().lower() for coding in content_encoding.split(b",") if coding.strip()]
    if len(codings) > 4:
        raise UnsupportedEncoding(
            "content-encoding names more than 4 codings; send the body plain or with one"
        )
    for coding in reversed(codings):
        body = _undo(coding, body, limit)
    return body


def _undo(coding: bytes, body: bytes, limit: int) -> bytes:
    match coding:
        case b"identity":
            return body
        case b"gzip" | b"x-gzip":
            return _inflate(body, 31, limit)
        case b"deflate":
            # RFC 9110 means zlib; some senders mean raw deflate. The first byte tells them apart.
            return _inflate(body, 15 if body[:1] and body[0] & 0x0F == 8 else -15, limit)
        case b"br":
            return _brotli(body, limit)
        case b"zstd":
            return _zstd(body, limit)
        case _:
            name = coding.decode("latin-1")
            raise UnsupportedEncoding(
                f"content-encoding {name!r} is not supported; send one of {', '.join(SUPPORTED)}"
            )


def _inflate(body: bytes, window_bits: int, limit: int) -> bytes:
    out: list[bytes] = []
    size = 0
    try:
        while True:
            stream = zlib.decompressobj(window_bits)
            pending = body
            while pending and not stream.eof:
                piece = stream.decompress(pending, _STEP)
                size = _grown(size, piece, limit)
                out.append(piece)
                if not piece and not stream.unconsumed_tail:
                    break
                pending = stream.unconsumed_tail
            if not stream.eof:
                raise MalformedRequest("the compressed body ends before its end")
            body = stream.unused_data
            if not body or window_bits != 31:  # only gzip may hold several members
                break
    except zlib.error as error:
        raise MalformedRequest("the body is not what its content-encoding says") from error
    if body:
        raise MalformedRequest("there are bytes after the end of the compressed body")
    return b"".join(out)


def _brotli(body: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    out: list[bytes] = []
    size = 0
    pending = body
    try:
        while not stream.is_finished():
            piece = stream.process(pending, output_buffer_limit=_STEP)
            pending = b""
            size = _grown(size, piece, limit)
            out.append(piece)
            if not piece and stream.can_accept_more_data():
                break
    except brotli.error as error:
        raise MalformedRequest("the body is not what its content-encoding says") from error
    if not stream.is_finished():
        raise MalformedRequest("the compressed body ends before its end")
    return b"".join(out)


def _zstd(body: bytes, limit: int) -> bytes:
    # 2^27 bytes is well over the window that RFC 8878, 3.1.1.1.2 asks decoders to support (8 MiB); a
    # larger one is an attack on memory.
    context = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    size = 0
    try:
        # The reader bounds what comes out but does not tell a cut frame from a whole one, the object
        # does the reverse: measure with the one, then decode with the other.
        with context.stream_reader(body) as reader:
            while piece := reader.read(_STEP):
                size = _grown(size, piece, limit)
        whole = context.decompressobj()
        decoded = whole.decompress(body)
    except zstandard.ZstdError as error:
        raise MalformedRequest("the body is not what its content-encoding says") from error
    if not whole.eof:
        raise MalformedRequest("the compressed body ends before its end")
    if whole.unused_data:
        raise MalformedRequest("there are bytes after the end of the compressed body")
    return decoded


def _grown(size: int, piece: bytes, limit: int) -> int:
    size += len(piece)
    if size > limit:
        raise BodyTooLarge(f"the decoded body is over {limit} bytes (server.max_body_bytes)")
    return size
