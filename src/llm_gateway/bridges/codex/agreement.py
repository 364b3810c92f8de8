"""What the bridge needs of the app server's protocol, held against the schema that the program itself writes.

A program that has lost a part of it is not asked: what it would answer instead is anybody's guess. Fields
alone are compared; forms are when an answer is read. Not in the schema, and not needed: the raw events.
"""

from collections.abc import Iterator, Mapping

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["REQUIRED", "differences", "older"]

REQUIRED = "0.163.0"
"""The oldest program that was tried."""

_REQUESTS: dict[str, tuple[str, ...]] = {
    "account/login/cancel": ("loginId",),
    "account/login/start": ("type",),
    "account/logout": (),
    "account/rateLimits/read": (),
    "account/read": ("refreshToken",),
    "config/read": ("includeLayers",),
    "initialize": ("capabilities", "clientInfo"),
    "model/list": ("cursor", "limit"),
    "thread/inject_items": ("items", "threadId"),
    "thread/start": (
        "approvalPolicy",
        "baseInstructions",
        "config",
        "cwd",
        "dynamicTools",
        "environments",
        "ephemeral",
        "experimentalRawEvents",
        "model",
        "sandbox",
    ),
    "thread/unsubscribe": ("threadId",),
    "turn/interrupt": ("threadId", "turnId"),
    "turn/start": ("effort", "input", "outputSchema", "serviceTierForTurn", "summary", "threadId"),
}
_NOTICES: dict[str, tuple[str, ...]] = {
    "account/login/completed": ("error", "loginId", "success"),
    "account/rateLimits/updated": ("rateLimits",),
    "error": ("error", "threadId", "willRetry"),
    "item/agentMessage/delta": ("delta", "itemId", "threadId"),
    "item/completed": ("item", "threadId"),
    "item/reasoning/summaryTextDelta": ("delta", "itemId", "summaryIndex", "threadId"),
    "item/reasoning/textDelta": ("delta", "itemId", "threadId"),
    "item/started": ("item", "threadId"),
    "model/rerouted": ("threadId", "toModel"),
    "thread/tokenUsage/updated": ("threadId", "tokenUsage"),
    "turn/completed": ("threadId", "turn"),
    "turn/started": ("threadId", "turn"),
}
_FORMS: dict[str, tuple[str, ...]] = {
    "Account": ("planType", "type"),
    "DynamicToolSpec": ("description", "inputSchema", "name", "type"),
    "GetAccountRateLimitsResponse": ("rateLimits",),
    "GetAccountResponse": ("account", "requiresOpenaiAuth"),
    "InitializeCapabilities": ("experimentalApi", "optOutNotificationMethods"),
    "LoginAccountResponse": ("authUrl", "loginId", "userCode", "verificationUrl"),
    "Model": ("displayName", "hidden", "id"),
    "ModelListResponse": ("data", "nextCursor"),
    "RateLimitSnapshot": ("primary", "rateLimitReachedType", "secondary"),
    "RateLimitWindow": ("resetsAt", "usedPercent", "windowDurationMins"),
    "Thread": ("id",),
    "ThreadStartResponse": ("instructionSources", "thread"),
    "ThreadTokenUsage": ("total",),
    "TokenUsageBreakdown": (
        "cacheWriteInputTokens",
        "cachedInputTokens",
        "inputTokens",
        "outputTokens",
        "reasoningOutputTokens",
    ),
    "Turn": ("error", "id", "status"),
    "TurnError": ("additionalDetails", "codexErrorInfo", "message"),
    "TurnStartResponse": ("turn",),
}

_REF = "#/definitions/"
_DEEPEST = 8


@ready
class _Schema(msgspec.Struct):
    definitions: dict[str, object]


def differences(schema: bytes) -> tuple[str, ...]:
    """Return what of the protocol a schema has not, as `thread/start.environments`; () when it has all."""
    try:
        known = msgspec.json.decode(schema, type=_Schema).definitions
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ("the schema itself",)
    requests, notices = _methods(known, "ClientRequest"), _methods(known, "ServerNotification")
    return (
        *_missing(_REQUESTS, requests, known),
        *_missing(_NOTICES, notices, known),
        *_missing(_FORMS, known, known),
    )


def older(version: str, than: str = REQUIRED) -> bool:
    """Whether a version is older than another; one that is none is not."""
    return bool(_numbers(version)) and _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    words = version.partition("-")[0].split(".")
    return tuple(map(int, words)) if all(word.isdecimal() for word in words) else ()


def _missing(
    wanted: Mapping[str, tuple[str, ...]], there: Mapping[str, object], known: Mapping[str, object]
) -> Iterator[str]:
    for name, fields in wanted.items():
        if name not in there:
            yield name
            continue
        members = set(_members(there[name], known))
        yield from (f"{name}.{field}" for field in fields if field not in members)


def _methods(known: Mapping[str, object], union: str) -> dict[str, object]:
    """Return the parameters of each method of a union of messages."""
    found: dict[str, object] = {}
    match known.get(union):
        case {"oneOf": list() as messages}:
            for message in messages:
                match message:
                    case {"properties": {"method": {"enum": [str() as method]}, **rest}}:
                        found[method] = rest.get("params", {})
    return found


def _members(form: object, known: Mapping[str, object], depth: int = 0) -> Iterator[str]:
    """Yield the names of a form's members, in any of its variants."""
    if not isinstance(form, dict) or depth > _DEEPEST:
        return
    reference = form.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REF):
        yield from _members(known.get(reference.removeprefix(_REF)), known, depth + 1)
    properties = form.get("properties")
    if isinstance(properties, dict):
        yield from map(str, properties)
    for several in ("oneOf", "anyOf", "allOf"):
        variants = form.get(several)
        for variant in variants if isinstance(variants, list) else ():
            yield from _members(variant, known, depth + 1)
