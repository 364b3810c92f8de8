"""What users of other gateways complain about where usage is concerned: none of it happens here.

Each test names the report that it is taken from. Amounts are reckoned by hand from the tokens and the prices
that the report gives, in nanodollars: a dollar for a million tokens is a thousand of them a token.
"""

import json
from decimal import Decimal

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Asked, Call, Dialect, Path
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.dialects.translate import Translation
from llm_gateway.ledger.tariff import Card, Tariff
from recorded import BY_DIALECT, Case

ASKED = b'{"model":"m","messages":[{"role":"user","content":"Guten Tag"}],"stream":true}'


def chat_call(body: bytes = ASKED) -> Call:
    return CHAT.read_call(body, Path("chat/completions"))


def recorded(dialect: str, name: str) -> Case:
    (case,) = [case for case in BY_DIALECT[dialect] if case.name == name]
    return case


def passed(case: Case, *, strip: bool = False) -> tuple[Usage | None, bytes]:
    """Return the usage of a chat stream that passes, and what its client gets."""
    meter = CHAT.meter(chat_call(), strip_usage=strip)
    out = meter.feed(case.body) + meter.close()
    return meter.seen.usage, out


def translated(case: Case) -> tuple[Usage | None, bytes]:
    """Return the usage of a chat stream for a client of Messages, and what the client gets."""
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Guten Tag"}],"stream":true}'
    asked = Asked("messages", "1", "m", stream=True, wants_usage=True, now=1)
    meter = Translation(MESSAGES, MESSAGES.read_call(body, Path("messages")), asked).meter(CHAT)
    out = meter.feed(case.body) + meter.close()
    return meter.seen.usage, out


def bill(usage: Usage | None, **dollars: str) -> int:
    """Return what a usage costs at these prices, in nanodollars."""
    assert usage is not None
    rates = {name: ((0, Decimal(told)),) for name, told in dollars.items()}
    return Tariff(Card("config", "p", "m", "stated", rates)).cost(usage)  # type: ignore[arg-type]


def used(dialect: Dialect, operation: str, usage: object) -> Usage | None:
    """Return what a whole answer with this usage says was used."""
    member = "usageMetadata" if dialect is GEMINI else "usage"
    body = {member: usage, "choices": [], "output": [], "content": [], "candidates": []}
    return dialect.read_answer(json.dumps(body).encode(), operation).usage


# 1. Streamed usage missing or dropped


def test_agentgateway_3455_the_last_chunk_has_no_delta() -> None:
    """agentgateway/agentgateway pull request 3455: a choice without `delta` cost the usage beside it."""
    case = recorded("chat", "stream-last-without-delta")
    assert passed(case)[0] == translated(case)[0] == Usage(37031 - 34496, 34496, 0, 44)


def test_req_llm_781_usage_comes_after_the_finish() -> None:
    """agentjido/req_llm issue 781: behind LiteLLM and Azure, usage follows the chunk with the finish."""
    case = recorded("chat", "stream-usage-after-the-finish")
    assert passed(case)[0] == translated(case)[0] == Usage(12, output=7)


def test_ferro_labs_281_usage_is_asked_for_and_taken_out_again() -> None:
    """ferro-labs/ai-gateway issue 281: nobody asked for the usage of a stream, so that it was zero."""
    call = chat_call()
    assert json.loads(CHAT.address(call, "m", ask_usage=True))["stream_options"] == {"include_usage": True}
    usage, out = passed(recorded("chat", "stream-usage-asked"), strip=True)
    assert usage == Usage(12, output=7)
    assert b"usage" not in out
    assert out.endswith(b"data: [DONE]\n\n")


def test_llmgateway_2861_part_of_a_usage_reaches_nobody_who_did_not_ask() -> None:
    """theopenco/llmgateway pull request 2861: a usage without its counts breaks strict clients."""
    case = recorded("chat", "stream-part-of-a-usage")
    usage, out = passed(case, strip=True)
    assert usage == Usage(12, output=7)
    assert b"usage" not in out
    assert b"Guten Tag." in out
    usage, out = translated(case)
    assert usage == Usage(12, output=7)
    told = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: ")]
    (end,) = [event["usage"] for event in told if event["type"] == "message_delta"]
    assert (end["input_tokens"], end["output_tokens"]) == (12, 7)


