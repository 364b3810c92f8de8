"""A companion is let in by its token once, then by its key; everybody else is turned away, and told why."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from companion_stage import MemorySocket, sockets, with_registry
from fakes import FakeClock
from llm_gateway.companion.admission import Admission, Admitted, Turned
from llm_gateway.companion.enrolment import Registry
from llm_gateway.companion.frames import Auth, Frame, Head, Hello, Ping, Welcome, Wrong
from llm_gateway.companion.identity import Identity, make, proof
from llm_gateway.companion.introduction import Refused, Welcomed, introduce
from llm_gateway.ledger.companions import CompanionRow
from llm_gateway.vault import mint_join_token

PEER = "10.0.0.9"
HELLO = Hello(1, 1, "test", "nobody")


async def absent(companion_id: str) -> bool:
    return False


async def present(companion_id: str) -> bool:
    return True


class Place:
    """A gateway's side, and as many companions as the test makes."""

    def __init__(self, registry: Registry, clock: FakeClock) -> None:
        self.registry = registry
        self.clock = clock
        self.admission = Admission(registry, clock)
        self.there = MemorySocket()

    async def meet(
        self, identity: Identity, token: str = "", peer: str = PEER
    ) -> tuple[Welcomed | Refused, Admitted | Turned]:
        """Let a companion introduce itself; return how both sides saw it."""
        here, self.there = sockets()
        seen = await asyncio.gather(
            introduce(here, identity, token, ("claude",)),
            self.admission.admit(self.there, peer, absent),
            return_exceptions=True,
        )
        welcomed, admitted = seen
        assert isinstance(welcomed, Welcomed | Refused) and isinstance(admitted, Admitted | Turned), seen
        return welcomed, admitted

    async def refusal(self, identity: Identity, token: str = "", peer: str = PEER) -> str:
        welcomed, admitted = await self.meet(identity, token, peer)
        assert isinstance(welcomed, Refused) and isinstance(admitted, Turned)
        assert welcomed.kind == admitted.wrong.kind and welcomed.message == admitted.wrong.message
        assert self.there.closed is not None and self.there.closed[0] in (4401, 4406)
        return welcomed.kind

    async def enrolled(self, machine: str = "mac") -> Identity:
        identity = make("")
        token = (await self.registry.invite(machine)).token.reveal()
        welcomed, admitted = await self.meet(identity, token)
        assert isinstance(welcomed, Welcomed) and isinstance(admitted, Admitted)
        return msgspec.structs.replace(identity, gateway=welcomed.gateway, machine=welcomed.machine)


def placed(home: Path, scene: Callable[[Place], Awaitable[None]]) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        await scene(Place(registry, clock))

    with_registry(home, play)


