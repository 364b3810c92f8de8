"""What there is to list, and how long somebody waits for it."""

import asyncio
from pathlib import Path

import pytest

from fakes import FakeEngine
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import UnknownModel
from llm_gateway.server.model_shapes import Listed
from scripted import Gate, Script, Send
from scripted.wording import response
from shelf_stage import LISTED, Shelved, shelved

SLOW: Script = (Gate("late"), Send(response(200, b'{"data":[{"id":"slow"}]}')))


def lists(name: str) -> Script:
    """Return a list with this model alone."""
    return (Send(response(200, b'{"data":[{"id":"%b"}]}' % name.encode())),)


async def named(shown: Shelved) -> dict[str, Listed]:
    await shown.shelf.look()
    return {each.name: each for each in shown.shelf.listed()}


def test_each_model_is_there_once_with_what_is_told_of_it(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        found = await named(shown)
        assert len(found) == len(LISTED) + 3
        assert found["ollama/qwen2.5:14b"] == Listed(
            "ollama/qwen2.5:14b",
            "library",
            bare="qwen2.5:14b",
            created=1_750_000_000,
            context_length=32768,
        )
        assert found["demo/echo"] == Listed("demo/echo", "demo", bare="echo")
        assert found["ollama/claude-sonnet-5"].label == "Claude Sonnet 5"

    shelved(tmp_path, scene)


def test_an_alias_has_the_room_of_the_target_that_is_asked_first(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        found = await named(shown)
        assert found["fast"] == Listed("fast", "llm-gateway", context_length=32768)
        assert found["unknown"] == Listed("unknown", "llm-gateway")

    shelved(tmp_path, scene, aliases={"fast": "ollama/qwen2.5:14b", "unknown": "ollama/nothing"})


def test_a_bare_name_is_told_only_where_it_means_this_model(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        found = await named(shown)
        assert found["ollama/both"].bare == found["other/both"].bare == "", "two providers have it"
        assert found["ollama/gpt-5.5"].bare == "", "an alias has this name"
        for each in found.values():
            if each.bare:
                (target,) = shown.stage.router.resolve(each.bare)
                assert str(target) == each.name

    shelved(tmp_path, scene, aliases={"gpt-5.5": "ollama/org/llama"})


def test_a_bare_name_that_begins_like_a_provider_is_none(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        assert (await named(shown))["ollama/other/both"].bare == ""

    shelved(tmp_path, scene, lists=lists("other/both"))


def test_one_is_found_by_any_name_that_reaches_it(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        await shown.shelf.look()
        for name in ("ollama/org/llama", "org/llama"):
            assert shown.shelf.find(name).name == name
        assert shown.shelf.find("qwen2.5:14b").context_length == 32768
        for name in ("nothing", "both", "ollama/nothing"):
            with pytest.raises(UnknownModel):
                shown.shelf.find(name)

    shelved(tmp_path, scene)


def test_the_tag_that_is_implied_finds_a_model(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        await shown.shelf.look()
        assert shown.shelf.find("qwen3").name == "qwen3"

    shelved(tmp_path, scene, lists=lists("qwen3:latest"))


def test_a_list_is_asked_for_anew_after_a_while(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        await shown.shelf.look()
        await shown.shelf.look()
        assert len(shown.stage.scripted.requests) == 2, "once from each of the two"
        shown.stage.clock.advance(300)
        await shown.shelf.look()
        assert len(shown.stage.scripted.requests) == 4

    shelved(tmp_path, scene)


def test_who_waits_long_enough_goes_on_and_the_answer_is_there_the_next_time(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        assert not any("slow" in name for name in await named(shown)), "it does not wait for this one"
        await named(shown)
        assert len(shown.stage.scripted.requests) == 2, "they are being asked already"
        shown.stage.scripted.open("late")
        await shown.quiet()
        assert any("slow" in each.name for each in shown.shelf.listed())

    shelved(tmp_path, scene, patience=0.1, lists=SLOW)


def test_who_leaves_takes_nothing_along(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        looking = asyncio.create_task(shown.shelf.look())
        await asyncio.sleep(0)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        shown.stage.scripted.open("late")
        await shown.quiet()
        assert any("slow" in each.name for each in shown.shelf.listed())

    shelved(tmp_path, scene, lists=SLOW)


def test_other_peoples_subscriptions_are_not_listed(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        demo = FakeEngine("demo", lambda: PreparedAnswer.whole(200, b"{}"))
        demo.people = frozenset(("",))
        shown.plan_by({"demo": demo})
        await shown.shelf.look()
        assert "demo/echo" in {each.name for each in shown.shelf.listed()}
        assert "demo/echo" not in {each.name for each in shown.shelf.seen_by("ada").listed()}
        assert "demo/echo" in {each.name for each in shown.shelf.seen_by("").listed()}

    shelved(tmp_path, scene)
