"""The dialects there are, by name. A new one is a folder beside this file and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Dialect

__all__ = ["DIALECTS"]

DIALECTS: Mapping[str, Dialect] = MappingProxyType({CHAT.name: CHAT})
