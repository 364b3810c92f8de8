"""What says nothing to a model or a reader, and may be left unread without being a loss; each with a reason.

The tests hold the readers of every dialect to these lists, and `docs/losses.md` shows them. Places are in the
dialect's own words; `*` is any element of a list. What is in a place that is listed is listed with it.
"""

from collections.abc import Mapping

__all__ = ["SILENT", "UNTOLD", "UNWATCHED"]

_DEFAULT = "what is meant where nothing is said"
_TWICE = "said a second time, and read at the other place"
_KIND = "of what kind a thing is shows from what it holds"

# What may be left unread of requests, and why.
SILENT: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "messages.*.content": "nothing is said by null",
        "messages.*.reasoning": _TWICE,
        "messages.*.tool_calls.*.type": _KIND,
        "modalities": _DEFAULT,
        "modalities.*": _DEFAULT,
        "n": _DEFAULT,
        "stream_options": "about the frames of a stream of OpenAI's own",
        "stream_options.include_obfuscation": "about the frames of a stream of OpenAI's own",
        "tool_choice.allowed_tools.mode": _DEFAULT,
        "tool_choice.allowed_tools.tools.*.type": _KIND,
        "tool_choice.type": _KIND,
        "tools.*.type": _KIND,
    },
    "responses": {
        "client_metadata": "Codex's telemetry, for its vendor",
        "client_metadata.*": "Codex's telemetry, for its vendor",
        "include": "thinking comes sealed whenever it can",
        "include.*": "thinking comes sealed whenever it can",
        "input.*.arguments": _DEFAULT,
        "input.*.id": "the vendor's bookkeeping",
        "input.*.output": "a result of no text",
        "input.*.role": "of tools that come later: they are the developer's in any case",
        "input.*.status": "the vendor's bookkeeping",
        "input.*.tools.*.format": _DEFAULT,
        "input.*.type": _KIND,
        "store": _DEFAULT,
        "stream_options": "about the frames of a stream of OpenAI's own",
        "stream_options.include_obfuscation": "about the frames of a stream of OpenAI's own",
        "tool_choice": _DEFAULT,
    },
    "messages": {
        "context_management": "keeps everything, which is what happens anyway",
        "context_management.edits": "keeps everything, which is what happens anyway",
        "context_management.edits.*": "keeps everything, which is what happens anyway",
        "context_management.edits.*.type": "keeps everything, which is what happens anyway",
        "messages.*.content.*.content.*.type": _KIND,
        "messages.*.content.*.source.media_type": "of text: there is one kind",
        "system.*": "the name that Claude Code gives to Anthropic's billing",
        "system.*.text": "the name that Claude Code gives to Anthropic's billing",
        "tools.*.defer_loading": "of a tool that was brought up, or would be searched for by the provider",
        "tools.*.eager_input_streaming": "in which pieces a call's input comes, not what is in it",
        "tools.*.type": _KIND,
    },
    "gemini": {
        "contents.*.parts.*.fileData.mimeType": "shows from the name of the file",
        "contents.*.parts.*.functionResponse.id": "shows from the order of calls",
        "contents.*.parts.*.functionResponse.name": "shows from the call",
        "contents.*.parts.*.functionResponse.response": "a result of no text",
        "contents.*.role": "shows from what is said",
        "generationConfig.candidateCount": _DEFAULT,
        "generationConfig.responseMimeType": "a schema says that JSON is wanted",
        "generationConfig.responseSchema": "of a choice, which is lost as a whole",
        "generationConfig.responseSchema.enum": "of a choice, which is lost as a whole",
        "generationConfig.responseSchema.enum.*": "of a choice, which is lost as a whole",
        "generationConfig.responseSchema.propertyOrdering": "the order in which they stand",
        "generationConfig.responseSchema.propertyOrdering.*": "the order in which they stand",
        "generationConfig.responseSchema.type": "of a choice, which is lost as a whole",
        "systemInstruction.role": "there is one",
        "tools.*.functionDeclarations.*.responseJsonSchema": "is lost as `tools.response`",
    },
    "ollama": {
        "messages.*.content": "nothing is said by an empty text",
        "messages.*.tool_call_id": "shows from the order of calls",
        "messages.*.tool_calls.*.function.arguments": _DEFAULT,
        "messages.*.tool_calls.*.function.index": "counts the calls of a message",
        "messages.*.tool_calls.*.type": _KIND,
        "messages.*.tool_name": "shows from the call",
        "stream": _DEFAULT,
        "tools.*.function.description": "nothing is said by an empty text",
        "tools.*.type": _KIND,
    },
}

