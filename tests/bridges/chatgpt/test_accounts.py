"""The sign-in service, over HTTP against the fake one."""

from pathlib import Path

import pytest

from bridges.chatgpt.chatgpt_stage import Stage, get, played
from bridges.chatgpt.fake_accounts import CANARY, Refusal
from llm_gateway.bridges.chatgpt.accounts import Accounts, Spent
from llm_gateway.bridges.chatgpt.oauth import Attempt, Grant, Returned, authorize_url, begin, read_callback
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.vault import Secret

BACK = "http://127.0.0.1:1/auth/callback"
HOST = "urn:uuid:11111111-2222-4333-8444-555555555555"


def agreed(stage: Stage, service: Accounts) -> tuple[Attempt, Returned]:
    """Return a sign-in that somebody agreed to."""
    attempt = begin(BACK, "")
    page = get(authorize_url(service.places.authorize, attempt, HOST, consent=False))
    return attempt, read_callback(attempt, page.headers["location"].partition("?")[2])


async def granted(stage: Stage, service: Accounts) -> tuple[str, Grant]:
    attempt, returned = agreed(stage, service)
    grant, _ = await service.exchange(attempt, returned)
    return returned.client, grant


def test_a_code_becomes_tokens_of_somebody(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        service = stage.service()
        grant, subject = await service.exchange(*agreed(stage, service))
        assert subject == f"user-{CANARY}"
        now_us = stage.clock.now_us()
        assert grant.expires_us == now_us + 3600 * 1_000_000
        assert grant.earliest_us == now_us + 3241 * 1_000_000
        assert CANARY not in repr(grant)

    played(scene, tmp_path)


@pytest.mark.parametrize(
    "claims", [{"nonce": "x"}, {"aud": "x"}, {"iss": "x"}, {"exp": 1}, {"sub": ""}, {"aud": ["x", "y"]}]
)
def test_tokens_of_somebody_unproven_are_not_taken(tmp_path: Path, claims: dict[str, object]) -> None:
    async def scene(stage: Stage) -> None:
        stage.accounts.claims = claims
        service = stage.service()
        with pytest.raises(BridgeFault, match="proves nothing") as raised:
            await service.exchange(*agreed(stage, service))
        assert raised.value.kind == "auth_required"

    played(scene, tmp_path)


def test_a_code_works_once_and_with_its_own_verifier(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        service = stage.service()
        attempt, returned = agreed(stage, service)
        await service.exchange(attempt, returned)
        with pytest.raises(BridgeFault, match="invalid_grant"):
            await service.exchange(attempt, returned)
        _, stolen = agreed(stage, service)
        with pytest.raises(BridgeFault, match="invalid_grant"):
            await service.exchange(begin(BACK, ""), stolen)
        assert stage.accounts.violations == ["a code without its verifier"]

    played(scene, tmp_path, wrongs=True)


def test_a_token_without_an_id_or_keys_that_do_not_come(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        service = stage.service()
        bare = {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r"}
        stage.accounts.exchanges.append(Refusal(200, bare))
        with pytest.raises(BridgeFault, match="there is none"):
            await service.exchange(*agreed(stage, service))
        stage.accounts.keyless = True
        with pytest.raises(BridgeFault, match="does not tell its keys"):
            await service.exchange(*agreed(stage, service))

    played(scene, tmp_path)


def test_tokens_are_renewed_once_each(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        service = stage.service()
        client, grant = await granted(stage, service)
        assert grant.refresh is not None
        stage.advance(3300)
        renewed = await service.renew(client, grant.refresh)
        assert renewed.refresh not in (None, grant.refresh) and renewed.access != grant.access
        with pytest.raises(Spent) as spent:
            await service.renew(client, grant.refresh)
        assert spent.value.word == "refresh_token_reused"

    played(scene, tmp_path, wrongs=True)


def test_a_renewal_that_comes_too_early_costs_the_refresh_token(tmp_path: Path) -> None:
    """That is how the fake one behaves: what `session.py` must never do."""

    async def scene(stage: Stage) -> None:
        service = stage.service()
        client, grant = await granted(stage, service)
        assert grant.refresh is not None
        for word in ("invalid_grant", "refresh_token_reused"):
            with pytest.raises(Spent) as spent:
                await service.renew(client, grant.refresh)
            assert spent.value.word == word

    played(scene, tmp_path, wrongs=True)


def test_trouble_is_no_reason_to_give_a_refresh_token_up(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        service = stage.service()
        client, grant = await granted(stage, service)
        assert grant.refresh is not None
        stage.advance(3300)
        for refusal in (
            Refusal(500, {"error": "server_error"}),
            Refusal(429, {}),
            Refusal(400, {"error": "invalid_request", "error_description": CANARY}),
            Refusal(200, {}),
        ):
            stage.accounts.renewals.append(refusal)
            with pytest.raises(BridgeFault) as raised:
                await service.renew(client, grant.refresh)
            assert CANARY not in raised.value.message
        assert (await service.renew(client, grant.refresh)).refresh is not None

    played(scene, tmp_path)


def test_tokens_are_taken_back(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        service = stage.service()
        client, grant = await granted(stage, service)
        assert grant.refresh is not None
        await service.revoke(client, grant.refresh)
        assert stage.accounts.revoked == [grant.refresh.reveal()]
        stage.accounts.revokes.append(Refusal(503, {}))
        with pytest.raises(BridgeFault, match="settings"):
            await service.revoke(client, Secret("r"))

    played(scene, tmp_path)
