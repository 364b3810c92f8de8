"""Moving a sign-in to a machine without a browser."""

import stat
from pathlib import Path

import pytest

from bridges.chatgpt.chatgpt_stage import Stage, ask, played, spoken
from bridges.chatgpt.fake_accounts import CANARY
from llm_gateway.bridges.chatgpt.keeping import Registration, Store
from llm_gateway.bridges.chatgpt.transfer import export_login, import_login
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.sealed import SealedFile
from llm_gateway.vault import Secret, load_master_key


class FullDisk(Store):
    """Files on a disk that takes no more."""

    def write(self, registration: Registration) -> None:
        raise BridgeFault("bridge_failed", "the disk is full")


def test_a_sign_in_moves_and_goes_on_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        laptop = await stage.logged_in()
        there, file = stage.store("vm"), tmp_path / "transfer"
        hosts = stage.store().host(), there.host()
        code = await export_login(stage.store(), file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert CANARY.encode() not in file.read_bytes()
        await import_login(there, file, code)
        assert not file.exists()
        assert (stage.store().host(), there.host()) == hosts and hosts[0] != hosts[1]
        vm = stage.open(name="vm")
        assert spoken(await ask(vm)) == "Hello."
        stage.advance(3700)
        assert spoken(await ask(vm)) == "Hello."
        assert stage.accounts.renewed == 1  # by the one that it moved to
        health = await laptop.health()
        assert (health.state, "moved to another machine" in health.reason) == ("auth_required", True)
        assert stage.accounts.revoked == []

    played(scene, tmp_path)


def test_only_the_code_opens_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.logged_in()
        file = tmp_path / "transfer"
        code = await export_login(stage.store(), file)
        assert len(code.reveal()) == 32
        for wrong in (Secret(""), Secret(code.reveal()[:-1]), Secret(code.reveal().swapcase())):
            with pytest.raises(BridgeFault, match="does not open"):
                await import_login(stage.store("vm"), file, wrong)
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        with pytest.raises(BridgeFault, match="does not open"):
            await import_login(stage.store("vm"), file, code)
        file.write_bytes(whole)
        file.chmod(0o644)
        with pytest.raises(BridgeFault, match="chmod 600"):
            await import_login(stage.store("vm"), file, code)
        file.chmod(0o600)
        await import_login(stage.store("vm"), file, code)
        with pytest.raises(BridgeFault, match="is not there"):
            await import_login(stage.store("vm"), file, code)

    played(scene, tmp_path)


def test_nobody_loses_what_cannot_be_moved(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="nobody is signed in"):
            await export_login(stage.store(), tmp_path / "transfer")
        bridge = await stage.logged_in()
        (tmp_path / "taken").write_text("something else")
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        for name in ("taken", "dangling", "taken/below"):
            with pytest.raises(BridgeFault, match="not moved"):
                await export_login(stage.store(), tmp_path / name)
        assert (tmp_path / "taken").read_text() == "something else"
        assert (await bridge.health()).state == "ok"

    played(scene, tmp_path)


def test_a_sign_in_is_in_one_place_even_when_the_disk_fails(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.logged_in()
        folder = tmp_path / "chatgpt"
        file = SealedFile(
            folder / "login.sealed", "chatgpt login", lambda: load_master_key(folder, make=False)
        )
        with pytest.raises(BridgeFault, match="disk is full"):
            await export_login(FullDisk(folder, file), tmp_path / "transfer")
        assert not (tmp_path / "transfer").exists()
        left = stage.store().read()
        assert left is not None and left.tokens is not None

    played(scene, tmp_path)


def test_a_sign_in_does_not_replace_another(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.logged_in()
        await stage.log_in(stage.open(name="vm"))
        file = tmp_path / "transfer"
        code = await export_login(stage.store(), file)
        with pytest.raises(BridgeFault, match="logout chatgpt"):
            await import_login(stage.store("vm"), file, code)
        await stage.open(name="vm").logout()
        await import_login(stage.store("vm"), file, code)
        assert (await stage.open(name="vm").health()).state == "ok"

    played(scene, tmp_path)
