"""An exposure that is no longer wanted ends while the gateway runs, for those beyond loopback alone."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock
from http_loop import Stage, echo, on_stage
from llm_gateway.config import Server, load
from llm_gateway.errors import AuditUnavailable, ConfigError
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.exposure import confirm, withdraw
from llm_gateway.server.exposure_watch import ExposureWatch, Retreat, is_exposed, tightened

WIDE = Server(host="192.0.2.1", expose=True, allow_from=("192.0.2.0/24", "fd00::/8"))


def test_what_is_exposed() -> None:
    assert not is_exposed([Server(), Server(host="localhost"), Server(host="::1")])
    assert is_exposed([Server(), WIDE])


@pytest.mark.control("T17")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"host": "127.0.0.1"}, "server.host is 127.0.0.1 now"),
        ({"host": "192.0.2.7"}, ""),
        ({"port": 1}, ""),
        ({"expose": False}, "server.expose is no longer true"),
        ({"allow_from": ("192.0.2.0/24",)}, "server.allow_from no longer has fd00::/8"),
        ({"allow_from": ("192.0.2.0/25", "fd00::/8")}, "server.allow_from no longer has 192.0.2.0/24"),
        ({"allow_from": ("192.0.0.0/16", "fc00::/7", "10.0.0.0/8")}, ""),
        ({"allow_from": ()}, ""),
    ],
)
def test_only_what_is_tighter_counts(change: dict[str, object], why: str) -> None:
    assert tightened(WIDE, msgspec.structs.replace(WIDE, **change)) == why


def test_a_list_where_there_was_none_is_tighter() -> None:
    open_to_all = Server(host="192.0.2.1", expose=True, tls_cert="c", tls_key="k")
    now = msgspec.structs.replace(open_to_all, allow_from=("192.0.2.0/24",))
    assert tightened(open_to_all, now) == "server.allow_from no longer has 0.0.0.0/0"
    everybody = msgspec.structs.replace(open_to_all, allow_from=("::/0", "0.0.0.0/0"))
    assert tightened(open_to_all, everybody) == ""


def watch(home: Path, clock: FakeClock, file: list[Server | ConfigError]) -> ExposureWatch:
    def in_file() -> Server:
        if isinstance(now := file[-1], ConfigError):
            raise now
        return now

    loaded = load(flags={"home": home}, environ={})
    settings = msgspec.structs.replace(loaded.settings, server=WIDE)
    return ExposureWatch(msgspec.structs.replace(loaded, settings=settings), clock, [WIDE], in_file)


def test_it_ends_with_the_time_that_was_confirmed(tmp_path: Path) -> None:
    clock = FakeClock()
    confirm(tmp_path, WIDE, until_us=clock.now_us() + 1)
    watching = watch(tmp_path, clock, [WIDE])
    assert watching.why_not() == ""
    clock.advance(0.000001)
    assert "what you confirmed ended at" in watching.why_not()


def test_it_ends_when_the_confirmation_is_taken_back_or_no_longer_private(tmp_path: Path) -> None:
    confirm(tmp_path, WIDE)
    watching = watch(tmp_path, FakeClock(), [WIDE])
    assert watching.why_not() == ""
    (tmp_path / "exposure.json").chmod(0o644)
    assert "open to others" in watching.why_not()
    withdraw(tmp_path)
    assert "your confirmation" in watching.why_not()


def test_it_ends_when_the_file_no_longer_wants_it_and_not_when_that_cannot_be_read(tmp_path: Path) -> None:
    confirm(tmp_path, WIDE)
    file: list[Server | ConfigError] = [WIDE]
    watching = watch(tmp_path, FakeClock(), file)
    for said, why in (
        (ConfigError("half a file"), ""),
        (Server(), "server.host is 127.0.0.1 now"),
        (ConfigError("half a file again"), "server.host is 127.0.0.1 now"),
        (WIDE, ""),
    ):
        file.append(said)
        (tmp_path / "gateway.toml").write_text(f"# {len(file)} {'x' * len(file)}")
        watching.why_not()  # a file counts once it is as the last look found it
        assert watching.why_not() == why
    assert len(file) == 5


def test_who_waits_is_told_when_it_is_over(tmp_path: Path) -> None:
    async def play() -> str:
        clock = FakeClock()
        confirm(tmp_path, WIDE, until_us=clock.now_us() + 1)
        waiting = asyncio.ensure_future(watch(tmp_path, clock, [WIDE]).over(every=0.001))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        clock.advance(1)
        return await asyncio.wait_for(waiting, 5)

    assert "ended at" in asyncio.run(play())


def retreated(fails: bool = False) -> list[tuple[str, ...]]:
    """Close the door under two connections, one of them from elsewhere; return what went on record."""
    told: list[tuple[str, ...]] = []

    async def record(action: str, target: str = "", actor: str = "", /, **detail: str | int) -> None:
        told.append((action, target, actor, str(detail["why"])))
        if fails:
            raise AuditUnavailable("the disk is full")

    never = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        if exchange.target == b"/forever":
            await never.wait()
        await echo(exchange)

    async def play(stage: Stage) -> None:
        here = await asyncio.open_connection("127.0.0.1", stage.port)
        elsewhere = await asyncio.open_connection("127.0.0.1", stage.port)
        for reader, writer in (here, elsewhere):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"GET / ")).startswith(b"HTTP/1.1 200 ")
        elsewhere[1].write(b"GET /forever HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.05)
        theirs = elsewhere[1].get_extra_info("sockname")
        for connection in stage.listener._connections:
            if connection._transport.get_extra_info("peername") == theirs:
                connection.peer = "192.0.2.9"  # as one that came over the network
        wide = msgspec.structs.replace(WIDE, port=stage.port)
        now = await Retreat(stage.listener, record).to_loopback(wide, stage.port, "it is over")
        assert (now.host, now.port) == ("127.0.0.1", stage.port)
        try:
            assert await asyncio.wait_for(elsewhere[0].read(), 2) == b""
        except ConnectionResetError:
            pass
        here[1].write(b"GET /still HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"/still" in await here[0].readuntil(b"/still")
        assert (await stage.say(b"GET /new HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).endswith(
            b"/new "
        )
        here[1].close()
        elsewhere[1].close()

    on_stage(play, answer)
    return told


@pytest.mark.control("T17")
@pytest.mark.parametrize("fails", [False, True])
def test_this_machine_stays_and_others_are_cut_off(fails: bool) -> None:
    ((action, target, actor, why),) = retreated(fails)
    assert (action, actor, why) == ("exposure.close", "gateway", "it is over")
    assert target.startswith("192.0.2.1:")


def test_a_port_that_is_taken_here_is_said() -> None:
    async def record(action: str, target: str = "", actor: str = "", /, **detail: str | int) -> None:
        pass

    async def play(stage: Stage) -> None:
        other = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        taken = other.sockets[0].getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{taken} cannot be listened on"):
            await Retreat(stage.listener, record).to_loopback(WIDE, taken, "it is over")
        other.close()

    on_stage(play, echo)
