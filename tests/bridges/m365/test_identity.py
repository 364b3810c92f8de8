"""The identity platform's three forms, held against those that Microsoft's own library sends."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs

import msal
import pytest

from bridges.m365.fake_vendor import CANARY, CLIENT_ID, Microsoft
from bridges.m365.m365_stage import Stage, played
from llm_gateway.bridges.asking import Asking
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.identity import Grant, Identity
from llm_gateway.bridges.m365.places import place_of
from llm_gateway.bridges.m365.refusals import Origin
from llm_gateway.http.client import Patience
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.client import Upstream
from llm_gateway.vault import Secret
from scripted import Connected, Received, Send

FORMS = ("devicecode", "token", "token")


class Reply:
    """An answer as MSAL wants it from what it is given to ask with."""

    def __init__(self, raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        self.status_code = int(head.split()[1])
        self.text = body.decode()
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        assert self.status_code < 400


class Recorder:
    """What MSAL asks with (its documented `http_client`): the fake vendor answers, the forms are kept."""

    def __init__(self, vendor: Microsoft) -> None:
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._vendor = vendor

    def get(self, url: str, **_: object) -> Reply:
        return self._ask("GET", url, "")

    def post(self, url: str, data: dict[str, str], **_: object) -> Reply:
        form = {name: str(value) for name, value in data.items()}
        self.forms.append((url, form))
        return self._ask("POST", url, "&".join(f"{name}={value}" for name, value in form.items()))

    def close(self) -> None:
        pass

    def _ask(self, method: str, url: str, body: str) -> Reply:
        target = url.removeprefix("https://login.microsoftonline.com")
        assert target != url
        if "/discovery/instance" in target:
            return Reply(b'HTTP/1.1 200 OK\r\n\r\n{"metadata": []}')
        request = Received(method, target, [], body.replace("+", "%2B").encode(), b"", Connected(0, 0.0), 0.0)
        script = self._vendor.respond(request, ())
        assert script is not None and isinstance(script[0], Send)
        return Reply(script[0].data)


def of_msal() -> list[tuple[str, dict[str, str]]]:
    """Return the forms of a login and its renewal, as MSAL sends them."""
    recorder = Recorder(Microsoft())
    app = msal.PublicClientApplication(
        CLIENT_ID,
        authority="https://login.microsoftonline.com/organizations",
        http_client=recorder,
        instance_discovery=False,
    )
    scopes = place_of("graph", {}).scope.removesuffix(" offline_access").split()
    flow = app.initiate_device_flow(scopes)
    granted = app.acquire_token_by_device_flow(flow)
    assert granted["access_token"]
    renewed = app.acquire_token_by_refresh_token(granted["refresh_token"], scopes)
    assert renewed["access_token"]
    return recorder.forms


def test_the_forms_are_those_of_microsofts_own_library(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        identity = identity_of(stage)
        device = await identity.device()
        granted = await identity.ask(device)
        assert isinstance(granted, Grant) and granted.refresh is not None
        await identity.renew(granted.refresh)
        theirs = of_msal()
        assert len(stage.upstream.asked()) == len(theirs) == len(FORMS)
        for ours, (url, form), name in zip(stage.upstream.asked(), theirs, FORMS, strict=True):
            assert ours.target == f"/organizations/oauth2/v2.0/{name}"
            assert url.endswith(ours.target)
            for field, (value,) in parse_qs(ours.body.decode()).items():
                if field == "scope":  # MSAL asks for who it is, too, which nobody here wants to know
                    assert set(form[field].split()) - set(value.split()) == {"openid", "profile"}
                    assert set(value.split()) <= set(form[field].split())
                elif value.startswith(CANARY) and field != "device_code":
                    assert form[field].startswith(f"{CANARY}refresh-")
                else:
                    assert form[field] == value

    played(scene, tmp_path)


def identity_of(stage: Stage) -> Identity:
    endpoint = Endpoint("m", "bridge", "http", "127.0.0.1", stage.upstream.port, "", auth="none")
    upstream = Upstream(stage.pool, Patience(5.0, 5.0))
    asking = Asking("Microsoft's identity platform", upstream, endpoint, 5.0)
    return Identity(asking, Origin(place_of("graph", {}), "organizations", CLIENT_ID), stage.clock)


def test_what_renews_a_grant_stays_where_it_is_not_renewed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        identity = identity_of(stage)
        body = b'HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n{"access_token": "a", "expires_in": "60"}'
        stage.upstream.queue((Send(body),))
        grant = await identity.renew(Secret("before"))
        assert grant.refresh == Secret("before")
        assert grant.expires_us == stage.clock.now_us() + 60_000_000
        assert grant.scopes == ()
        assert "before" not in repr(grant)

    played(scene, tmp_path)


def test_a_device_shows_its_code_and_not_its_secret(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.interval = 5
        device = await identity_of(stage).device()
        assert (device.user_code, device.every, device.lasts) == ("FAKE2CODE", 5, 900)
        assert CANARY not in repr(device)

    played(scene, tmp_path)


@pytest.mark.parametrize(("word", "what"), [("authorization_pending", "pending"), ("slow_down", "slow_down")])
def test_whether_somebody_has_logged_in_may_be_open(tmp_path: Path, word: str, what: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.polls.append(word)
        identity = identity_of(stage)
        assert await identity.ask(await identity.device()) == what

    played(scene, tmp_path)


def test_a_renewal_that_is_refused_says_why(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="AADSTS70008"):
            await identity_of(stage).renew(Secret("old"))
        await asyncio.sleep(0)

    played(scene, tmp_path)
