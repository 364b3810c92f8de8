"""The dialects there are, by name. A new one is a folder beside this file and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.dialects.bridge import BRIDGE
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Dialect, TargetDialect
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.dialects.responses import RESPONSES

__all__ = ["DIALECTS", "TARGETS"]

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (CHAT, RESPONSES, MESSAGES, GEMINI, OLLAMA)}
)

TARGETS: Mapping[str, TargetDialect] = MappingProxyType({**DIALECTS, BRIDGE.name: BRIDGE})
"""What somebody may be asked in: beside the clients' languages that of the bridges."""
