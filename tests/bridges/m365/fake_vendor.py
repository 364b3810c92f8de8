"""Microsoft on loopback, as far as the bridge meets it: the identity platform, the Chat API and Work IQ.

Shapes are those of learn.microsoft.com ("OAuth 2.0 device authorization grant", "Microsoft Graph error
responses") and of MicrosoftDocs/m365copilot-docs (docs/api/ai-services/chat, docs/work-iq/rest), trimmed. It
checks what it is sent as they do. Every secret that it makes has the CANARY in it.
"""

import base64
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scripted import Close, Received, Script, Send
from scripted.script import Step
from scripted.wording import LAST_CHUNK, chunk, response, stream_head

__all__ = [
    "CANARY",
    "CLIENT_ID",
    "CUT",
    "GRAPH",
    "WORKIQ",
    "Answer",
    "Microsoft",
    "Refusal",
    "jwt",
    "snapshot",
]

CANARY = "CANARY7f3a"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
GRAPH = (
    "Sites.Read.All",
    "Mail.Read",
    "People.Read.All",
    "OnlineMeetingTranscript.Read.All",
    "Chat.Read",
    "ChannelMessage.Read.All",
    "ExternalItem.Read.All",
)
WORKIQ = ("WorkIQAgent.Ask",)
_ROOTS = {"/beta/copilot/conversations": GRAPH, "/rest/conversations": WORKIQ}
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Refusal:
    """An answer that refuses; `code` and `message` go into Graph's form, or the identity platform's."""

    status: int
    code: str = ""
    message: str = ""
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """How a turn is answered: its updates (None: an update without messages), then the text that counts."""

    updates: Sequence[str | None] = ("Hello", None, "Hello from", "Hello from Copilot.")
    text: str | None = "Hello from Copilot."
    state: str = "active"
    extras: dict[str, object] = field(default_factory=dict)
    before: tuple[Step, ...] = ()
    """What happens before the last update."""
    end: tuple[Step, ...] = (Send(LAST_CHUNK),)


