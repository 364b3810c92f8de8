"""How much each key was used, told by its id."""

from pathlib import Path

from llm_gateway.ledger.key_uses import KeyUse, key_uses
from usage_stage import HOUR_US, filled


def test_requests_money_and_the_last_use_of_each_key(tmp_path: Path) -> None:
    with filled(tmp_path, 300) as stage:
        since = min(each.intent.at_us for each in stage.turns)
        found = key_uses(stage.store, since)
        keys = {each.intent.key_id for each in stage.turns}
        assert keys == found.keys()
        for key in keys:
            own = [each for each in stage.turns if each.intent.key_id == key]
            assert found[key].sums.requests == len(own)
            assert found[key].nano >= sum((each.end.cost_nano or 0) for each in own)
            assert found[key].last_us == max(each.intent.at_us for each in own)


def test_of_an_earlier_time_only_the_last_use_is_known(tmp_path: Path) -> None:
    with filled(tmp_path, 60) as stage:
        found = key_uses(stage.store, stage.now_us + 2 * HOUR_US)
        assert found and all(each.sums.requests == 0 and each.last_us > 0 for each in found.values())
        assert all(each.nano == 0 for each in found.values())


def test_a_key_that_was_never_used_has_used_nothing() -> None:
    assert (KeyUse().nano, KeyUse().last_us) == (0, 0)
