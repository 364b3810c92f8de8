"""What a response repeats of its request: clients' libraries expect these members in every response object.

They are kept as JSON text, as the client wrote them, and put into each response object as they are.
"""

from collections.abc import Mapping

from msgspec import Raw

__all__ = ["NOTHING", "echo_of"]

# The members with what OpenAI says where the request said nothing (developers.openai.com, "The response
# object").
_USUAL: Mapping[str, bytes] = {
    "instructions": b"null",
    "max_output_tokens": b"null",
    "max_tool_calls": b"null",
    "metadata": b"{}",
    "parallel_tool_calls": b"true",
    "prompt_cache_key": b"null",
    "reasoning": b'{"effort":null,"summary":null}',
    "safety_identifier": b"null",
    "service_tier": b'"default"',
    "temperature": b"1.0",
    "text": b'{"format":{"type":"text"}}',
    "tool_choice": b'"auto"',
    "tools": b"[]",
    "top_logprobs": b"0",
    "top_p": b"1.0",
    "truncation": b'"disabled"',
    "user": b"null",
}
_ALWAYS = '"background":false,"previous_response_id":null,"store":false'


def echo_of(fields: Mapping[str, Raw]) -> str:
    """Return the members of a response object that repeat a request, without braces."""
    told = [_ALWAYS]
    for key, usual in _USUAL.items():
        raw = bytes(fields.get(key, b""))
        value = usual if raw in (b"", b"null", b'"auto"') and key != "tool_choice" else raw or usual
        told.append(f'"{key}":{value.decode()}')
    return ",".join(told)


NOTHING = echo_of({})
"""The members for a request of which nothing is known."""
