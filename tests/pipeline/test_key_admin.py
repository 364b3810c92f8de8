"""Keys that are made, revoked and rotated while requests are checked against them."""

from pathlib import Path

import pytest

from llm_gateway.errors import MalformedRequest, Unauthenticated
from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.money import NANO
from llm_gateway.pipeline.authenticate import KeyRing
from llm_gateway.pipeline.key_admin import KeyAdmin, Minted, check_days, made_for, mint, mint_successor
from llm_gateway.vault import Secret, key_digest, looks_like_key, mint_key
from pipeline_stage import PEPPER, Stage, on_stage


def admin(stage: Stage, bootstrap: str | None = None) -> KeyAdmin:
    """Return the keys of the stage's gateway; its own key is none of them."""
    secret = None if bootstrap is None else Secret(bootstrap)
    return KeyAdmin(stage.ledger, stage.keys, PEPPER, stage.clock, secret)


def caller(ring: KeyRing, key: Secret | str) -> str:
    """Return whom a key opens the door for, "" when it stays shut."""
    shown = key if isinstance(key, str) else key.reveal()
    try:
        return ring.authenticate([(b"x-api-key", shown.encode())]).caller
    except Unauthenticated:
        return ""


def test_a_key_is_shown_once_and_kept_as_its_digest() -> None:
    minted = mint("ada", PEPPER, "key_1", 7)
    key = minted.key.reveal()
    assert looks_like_key(key)
    assert (minted.row.id, minted.row.name, minted.row.created_us) == ("key_1", "ada", 7)
    assert minted.row.digest == key_digest(PEPPER, key)
    assert minted.row.hint == key[-4:]
    assert key not in repr(minted) and key not in str(minted)


@pytest.mark.parametrize("name", ["a", "Ada Lovelace", "ci.build-7_x@host", "0" * 64])
def test_names_that_keys_may_have(name: str) -> None:
    assert mint(name, PEPPER, "key_1", 0).row.name == name


