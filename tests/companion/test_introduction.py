"""A companion speaks to a gateway that it understands and has joined, and to nobody else."""

import asyncio

import msgspec
import pytest

from companion_stage import sockets
from llm_gateway.companion.frames import Auth, Frame, Head, Hello, Welcome, Wrong
from llm_gateway.companion.identity import make
from llm_gateway.companion.introduction import Refused, Welcomed, introduce

ME = make("")
GATEWAY = Hello(1, 1, "test", "gateway", b"n" * 32, 17)


def refused(*frames: Frame | bytes | None) -> Refused:
    """Return how a gateway that says this is judged; None hangs up."""

    async def run() -> Refused:
        here, there = sockets()
        for frame in frames:
            if frame is None:
                await there.close()
            elif isinstance(frame, bytes):
                there.send(frame)
            else:
                there.say(frame)
        with pytest.raises(Refused) as caught:
            await introduce(here, ME)
        return caught.value

    return asyncio.run(run())


def test_a_gateway_that_lets_it_in() -> None:
    async def run() -> None:
        here, there = sockets()
        there.say(GATEWAY)
        there.say(Welcome("mac", ("claude",)))
        assert await introduce(here, ME, "lgj_x", ["claude"]) == Welcomed("gateway", "mac", ("claude",))
        assert isinstance(await there.frame(), Hello)
        auth = await there.frame()
        assert isinstance(auth, Auth)
        assert (auth.public_key, auth.token, auth.bridges) == (ME.public_key, "lgj_x", ("claude",))
        assert ME.key not in b"".join(here.sent)

    asyncio.run(run())


@pytest.mark.fault("B2")
@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        ([None], "unreachable"),
        ([GATEWAY, None], "unreachable"),
        ([b"HTTP/1.1 200 OK"], "version_mismatch"),
        ([Head(200)], "version_mismatch"),
        ([msgspec.structs.replace(GATEWAY, nonce=b"")], "version_mismatch"),
        ([GATEWAY, Head(200)], "version_mismatch"),
        ([Hello(0, 0, "old", "gateway", b"n")], "version_mismatch"),
        ([Hello(9, 2, "new", "gateway", b"n")], "version_mismatch"),
        ([GATEWAY, Wrong("revoked", "gone", 3.0)], "revoked"),
    ],
)
def test_everybody_else(frames: list[Frame | bytes | None], kind: str) -> None:
    error = refused(*frames)
    assert error.kind == kind and error.message
    assert error.retry_after == (3.0 if kind == "revoked" else 0)


def test_another_gateway_gets_no_signature() -> None:
    async def run() -> None:
        here, there = sockets()
        there.say(GATEWAY)
        with pytest.raises(Refused, match="another gateway"):
            await introduce(here, msgspec.structs.replace(ME, gateway="the one that was joined"))
        assert len(here.sent) == 1

    asyncio.run(run())
