"""Content is kept as the configuration says, and what cannot be is told to the log."""

import asyncio
import io
import json
from pathlib import Path

from fakes import FakeClock
from llm_gateway.config import load
from llm_gateway.content.opening import content_of, where_of
from llm_gateway.content.safe import Where
from llm_gateway.telemetry.log import Log


def test_the_settings_say_where_and_how_much(tmp_path: Path) -> None:
    environ = {
        "LLM_GATEWAY_HOME": str(tmp_path),
        "LLM_GATEWAY_MASTER_KEY_FILE": str(tmp_path / "key"),
        "LLM_GATEWAY_CONTENT__MAX_BYTES": "2000000",
        "LLM_GATEWAY_LEDGER__DURABILITY": "power",
    }
    assert where_of(load(flags={}, environ=environ)) == Where(tmp_path, tmp_path / "key", True, 2_000_000)
    usual = where_of(load(flags={}, environ={"LLM_GATEWAY_HOME": str(tmp_path)}))
    assert usual == Where(tmp_path, None, False, Where(tmp_path).most_bytes)


def test_a_failure_is_a_line_without_content(tmp_path: Path) -> None:
    async def scene() -> None:
        out = io.StringIO()
        environ = {"LLM_GATEWAY_HOME": str(tmp_path), "LLM_GATEWAY_CONTENT__MAX_DAYS": "5"}
        content = content_of(load(flags={}, environ=environ), FakeClock(), Log(FakeClock(), "info", out))
        (tmp_path / "content").write_bytes(b"in the way")
        assert content.most_days == 5
        assert not await content.keep("key_1", "response", "resp_1", b"THE TEXT", 5)
        await content.close()
        (line,) = map(json.loads, out.getvalue().splitlines())
        assert (line["level"], line["event"]) == ("warning", "content cannot be kept")
        assert "content.sqlite3" in line["error"] and "THE TEXT" not in out.getvalue()

    asyncio.run(scene())