@pytest.mark.parametrize("name", ["", " ada", "-ada", "a\nb", "ü", "a" * 65, "a/b", "a\n", "<b>"])
def test_names_that_keys_may_not_have(name: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        mint(name, PEPPER, "key_1", 0)
    assert refused.value.param == "name"
    assert refused.value.message.isprintable() and len(refused.value.message) < 250


def test_a_key_opens_from_the_moment_it_is_made(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        assert await keys.load() == 0
        minted = await keys.create("ada")
        assert caller(stage.keys, minted.key) == "ada"
        assert await keys.listed() == [minted.row]
        assert await keys.load() == 1
        assert caller(stage.keys, minted.key) == "ada", "and after a start it still does"
        assert (tmp_path / "ledger").exists() and not holds(tmp_path, minted), "only its digest is kept"

    on_stage(tmp_path, scene)


def holds(home: Path, minted: Minted) -> bool:
    key = minted.key.reveal().encode()
    return any(key in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_a_key_opens_no_more_from_the_moment_it_is_revoked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        ada, bob = await keys.create("ada"), await keys.create("bob")
        assert caller(stage.keys, ada.key) == "ada"
        assert await keys.revoke(ada.row.id)
        assert (caller(stage.keys, ada.key), caller(stage.keys, bob.key)) == ("", "bob")
        assert not await keys.revoke(ada.row.id), "it is revoked already"
        assert not await keys.revoke("nothing")
        assert [row.accepted(stage.clock.now) for row in await keys.listed()] == [False, True]

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("overlap", [0, -5, 60])
def test_a_rotated_key_goes_on_for_as_long_as_was_said(tmp_path: Path, overlap: int) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        old = await keys.create("ada")
        new = await keys.rotate(old.row.id, overlap)
        assert new is not None and new.row.name == "ada" and new.row.id != old.row.id
        assert caller(stage.keys, new.key) == "ada"
        assert caller(stage.keys, old.key) == ("ada" if overlap > 0 else "")
        stage.clock.advance(max(overlap, 0))
        assert (caller(stage.keys, old.key), caller(stage.keys, new.key)) == ("", "ada")

    on_stage(tmp_path, scene)


def test_only_a_key_that_is_there_can_be_rotated(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        gone = await keys.create("ada")
        await keys.revoke(gone.row.id)
        assert await keys.rotate("nothing", 0) is None
        assert await keys.rotate(gone.row.id, 0) is None
        assert len(await keys.listed()) == 1

    on_stage(tmp_path, scene)


def test_the_key_of_the_environment_opens_beside_the_others_and_is_listed_nowhere(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bootstrap = mint_key()
        keys = admin(stage, bootstrap)
        assert await keys.load() == 0
        assert caller(stage.keys, bootstrap) == "bootstrap"
        made = await keys.create("ada")
        assert (caller(stage.keys, bootstrap), caller(stage.keys, made.key)) == ("bootstrap", "ada")
        assert [row.name for row in await keys.listed()] == ["ada"]

    on_stage(tmp_path, scene)


def test_what_a_key_keeps_counts_from_the_moment_it_is_said(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        minted = await keys.create("ada", 7)
        headers = [(b"x-api-key", minted.key.reveal().encode())]
        identity = stage.keys.authenticate(headers)
        assert (identity.keep_days, identity.kept_under) == (7, minted.row.id)
        changes = stage.keys.changes
        assert await keys.keep(minted.row.id, 0)
        assert stage.keys.changes > changes, "what a header section said is found out anew"
        assert stage.keys.authenticate(headers).keep_days == 0
        assert not await keys.keep("nobody", 1)

    on_stage(tmp_path, scene)


def test_what_a_key_may_use_counts_from_the_moment_it_is_said(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        await keys.load(stage.spending)
        minted = await keys.create("ada")
        assert await keys.limit(minted.row.id, KeyLimits(parallel=1, usd_per_day=5.0))
        told = {(each.scope, each.limit, each.most) for each in stage.spending.standing()}
        scope = ("key", "ada")
        assert told == {(scope, "parallel", 1), (scope, "usd_per_day", 5 * NANO)}
        assert stage.spending.periods() == (), "what was spent is known"
        entry = stage.ledger.audit.entries()[-1]
        assert (entry.action, entry.target) == ("key.limit", minted.row.id)
        assert entry.detail == {"limits": "1 at a time, $5 per day"}
        second = await keys.rotate(minted.row.id, 0)
        assert second is not None and second.row.limited == KeyLimits(parallel=1, usd_per_day=5.0)
        assert stage.spending.standing()
        assert await keys.limit(second.row.id, KeyLimits())
        assert stage.spending.standing() == []
        assert not await keys.limit("nobody", KeyLimits(parallel=1))
        assert await keys.limit(second.row.id, KeyLimits(parallel=1))
        assert await keys.revoke(second.row.id)
        assert stage.spending.standing() == [], "nobody has that name any more"

    on_stage(tmp_path, scene)


def test_a_successor_goes_on_with_what_was_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        first = await keys.create("ada", 7)
        second = await keys.rotate(first.row.id, 0)
        assert second is not None
        third = await keys.rotate(second.row.id, 0)
        assert third is not None
        assert (third.row.keep_content_days, third.row.kept_under) == (7, first.row.id)
        assert (await keys.listed())[-1] == third.row
        assert (
            stage.keys.authenticate([(b"x-api-key", third.key.reveal().encode())]).kept_under == first.row.id
        )

    on_stage(tmp_path, scene)


def test_a_successor_of_a_key_that_keeps_nothing_keeps_nothing() -> None:
    old = mint("ada", PEPPER, "key_1", 0).row
    row = mint_successor(old, PEPPER, "key_2", 5).row
    assert (row.name, row.keep_content_days, row.kept_under, row.id) == ("ada", 0, "key_1", "key_2")


@pytest.mark.parametrize(("days", "most"), [(0, 0), (0, 90), (90, 90)])
def test_days_that_may_be(days: int, most: int) -> None:
    check_days(days, most)


@pytest.mark.parametrize(("days", "most"), [(1, 0), (91, 90), (-1, 90)])
def test_days_that_may_not_be(days: int, most: int) -> None:
    with pytest.raises(MalformedRequest, match=r"content\.max_days") as refused:
        check_days(days, most)
    assert refused.value.param == "keep_content_days"


def test_a_key_may_be_for_one_application_on_one_machine(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        minted = await keys.create("codex", client="codex-cli", machine="laptop")
        (row,) = await keys.listed()
        assert (row.client, row.machine) == ("codex-cli", "laptop")
        headers = [(b"x-api-key", minted.key.reveal().encode())]
        assert stage.keys.authenticate(headers).client == "codex-cli"
        successor = await keys.rotate(row.id, 0)
        assert successor is not None
        assert (successor.row.client, successor.row.machine) == ("codex-cli", "laptop")

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(("client", "machine"), [("a/b", ""), ("", "a\nb"), ("-x", "")])
def test_what_a_key_is_for_has_a_name(client: str, machine: str) -> None:
    with pytest.raises(MalformedRequest):
        made_for(mint("ada", PEPPER, "key_1", 0), client, machine)


def test_a_key_is_limited_from_its_first_request_and_it_is_told_who_made_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        keys = admin(stage)
        await keys.load(stage.spending)
        limits = KeyLimits(parallel=2)
        minted = await keys.acting("session 1").create("ada", limits=limits)
        assert minted.row.limited == limits and await keys.listed() == [minted.row]
        assert [(each.scope, each.limit) for each in stage.spending.standing()] == [
            (("key", "ada"), "parallel")
        ]
        await keys.revoke(minted.row.id)
        told = [(each.actor, each.action, each.detail.get("limits")) for each in stage.ledger.audit.entries()]
        assert told == [("session 1", "key.create", "2 at a time"), ("owner", "key.revoke", None)]

    on_stage(tmp_path, scene)
