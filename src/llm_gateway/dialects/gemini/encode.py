"""A request of the common model written in this dialect, for the generation of Gemini that the model is of.

JSON Schema is taken as it is (`parametersJsonSchema`, `responseJsonSchema`). What the dialect has no member
for is a loss: who asks, which conversation this is, which tier.
"""

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Encoded, Request
from llm_gateway.dialects.contract import Target
from llm_gateway.dialects.gemini.families import Family, family_of
from llm_gateway.dialects.gemini.settings import write_format, write_sampling
from llm_gateway.dialects.gemini.thinking import write_thinking
from llm_gateway.dialects.gemini.tools import write_choice, write_tools
from llm_gateway.dialects.gemini.turns import write_turns

__all__ = ["encode_request"]

_encode = msgspec.json.encode


def encode_request(request: Request, target: Target) -> Encoded:
    """Write a request for this target; the model itself stands in the path."""
    losses = Losses()
    family = family_of(target.model)
    system, contents = write_turns(request.messages, family, losses)
    told: dict[str, object] = {"contents": contents}
    if system:
        told["systemInstruction"] = {"parts": system}
    if request.tools and (tools := write_tools(request.tools, request.tool_choice, losses)):
        told["tools"] = [{"functionDeclarations": tools}]
        if (choice := write_choice(request.tool_choice, request.tools, losses)) is not None:
            told["toolConfig"] = choice
    elif request.tool_choice.mode in ("required", "named"):
        losses.add("tool_choice", "there is no tool to choose")
    if config := _config(request, family, losses):
        told["generationConfig"] = config
    if request.user:
        losses.add("user", "this dialect has no place for who asks")
    if request.cache_key:
        losses.add("prompt_cache_key", "Google finds what it has cached by the prompt itself")
    if request.service_tier not in ("", "auto", "default", "standard"):
        losses.add("service_tier", "a tier of another provider's")
    return Encoded(_encode(told), losses.found())


def _config(request: Request, family: Family, losses: Losses) -> dict[str, object]:
    config = write_sampling(request.sampling, losses)
    if request.format is not None:
        if request.tools and not family.formed_calls:
            losses.add("response_format", "this model cannot be offered tools and asked for JSON together")
        else:
            config.update(write_format(request.format, losses))
    if request.reasoning is not None and (thinking := write_thinking(request.reasoning, family, losses)):
        config["thinkingConfig"] = thinking
    return config
