"""The page of one request: everything that is on record of it, as it is, and nothing as markup."""

import re
from decimal import Decimal
from pathlib import Path
from typing import cast

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import Basis, Used, reckon
from llm_gateway.ledger.records import Attempt, Compressed, Noted, Removed
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass
from request_desk import HOSTILE, HTML, JSON, Desk, at_desk

PRICES: dict[TokenClass, Steps] = {"input": ((0, Decimal(3)),), "output": ((0, Decimal(15)),)}
TARIFF = Tariff(Card("genai-prices", "openai", "gpt", "exact", PRICES))
NAMES = ("client", "caller", "provider", "model", "model_asked", "session", "label", "key_id")


def member(view: dict[str, object], *names: str) -> object:
    """Return what stands in a view under names within names."""
    found: object = view
    for name in names:
        found = cast(dict[str, object], found)[name]
    return found


async def a_whole_turn(desk: Desk, **begin: object) -> str:
    """Put a turn on record of which there is something of everything."""
    usage, removed = Usage(1000, 200, 0, 50, 7), Removed(uncached=300)
    cost, money = reckon(Used(usage, counts=True, removed=removed), Basis(TARIFF))
    await desk.put([Noted(TARIFF.id, TARIFF.text)])
    lost = Attempt("first", "chat", "m", 5, 70, status=503, error_kind="upstream_status", request_id="req_1")
    won = Attempt("second", "messages", "m", 90, 12_000, status=200, why="it is local", request_id="req_2")
    end: dict[str, object] = {
        "outcome": "ok",
        "usage": usage,
        "cost_nano": cost,
        "money": money,
        "removed": removed,
        "attempts": (lost, won),
        "losses": ("logit_bias",),
        "compressed": Compressed(4, 2, 9000, 6000, 300, "strict-1", counted="tokenizer", error_permille=20),
    }
    return await desk.put_turn(end, **begin)


def test_everything_on_record_is_told(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.put_key(keep_content_days=0, name="the laptop")
        made = await a_whole_turn(desk, session="talk", request_bytes=6000)
        text = await desk.html(f"/requests/{made}")
        for told in (
            made,
            "first/m",
            "it is local",
            "req_1",
            "req_2",
            "logit_bias",
            "9.0 KB",
            "6.0 KB",
            "1,500",
            "Together, rounded once",
            "strict-1",
            "the laptop",
            "Headers are not on record",
            "/requests?since=all&amp;q=talk",
            "data-curl",
            "reproduces",
            "llm-gateway keys keep &#39;the laptop&#39; 30",
        ):
            assert told in text, told
        assert text.count("<rect") == 6 and "style=" not in text and text.count("<h1") == 1
        view = await desk.json(f"/requests/{made}")
        assert member(view, "detail", "money", "reproduces") is True
        assert member(view, "tokens", "without") == 1500 and member(view, "tokens", "removed") == 300
        assert member(view, "key", "name") == "the laptop" and view["error"] is None
        assert member(view, "content", "kept") is False

    at_desk(tmp_path, scene)


def test_a_running_one_says_so(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        text = await desk.html(f"/requests/{await desk.put_turn()}")
        assert "It runs" in text and "They are counted when it has ended" in text and "<rect" not in text

    at_desk(tmp_path, scene)


def test_what_failed_is_explained(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        end: dict[str, object] = {"outcome": "error", "error_kind": "upstream_timeout", "http_status": 504}
        made = await desk.put_turn({**end, "usage": None, "attempts": ()}, key_id="bootstrap", client="")
        text = await desk.html(f"/requests/{made}")
        assert "<code>upstream_timeout</code>" in text and "took longer than the deadline" in text
        assert "keys create NAME --keep-content 30" in text and "gave no name" in text

    at_desk(tmp_path, scene)


def test_there_is_none_of_this_id(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask("/requests/nobody", HTML)
        assert reply.status == 404 and b"there is no request" in reply.body
        reply = await desk.ask("/requests/%3Cscript%3E", HTML)
        assert reply.status == 404 and b"<script>&#39" not in reply.body
        assert (await desk.ask("/requests/nobody", JSON)).status == 404

    at_desk(tmp_path, scene)


def test_nobodys_text_is_markup(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        plain = await desk.html(f"/requests/{await a_whole_turn(desk)}")
        for text in HOSTILE:
            await desk.put_key(id=text, name=text, hint=text, person=text, digest=text.encode())
            tried = Attempt(text, text, text, 1, 2, error_kind=text, request_id=text, why=text)
            begin = dict.fromkeys(NAMES, text)
            end: dict[str, object] = {
                "outcome": "error",
                "error_kind": text,
                "attempts": (tried,),
                "losses": (text,),
                "finish_reason": text,
                "response_id": text,
                "upstream_request_id": text,
                "tier": text,
                "price": text,
                "compressed": Compressed(1, 1, 10, 5, 1, text, why=text),
            }
            page = await desk.html(f"/requests/{await desk.put_turn(end, **begin)}")
            assert page.count("<script") == plain.count("<script") and "<img" not in page
            assert not re.search(r'href="(?!/|#main|https://)', page), text
            assert "onerror='alert" not in page

    at_desk(tmp_path, scene)
