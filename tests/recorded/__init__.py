"""Answers of every dialect and kind of provider, each with the figure that a person reckoned from it."""

from recorded import chat, forwarded, gemini, messages, ollama, responses
from recorded.case import Case, cost, name_of

__all__ = ["BY_DIALECT", "FORWARDED", "Case", "cost", "name_of"]

BY_DIALECT: dict[str, tuple[Case, ...]] = {
    "chat": chat.CASES,
    "responses": responses.CASES,
    "messages": messages.CASES,
    "gemini": gemini.CASES,
    "ollama": ollama.CASES,
}
"""The answers to requests for a model, by the dialect in which they are told."""

FORWARDED: tuple[Case, ...] = forwarded.CASES
"""The answers of operations that are passed on."""
