"""How much to think, read and written for every generation."""

import json
from itertools import product
from typing import Any, get_args

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Reasoning
from llm_gateway.dialects.gemini.families import family_of
from llm_gateway.dialects.gemini.thinking import read_thinking, write_thinking
from llm_gateway.errors import MalformedRequest

FLASH, PRO, PRO_3 = "gemini-3-flash", "gemini-3.1-pro", "gemini-3-pro"
FLASH_25, PRO_25, OLD = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash"


# JSON as a client sends it: of any shape.
def read(**members: Any) -> tuple[Reasoning | None, list[str]]:
    losses = Losses()
    fields = {key: Raw(json.dumps(value).encode()) for key, value in members.items()}
    return read_thinking(fields, losses), [loss.what for loss in losses.found()]


def write(reasoning: Reasoning, model: str) -> tuple[dict[str, object], list[str]]:
    losses = Losses()
    return write_thinking(reasoning, family_of(model), losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({}, None),
        ({"includeThoughts": False}, None),
        ({"includeThoughts": True}, Reasoning(shown=True)),
        ({"thinkingBudget": 0}, Reasoning("none")),
        ({"thinkingBudget": -1}, Reasoning()),
        ({"thinkingBudget": "512"}, Reasoning(budget=512)),
        ({"thinkingLevel": "HIGH", "includeThoughts": True}, Reasoning("high", shown=True)),
        ({"thinkingLevel": "minimal"}, Reasoning("minimal")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
    ],
)
def test_what_a_client_asks_for(members: dict[str, Any], reasoning: Reasoning | None) -> None:
    if members.get("thinkingBudget") == -1:
        assert read(**members) == (Reasoning(), [])
    else:
        assert read(**members) == (reasoning, [])


def test_what_is_not_known_is_lost() -> None:
    assert read(thinkingLevel="HUGE", thinkingHat=True) == (
        None,
        ["generationConfig.thinkingConfig.thinkingHat", "generationConfig.thinkingConfig.thinkingLevel"],
    )
    with pytest.raises(MalformedRequest, match=r"generationConfig\.thinkingConfig\.thinkingBudget"):
        read(thinkingBudget=[])


SHOWN = {"includeThoughts": True}


@pytest.mark.parametrize(
    ("reasoning", "model", "told", "lost"),
    [
        (Reasoning("none"), FLASH, {"thinkingLevel": "MINIMAL"}, ["reasoning.effort"]),
        (Reasoning("none"), PRO, {"thinkingLevel": "LOW"}, ["reasoning.effort"]),
        (Reasoning("none"), FLASH_25, {"thinkingBudget": 0}, []),
        (Reasoning("none"), PRO_25, {"thinkingBudget": 128}, ["reasoning.effort"]),
        (Reasoning("none"), OLD, {}, []),
        (Reasoning("minimal"), FLASH, {"thinkingLevel": "MINIMAL", **SHOWN}, []),
        (Reasoning("minimal"), PRO, {"thinkingLevel": "LOW", **SHOWN}, ["reasoning.effort"]),
        (Reasoning("medium"), PRO, {"thinkingLevel": "MEDIUM", **SHOWN}, []),
        (Reasoning("medium"), PRO_3, {"thinkingLevel": "HIGH", **SHOWN}, ["reasoning.effort"]),
        (Reasoning("high"), PRO_3, {"thinkingLevel": "HIGH", **SHOWN}, []),
        (Reasoning("max"), FLASH, {"thinkingLevel": "HIGH", **SHOWN}, ["reasoning.effort"]),
        (Reasoning("low"), FLASH_25, {"thinkingBudget": 1024, **SHOWN}, []),
        (Reasoning("medium"), PRO_25, {"thinkingBudget": 8192, **SHOWN}, []),
        (Reasoning("max"), PRO_25, {"thinkingBudget": 32768, **SHOWN}, []),
        (Reasoning("high"), OLD, {}, ["reasoning"]),
        (Reasoning(), FLASH, SHOWN, []),
        (Reasoning(), FLASH_25, {"thinkingBudget": -1, **SHOWN}, []),
        (Reasoning("low", shown=False), FLASH, {"thinkingLevel": "LOW", "includeThoughts": False}, []),
        (Reasoning(budget=0), FLASH, {"thinkingLevel": "MINIMAL"}, ["reasoning.budget", "reasoning.effort"]),
        (Reasoning(budget=0), FLASH_25, {"thinkingBudget": 0}, []),
        (Reasoning(budget=1000), FLASH, {"thinkingLevel": "LOW", **SHOWN}, ["reasoning.budget"]),
        (Reasoning(budget=31999), FLASH, {"thinkingLevel": "HIGH", **SHOWN}, ["reasoning.budget"]),
        (Reasoning(budget=2000), FLASH_25, {"thinkingBudget": 2000, **SHOWN}, []),
        (Reasoning(budget=99999), FLASH_25, {"thinkingBudget": 24576, **SHOWN}, ["reasoning.budget"]),
        (Reasoning("low", 2000), FLASH_25, {"thinkingBudget": 2000, **SHOWN}, ["reasoning.effort"]),
    ],
)
def test_what_a_model_is_told(
    reasoning: Reasoning, model: str, told: dict[str, object], lost: list[str]
) -> None:
    assert write(reasoning, model) == (told, lost)


def test_no_model_is_told_both_a_level_and_a_budget() -> None:
    efforts: tuple[Effort | None, ...] = (*get_args(Effort), None)
    for effort, budget, model in product(
        efforts, (None, 0, 5, 10**6), (FLASH, PRO, PRO_3, FLASH_25, PRO_25, OLD)
    ):
        told, _ = write(Reasoning(effort, budget), model)
        assert not ("thinkingLevel" in told and "thinkingBudget" in told)
        level = told.get("thinkingLevel")
        assert level is None or level in family_of(model).levels
