"""What was learned of providers' counts, as rows. How it is learned is in `compression/calibration.py`.

A row is a model's ratios of one side by one method; the newest state replaces the one before.
"""

from collections.abc import Iterable

import msgspec

from llm_gateway.ledger.store import Rows, Store

__all__ = ["CalibrationRow", "calibrations", "keep_calibrations"]

_READ = (
    "SELECT provider, model, side, method, state, at_us FROM calibrations "
    "ORDER BY provider, model, side, method LIMIT 10000"
)
_KEEP = (
    "INSERT INTO calibrations (provider, model, side, method, state, at_us) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (provider, model, side, method) DO UPDATE SET state = excluded.state, at_us = excluded.at_us"
)


class CalibrationRow(msgspec.Struct, frozen=True):
    """One ratio that was learned. `state` is the text that whoever learned it has made."""

    provider: str
    model: str
    side: str
    method: str
    state: str
    at_us: int


def calibrations(reader: Rows) -> list[CalibrationRow]:
    """Return everything that was learned."""
    return [
        CalibrationRow(provider, model, side, method, state, at_us)
        for provider, model, side, method, state, at_us in reader.rows(_READ)
        if isinstance(provider, str)
        and isinstance(model, str)
        and isinstance(side, str)
        and isinstance(method, str)
        and isinstance(state, str)
        and isinstance(at_us, int)
    ]


def keep_calibrations(store: Store, rows: Iterable[CalibrationRow]) -> None:
    """Keep what was learned, for what was kept of the same before."""
    store.write(
        [(_KEEP, (row.provider, row.model, row.side, row.method, row.state, row.at_us)) for row in rows]
    )
