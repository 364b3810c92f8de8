"""Killed at any moment: what was acknowledged is there and in the sums, exactly once, and all is whole."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.ledger import Durability
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.usage import Asked, usage

# A kill here is of the ledger alone and at any of 60,000 records: a hundred find what a thousand do.
KILLS = min(int(os.environ.get("LLM_GATEWAY_TEST_KILLS", "5")), 100)
CHILD = Path(__file__).with_name("crash_child.py")


def acknowledged_until_killed(home: Path, durability: Durability, lines: int) -> tuple[set[str], set[str]]:
    """Return the ids that a child acknowledged as begun and as settled, killing it after so many lines."""
    begun, settled = set[str](), set[str]()
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(home), durability], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        for number, line in enumerate(child.stdout):
            if number == lines:
                child.kill()
            # The last line may be half a line.
            if line.endswith(b"\n"):
                (begun if line.startswith(b"b") else settled).add(line[2:-1].decode())
    assert child.returncode == -9
    return begun, settled


@pytest.mark.kills
@pytest.mark.parametrize("durability", ["process", "power"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, durability: Durability) -> None:
    # Some die early, some after the journal has gone on to another segment and the first was deleted.
    moments = random.Random(KILLS)
    longest = 60_000 if durability == "process" else 2000
    begun, settled = set[str](), set[str]()
    for _ in range(KILLS):
        lines = moments.choice([moments.randint(1, 300), moments.randint(300, longest)])
        more_begun, more_settled = acknowledged_until_killed(tmp_path, durability, lines)
        begun |= more_begun
        settled |= more_settled
    failures = Failures()
    with offline(tmp_path, FakeClock(), failures) as store:
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
        found = {str(turn_id): outcome for turn_id, outcome in store.rows("SELECT id, outcome FROM turns")}
        ((count,),) = store.rows("SELECT count(*) FROM turns")
        # Whatever the journal brought again, and wherever a transaction was broken off.
        assert check(store) == []
        (whole,) = usage(store, Asked(0))
        assert whole.sums.requests == count
    assert count == len(found)
    assert begun <= found.keys()
    assert {found[turn_id] for turn_id in settled} == {"ok"}
    assert set(found.values()) <= {"ok", "interrupted"}
    assert failures == []
