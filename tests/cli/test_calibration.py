"""What `calibration` shows of what was learned: ratios, errors and of how many."""

import asyncio

from ledger_samples import with_ledger
from llm_gateway.ledger.calibrations import CalibrationRow, keep_calibrations
from llm_gateway.ledger.ledger import Ledger
from terminal import Terminal

NOON_US = 1_764_244_800_000_000


def learned(terminal: Terminal) -> Terminal:
    return keeping(
        terminal,
        CalibrationRow("anthropic", "claude-opus-5", "in", "tokenizer", str([1_080_000] * 40), NOON_US),
        CalibrationRow("openai", "gpt-5.5", "in", "bytes", str([290_000] * 20), NOON_US),
        CalibrationRow("openai", "gpt-5.5", "out", "bytes", "[300000]", NOON_US),
        CalibrationRow("openai", "gpt-5.5", "out", "tokenizer", "no list", NOON_US),
    )


def keeping(terminal: Terminal, *rows: CalibrationRow) -> Terminal:
    async def keep(ledger: Ledger) -> None:
        await ledger.write(lambda store: keep_calibrations(store, rows))

    asyncio.run(with_ledger(terminal.home, keep))
    return terminal


def test_what_was_learned_is_shown(stopped: Terminal) -> None:
    lines = [" ".join(line.split()) for line in learned(stopped).ok("calibration").out.splitlines()]
    assert lines == [
        "PROVIDER MODEL OF BY TOKENS ERROR SAMPLES",
        "anthropic claude-opus-5 prompts tokenizer 1.080 for one of ours ± 1.0% 40",
        "openai gpt-5.5 prompts bytes 0.290 a byte ± 1.0% 20",
        "openai gpt-5.5 answers bytes 0.250 a byte ± 53.0% 1, too few",
    ]


def test_as_json(stopped: Terminal) -> None:
    told = learned(stopped).json("calibration")
    assert told["schema"] == "llm-gateway/calibration/v1"
    views = told["calibrations"]
    assert isinstance(views, list) and len(views) == 3
    assert views[0] == {
        "provider": "anthropic",
        "model": "claude-opus-5",
        "side": "in",
        "method": "tokenizer",
        "ratio": 1.08,
        "error": 0.01,
        "samples": 40,
        "used": True,
        "kept_at": "2025-11-27T12:00:00.000Z",
    }


def test_nothing_learned_says_so(stopped: Terminal) -> None:
    done = keeping(stopped).ok("calibration")
    assert not done.out and "nothing is learned yet" in done.err
    assert stopped.json("calibration")["calibrations"] == []
