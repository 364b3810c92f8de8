"""Whether a request is compressed: key, client, model, login, and what its header asks for."""

import pytest

from llm_gateway.config.compression import CompressionMode, CompressionSettings
from llm_gateway.errors import MalformedRequest
from llm_gateway.pipeline.compression_terms import Asker, Terms, Told, asked_for

SETTINGS = CompressionSettings(
    mode="shadow",
    ask=("lab",),
    keys={"ada": "on", "bob": "off"},
    clients={"codex-cli": "on", "aider": "off"},
    models={"openai/*": "off", "fast": "on"},
)


def told(
    key: str = "eve",
    client: str = "curl",
    *models: str,
    asked: CompressionMode | None = None,
    login: bool = False,
    settings: CompressionSettings = SETTINGS,
) -> Told:
    return Terms(settings).of(Asker(key, client, models, asked, login))


@pytest.mark.parametrize(
    ("who", "mode"),
    [
        (("eve", "curl", "x/m"), "shadow"),
        (("ada", "curl", "x/m"), "on"),
        (("eve", "codex-cli", "x/m"), "on"),
        (("eve", "curl", "fast", "x/m"), "on"),
        (("bob", "codex-cli", "x/m"), "off"),
        (("ada", "aider", "x/m"), "off"),
        (("ada", "curl", "gpt", "openai/gpt-6"), "off"),
    ],
)
def test_the_first_that_is_set_counts_and_off_wins(who: tuple[str, ...], mode: str) -> None:
    assert told(*who).mode == mode


def test_why_not_is_told() -> None:
    assert told("bob").why == "it is off for this key"
    assert told("ada", "aider").why == "it is off for this client"
    assert told("ada", "curl", "openai/m").why == "it is off for this model"
    assert told("ada").why == ""
    assert told(settings=CompressionSettings()) == Told("off", "it is off")


def test_everybody_may_ask_for_less() -> None:
    assert told("ada", asked="shadow").mode == "shadow"
    assert told("ada", asked="off") == Told("off", "the request asks for that")


def test_only_keys_that_may_can_ask_for_more() -> None:
    assert told("eve", asked="on").mode == "shadow"
    assert told("lab", asked="on").mode == "on"
    assert told("lab", "aider", asked="on").mode == "off"
    off = CompressionSettings(ask=("lab",))
    assert told("lab", asked="shadow", settings=off).mode == "shadow"
    assert told("eve", asked="shadow", settings=off).mode == "off"


def test_a_login_is_left_alone_unless_that_is_switched_on() -> None:
    assert told("ada", login=True) == Told("off", "it brings a login of its own")
    assert told("lab", asked="on", login=True).mode == "off"
    on = CompressionSettings(mode="on", logins=True)
    assert told(login=True, settings=on).mode == "on"


def test_it_is_known_when_nobody_can_have_it() -> None:
    assert Terms(CompressionSettings()).never
    assert Terms(CompressionSettings(keys={"ada": "off"})).never
    assert not Terms(CompressionSettings(clients={"aider": "shadow"})).never
    assert not Terms(CompressionSettings(ask=("ada",))).never
    assert not Terms(CompressionSettings(mode="shadow")).never


def test_the_header_is_one_of_three_words() -> None:
    assert asked_for([]) is None
    assert asked_for([(b"x-llm-gateway-compression", b" On ")]) == "on"
    with pytest.raises(MalformedRequest, match="`off`, `shadow` or `on`"):
        asked_for([(b"x-llm-gateway-compression", b"yes")])