# 2. A whole answer of Responses


def test_obot_7488_a_response_that_is_not_streamed_is_counted() -> None:
    """obot-platform/obot issue 7488: 8 and 6 tokens were on record as 0 and 0 when nobody streamed."""
    case = recorded("responses", "plain")
    assert RESPONSES.read_answer(case.body, "responses").usage == Usage(8, output=6)


def test_litellm_34351_a_response_that_ran_out_of_room_is_counted() -> None:
    """BerriAI/litellm issue 34351: usage was dropped with `response.incomplete`, and its reasoning."""
    case = recorded("responses", "stream-incomplete")
    body = b'{"model":"m","messages":[{"role":"user","content":"Guten Tag"}],"stream":true}'
    asked = Asked("chat/completions", "1", "m", stream=True, wants_usage=True, now=1)
    meter = Translation(CHAT, chat_call(body), asked).meter(RESPONSES)
    meter.feed(case.body)
    meter.close()
    assert meter.seen.usage == Usage(8, output=1024, reasoning=417)


# 3. Cached tokens counted twice, or at the price of new ones


def test_litellm_40006_stated_prices_bill_what_was_cached_once() -> None:
    """BerriAI/litellm issues 11364, 40006, pull requests 40016, 31282: cached tokens twice, at 1.9 times."""
    usage = used(
        MESSAGES, "messages", {"input_tokens": 21, "cache_read_input_tokens": 2000, "output_tokens": 0}
    )
    # 21 x 3000 + 2000 x 300, and not (21 + 2000) x 3000 + 2000 x 300
    assert bill(usage, input="3", output="15", cache_read="0.3") == 663_000


def test_litellm_6576_what_was_written_is_billed_once() -> None:
    """BerriAI/litellm pull request 6576, BerriAI/litellm issue 9812: $0.0913 for a bill of $0.0544."""
    told = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 12304,
        "cache_read_input_tokens": 0,
        "output_tokens": 550,
    }
    usage = used(MESSAGES, "messages", told)
    # 3 x 3000 + 12304 x 3750 + 550 x 15000 = 9000 + 46140000 + 8250000
    assert bill(usage, input="3", output="15", cache_write="3.75", cache_read="0.3") == 54_399_000


def test_litellm_14849_what_gemini_cached_is_billed_once() -> None:
    """BerriAI/litellm issue 14849: $0.7642 on record for what Google bills at $0.1849."""
    told = {
        "promptTokenCount": 262_960,
        "cachedContentTokenCount": 257_955,
        "candidatesTokenCount": 1_744,
        "totalTokenCount": 264_704,
    }
    usage = used(GEMINI, "generateContent", told)
    # (262960 - 257955) x 1250 + 257955 x 625 + 1744 x 10000 = 6256250 + 161221875 + 17440000
    assert bill(usage, input="1.25", output="10", cache_read="0.625") == 184_918_125


def test_new_api_6144_a_stream_keeps_what_was_cached() -> None:
    """QuantumNous/new-api issue 6144, pull requests 6145, 2550: the copy that was billed had lost it."""
    told = {
        "prompt_tokens": 1816,
        "completion_tokens": 64,
        "total_tokens": 1880,
        "prompt_tokens_details": {"cached_tokens": 1792, "text_tokens": 0, "audio_tokens": 0},
    }
    chunk = {"id": "c", "model": "m", "choices": [], "usage": told}
    stream = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(chunk).encode()
    meter = CHAT.meter(chat_call(), strip_usage=True)
    meter.feed(stream)
    # (1816 - 1792) x 2000 + 1792 x 200 + 64 x 6000 = 48000 + 358400 + 384000
    assert bill(meter.seen.usage, input="2", output="6", cache_read="0.2") == 790_400


