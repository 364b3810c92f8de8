"""What agents say, as real ones say it: members that are null, left out or unknown do not matter."""

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.bridges.acp.wire import Initialized, Opened, PromptResult, TokenUsage, models_of, text_in


def _read(told: object, kind: type[Initialized]) -> Initialized:
    return msgspec.convert(told, kind)


def test_what_an_agent_can_do_is_what_it_says() -> None:
    able = {
        "auth": {"logout": {}},
        "loadSession": True,
        "promptCapabilities": {"image": True, "audio": None},
        "sessionCapabilities": {"close": {}, "list": {}},
    }
    told = _read({"protocolVersion": 1, "agentCapabilities": able}, Initialized)
    assert (told.sees, told.closes, told.logs_out) == (True, True, True)
    nothings: list[dict[str, object]] = [
        {},
        {"promptCapabilities": None, "sessionCapabilities": {}, "auth": {}},
    ]
    for nothing in nothings:
        told = _read({"protocolVersion": 1, "agentCapabilities": nothing, "authMethods": None}, Initialized)
        assert (told.sees, told.closes, told.logs_out) == (False, False, False)


@pytest.mark.parametrize(
    ("opened", "option", "models"),
    [
        ({}, "", ()),
        ({"configOptions": None, "models": None}, "", ()),
        ({"configOptions": [{"id": "mode", "category": "mode", "options": [{"value": "x"}]}]}, "", ()),
        (
            {"configOptions": [{"id": "m", "category": "model", "options": [{"value": "a", "name": "A"}]}]},
            "m",
            (("a", "A"),),
        ),
        (
            {
                "configOptions": [
                    {"id": "m", "category": "model", "options": [{"name": "G", "options": [{"value": "a"}]}]}
                ]
            },
            "m",
            (("a", ""),),
        ),
        ({"models": {"availableModels": [{"modelId": "a", "name": "A"}]}}, "", (("a", "A"),)),
    ],
)
def test_models_are_found_wherever_an_agent_has_them(
    opened: dict[str, object], option: str, models: tuple[tuple[str, str], ...]
) -> None:
    assert models_of(msgspec.convert({"sessionId": "s", **opened}, Opened)) == (option, models)


def test_only_text_is_text() -> None:
    assert text_in(Raw(b'{"type":"text","text":"a"}')) == "a"
    for other in (b'{"type":"image","data":"x"}', b"[]", b"null"):
        assert text_in(Raw(other)) == ""


def test_usage_is_read_where_there_is_any() -> None:
    told = msgspec.json.decode(
        b'{"stopReason":"x","usage":{"inputTokens":3,"outputTokens":1}}', type=PromptResult
    )
    assert told.used == TokenUsage(3, 1)
    assert PromptResult("x").used is None
    assert PromptResult("x", Raw(b'{"inputTokens":"many"}')).used is None
