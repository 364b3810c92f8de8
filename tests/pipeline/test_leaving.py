"""Clients are seen off: with what they asked for cut at once, or gone on with for a while."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from llm_gateway.config.routing import RoutingSettings
from llm_gateway.errors import Draining
from llm_gateway.pipeline.leaving import Leaving
from llm_gateway.tasks import Tasks


class Turn:
    """A turn whose request has gone out, or not."""

    def __init__(self, *, is_asking: bool = True) -> None:
        self.left = False
        self.is_asking = is_asking


class Place:
    """An answer that is made until a test ends it, and its client."""

    def __init__(self, seconds: float = 60.0, *, is_asking: bool = True) -> None:
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _, error: self.failures.append(error))
        self.leaving = Leaving(self.tasks)
        self.leaving.use(RoutingSettings(on_disconnect="finish", finish_seconds=seconds))
        self.turn = Turn(is_asking=is_asking)
        self.end = asyncio.Event()
        self.told: list[object] = []
        self.client = asyncio.ensure_future(self.leaving.see_off(self._answer(), self.turn))

    async def _answer(self) -> None:
        try:
            await self.end.wait()
            self.told.append("whole")
        except asyncio.CancelledError as why:
            await asyncio.sleep(0)  # it settles, and says its last word
            self.told.append(why.args)
            raise

    async def leave(self, why: str | None = None) -> None:
        await asyncio.sleep(0.01)
        self.client.cancel(why)
        with pytest.raises(asyncio.CancelledError):
            await self.client


def played(scene: Callable[[], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(10):
            await scene()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(play())


def test_by_the_settings_as_they_are_nothing_is_gone_on_with() -> None:
    leaving = Leaving(Tasks(lambda *_: None))
    assert not leaving.finishes
    leaving.use(RoutingSettings())
    assert not leaving.finishes
    leaving.use(RoutingSettings(on_disconnect="finish"))
    assert leaving.finishes


def test_who_stays_gets_the_answer() -> None:
    async def scene() -> None:
        place = Place()
        await asyncio.sleep(0)
        place.end.set()
        await place.client
        assert (place.told, place.turn.left) == (["whole"], False)

    played(scene)


def test_an_answer_goes_on_when_its_client_has_left() -> None:
    async def scene() -> None:
        place = Place()
        await place.leave()
        assert (place.told, place.turn.left) == ([], True)
        place.end.set()
        await asyncio.sleep(0.01)
        assert place.told == ["whole"]

    played(scene)


def test_it_is_cut_off_after_a_while() -> None:
    async def scene() -> None:
        place = Place(seconds=0.1)
        began = asyncio.get_running_loop().time()
        await place.leave()
        while not place.told:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert place.told == [()]
        assert 0.1 <= asyncio.get_running_loop().time() - began < 1.0

    played(scene)


def test_nothing_is_gone_on_with_that_nobody_has_been_asked_for() -> None:
    async def scene() -> None:
        place = Place(is_asking=False)
        await place.leave()
        assert (place.told, place.turn.left) == ([()], False), "it has ended before its client's handler has"

    played(scene)


def test_a_gateway_that_stops_cuts_it_and_says_why() -> None:
    async def scene() -> None:
        place = Place()
        await place.leave(Draining.kind)
        assert (place.told, place.turn.left) == ([(Draining.kind,)], False)

    played(scene)


def test_a_gateway_that_stops_does_not_wait_for_what_nobody_waits_for() -> None:
    async def scene() -> None:
        place = Place()
        await place.leave()
        await place.tasks.close()
        assert place.told == [()]

    played(scene)


def test_what_goes_wrong_is_the_clients_to_hear_and_else_the_logs() -> None:
    async def scene() -> None:
        tasks = Tasks(lambda _, error: failures.append(error))
        failures: list[BaseException] = []
        leaving = Leaving(tasks)

        async def fail() -> None:
            raise KeyError("a defect")

        with pytest.raises(KeyError):
            await leaving.see_off(fail(), Turn())
        await asyncio.sleep(0)
        assert [type(each) for each in failures] == [KeyError]

    played(scene)
