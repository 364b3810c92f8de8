"""Another user of the machine reads nothing of the gateway's, and what was left open to others is refused."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_process import GatewayProcess

NOBODY = 65534
SECRETS = ("pepper", "owner-token", "running.json")


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder that everybody may pass through, as those of most homes are."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def readable_by_others(home: Path) -> set[str]:
    """Return the files that a user without rights can read; without rights of our own, by their modes."""
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        command += ["find", str(home), "-type", "f", "-readable", "-printf", "%f\n"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
        return set(done.stdout.split())
    return {
        path.name for path in home.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o004
    }


def test_another_user_reads_nothing_of_a_gateway_that_runs(home: Path) -> None:
    with GatewayProcess(home, "") as gateway:
        assert gateway.chat("demo/echo").status == 200
        data = home / "gateway"
        for name in SECRETS:
            assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name
        (data / "notes.txt").write_text("of the user's own")
        (data / "notes.txt").chmod(0o644)
        data.chmod(0o755)  # the home may be shared with other things
        found = readable_by_others(data)
    assert found == {"notes.txt"}


@pytest.mark.parametrize("name", ["pepper", "owner-token"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_is_open_to_others_stops_the_start(home: Path, name: str, mode: int) -> None:
    gateway = GatewayProcess(home, "")
    with gateway:
        pass
    (home / "gateway" / name).chmod(mode)
    with pytest.raises(AssertionError, match=rf"{name} .*open to others"):
        gateway.start()
