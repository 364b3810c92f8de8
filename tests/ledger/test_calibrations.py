"""What was learned of providers' counts is there after a restart, the newest state of each."""

import asyncio
from pathlib import Path

from ledger_samples import with_ledger
from llm_gateway.ledger.calibrations import CalibrationRow, calibrations, keep_calibrations
from llm_gateway.ledger.ledger import Ledger

ROWS = [
    CalibrationRow("openai", "gpt-5.5", "in", "bytes", "[250000]", 1),
    CalibrationRow("openai", "gpt-5.5", "in", "tokenizer", "[1000000]", 1),
    CalibrationRow("openai", "gpt-5.5", "out", "bytes", "[270000]", 1),
]


def test_the_newest_state_is_kept(tmp_path: Path) -> None:
    newer = CalibrationRow("openai", "gpt-5.5", "in", "bytes", "[250000,260000]", 2)

    async def before(ledger: Ledger) -> None:
        assert await ledger.read(calibrations) == []
        await ledger.write(lambda store: keep_calibrations(store, ROWS))
        await ledger.write(lambda store: keep_calibrations(store, [newer]))

    async def after(ledger: Ledger) -> None:
        assert await ledger.read(calibrations) == [newer, *ROWS[1:]]

    assert not asyncio.run(with_ledger(tmp_path, before))
    assert not asyncio.run(with_ledger(tmp_path, after))
