"""The models of a plan, and what asking for them says of it."""

import asyncio
from pathlib import Path

import pytest

from bridges.chatgpt.chatgpt_stage import Stage, played
from bridges.chatgpt.fake_vendor import STALE, sharing
from llm_gateway.bridges.asking import Asking
from llm_gateway.bridges.chatgpt.models import Offer
from llm_gateway.bridges.chatgpt.places import places_of
from llm_gateway.bridges.health import BridgeModel

MODELS = (BridgeModel("gpt-5.6", "GPT-5.6", 272_000), BridgeModel("gpt-5.6-mini", "gpt-5.6-mini"))


async def offer_of(stage: Stage) -> Offer:
    await stage.log_in(stage.open())
    api = Asking("the API", stage.around().upstream, places_of(stage.environ).api, 5.0)
    return Offer(api, stage.session(), stage.clock, stage.tasks)


def test_what_is_to_be_shown_is_offered_by_the_name_to_send(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        offer = await offer_of(stage)
        assert not offer.models
        await asyncio.gather(*(offer.look() for _ in range(5)))
        assert list(offer.models) == list(MODELS)
        assert offer.fault is None and stage.vendor.listed == 1
        stage.advance(500)
        await offer.look()
        assert stage.vendor.listed == 1
        stage.vendor.models.pop(0)
        stage.advance(200)
        await offer.look()
        assert list(offer.models) == list(MODELS[1:])
        assert stage.vendor.listed == 2
        offer.forget()
        assert not offer.models
        await offer.look()
        assert list(offer.models) == list(MODELS[1:])

    played(scene, tmp_path)


def test_a_refusal_is_kept_for_a_moment_and_the_models_longer(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        offer = await offer_of(stage)
        await offer.look()
        stage.advance(700)
        stage.vendor.lists.append(sharing("user_not_eligible"))
        await offer.look()
        await offer.look()
        assert offer.fault is not None and offer.fault.kind == "not_entitled"
        assert (offer.models, stage.vendor.listed) == (MODELS, 2)
        stage.advance(30)
        await offer.look()
        assert offer.fault is None

    played(scene, tmp_path)


def test_a_token_that_is_too_old_is_renewed_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        offer = await offer_of(stage)
        stage.advance(3300)
        stage.vendor.lists.append(STALE)
        await offer.look()
        assert (offer.models, stage.accounts.renewed) == (MODELS, 1)
        stage.advance(3300)
        stage.vendor.lists += [STALE, STALE]
        await offer.look()
        assert offer.fault is not None and offer.fault.kind == "auth_required"
        assert stage.accounts.renewed == 2

    played(scene, tmp_path)


@pytest.mark.fault("B10")
def test_a_list_that_is_none_is_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        offer = await offer_of(stage)
        stage.vendor.models = [{"id": "gpt-5.6"}]
        await offer.look()
        assert offer.fault is not None and "not known here" in offer.fault.message

    played(scene, tmp_path)


def test_whoever_waits_may_leave(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        offer = await offer_of(stage)
        waiting = asyncio.ensure_future(offer.look())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await offer.look()
        assert (offer.models, stage.vendor.listed) == (MODELS, 1)

    played(scene, tmp_path)


def test_without_a_sign_in_nobody_is_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        offer = await offer_of(stage)
        await stage.open().logout()
        await offer.look()
        assert offer.fault is not None and offer.fault.kind == "auth_required"
        assert stage.vendor.listed == 0

    played(scene, tmp_path)
