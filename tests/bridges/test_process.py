"""A vendor's program: what it gets of our environment, where it stands, and that nothing of it stays."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child, find_program, scrubbed

PYTHON = Path(sys.executable)
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nowhere"}


@pytest.mark.control("T10")
def test_it_gets_what_it_needs_and_no_secret() -> None:
    ours = {
        "HOME": "/h",
        "PATH": "/bin",
        "OPENAI_API_KEY": "sk-x",
        "LLM_GATEWAY_MASTER_KEY_FILE": "k",
        "X": "1",
    }
    assert scrubbed(ours) == {"HOME": "/h", "PATH": "/bin"}
    assert scrubbed(ours, ("X", "Y")) == {"HOME": "/h", "PATH": "/bin", "X": "1"}


def test_a_program_is_found_where_it_is(tmp_path: Path) -> None:
    program = tmp_path / "vendor"
    program.write_text("#!/bin/sh\n")
    assert find_program("vendor", {"PATH": str(tmp_path)}) is None, "it may not be run"
    program.chmod(0o755)
    assert find_program("vendor", {"PATH": str(tmp_path)}) == program
    assert find_program("other", {"PATH": ""}, given=str(program)) == program
    assert find_program("vendor", {"PATH": ""}) is None


def test_it_speaks_by_lines_from_an_empty_folder_of_its_own() -> None:
    code = (
        "import os,stat,sys; "
        "print(os.getcwd(), os.listdir(), oct(stat.S_IMODE(os.stat('.').st_mode)), flush=True); "
        "print(sys.stdin.readline(), end='')"
    )

    async def play() -> str:
        child = await Child.start(PYTHON, ("-c", code), ENVIRON)
        assert (await child.line()).decode().split() == [child.folder, "[]", "0o700"]
        await child.write(b"hello\n")
        assert await child.line() == b"hello\n"
        assert await child.wait() == 0
        await child.close()
        return child.folder

    assert not Path(asyncio.run(play())).exists()


def test_a_place_that_is_said_stays(tmp_path: Path) -> None:
    async def play() -> None:
        child = await Child.start(PYTHON, ("-c", "import os; print(os.getcwd())"), ENVIRON, tmp_path)
        assert (await child.line()).decode().strip() == child.folder == str(tmp_path)
        await child.close()
        with pytest.raises(BridgeFault):
            await Child.start(tmp_path / "nothing", (), ENVIRON, tmp_path)

    asyncio.run(play())
    assert tmp_path.is_dir()


def test_who_leaves_while_it_starts_leaves_no_folder(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from llm_gateway.bridges.process import Child\n"
        "async def play():\n"
        "    starting = asyncio.ensure_future(Child.start(Path(sys.executable), ('-c', ''), {}))\n"
        "    await asyncio.sleep(0)\n"
        "    starting.cancel()\n"
        "    await asyncio.wait((starting,))\n"
        "    print(starting.cancelled())\n"
        "asyncio.run(play())"
    )
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True, env=environ)
    assert done.stdout == "True\n"
    assert not list(tmp_path.iterdir())


def test_its_end_is_that_of_everything_it_started() -> None:
    async def play() -> None:
        code = (
            "import subprocess,sys,signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "p=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']); "
            "print(p.pid, flush=True); import time; time.sleep(60)"
        )
        child = await Child.start(PYTHON, ("-c", code), ENVIRON)
        below = int(await child.line())
        began = time.monotonic()
        await child.close()
        assert time.monotonic() - began < 5
        assert not child.running
        while psutil.pid_exists(below) and psutil.Process(below).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.01)

    asyncio.run(play())


def test_it_ends_though_whoever_ends_it_is_stopped() -> None:
    async def play() -> None:
        code = (
            "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); "
            "time.sleep(60)"
        )
        child = await Child.start(PYTHON, ("-c", code), ENVIRON)
        await child.line()
        closing = asyncio.get_running_loop().create_task(child.close())
        await asyncio.sleep(0.05)
        closing.cancel()
        async with asyncio.timeout(1):
            await child.wait()
        folders.append(child.folder)

    folders: list[str] = []
    asyncio.run(play())
    assert not Path(folders[0]).exists()


def test_the_end_of_what_it_wrote_to_stderr_is_kept() -> None:
    async def play() -> None:
        child = await Child.start(
            PYTHON, ("-c", "import sys; sys.stderr.write('x' * 100_000 + 'the end')"), ENVIRON
        )
        await child.watch_errors()
        assert child.said.endswith("the end") and len(child.said) == 8192
        await child.close()

    asyncio.run(play())


def test_a_long_line_is_read_and_one_without_end_is_a_fault() -> None:
    code = "import sys; w = sys.stdout.write; w('x' * 3000000 + '\\n'); w('y\\nz')"

    async def play() -> None:
        child = await Child.start(PYTHON, ("-c", code), ENVIRON)
        assert await child.line() == b"x" * 3_000_000 + b"\n"
        assert [await child.line(), await child.line(), await child.line()] == [b"y\n", b"z", b""]
        await child.close()
        child = await Child.start(PYTHON, ("-c", "while True: print('x' * 65536, end='')"), ENVIRON)
        with pytest.raises(BridgeFault, match="a line without end"):
            await child.line()
        await child.close()

    asyncio.run(play())


@pytest.mark.fault("B7")
def test_a_program_that_floods_waits_until_it_is_read() -> None:
    code = """
import os, sys
counts = open("written", "wb", buffering=0)
while True:
    sys.stderr.write("x")
    counts.write(b"x" * os.write(1, b"x" * 999 + b"\\n"))
"""

    def written(child: Child) -> int:
        return Path(child.folder, "written").stat().st_size

    async def play() -> None:
        child = await Child.start(PYTHON, ("-c", code), ENVIRON)
        await child.line()
        size, before = 0, -1
        while size != before or psutil.Process(child.pid).status() != psutil.STATUS_SLEEPING:
            await asyncio.sleep(0.2)
            before, size = size, written(child)
            assert size < 2 * 1024 * 1024
        assert await child.line() == b"x" * 999 + b"\n"
        child.kill()
        await child.close()

    asyncio.run(play())


def test_one_that_has_ended_takes_nothing() -> None:
    async def play() -> None:
        child = await Child.start(PYTHON, ("-c", ""), ENVIRON)
        assert await child.line() == b""
        await child.wait()
        with pytest.raises(BridgeFault, match="has ended"):
            await child.write(b"x" * 10_000_000)
        child.kill()
        await child.close()

    asyncio.run(play())


def test_one_that_cannot_be_started_is_not_installed(tmp_path: Path) -> None:
    program = tmp_path / "vendor"
    program.write_text("not a program")
    program.chmod(0o755)

    async def play() -> None:
        with pytest.raises(BridgeFault, match="cannot be started") as fault:
            await Child.start(program, (), ENVIRON)
        assert fault.value.kind == "bridge_not_installed"

    asyncio.run(play())


def test_so_many_bytes_are_read_as_they_are() -> None:
    async def play() -> None:
        child = await Child.start(PYTHON, ("-c", "print('one\\ntwo', end='')"), ENVIRON)
        assert await child.exactly(4) == b"one\n"
        assert await child.exactly(2) == b"tw"
        assert await child.exactly(9) == b"o", "it ended before"
        await child.close()

    asyncio.run(play())
