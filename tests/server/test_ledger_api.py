"""Old turns are deleted when the owner says so: how many is answered at once, the rest goes on beside."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock, FakeWire
from ledger_samples import NOON, Failures, intent, settlement, with_ledger
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.spans import DAY_US
from llm_gateway.server.ledger_api import LedgerApi, PruneView
from llm_gateway.tasks import Tasks


async def asked(api: LedgerApi, body: bytes) -> PruneView:
    wire = FakeWire()
    await api.prune(wire.exchange(b"POST", b"/api/ledger/prune", body=body), "")
    return msgspec.json.decode(wire.reply.body, type=PruneView)


def test_old_turns_go_and_that_is_on_record(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        failures = Failures()
        tasks = Tasks(failures)
        api = LedgerApi(ledger, FakeClock(NOON + 100 * DAY_US), tasks)
        for at_us in (NOON, NOON + 99 * DAY_US):
            name = ledger.new_id()
            await ledger.begin(intent(name, at_us=at_us))
            await ledger.settle(settlement(name))
        dry = await asked(api, b'{"older_than_days":90,"dry_run":true}')
        assert (dry.turns, dry.sightings, dry.dry_run) == (1, 0, True)
        assert len(await ledger.read(page)) == 2
        assert await asked(api, b'{"older_than_days":90}') == msgspec.structs.replace(dry, dry_run=False)
        (pruning,) = (task for task in asyncio.all_tasks() if task.get_name() == "prune the ledger")
        await pruning
        assert len(await ledger.read(page)) == 1
        assert [entry.action for entry in ledger.audit.entries("")] == ["ledger.prune"]
        assert (await asked(api, b'{"older_than_days":90}')).turns == 0
        await tasks.close()
        assert failures == []

    assert asyncio.run(with_ledger(tmp_path, scene)) == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"older_than_days":0}', b'{"older_than_days":9,"x":1}', b"\xff"]
)
def test_what_it_does_not_take_is_refused(tmp_path: Path, body: bytes) -> None:
    async def scene(ledger: Ledger) -> None:
        with pytest.raises(MalformedRequest):
            await asked(LedgerApi(ledger, FakeClock(), Tasks(Failures())), body)

    assert asyncio.run(with_ledger(tmp_path, scene)) == []
