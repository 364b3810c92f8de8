"""The playground: what can be chosen, who pays, and answers as they come."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from llm_gateway.server.pages.playground import Choice, Ending
from rawhttp import Reply, request
from signed_in_stage import TOKEN, Browser, signed_in

SET = """
[[providers]]
name = "far"
base_url = "https://far.example/v1"
api_key_env = "FAR_API_KEY"
models = ["big"]

[aliases]
both = ["demo/echo", "far/big"]
own = ["demo/echo"]
"""


def lines(reply: Reply) -> tuple[str, Ending]:
    """Return the text of an answer, and what came of it."""
    assert reply.status == 200 and reply.header("content-type") == "application/x-ndjson"
    told = [json.loads(line) for line in reply.body.splitlines()]
    return "".join(each.get("text", "") for each in told), msgspec.convert(told[-1]["end"], Ending)


def test_those_of_this_machine_come_first_and_who_pays_is_told(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        told = await browser.json("/playground?models=far/big,both,%3Cscript%3E,,own,one,too,many")
        choices = msgspec.convert(told["choices"], list[Choice])
        kinds = [each.kind for each in choices]
        order = ["local", "alias", "subscription", "hosted", "demo"]
        assert kinds == sorted(kinds, key=order.index)
        chosen = msgspec.convert(told["chosen"], list[Choice])
        assert [(each.name, each.paid) for each in chosen] == [
            ("far/big", "metered"),
            ("both", "mixed"),
            ("<script>", "unknown"),
            ("own", "free"),
        ]
        page = await browser.page("/playground?models=%3Cscript%3E,far/big")
        assert '<script>"' not in page and "&lt;script&gt;" in page
        assert 'id="metered" role="status">' in page
        assert 'id="metered" role="status" hidden>' in await browser.page("/playground?models=own")

    signed_in(tmp_path, scene, SET, {"FAR_API_KEY": "sk-far-0123456789"})


def test_an_answer_comes_in_pieces_and_has_its_row(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        asked = {"model": "demo/echo", "prompt": "<b>Guten Tag</b>", "temperature": 0.5, "max_tokens": 99}
        text, end = lines(await browser.change("POST", "/playground/answers", asked))
        assert "<b>Guten Tag</b>" in text
        assert (end.status, end.error, end.provider, end.model) == (200, "", "demo", "echo")
        assert end.tokens_out and end.ttft_ms is not None and end.total_ms is not None
        row = (await browser.json(f"/api/dashboard/requests/{end.request_id}"))["request"]
        told = msgspec.convert(row, dict[str, object])
        assert (told["caller"], told["status"]) == ("dashboard", "ok")
        _, failed = lines(await browser.change("POST", "/playground/answers", {**asked, "model": "nobody/x"}))
        assert failed.status == 404 and "nobody/x" in failed.error

    signed_in(tmp_path, scene)


def test_a_prompt_is_kept_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = "only-ever-said-in-the-playground"

    async def scene(browser: Browser) -> None:
        asked = {"model": "demo/echo", "prompt": said, "system": f"{said} too"}
        assert said in lines(await browser.change("POST", "/playground/answers", asked))[0]

    signed_in(tmp_path, scene)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert said.encode() not in written + "".join(capfd.readouterr()).encode()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"model": "demo/echo", "prompt": ""}, "$.prompt"),
        ({"model": "", "prompt": "x"}, "$.model"),
        ({"model": "demo/echo", "prompt": "x", "temperature": 3}, "$.temperature"),
        ({"model": "demo/echo", "prompt": "x", "max_tokens": 0}, "$.max_tokens"),
        ({"model": "demo/echo", "prompt": "x", "tools": []}, "tools"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, asked: object, told: str) -> None:
    async def scene(browser: Browser) -> None:
        reply = await browser.change("POST", "/playground/answers", asked)
        assert reply.status == 400 and told in str(reply.error()["message"])

    signed_in(tmp_path, scene)


def test_only_our_pages_may_ask(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        asked = {"model": "demo/echo", "prompt": "x"}
        assert (await browser.send("POST", "/playground/answers", asked)).status == 403
        assert (await browser.send("POST", "/playground/answers", asked, {})).status == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await browser.send("POST", "/playground/answers", asked, bearer)).status == 200

    signed_in(tmp_path, scene)


def test_who_stops_ends_it(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", browser.app.port)
        body = msgspec.json.encode({"model": "demo/slow", "prompt": "x"})
        fields = [*browser.fields.items(), *browser.csrf.items()]
        writer.write(request("POST", "/playground/answers", body=body, headers=fields))
        await reader.readuntil(b'"text"')
        writer.close()
        for _ in range(500):
            if await status(browser) != "running":
                break
            await asyncio.sleep(0.01)
        assert await status(browser) == "cancelled"

    signed_in(tmp_path, scene)


async def status(browser: Browser) -> str:
    """Return how the latest request stands."""
    rows = (await browser.json("/api/dashboard/requests?limit=1"))["requests"]
    return str(msgspec.convert(rows, list[dict[str, object]])[0]["status"])


def test_what_has_no_row_is_told_all_the_same(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        asked = {"model": "demo/echo", "prompt": "x" * 2000}
        _, end = lines(await browser.change("POST", "/playground/answers", asked))
        assert (end.status, end.request_id) == (413, "") and "server.max_body_bytes" in end.error

    signed_in(tmp_path, scene, "[server]\nmax_body_bytes = 1024\n")
