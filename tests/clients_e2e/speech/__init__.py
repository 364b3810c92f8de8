"""What a scripted model hears and says in each dialect: written for this rig alone, from the vendors' pages.

Nothing of the gateway is used here, nor of the scripts of other tests: a mistake that both sides of a
translation share would otherwise be proven right by itself.
"""

from clients_e2e.speech import chat, gemini, messages, ollama, responses
from clients_e2e.speech.turns import Call, Heard, Said, Speech, Tool

__all__ = ["SPEECHES", "Call", "Heard", "Said", "Speech", "Tool"]

SPEECHES: dict[str, Speech] = {
    "chat": chat.SPEECH,
    "responses": responses.SPEECH,
    "messages": messages.SPEECH,
    "gemini": gemini.SPEECH,
    "ollama": ollama.SPEECH,
}