def test_new_api_6892_what_responses_cached_is_billed_as_cached() -> None:
    """QuantumNous/new-api pull request 6892: 100 in, 40 of them cached, were billed as 100 new ones."""
    told = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 110,
    }
    usage = used(RESPONSES, "responses", told)
    # 60 x 1000 + 40 x 250 + 10 x 2000 = 60000 + 10000 + 20000
    assert bill(usage, input="1", output="2", cache_read="0.25") == 90_000


def test_aider_5516_nine_of_seventeen_thousand_tokens_are_new() -> None:
    """Aider-AI/aider issue 5516: all of a prompt that was cached was billed once more, at 10.9 times."""
    told = {
        "prompt_tokens": 17_111,
        "completion_tokens": 0,
        "total_tokens": 17_111,
        "prompt_tokens_details": {"cached_tokens": 17_102},
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 17_102,
    }
    usage = used(CHAT, "chat/completions", told)
    # 9 x 1000 + 17102 x 100
    assert bill(usage, input="1", output="5", cache_read="0.1", cache_write="1.25") == 1_719_200


def test_browser_use_5305_what_was_written_is_not_new_as_well() -> None:
    """browser-use/browser-use issue 5305: 2000 in, 500 read and 300 written, left 1500 to be billed."""
    told = {
        "prompt_tokens": 2000,
        "completion_tokens": 0,
        "total_tokens": 2000,
        "prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 300},
    }
    usage = used(CHAT, "chat/completions", told)
    # 1200 x 3000 + 500 x 300 + 300 x 3750 = 3600000 + 150000 + 1125000
    assert bill(usage, input="3", output="15", cache_read="0.3", cache_write="3.75") == 4_875_000


def test_litellm_37407_a_picture_that_was_cached_is_not_new_as_well() -> None:
    """BerriAI/litellm pull request 37407: xAI counts pictures and cached tokens over each other."""
    told = {
        "prompt_tokens": 1000,
        "completion_tokens": 0,
        "total_tokens": 1000,
        "prompt_tokens_details": {"text_tokens": 100, "image_tokens": 900, "cached_tokens": 950},
    }
    usage = used(CHAT, "chat/completions", told)
    assert usage is not None
    assert usage.special is not None
    assert (usage.special.image_in, usage.special.image_read) == (50, 850)
    # 50 x 4000 + 950 x 500, whatever of either is a picture
    assert bill(usage, input="2", image_in="4", cache_read="0.5") == 675_000


# 4. Cached tokens left out


def test_future_agi_1122_what_anthropic_cached_is_a_part_of_what_went_in() -> None:
    """future-agi/future-agi pull request 1122: four fifths of the input and its price were missing."""
    told = {
        "input_tokens": 184,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 1_936,
        "output_tokens": 24,
    }
    usage = used(MESSAGES, "messages", told)
    assert usage is not None
    assert usage.input == 184 + 300 + 1_936 == 2_420
    # 184 x 3000 + 300 x 3750 + 1936 x 300 + 24 x 15000 = 552000 + 1125000 + 580800 + 360000
    assert bill(usage, input="3", output="15", cache_read="0.3", cache_write="3.75") == 2_617_800


def test_future_agi_1122_the_client_of_another_dialect_is_told_all_of_it() -> None:
    """The same report: the adapter for Chat told `prompt_tokens` without what was cached."""
    case = recorded("messages", "stream-caches")
    asked = Asked("chat/completions", "1", "m", stream=True, wants_usage=True, now=1)
    meter = Translation(CHAT, chat_call(), asked).meter(MESSAGES)
    out = meter.feed(case.body) + meter.close()
    told = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: {")][-1]["usage"]
    assert told["prompt_tokens"] == 21 + 2_051 + 188_086
    assert told["prompt_tokens_details"] == {"cached_tokens": 2_051, "cache_write_tokens": 188_086}
    assert meter.seen.usage == case.usage