_SUM = "one of the counts that add up"
_RATED = "how a provider rates what was said, beside what it did about it"
_ECHO = "the request, said again"
_MADE = "when, by whom and how fast it was made"

# What may be left unread of answers, and why.
UNTOLD: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "choices.*.content_filter_results": _RATED,
        "choices.*.finish_reason": "shows from what was said",
        "choices.*.message.role": "there is one",
        "choices.*.message.tool_calls.*.type": _KIND,
        "created": _MADE,
        "object": "there is one",
        "service_tier": _MADE,
        "system_fingerprint": _MADE,
        "usage.completion_tokens_details": "of zeros",
        "usage.prompt_tokens": _SUM,
        "usage.prompt_tokens_details": "of zeros",
        "usage.total_tokens": _SUM,
    },
    "responses": {
        "created_at": _MADE,
        "object": "there is one",
        "output.*.id": "the vendor's bookkeeping",
        "output.*.role": "there is one",
        "output.*.status": "the answer's own says it",
        "output.*.summary.*.type": _KIND,
        "parallel_tool_calls": _ECHO,
        "reasoning": _ECHO,
        "status": "shows from why it is incomplete",
        "temperature": _ECHO,
        "text": _ECHO,
        "tool_choice": _ECHO,
        "top_p": _ECHO,
        "truncation": _ECHO,
        "usage.input_tokens": _SUM,
        "usage.input_tokens_details": "of zeros",
        "usage.output_tokens_details": "of zeros",
        "usage.total_tokens": _SUM,
    },
    "messages": {
        "role": "there is one",
        "stop_reason": "shows from what was said",
        "type": "there is one",
        "usage.cache_creation": _SUM,
        "usage.cache_creation_input_tokens": _SUM,
        "usage.service_tier": _MADE,
    },
    "gemini": {
        "candidates.*.content": "of no parts",
        "candidates.*.content.role": "there is one",
        "candidates.*.finishReason": "shows from what was said, or is lost where it has no word",
        "candidates.*.safetyRatings": _RATED,
        "promptFeedback.blockReason": "that it was blocked is told",
        "promptFeedback.safetyRatings": _RATED,
        "usageMetadata.candidatesTokenCount": _SUM,
        "usageMetadata.promptTokenCount": _SUM,
        "usageMetadata.promptTokensDetails": "of what kind they were",
        "usageMetadata.thoughtsTokenCount": _SUM,
        "usageMetadata.totalTokenCount": _SUM,
    },
    "ollama": {
        "created_at": _MADE,
        "done_reason": "shows from what was said",
        "eval_duration": _MADE,
        "load_duration": _MADE,
        "message": "of no text",
        "message.role": "there is one",
        "prompt_eval_duration": _MADE,
        "total_duration": _MADE,
    },
}

_COUNT = "a count that nobody adds up"

# Where answers may have members that nobody knows yet, and why.
UNWATCHED: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "choices.*.content_filter_results": _RATED,
        "choices.*.content_filter_results.violence": _RATED,
        "usage": _COUNT,
        "usage.completion_tokens_details": _COUNT,
        "usage.prompt_tokens_details": _COUNT,
    },
    "responses": {
        "incomplete_details": "of the reason",
        "metadata": _ECHO,
        "reasoning": _ECHO,
        "text": _ECHO,
        "text.format": _ECHO,
        "usage": _COUNT,
        "usage.input_tokens_details": _COUNT,
        "usage.output_tokens_details": _COUNT,
    },
    "messages": {
        "usage": _COUNT,
        "usage.cache_creation": _COUNT,
        "usage.output_tokens_details": _COUNT,
    },
    "gemini": {
        "candidates.*.safetyRatings.*": _RATED,
        "promptFeedback.safetyRatings.*": _RATED,
        "usageMetadata": _COUNT,
        "usageMetadata.promptTokensDetails.*": _COUNT,
    },
    "ollama": {},
}
