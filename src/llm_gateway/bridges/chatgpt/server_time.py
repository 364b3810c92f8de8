"""The time by a vendor's clock: its own tokens are told by that one, whatever this machine's says."""

from email.utils import parsedate_to_datetime

from llm_gateway.wire.headers import Headers, get

__all__ = ["server_time"]


def server_time(headers: Headers, otherwise: int) -> int:
    """Return the time by the server's clock, in microseconds, as its answer tells it."""
    told = get(headers, b"date")
    if told is None:
        return otherwise
    try:
        return round(parsedate_to_datetime(told.decode("ascii")).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return otherwise
