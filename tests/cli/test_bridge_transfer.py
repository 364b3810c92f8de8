"""Moving the sign-in with ChatGPT on the command line: from one home to another, by a file and a code."""

import asyncio
from pathlib import Path

from llm_gateway.bridges.chatgpt.keeping import Registration, Tokens, open_store
from llm_gateway.vault import Secret
from terminal import Terminal, program


def test_without_a_sign_in_there_is_nothing_to_move(stopped: Terminal, tmp_path: Path) -> None:
    done = stopped("bridges", "move-out", str(tmp_path / "moved"))
    assert (done.code, done.out) == (1, "")
    assert "llm-gateway login chatgpt" in done.err
    assert not (tmp_path / "moved").exists()


def test_a_sign_in_moves_by_a_file_and_a_code(stopped: Terminal, tmp_path: Path) -> None:
    here, there = stopped.home, tmp_path / "there"
    tokens = Tokens(Secret("access"), Secret("refresh"), 1, 1, ("openid",))

    async def sign_in() -> None:
        store = open_store(here / "bridges" / "chatgpt", {})
        async with store.changing():
            store.write(Registration("oaiapp_1", Secret("ada"), tokens))

    asyncio.run(sign_in())
    done = stopped.ok("bridges", "move-out", str(tmp_path / "moved"))
    assert "llm-gateway bridges move-in moved" in done.err
    moved = program(there, "bridges", "move-in", str(tmp_path / "moved"), typed=done.out)
    assert (moved.code, moved.out) == (0, "")
    assert not (tmp_path / "moved").exists()
    arrived = open_store(there / "bridges" / "chatgpt", {}).read()
    assert arrived is not None and arrived.tokens == tokens
    left = open_store(here / "bridges" / "chatgpt", {}).read()
    assert left is None or left.tokens is None


def test_a_file_that_is_none_is_refused(stopped: Terminal, tmp_path: Path) -> None:
    (tmp_path / "moved").write_bytes(b"no sign-in")
    done = program(stopped.home, "bridges", "move-in", str(tmp_path / "moved"), typed="code\n")
    assert done.code == 1
    assert done.err.startswith("error: the sign-in with ChatGPT was not moved")
    assert (tmp_path / "moved").read_bytes() == b"no sign-in"
