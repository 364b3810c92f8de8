"""The vendors' own SDKs, unchanged, behind one set of verbs: what a client of each dialect asks and gets.

Nothing here helps a client: each speaks to the gateway as its vendor's documentation shows, with the base
URL and the key as the only settings.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol  # the SDKs' unions of every kind of content are walked, not named

import anthropic
import google.genai as genai
import ollama
import openai
from google.genai import errors as gemini_errors
from google.genai import types as gemini_types

from gateway_process import GatewayProcess

__all__ = ["SCHEMA", "SPEAKERS", "Called", "Refused", "Said", "Speaker"]

ASK = "Wie wird das Wetter?"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_RESULT = "Regen"


@dataclass(frozen=True)
class Said:
    """What an answer said, and the tokens that the SDK shows for it."""

    text: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Called:
    """The call of a tool that an answer made, and what was said after its result had been sent back."""

    name: str
    arguments: object
    after: str


@dataclass(frozen=True)
class Refused:
    """The error that the SDK raised."""

    status: int
    message: str


class Speaker(Protocol):
    """A client of one dialect."""

    close: Callable[[], None]

    def plain(self, model: str) -> Said:
        """Ask for a whole answer."""
        ...

    def stream(self, model: str) -> Said:
        """Ask for a stream and read it to its end."""
        ...

    def tool_turn(self, model: str, *, streamed: bool) -> Called:
        """Offer the tool `lookup`, run what is called, send its result back."""
        ...

    def structured(self, model: str) -> object:
        """Ask for JSON of SCHEMA and return it decoded."""
        ...

    def refused(self, model: str) -> Refused:
        """Ask something that fails."""
        ...


class Chat:
    """openai-python: Chat Completions."""

    def __init__(self, gateway: GatewayProcess) -> None:
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=30)
        self.close = client.close
        self._sdk = client.chat.completions
        self._ask: list[Any] = [{"role": "user", "content": ASK}]  # messages of any role
        function = {"name": "lookup", "parameters": SCHEMA}
        self._tools: list[Any] = [{"type": "function", "function": function}]

    def plain(self, model: str) -> Said:
        answer = self._sdk.create(model=model, messages=self._ask)
        assert answer.usage is not None
        return Said(
            answer.choices[0].message.content or "",
            answer.usage.prompt_tokens,
            answer.usage.completion_tokens,
        )

    def stream(self, model: str) -> Said:
        options: Any = {"include_usage": True}  # a TypedDict of theirs
        chunks = list(self._sdk.create(model=model, messages=self._ask, stream=True, stream_options=options))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        usage = chunks[-1].usage
        assert usage is not None
        return Said(text, usage.prompt_tokens, usage.completion_tokens)

    def tool_turn(self, model: str, *, streamed: bool) -> Called:
        if streamed:
            with self._sdk.stream(model=model, messages=self._ask, tools=self._tools) as stream:
                message: Any = stream.get_final_completion().choices[0].message  # parsed or not
        else:
            message = self._sdk.create(model=model, messages=self._ask, tools=self._tools).choices[0].message
        (call,) = message.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": _RESULT}
        again = [*self._ask, message.model_dump(exclude_none=True, exclude={"parsed"}), result]
        after = self._sdk.create(model=model, messages=again, tools=self._tools)
        said = after.choices[0].message.content or ""
        return Called(call.function.name, json.loads(call.function.arguments), said)

    def structured(self, model: str) -> object:
        form: Any = {
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        }
        answer = self._sdk.create(model=model, messages=self._ask, response_format=form)
        return json.loads(answer.choices[0].message.content or "")

    def refused(self, model: str) -> Refused:
        return _openai_refusal(lambda: self.plain(model))


class Responses:
    """openai-python: Responses."""

    def __init__(self, gateway: GatewayProcess) -> None:
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=30)
        self.close = client.close
        self._sdk = client.responses
        self._tools: list[Any] = [
            {"type": "function", "name": "lookup", "parameters": SCHEMA, "strict": False}
        ]

    def plain(self, model: str) -> Said:
        return self._said(self._sdk.create(model=model, input=ASK))

    def stream(self, model: str) -> Said:
        with self._sdk.stream(model=model, input=ASK) as stream:
            pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
            whole = self._said(stream.get_final_response())
        assert "".join(pieces) == whole.text
        return whole

    def tool_turn(self, model: str, *, streamed: bool) -> Called:
        if streamed:
            with self._sdk.stream(model=model, input=ASK, tools=self._tools) as stream:
                stream.until_done()
                answer: Any = stream.get_final_response()  # parsed or not
        else:
            answer = self._sdk.create(model=model, input=ASK, tools=self._tools)
        (call,) = [item for item in answer.output if item.type == "function_call"]
        items: list[Any] = [{"role": "user", "content": ASK}]
        items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": _RESULT})
        after = self._sdk.create(model=model, input=items, tools=self._tools)
        return Called(call.name, json.loads(call.arguments), after.output_text)

    def structured(self, model: str) -> object:
        form: Any = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
        return json.loads(self._sdk.create(model=model, input=ASK, text=form).output_text)

    def refused(self, model: str) -> Refused:
        return _openai_refusal(lambda: self.plain(model))

    def _said(self, answer: Any) -> Said:  # parsed or not
        return Said(answer.output_text, answer.usage.input_tokens, answer.usage.output_tokens)


class Messages:
    """anthropic-python."""

    def __init__(self, gateway: GatewayProcess) -> None:
        client = anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=30)
        self.close = client.close
        self._sdk = client.messages
        self._ask: list[Any] = [{"role": "user", "content": ASK}]
        self._tools: list[Any] = [{"name": "lookup", "input_schema": SCHEMA}]

    def plain(self, model: str) -> Said:
        return self._said(self._sdk.create(model=model, messages=self._ask, max_tokens=500))

    def stream(self, model: str) -> Said:
        with self._sdk.stream(model=model, messages=self._ask, max_tokens=500) as stream:
            pieces = list(stream.text_stream)
            whole = self._said(stream.get_final_message())
        assert "".join(pieces) == whole.text
        return whole

    def tool_turn(self, model: str, *, streamed: bool) -> Called:
        asked: Any = {"model": model, "messages": self._ask, "max_tokens": 500, "tools": self._tools}
        if streamed:
            with self._sdk.stream(**asked) as stream:
                answer = stream.get_final_message()
        else:
            answer = self._sdk.create(**asked)
        (call,) = [block for block in answer.content if block.type == "tool_use"]
        assert answer.stop_reason == "tool_use"
        said = [block.model_dump(exclude_none=True) for block in answer.content]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": _RESULT}
        turns = [{"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
        after = self._sdk.create(**{**asked, "messages": [*self._ask, *turns]})
        return Called(call.name, call.input, self._said(after).text)

    def structured(self, model: str) -> object:
        form: Any = {"format": {"type": "json_schema", "schema": SCHEMA}}
        answer = self._sdk.create(
            model=model, messages=self._ask, max_tokens=500, extra_body={"output_config": form}
        )
        return json.loads(self._said(answer).text)

    def refused(self, model: str) -> Refused:
        try:
            self.plain(model)
        except anthropic.APIStatusError as error:
            body: Any = error.body  # JSON
            return Refused(error.status_code, body["error"]["message"])
        raise AssertionError("it was answered")

    def _said(self, answer: Any) -> Said:  # of either stream or whole
        text = "".join(block.text for block in answer.content if block.type == "text")
        usage = answer.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        return Said(text, usage.input_tokens + cached, usage.output_tokens)


class Gemini:
    """google-genai."""

    def __init__(self, gateway: GatewayProcess) -> None:
        options = gemini_types.HttpOptions(base_url=gateway.url, timeout=30_000)
        client = genai.Client(api_key=gateway.key, http_options=options)
        self.close = client.close
        self._sdk = client.models
        declared: Any = {"name": "lookup", "description": "Weather", "parameters_json_schema": SCHEMA}
        tools: list[Any] = [gemini_types.Tool(function_declarations=[declared])]
        self._config = gemini_types.GenerateContentConfig(
            tools=tools, automatic_function_calling=gemini_types.AutomaticFunctionCallingConfig(disable=True)
        )

    def plain(self, model: str) -> Said:
        return self._said(self._sdk.generate_content(model=model, contents=ASK))

    def stream(self, model: str) -> Said:
        chunks = list(self._sdk.generate_content_stream(model=model, contents=ASK))
        last = self._said(chunks[-1])
        return Said("".join(chunk.text or "" for chunk in chunks), last.tokens_in, last.tokens_out)

    def tool_turn(self, model: str, *, streamed: bool) -> Called:
        asked: Any = [gemini_types.UserContent(ASK)]
        if streamed:
            chunks = list(self._sdk.generate_content_stream(model=model, contents=asked, config=self._config))
        else:
            chunks = [self._sdk.generate_content(model=model, contents=asked, config=self._config)]
        parts = [part for chunk in chunks for c in chunk.candidates or () for part in _parts(c)]
        (call,) = [part.function_call for part in parts if part.function_call is not None]
        result = gemini_types.FunctionResponse(id=call.id, name=call.name, response={"output": _RESULT})
        asked += [
            gemini_types.ModelContent(parts),
            gemini_types.UserContent([gemini_types.Part(function_response=result)]),
        ]
        after = self._sdk.generate_content(model=model, contents=asked, config=self._config)
        return Called(call.name or "", call.args, after.text or "")

    def structured(self, model: str) -> object:
        config = gemini_types.GenerateContentConfig(
            response_mime_type="application/json", response_json_schema=SCHEMA
        )
        answer = self._sdk.generate_content(model=model, contents=ASK, config=config)
        return json.loads(answer.text or "")

    def refused(self, model: str) -> Refused:
        try:
            self.plain(model)
        except gemini_errors.APIError as error:
            return Refused(error.code, error.message or "")
        raise AssertionError("it was answered")

    def _said(self, answer: gemini_types.GenerateContentResponse) -> Said:
        usage = answer.usage_metadata
        assert usage is not None
        out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        return Said(answer.text or "", usage.prompt_token_count or 0, out)


def _parts(candidate: gemini_types.Candidate) -> list[gemini_types.Part]:
    return (candidate.content.parts or []) if candidate.content is not None else []


class Ollama:
    """ollama-python."""

    def __init__(self, gateway: GatewayProcess) -> None:
        bearer = {"Authorization": f"Bearer {gateway.key}"}
        self._sdk = ollama.Client(host=gateway.url, headers=bearer, timeout=30)
        self.close = self._sdk.close
        self._ask: list[Any] = [{"role": "user", "content": ASK}]
        function = {"name": "lookup", "parameters": SCHEMA}
        self._tools: list[Any] = [{"type": "function", "function": function}]

    def plain(self, model: str) -> Said:
        return self._said(self._sdk.chat(model=model, messages=self._ask))

    def stream(self, model: str) -> Said:
        chunks = list(self._sdk.chat(model=model, messages=self._ask, stream=True))
        last = self._said(chunks[-1])
        assert chunks[-1].done
        return Said("".join(c.message.content or "" for c in chunks), last.tokens_in, last.tokens_out)

    def tool_turn(self, model: str, *, streamed: bool) -> Called:
        if streamed:
            chunks = list(self._sdk.chat(model=model, messages=self._ask, tools=self._tools, stream=True))
        else:
            chunks = [self._sdk.chat(model=model, messages=self._ask, tools=self._tools)]
        (message,) = [chunk.message for chunk in chunks if chunk.message.tool_calls]
        (call,) = message.tool_calls or ()
        result = {"role": "tool", "tool_name": call.function.name, "content": _RESULT}
        after = self._sdk.chat(model=model, messages=[*self._ask, message, result], tools=self._tools)
        return Called(call.function.name, dict(call.function.arguments), after.message.content or "")

    def structured(self, model: str) -> object:
        answer = self._sdk.chat(model=model, messages=self._ask, format=SCHEMA)
        return json.loads(answer.message.content or "")

    def refused(self, model: str) -> Refused:
        try:
            self.plain(model)
        except ollama.ResponseError as error:
            return Refused(error.status_code, error.error)
        raise AssertionError("it was answered")

    def _said(self, answer: ollama.ChatResponse) -> Said:
        return Said(answer.message.content or "", answer.prompt_eval_count or 0, answer.eval_count or 0)


def _openai_refusal(ask: Callable[[], object]) -> Refused:
    try:
        ask()
    except openai.APIStatusError as error:
        body: Any = error.body  # JSON
        return Refused(error.status_code, body["message"])
    raise AssertionError("it was answered")


SPEAKERS: dict[str, Callable[[GatewayProcess], Speaker]] = {
    "chat": Chat,
    "responses": Responses,
    "messages": Messages,
    "gemini": Gemini,
    "ollama": Ollama,
}
