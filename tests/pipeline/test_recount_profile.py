"""A profile of a gateway that answers and has everything to count: it never tokenizes anything itself."""

import asyncio
import cProfile
import json
import pstats
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from llm_gateway.app import App
from llm_gateway.config import load
from llm_gateway.ledger.folder import Folder
from rawhttp import parse_replies, request
from scripted import ScriptedUpstream, chat
from scripted.records import Received
from scripted.script import Script

TURNS = 100
# What may run in the gateway: look-ups, and what feeds the pipe. Reading a body as text and tokens may not.
HERE = {"calibration.py", "counter.py", "frames.py", "weights.py", "__init__.py"}


def silent(asked: Received, names: Sequence[str]) -> Script | None:
    """Answer without telling of usage."""
    if asked.target.endswith("/completions"):
        return chat.plain(asked.model, usage=None)
    return chat.respond(asked, names)


def test_the_gateway_neither_reads_texts_nor_tokenizes(tmp_path: Path) -> None:
    profile = cProfile.Profile()
    with ScriptedUpstream(("m",), (silent,)) as upstream:
        asyncio.run(_answer_all(tmp_path, upstream.url, profile))
    stats = pstats.Stats(profile, stream=sys.stdout)
    ours: dict[str, tuple[int, float]] = {}
    for (path, _, function), (_, calls, own_time, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        assert "tiktoken" not in path
        if "llm_gateway/compression/" in path:
            assert Path(path).name in HERE, f"{path}: {function}"
        if "llm_gateway/compression/" in path or path.endswith("pipeline/recount.py"):
            ours[f"{Path(path).name}:{function}"] = (calls, own_time)
    assert ours["recount.py:later"][0] == TURNS
    assert ours["recount.py:recount"][0] == TURNS, "all of them were counted meanwhile or after"
    each = sum(own_time for _, own_time in ours.values()) / TURNS
    sys.stdout.write(f"counting took the loop's thread {each * 1e6:.0f} µs a turn, profiled, all told\n")
    for name, (calls, own_time) in sorted(ours.items(), key=lambda item: -item[1][1])[:12]:
        sys.stdout.write(f"  {name:32} {calls:5} calls {own_time / calls * 1e6:7.1f} µs\n")
    assert each < 0.002


async def _answer_all(home: Path, url: str, profile: cProfile.Profile) -> None:
    home.joinpath("gateway.toml").write_text(
        f'[[providers]]\nname = "up"\nbase_url = "{url}"\ndialects = ["chat"]\nmodels = ["m"]\n'
    )
    environ = {
        "LLM_GATEWAY_HOME": str(home),
        "LLM_GATEWAY_SERVER__PORT": "0",
        "LLM_GATEWAY_CLIENTS__DETECT": "false",
    }
    gateway = App(load(flags={}, environ=environ), environ)
    await gateway.start()
    key = (home / "owner-token").read_text().strip()
    try:
        profile.enable()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for number in range(TURNS):
            said = [{"role": "user", "content": f"{number} " + "a word or two " * 2000}]
            body = json.dumps({"model": "up/m", "messages": said}).encode()
            writer.write(request("POST", "/v1/chat/completions", key=key, body=body))
            head = await reader.readuntil(b"\r\n\r\n")
            (reply,) = parse_replies(head)
            await reader.readexactly(int(reply.header("content-length") or 0))
            assert reply.status == 200
        writer.close()
        async with asyncio.timeout(60):
            while _counted(home) < TURNS:  # noqa: ASYNC110 - the queue tells nobody that it is empty
                await asyncio.sleep(0.02)
    finally:
        profile.disable()
        await gateway.close()


def _counted(home: Path) -> int:
    with closing(sqlite3.connect(f"file:{Folder(home).database}?mode=ro", uri=True)) as database:
        ((count,),) = database.execute("SELECT count(*) FROM turns WHERE counted = 'tokenizer'")
    return int(count)