def jwt(expires_s: float, scopes: Iterable[str], audience: str = "https://graph.microsoft.com") -> str:
    """Return an access token that looks like one of Microsoft's."""

    def piece(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    payload = {"aud": audience, "exp": int(expires_s), "scp": " ".join(scopes), "upn": "ada@contoso.example"}
    return f"{piece({'alg': 'RS256'})}.{piece(payload)}.{CANARY}signature"


def snapshot(
    texts: Sequence[tuple[str, str]], turns: int = 0, state: str = "active", **extras: object
) -> bytes:
    """Return one server-sent event: a conversation with these messages, each an id and a text."""
    messages = [
        {"@odata.type": "#microsoft.graph.copilotConversationResponseMessage", "id": name, "text": text}
        for name, text in texts
    ]
    if messages:
        messages[-1].update(extras)  # type: ignore[arg-type] # the fields of a message are of many kinds
    told = {"id": "c", "state": state, "turnCount": turns, "messages": messages}
    return b"data: %b\nid:%d\n\n" % (json.dumps(told).encode(), turns)


class Microsoft:
    """Microsoft. What it does is set by the test; what it was asked stands in the upstream's records."""

    def __init__(self) -> None:
        self.lives = 3600
        self.granted: Sequence[str] = (*GRAPH, *WORKIQ)
        self.interval = 0
        self.device: Refusal | None = None
        self.polls: deque[str | Refusal] = deque()
        self.renewals: deque[Refusal] = deque()
        self.begins: deque[Refusal] = deque()
        self.turns: deque[Answer | Refusal | bytes] = deque()
        self.refresh = f"{CANARY}refresh-0"
        self.tokens: set[str] = set()
        self.conversations: dict[str, int] = {}
        self.now_s = 1_700_000_000.0
        self._made = 0

    def token(self, scopes: Iterable[str] = GRAPH, lives: float = 3600) -> str:
        """Return an access token that is good here."""
        self._made += 1
        made = f"{jwt(self.now_s + lives, scopes)}{self._made}"
        self.tokens.add(made)
        return made

    def respond(self, request: Received, _: Sequence[str]) -> Script | None:
        """Answer a request; what is no path of Microsoft's is not answered here."""
        path = request.target.partition("?")[0]
        if path.endswith("/v2.0/.well-known/openid-configuration"):
            return (Send(self._discovery(path)),)
        if path.endswith("/oauth2/v2.0/devicecode"):
            return (Send(self._device_code(_form(request))),)
        if path.endswith("/oauth2/v2.0/token"):
            return (Send(self._token(_form(request))),)
        for root, permissions in _ROOTS.items():
            if path.startswith(root):
                return self._service(request, path.removeprefix(root).strip("/"), permissions)
        return None

    # the identity platform

    def _discovery(self, path: str) -> bytes:
        login = f"https://login.microsoftonline.com/{path.split('/')[1]}"
        return _json(
            200,
            {
                "issuer": f"{login}/v2.0",
                "authorization_endpoint": f"{login}/oauth2/v2.0/authorize",
                "token_endpoint": f"{login}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{login}/oauth2/v2.0/devicecode",
            },
        )

    def _device_code(self, form: dict[str, str]) -> bytes:
        if self.device is not None:
            return _denied(self.device)
        if form.get("client_id") != CLIENT_ID:
            return _denied(Refusal(400, "unauthorized_client", "AADSTS700016: no such application."))
        if "offline_access" not in form.get("scope", "").split():
            return _denied(Refusal(400, "invalid_scope", "AADSTS70011: the scope is not valid."))
        told = {
            "device_code": f"{CANARY}device",
            "user_code": "FAKE2CODE",
            "verification_uri": "https://microsoft.com/devicelogin",
            "expires_in": 900,
            "interval": self.interval,
            "message": "To sign in, open the page https://microsoft.com/devicelogin and enter FAKE2CODE.",
        }
        return _json(200, told)

    def _token(self, form: dict[str, str]) -> bytes:
        if form.get("client_id") != CLIENT_ID:
            return _denied(Refusal(400, "unauthorized_client", "AADSTS700016: no such application."))
        if form.get("grant_type") == _DEVICE_GRANT and form.get("device_code") == f"{CANARY}device":
            match self.polls.popleft() if self.polls else "":
                case "":
                    return self._granted()
                case Refusal() as refusal:
                    return _denied(refusal)
                case word:
                    return _denied(Refusal(400, word, "AADSTS70016: not yet."))
        if self.renewals:
            return _denied(self.renewals.popleft())
        if form.get("grant_type") == "refresh_token" and form.get("refresh_token") == self.refresh:
            return self._granted()
        said = "AADSTS70008: the refresh token of ada@contoso.example has expired."
        return _denied(Refusal(400, "invalid_grant", said))

    def _granted(self) -> bytes:
        access = self.token(self.granted, self.lives)
        self.refresh = f"{CANARY}refresh-{self._made}"
        told = {
            "token_type": "Bearer",
            "scope": " ".join(f"https://graph.microsoft.com/{name}" for name in self.granted),
            "expires_in": self.lives,
            "access_token": access,
            "refresh_token": self.refresh,
        }
        return _json(200, told)

    # the services

    def _service(self, request: Received, path: str, permissions: tuple[str, ...]) -> Script:
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        if token not in self.tokens:
            return (Send(_error(Refusal(401, "InvalidAuthenticationToken", "Access token is not valid."))),)
        scopes = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["scp"].split()
        if lacking := [name for name in permissions if name not in scopes]:
            return (Send(_error(Refusal(403, "Forbidden", f"Required scopes = [{lacking}]."))),)
        if not path:
            return (Send(self._begin()),)
        name, _, verb = path.partition("/")
        if name not in self.conversations:
            return (Send(_error(Refusal(404, "NotFound", "No such conversation."))),)
        if (wrong := _wrong(request.json())) is not None:
            return (Send(_error(Refusal(400, "BadRequest", wrong))),)
        return self._turn(name, verb, request)

    def _begin(self) -> bytes:
        if self.begins:
            return _error(self.begins.popleft())
        name = f"conversation-{len(self.conversations) + 1}"
        self.conversations[name] = 0
        return _json(201, {"id": name, "displayName": "", "state": "active", "turnCount": 0})

    def _turn(self, name: str, verb: str, request: Received) -> Script:
        answer = self.turns.popleft() if self.turns else Answer()
        if isinstance(answer, Refusal):
            return (Send(_error(answer)),)
        if isinstance(answer, bytes):
            return (Send(answer),)
        message = request.json()["message"]
        assert isinstance(message, dict) and verb == "chatOverStream"
        self.conversations[name] += 1
        told = [(f"{name}-q", str(message["text"])), (f"{name}-a", answer.text or "")]
        updates = [
            snapshot([] if text is None else [(f"{name}-a", text)], state=answer.state)
            for text in answer.updates
        ]
        sent: list[Step] = [Send(stream_head()), *(Send(chunk(update)) for update in updates), *answer.before]
        if answer.text is not None:
            last = snapshot(told, self.conversations[name], answer.state, **answer.extras)
            sent.append(Send(chunk(last)))
        return (*sent, *answer.end)


def _wrong(body: dict[str, object]) -> str | None:
    """Say what is wrong with a turn's body, as the services do; None when nothing is."""
    match body:
        case {"message": {"text": str() as text}, "locationHint": {"timeZone": str() as zone}} if text:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                return "timeZone is not an IANA zone."
            return None
    return "message.text and locationHint.timeZone are required."


def _form(request: Received) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def _json(status: int, value: object, fields: Sequence[tuple[str, str]] = ()) -> bytes:
    return response(status, json.dumps(value).encode(), fields)


def _denied(refusal: Refusal) -> bytes:
    """Return a refusal in the identity platform's form."""
    said = {
        "error": refusal.code,
        "error_description": f"{refusal.message} Trace ID: {CANARY} Timestamp: 2026-11-27 09:00:00Z",
        "error_codes": [],
        "trace_id": CANARY,
    }
    return _json(refusal.status, said, refusal.fields)


def _error(refusal: Refusal) -> bytes:
    """Return a refusal in Graph's form."""
    inner = {"request-id": CANARY, "date": "2026-11-27T09:00:00"}
    said = {"error": {"code": refusal.code, "message": refusal.message, "innerError": inner}}
    return _json(refusal.status, said, refusal.fields)


CUT: Script = (Close(),)
"""The end of an answer whose connection is closed in the middle."""
