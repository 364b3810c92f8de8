"""What the scripted upstream says in each dialect when a test wants to choose the words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scripted import Responder, Script, Send, chat, gemini, messages, ollama, responses
from scripted.wording import response

__all__ = ["UPSTREAMS", "Answers"]


@dataclass(frozen=True)
class Answers:
    """One dialect of the scripted upstream. `text` is what it says when nobody chooses."""

    responder: Responder
    text: str
    saying: Callable[[str], Script]
    """Answer whole, with this text."""
    error: Callable[[str], bytes]
    """The body of an error with this message."""

    def failing(self, status: int, message: str) -> Script:
        """Answer with an error."""
        return (Send(response(status, self.error(message))),)


UPSTREAMS: Mapping[str, Answers] = {
    "chat": Answers(
        chat.respond,
        chat.TEXT,
        lambda text: (Send(response(200, chat.completion("m", text))),),
        lambda message: chat.error(message, "scripted_error"),
    ),
    "responses": Answers(
        responses.respond,
        responses.TEXT,
        lambda text: responses.plain("m", [responses.message(text)]),
        lambda message: responses.error(message, "scripted_error"),
    ),
    "messages": Answers(
        messages.respond,
        messages.TEXT,
        lambda text: messages.plain("m", [messages.text(text)]),
        lambda message: messages.error(message, "api_error"),
    ),
    "gemini": Answers(
        gemini.respond,
        gemini.TEXT,
        lambda text: gemini.plain("m", [gemini.text(text)]),
        gemini.error,
    ),
    "ollama": Answers(
        ollama.respond,
        ollama.TEXT,
        lambda text: ollama.plain("m", text),
        ollama.error,
    ),
}
