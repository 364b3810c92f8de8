"""What is kept of a sign-in: sealed, private, changed by one at a time."""

import asyncio
import stat
from pathlib import Path

import msgspec
import pytest

from bridges.chatgpt.fake_accounts import CANARY
from llm_gateway.bridges.chatgpt.keeping import Registration, Store, Tokens, open_store, packed, unpacked
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.sealed import SealedFile
from llm_gateway.vault import Secret

TOKENS = Tokens(Secret(f"{CANARY}-a"), Secret(f"{CANARY}-r"), 2, 1, ("openid",))
KEPT = Registration("oaiapp_1", Secret(f"user-{CANARY}"), TOKENS)


def store(folder: Path) -> Store:
    return open_store(folder / "chatgpt", {})


def test_a_registration_is_kept_under_seal(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.read() is None and kept.mark == (0, 0, 0)
    kept.write(KEPT)
    assert store(tmp_path).read() == KEPT
    assert kept.mark == store(tmp_path).mark != (0, 0, 0)
    kept.clear()
    assert kept.read() is None
    kept.write(msgspec.structs.replace(KEPT, tokens=None, ended="moved"))
    found = kept.read()
    assert found is not None and (found.tokens, found.ended) == (None, "moved")


def test_nothing_of_it_can_be_read_from_disk_or_from_what_is_shown(tmp_path: Path) -> None:
    store(tmp_path).write(KEPT)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert CANARY not in repr(KEPT)
    assert unpacked(packed(KEPT)) == KEPT
    with pytest.raises(TypeError):
        msgspec.json.encode(KEPT)


def test_the_master_key_may_be_elsewhere(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    environ = {"LLM_GATEWAY_MASTER_KEY_FILE": str(key)}
    open_store(tmp_path / "chatgpt", environ).write(KEPT)
    assert open_store(tmp_path / "chatgpt", environ).read() == KEPT
    with pytest.raises(BridgeFault, match="another master key"):
        store(tmp_path).read()


@pytest.mark.parametrize("how", ["altered", "short", "another key", "open to others"])
def test_what_cannot_be_used_is_told_with_the_way_out(tmp_path: Path, how: str) -> None:
    store(tmp_path).write(KEPT)
    path = tmp_path / "chatgpt" / "login.sealed"
    match how:
        case "altered":
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        case "short":
            path.write_bytes(b"\x01")
        case "another key":
            (tmp_path / "chatgpt" / "master-key").write_text("cd" * 32)
        case _:
            path.chmod(0o644)
    with pytest.raises(BridgeFault, match="cannot be used") as raised:
        store(tmp_path).read()
    assert raised.value.kind == "auth_required"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff", b'{"client":1}', b'{"client":"c","subject":7}', b"[" * 2000]
)
def test_what_was_not_packed_is_no_registration(data: bytes) -> None:
    with pytest.raises(ValueError, match="no registration"):
        unpacked(data)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "chatgpt" / "login.sealed").mkdir(parents=True)
    with pytest.raises(BridgeFault, match="cannot be kept"):
        store(tmp_path).write(KEPT)


# the id of the installation


def test_an_installation_has_one_id_for_good(tmp_path: Path) -> None:
    host = store(tmp_path).host()
    assert host.startswith("urn:uuid:") and len(host) == 45
    assert store(tmp_path).host() == host
    store(tmp_path).clear()
    assert store(tmp_path).host() == host
    assert open_store(tmp_path / "another", {}).host() != host


def test_an_id_that_is_none_is_told(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.host()
    path = tmp_path / "chatgpt" / "host-id"
    path.write_text("me")
    with pytest.raises(BridgeFault, match="delete it"):
        kept.host()
    path.chmod(0o644)
    with pytest.raises(BridgeFault, match="open to others"):
        kept.host()


# one at a time


def test_changes_wait_for_one_another(tmp_path: Path) -> None:
    seen: list[str] = []

    async def change(name: str) -> None:
        async with store(tmp_path).changing():
            seen.append(f"{name} begins")
            await asyncio.sleep(0.01)
            seen.append(f"{name} ends")

    async def scene() -> None:
        await asyncio.gather(*(change(name) for name in "abc"))

    asyncio.run(scene())
    assert [entry[2:] for entry in seen] == ["begins", "ends"] * 3


def test_a_change_that_fails_or_is_cancelled_lets_the_next_one_in(tmp_path: Path) -> None:
    async def scene() -> None:
        with pytest.raises(ZeroDivisionError):
            async with store(tmp_path).changing():
                raise ZeroDivisionError
        held = asyncio.ensure_future(_hold(store(tmp_path)))
        await asyncio.sleep(0.01)
        waiting = asyncio.ensure_future(_hold(store(tmp_path)))
        await asyncio.sleep(0.05)
        waiting.cancel()
        held.cancel()
        await asyncio.gather(held, waiting, return_exceptions=True)
        async with store(tmp_path).changing():
            pass

    asyncio.run(scene())


async def _hold(kept: Store) -> None:
    async with kept.changing():
        await asyncio.Event().wait()


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "chatgpt"
    hasty = Store(folder, SealedFile(folder / "login.sealed", "a test", lambda: b"k"), waits=0.05)

    async def scene() -> None:
        async with store(tmp_path).changing():
            with pytest.raises(BridgeFault, match="another process"):
                async with hasty.changing():
                    raise AssertionError

    asyncio.run(scene())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "chatgpt").write_text("a file")

    async def scene() -> None:
        with pytest.raises(BridgeFault, match="cannot be opened"):
            async with store(tmp_path).changing():
                raise AssertionError

    asyncio.run(scene())
