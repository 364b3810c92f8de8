"""`generationConfig`: how tokens are chosen, when to stop, the form of the answer; read and written.

How much to think is in `thinking.py`.
"""

import contextlib
from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Format, Reasoning, Sampling
from llm_gateway.dialects.gemini.members import lose, members_of, optional, says_nothing, value_of
from llm_gateway.dialects.gemini.response import UNREADABLE
from llm_gateway.dialects.gemini.schemas import read_json_schema, read_schema
from llm_gateway.dialects.gemini.thinking import read_thinking

__all__ = ["Settings", "read_settings", "write_format", "write_sampling"]

_text = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int, strict=False)
_number = msgspec.json.Decoder(float, strict=False)
_texts = msgspec.json.Decoder(list[str])
_members = msgspec.json.Decoder(dict[str, Raw])

_WHERE = "generationConfig."
_UNDERSTOOD = frozenset(
    (
        "maxOutputTokens",
        "temperature",
        "topP",
        "topK",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "thinkingConfig",
    )
)
_NO_PLACE = {
    "candidateCount": "other dialects give one answer",
    "responseLogprobs": "other dialects do not tell probabilities in this way",
    "logprobs": "other dialects do not tell probabilities in this way",
    "responseModalities": "other dialects answer with text",
    "speechConfig": "other dialects answer with text",
    "imageConfig": "other dialects answer with text",
    "mediaResolution": "how closely media are looked at is told for each picture elsewhere",
}
# Values that mean the same as leaving the member out, beside those that say nothing at all.
_USUAL: dict[str, object] = {
    "candidateCount": 1,
    "responseModalities": ["TEXT"],
    "mediaResolution": "MEDIA_RESOLUTION_UNSPECIFIED",
}
_MAX_STOPS = 5  # ai.google.dev, "GenerationConfig"


class Settings(msgspec.Struct, frozen=True):
    """What a `generationConfig` asks for."""

    sampling: Sampling
    reasoning: Reasoning | None
    format: Format | None


def read_settings(fields: Mapping[str, Raw], losses: Losses) -> Settings:
    """Read the settings of a request."""
    told = members_of(fields, "generationConfig")
    for key, raw in told.items():
        if key not in _UNDERSTOOD:
            value = value_of(raw)
            if not says_nothing(value) and value != _USUAL.get(key):
                lose(losses, _WHERE, key, _NO_PLACE.get(key, "not known outside of the dialect it came in"))
    stops = optional(told, "stopSequences", _texts, "a list of strings", _WHERE)
    sampling = Sampling(
        max_tokens=optional(told, "maxOutputTokens", _integer, "a whole number", _WHERE),
        temperature=optional(told, "temperature", _number, "a number", _WHERE),
        top_p=optional(told, "topP", _number, "a number", _WHERE),
        top_k=optional(told, "topK", _integer, "a whole number", _WHERE),
        seed=optional(told, "seed", _integer, "a whole number", _WHERE),
        presence_penalty=optional(told, "presencePenalty", _number, "a number", _WHERE),
        frequency_penalty=optional(told, "frequencyPenalty", _number, "a number", _WHERE),
        stop=tuple(stops or ()),
    )
    reasoning = read_thinking(members_of(told, "thinkingConfig", _WHERE), losses)
    return Settings(sampling, reasoning, _format(told, losses))


def _format(told: Mapping[str, Raw], losses: Losses) -> Format | None:
    kind = optional(told, "responseMimeType", _text, "a media type", _WHERE)
    own, standard = told.get("responseSchema"), told.get("responseJsonSchema")
    schema: Raw | None = None
    if standard is not None and bytes(standard) != b"null":
        schema = read_json_schema(standard, losses, f"{_WHERE}responseJsonSchema")
    elif own is not None and bytes(own) != b"null":
        schema = read_schema(own, losses, f"{_WHERE}responseSchema")
    if kind not in (None, "", "text/plain", "application/json"):
        losses.add(f"{_WHERE}responseMimeType", "other dialects answer with text or JSON")
        return None
    if schema is not None:
        return Format("schema", schema=schema)
    return Format("json") if kind == "application/json" else None


def write_sampling(sampling: Sampling, losses: Losses) -> dict[str, object]:
    """Return the members that say how tokens are chosen.

    Many models refuse penalties ("Penalty is not enabled"), so that those that do nothing are left out.
    """
    limit, top_k, seed = sampling.max_tokens, sampling.top_k, sampling.seed
    if limit is not None and limit < 1:
        losses.add("max_tokens", "no answer can be asked for with less than one token")
        limit = 1
    if top_k is not None and top_k < 1:
        losses.add("top_k", "a positive number, or none")
        top_k = None
    if seed is not None and not -(2**31) <= seed < 2**31:
        losses.add("seed", "brought into the 32 bits that there are for it")
        seed &= 2**31 - 1
    values = (
        ("maxOutputTokens", limit),
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
        ("topK", top_k),
        ("seed", seed),
        ("presencePenalty", sampling.presence_penalty or None),
        ("frequencyPenalty", sampling.frequency_penalty or None),
    )
    told: dict[str, object] = {name: value for name, value in values if value is not None}
    stops = [stop for stop in sampling.stop if stop]
    if len(stops) < len(sampling.stop):
        losses.add("stop", "an empty sequence ends no answer here")
    if stops:
        told["stopSequences"] = stops[:_MAX_STOPS]
        if len(stops) > _MAX_STOPS:
            losses.add("stop", f"no more than {_MAX_STOPS} sequences are taken")
    return told


def write_format(form: Format, losses: Losses) -> dict[str, object]:
    """Return the members that say which form the answer has. An answer of a schema always keeps to it."""
    told: dict[str, object] = {"responseMimeType": "application/json"}
    if form.schema is not None:
        told["responseJsonSchema"] = _entitled(form.schema, form, losses)
    elif form.description:
        losses.add("response_format.description", "there is no schema to describe")
    return told


def _entitled(schema: Raw, form: Format, losses: Losses) -> Raw | Mapping[str, object]:
    """Return a schema that says its name and description itself: there is no place for them beside it."""
    if not form.name and not form.description:
        return schema
    fields: dict[str, Raw] = {}
    with contextlib.suppress(*UNREADABLE):
        fields = _members.decode(schema)
    if not fields or "$ref" in fields:  # beside a reference nothing may stand (ai.google.dev, "Schema")
        if form.description:
            losses.add("response_format.description", "this schema cannot be described")
        return schema
    told: dict[str, object] = dict(fields)
    if form.name:
        told.setdefault("title", form.name)
    if form.description and told.setdefault("description", form.description) is not form.description:
        losses.add("response_format.description", "the schema describes itself")
    return told
