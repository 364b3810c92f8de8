"""Names are looked up beside the loop, once for all who wait, and a slow one holds up no other."""

import asyncio
import socket
import threading

import pytest

from llm_gateway.http.names import Names, look_up


def test_an_address_needs_no_look_up() -> None:
    async def scene() -> None:
        names = Names(lambda host, port: pytest.fail("it was looked up"))
        assert await names.addresses("127.0.0.1", 80) == ["127.0.0.1"]
        assert await names.addresses("::1", 80) == ["::1"]

    asyncio.run(scene())


def test_those_who_wait_share_one_look_up_and_the_next_one_asks_again() -> None:
    asked = []
    go = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        asked.append((host, port))
        go.wait(10)
        return ["192.0.2.1"]

    async def scene() -> None:
        names = Names(slow)
        waiting = [asyncio.ensure_future(names.addresses("a.test", 80)) for _ in range(50)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        go.set()
        found = await asyncio.gather(*waiting[1:])
        assert found == [["192.0.2.1"]] * 49
        assert await names.addresses("a.test", 80) == ["192.0.2.1"]
        assert asked == [("a.test", 80)] * 2

    asyncio.run(scene())


def test_a_slow_name_holds_up_no_other() -> None:
    go = threading.Event()

    def look(host: str, port: int) -> list[str]:
        if host.startswith("slow"):
            go.wait(10)
        return ["192.0.2.1"]

    async def scene() -> None:
        names = Names(look)
        for number in range(40):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await names.addresses(f"slow{number}.test", 80)
        assert await names.addresses("quick.test", 80) == ["192.0.2.1"]
        go.set()

    asyncio.run(scene())


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".test", "a..test"])
def test_what_has_no_address_is_an_error(host: str) -> None:
    async def scene() -> None:
        names = Names()
        with pytest.raises(socket.gaierror):
            await names.addresses(host, 80)

    asyncio.run(scene())


def test_this_machine_knows_itself() -> None:
    assert {"127.0.0.1", "::1"} & set(look_up("localhost", 80))


def test_a_look_up_that_outlasts_the_loop_is_let_go() -> None:
    go = threading.Event()
    ended = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        go.wait(10)
        threading.Timer(0.05, ended.set).start()
        return ["192.0.2.1"]

    async def scene() -> None:
        names = Names(slow)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await names.addresses("a.test", 80)

    asyncio.run(scene())
    go.set()
    assert ended.wait(5)
