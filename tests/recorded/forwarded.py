"""Answers of operations that no dialect knows: sound, pictures, batches, and others that are passed on."""

from llm_gateway.canonical.usage import Special, Usage
from recorded.case import Case, data, event

__all__ = ["CASES"]

_BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "status": "completed",
    "model": "m",
    "usage": {
        "input_tokens": 2000,
        "input_tokens_details": {"cached_tokens": 1000},
        "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2300,
    },
}

CASES = (
    # 14 in, all of it sound.
    Case(
        "transcribed",
        "OpenAI",
        data(
            {
                "text": "Guten Tag.",
                "usage": {
                    "type": "tokens",
                    "input_tokens": 14,
                    "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
                    "output_tokens": 45,
                    "total_tokens": 59,
                },
            }
        ),
        Usage(14, output=45, special=Special(audio_in=14)),
        operation="audio/transcriptions",
    ),
    # Told in seconds: no tokens, and no price for them.
    Case(
        "transcribed-by-the-second",
        "OpenAI",
        data({"text": "Guten Tag.", "usage": {"type": "duration", "seconds": 7}}),
        None,
        operation="audio/transcriptions",
    ),
    Case(
        "transcribed-piece-by-piece",
        "OpenAI",
        event({"type": "transcript.text.delta", "delta": "Guten Tag."})
        + event(
            {
                "type": "transcript.text.done",
                "text": "Guten Tag.",
                "usage": {
                    "type": "tokens",
                    "input_tokens": 14,
                    "input_token_details": {"text_tokens": 2, "audio_tokens": 12},
                    "output_tokens": 4,
                    "total_tokens": 18,
                },
            }
        ),
        Usage(14, output=4, special=Special(audio_in=12)),
        stream=True,
        operation="audio/transcriptions",
    ),
    # 50 in, 40 of them a picture; 4160 made, all pictures, as told.
    Case(
        "picture",
        "OpenAI",
        data(
            {
                "created": 1,
                "data": [{"b64_json": "AA=="}],
                "usage": {
                    "input_tokens": 50,
                    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                    "output_tokens": 4160,
                    "output_tokens_details": {"text_tokens": 0, "image_tokens": 4160},
                    "total_tokens": 4210,
                },
            }
        ),
        Usage(50, output=4160, special=Special(image_in=40, image_out=4160)),
        operation="images/generations",
    ),
    # What this event counts as output is the picture, as its name says.
    Case(
        "picture-piece-by-piece",
        "OpenAI",
        event(
            {
                "type": "image_generation.completed",
                "b64_json": "AA==",
                "usage": {
                    "input_tokens": 50,
                    "input_tokens_details": {"text_tokens": 50, "image_tokens": 0},
                    "output_tokens": 1056,
                    "total_tokens": 1106,
                },
            }
        ),
        Usage(50, output=1056, special=Special(image_out=1056)),
        stream=True,
        operation="images/generations",
    ),
    Case(
        "moderated",
        "OpenAI",
        data({"id": "modr_1", "model": "m", "results": []}),
        None,
        operation="moderations",
    ),
    Case(
        "ranked",
        "Jina",
        data({"model": "m", "usage": {"total_tokens": 815}, "results": []}),
        Usage(815),
        operation="rerank",
    ),
    # Whoever makes a batch has used nothing yet, whatever its answer tells.
    Case("batch-made", "OpenAI", data(_BATCH), None, operation="batches"),
    # A request of the older form that is passed on: Anthropic's names tell Anthropic's convention.
    Case(
        "message-passed-on",
        "Anthropic",
        data(
            {
                "id": "msg_1",
                "model": "m",
                "usage": {
                    "input_tokens": 5,
                    "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 30,
                    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                    "output_tokens": 7,
                    "service_tier": "standard",
                },
            }
        ),
        Usage(5, 100, 30, 7, cache_write_1h=20),
        operation="complete",
    ),
    # An operation that nobody knew when this was written: 400 in of 4000 are new.
    Case(
        "something-new",
        "OpenAI",
        data(
            {
                "id": "resp_1",
                "object": "something",
                "model": "m",
                "service_tier": "flex",
                "usage": {
                    "input_tokens": 4000,
                    "input_tokens_details": {"cached_tokens": 3600},
                    "output_tokens": 40,
                    "output_tokens_details": {"reasoning_tokens": 8},
                    "total_tokens": 4040,
                },
            }
        ),
        Usage(400, 3600, 0, 40, 8),
        tier="flex",
        operation="somethings",
    ),
)