def test_a_companion_joins_and_comes_back(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        identity = await place.enrolled()
        place.clock.advance(86_400)
        welcomed, admitted = await place.meet(identity)
        assert welcomed == Welcomed(place.registry.gateway, "mac", ())
        assert isinstance(admitted, Admitted) and isinstance(admitted.row, CompanionRow)
        assert admitted.row.id == identity.thumbprint and admitted.software.startswith("llm_gateway/")

    placed(tmp_path, scene)


@pytest.mark.control("T7")
def test_a_token_that_was_stolen_is_good_for_nobody(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        token = (await place.registry.invite("mac")).token.reveal()
        place.clock.advance(1)
        first, _ = await place.meet(make(""), token)
        assert isinstance(first, Welcomed)
        assert await place.refusal(make(""), token) == "token_used"
        late = (await place.registry.invite("box")).token.reveal()
        place.clock.advance(601)
        assert await place.refusal(make(""), late) == "token_expired"
        assert await place.refusal(make(""), mint_join_token()) == "bad_token"

    placed(tmp_path, scene)


@pytest.mark.control("T8")
def test_a_revoked_and_an_unknown_companion_are_told_so(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        identity = await place.enrolled()
        assert await place.refusal(make("")) == "never_enrolled"
        await place.registry.revoke("mac")
        assert await place.refusal(identity) == "revoked"

    placed(tmp_path, scene)


async def asked(place: Place) -> tuple[MemorySocket, Hello, "asyncio.Task[Admitted]"]:
    """Say hello as a companion, and return what is to be signed."""
    here, there = sockets()
    task = asyncio.get_running_loop().create_task(place.admission.admit(there, PEER, absent))
    here.say(HELLO)
    hello = await here.frame()
    assert isinstance(hello, Hello) and len(hello.nonce) == 32
    return here, hello, task


async def turned(task: "asyncio.Task[Admitted]") -> str:
    with pytest.raises(Turned) as caught:
        await task
    return caught.value.wrong.kind


@pytest.mark.control("T18")
@pytest.mark.fault("B8")
def test_what_one_connection_said_is_good_for_no_other(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        identity = await place.enrolled()
        here, there = sockets()
        await asyncio.gather(introduce(here, identity), place.admission.admit(there, PEER, absent))
        replayed, gateway = sockets()
        for message in here.sent:
            replayed.send(message)
        with pytest.raises(Turned) as caught:
            await place.admission.admit(gateway, PEER, absent)
        assert caught.value.wrong.kind == "wrong_proof"

    placed(tmp_path, scene)


@pytest.mark.control("T7")
def test_a_signature_for_another_gateway_is_none_for_this_one(tmp_path: Path) -> None:
    """A gateway in between that passes a challenge on under its own name gets nowhere."""

    async def scene(place: Place) -> None:
        identity = await place.enrolled()
        here, there = sockets()
        task = asyncio.get_running_loop().create_task(place.admission.admit(there, PEER, absent))
        here.say(Hello(1, 1, "test", identity.thumbprint))
        hello = await here.frame()
        assert isinstance(hello, Hello)
        signs = proof()
        stated = signs.statement("another gateway", hello.nonce, hello.at_us, identity.thumbprint)
        here.say(Auth(identity.public_key, signs.signature(identity.key, stated)))
        assert await turned(task) == "wrong_proof"
        with pytest.raises(Refused) as caught:
            await introduce(*_gateway_called("another"), msgspec.structs.replace(identity, gateway="mine"))
        assert caught.value.kind == "another_gateway"

    placed(tmp_path, scene)


def _gateway_called(name: str) -> tuple[MemorySocket]:
    here, there = sockets()
    there.say(Hello(1, 1, "test", name, b"n" * 32))
    return (here,)


@pytest.mark.control("T7")
def test_the_companions_clock_does_not_matter(tmp_path: Path) -> None:
    """Only the gateway's clock is asked, so that a laptop whose clock is wrong gets in all the same."""

    async def scene(place: Place) -> None:
        identity = await place.enrolled()
        place.clock.advance(365 * 86_400)
        assert isinstance((await place.meet(identity))[0], Welcomed)
        place.clock.advance(-730 * 86_400)
        assert isinstance((await place.meet(identity))[0], Welcomed)

    placed(tmp_path, scene)


@pytest.mark.fault("B2")
@pytest.mark.parametrize(
    ("hello", "older"), [(Hello(0, 0, "old", "x"), "companion"), (Hello(9, 2, "new", "x"), "gateway")]
)
def test_versions_that_do_not_understand_each_other_are_named(
    tmp_path: Path, hello: Hello, older: str
) -> None:
    async def scene(place: Place) -> None:
        here, there = sockets()
        here.say(hello)
        with pytest.raises(Turned):
            await place.admission.admit(there, PEER, absent)
        wrong = await here.frame()
        assert isinstance(wrong, Wrong) and wrong.kind == "version_mismatch"
        assert f"upgrade the {older}" in wrong.message and there.closed == (4406, "version_mismatch")

    placed(tmp_path, scene)


def test_a_later_version_that_understands_this_one_is_let_in(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        here, there = sockets()
        task = asyncio.get_running_loop().create_task(place.admission.admit(there, PEER, absent))
        here.say(Hello(7, 1, "newer", "x"))
        assert isinstance(await here.frame(), Hello)
        task.cancel()

    placed(tmp_path, scene)


@pytest.mark.parametrize("said", [Ping(), Welcome("x"), Auth(b"", b""), Head(200), None])
def test_whoever_begins_otherwise_is_turned_away(tmp_path: Path, said: Frame | None) -> None:
    async def scene(place: Place) -> None:
        here, there = sockets()
        if said is None:
            await here.close()
        else:
            here.say(said)
        with pytest.raises(Turned) as caught:
            await place.admission.admit(there, PEER, absent)
        assert caught.value.wrong.kind == ("gone" if said is None else "broken")
        for first, second in ((b"\x01", None), (None, Ping())):
            here, there = sockets()
            here.send(first) if first is not None else here.say(HELLO)
            if second is not None:
                here.say(second, 1)
            with pytest.raises(Turned) as caught:
                await place.admission.admit(there, PEER, absent)
            assert caught.value.wrong.kind == "broken"

    placed(tmp_path, scene)


@pytest.mark.control("T8")
def test_a_key_that_is_not_the_one_it_is_called_by_is_none(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        here, hello, task = await asked(place)
        other = make("")
        signs = proof()
        stated = signs.statement(hello.name, hello.nonce, hello.at_us, HELLO.name)
        here.say(Auth(other.public_key, signs.signature(other.key, stated)))
        assert await turned(task) == "wrong_proof"
        here, _, task = await asked(place)
        here.say(Ping())
        assert await turned(task) == "broken"

    placed(tmp_path, scene)


@pytest.mark.control("T15")
def test_a_thousand_guesses_are_not_looked_at_and_lock_no_companion_out(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        identity = await place.enrolled()
        token = (await place.registry.invite("box")).token.reveal()
        guess = make("")
        kinds = [await place.refusal(guess, mint_join_token()) for _ in range(1000)]
        assert kinds == ["bad_token"] * 10 + ["locked_out"] * 990
        assert await place.refusal(make("")) == "locked_out"
        assert await place.refusal(make(""), token) == "locked_out"
        welcomed, _ = await place.meet(identity)
        assert isinstance(welcomed, Welcomed)
        elsewhere, _ = await place.meet(make(""), token, "10.0.0.7")
        assert isinstance(elsewhere, Welcomed)

    placed(tmp_path, scene)
