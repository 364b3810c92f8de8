"""The tools of a request: functions, tools that take free text, namespaces of both, tools of the vendor's.

What the client itself executes becomes a function under a name that other dialects accept, and a note tells
the encoders of answers what to call it again. What only OpenAI executes is reported as lost.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, Tool
from llm_gateway.dialects.responses.fields import UNREADABLE, decoded, is_given, named, report_strays
from llm_gateway.dialects.responses.names import DEFAULT_NAMESPACE, flat_name
from llm_gateway.errors import MalformedRequest

__all__ = ["Known", "KnownKind", "Toolbox", "known_tools"]

KnownKind = Literal["function", "custom", "tool_search", "local_shell", "shell", "apply_patch"]
"""What a client calls a tool that has become a function, where that is not `function`."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What a client calls the tool that has a certain name elsewhere."""

    kind: KnownKind
    namespace: str = ""
    name: str = ""


_OBJECT = Raw(b'{"type":"object","properties":{}}')

# The vendor's tools that the client executes: OpenAI's models know them without a schema (developers.
# openai.com, "Local shell", "Shell", "Apply patch"); other models need one. Members are those of the
# item's `action` or `operation`.
_VENDORS: Mapping[str, tuple[str, Raw]] = {
    "local_shell": (
        "Run a command on the user's machine and return its output.",
        Raw(
            b'{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},'
            b'"description":"The program and its arguments"},"working_directory":{"type":"string"},'
            b'"timeout_ms":{"type":"integer"}},"required":["command"]}'
        ),
    ),
    "shell": (
        "Run shell commands on the user's machine, in order, and return their output.",
        Raw(
            b'{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"}},'
            b'"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},'
            b'"required":["commands"]}'
        ),
    ),
    "apply_patch": (
        "Create, change or delete a file of the user's.",
        Raw(
            b'{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file",'
            b'"delete_file"]},"path":{"type":"string"},"diff":{"type":"string","description":"The change '
            b'as a unified diff in the V4A form; not for delete_file"}},"required":["type","path"]}'
        ),
    ),
}

# Where the names of the vendor's tools are kept: no namespace of a client's is called so.
_VENDOR = "\0"

_CALLERS = (None, ["direct"])
_EITHER = frozenset(("type", "name", "description", "async", "defer_loading", "allowed_callers"))
_FUNCTION = _EITHER | {"parameters", "strict", "output_schema"}
_CUSTOM = _EITHER | {"format"}
_FORM = frozenset(("type", "syntax", "definition"))
_NAMESPACE = frozenset(("type", "name", "description", "tools"))
_SEARCH = frozenset(("type", "description", "parameters", "execution"))

_members = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(str)
_known = msgspec.json.Decoder(dict[str, Known])


def known_tools(note: str) -> dict[str, Known]:
    """Return what a note of a toolbox says; nothing for an empty one."""
    return _known.decode(note) if note else {}


class Toolbox:
    """The tools met so far, each under one name of its own."""

    __slots__ = ("_extras", "_known", "_losses", "_met", "_names", "_taken", "tools")

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._met: list[str] = []
        self._extras: tuple[str, ...] = ()
        self._known: dict[str, Known] = {}
        self.tools: dict[str, Tool] = {}

    def add_all(self, raw: Raw, where: str, *, searched: bool = False) -> list[str]:
        """Take in a list of tools; return their names.

        Tools that were `searched` for were kept back until now: to show them is what was asked for.
        """
        self._met = []
        self._extras = ("async", "output_schema") if searched else ("async", "output_schema", "defer_loading")
        if not is_given(raw):
            return []
        try:
            tools = _list.decode(raw)
        except UNREADABLE:
            raise MalformedRequest(f"`{where}` must be a list of tools", param=where) from None
        for index, tool in enumerate(tools):
            self._add(tool, f"{where}[{index}]")
        return self._met

    def name(self, namespace: str, name: str) -> str:
        """Return the one name of a tool, declared or not: an earlier call may be of a tool that is gone."""
        return self._unique(namespace if namespace != DEFAULT_NAMESPACE else "", name)

    def vendors(self, kind: KnownKind) -> str:
        """Return the name of a tool of the vendor's that the client executes."""
        return self._unique(_VENDOR, kind)

    def chosen(self, namespace: str, name: str) -> Iterable[str]:
        """Return the names of declared tools that a choice means: one, or all of a namespace."""
        if not name:
            return [flat for (space, _), flat in self._names.items() if space == namespace]
        exact = self._names.get((namespace if namespace != DEFAULT_NAMESPACE else "", name))
        if exact is not None or namespace:
            return [exact] if exact in self.tools else []
        return [flat for (_, own), flat in self._names.items() if own == name and flat in self.tools]

    def note(self) -> str:
        """Return what the encoders of answers must know, as `known_tools` reads it; "" for nothing."""
        return msgspec.json.encode(self._known).decode() if self._known else ""

    def _unique(self, namespace: str, name: str) -> str:
        key = (namespace, name)
        found = self._names.get(key)
        if found is None:
            space, tries = namespace if namespace != _VENDOR else "", 0
            found = flat_name(space, name)
            while found in self._taken:
                tries += 1
                found = flat_name(space, name, salt=str(tries))
            self._names[key] = found
            self._taken.add(found)
        return found

    def _add(self, raw: Raw, where: str, namespace: str = "", about: str = "") -> None:
        fields = _fields(raw, where)
        match kind := _string(fields, "type", where):
            case "function":
                self._add_function(fields, where, namespace, about)
            case "custom":
                self._add_custom(fields, where, namespace, about)
            case "namespace" if not namespace:
                self._add_namespace(fields, where)
            case "tool_search" if _string(fields, "execution", where) == "client":
                self._add_search(fields, where)
            case "local_shell" | "shell" | "apply_patch" if _is_local(fields, where):
                self._add_vendors(kind)
            case "tool_search":
                self._losses.add("tools.tool_search", "all tools are shown to the model at once instead")
            case "":
                raise MalformedRequest(f"`{where}.type` is missing", param=f"{where}.type")
            case _:
                self._losses.add(f"tools.{named(kind)}", "a tool that only OpenAI executes")

    def _add_function(self, fields: dict[str, Raw], where: str, namespace: str, about: str) -> None:
        self._report(fields, _FUNCTION, "tools.function", where)
        name = _required(fields, "name", where)
        schema = fields.get("parameters", Raw())
        match decoded(fields.get("strict", Raw(b"null")), f"{where}.strict"):
            case None | bool() as strict:
                pass
            case _:
                raise MalformedRequest(f"`{where}.strict` must be true or false", param=f"{where}.strict")
        description = _told(_string(fields, "description", where), about)
        flat = self.name(namespace, name)
        own = FunctionTool(flat, description, schema if is_given(schema) else None, strict)
        self._take(own, Known("function", namespace, name) if flat != name else None)

    def _add_custom(self, fields: dict[str, Raw], where: str, namespace: str, about: str) -> None:
        self._report(fields, _CUSTOM, "tools.custom", where)
        name = _required(fields, "name", where)
        syntax = grammar = ""
        form = decoded(fields.get("format", Raw(b"null")), f"{where}.format")
        if isinstance(form, dict):
            report_strays(form, _FORM, "tools.custom.format", self._losses)
        match form:
            case None | {"type": "text"}:
                pass
            case {"type": "grammar", "syntax": str() as syntax, "definition": str() as grammar}:
                pass
            case _:
                self._losses.add("tools.custom.format", "a form that other dialects do not know")
        description = _told(_string(fields, "description", where), about)
        flat = self.name(namespace, name)
        own = CustomTool(flat, description, syntax, grammar)
        self._take(own, Known("custom", namespace, name) if flat != name else None)

    def _add_namespace(self, fields: dict[str, Raw], where: str) -> None:
        strays = {key: decoded(raw, where) for key, raw in fields.items() if key not in _NAMESPACE}
        report_strays(strays, _NAMESPACE, "tools.namespace", self._losses)
        name = _required(fields, "name", where)
        about = _string(fields, "description", where)
        if about and name != DEFAULT_NAMESPACE:
            about = f"About all tools of {name}: {about}"
        try:
            tools = _list.decode(fields.get("tools", Raw(b"[]")))
        except UNREADABLE:
            raise MalformedRequest(f"`{where}.tools` must be a list", param=f"{where}.tools") from None
        for index, tool in enumerate(tools):
            # What is said of the whole group is told once, with its first tool.
            self._add(tool, f"{where}.tools[{index}]", name, about if index == 0 else "")

    def _add_search(self, fields: dict[str, Raw], where: str) -> None:
        self._report(fields, _SEARCH, "tools.tool_search", where)
        schema = fields.get("parameters", Raw())
        description = _string(fields, "description", where) or "Find tools that are not shown yet."
        flat = self.vendors("tool_search")
        own = FunctionTool(flat, description, schema if is_given(schema) else _OBJECT)
        self._take(own, Known("tool_search"))

    def _add_vendors(self, kind: Literal["local_shell", "shell", "apply_patch"]) -> None:
        description, schema = _VENDORS[kind]
        self._losses.add(f"tools.{kind}", "told to the model as a function")
        self._take(FunctionTool(self.vendors(kind), description, schema), Known(kind))

    def _take(self, tool: Tool, known: Known | None) -> None:
        self._met.append(tool.name)
        if tool.name in self.tools:
            if self.tools[tool.name] != tool:
                self._losses.add("tools.name", "two tools of one name: the first one counts")
            return
        self.tools[tool.name] = tool
        if known is not None:
            self._known[tool.name] = known

    def _report(self, fields: dict[str, Raw], known: frozenset[str], what: str, where: str) -> None:
        """Report what is said of a tool beyond its name, purpose and arguments."""
        for key in fields.keys() - known:
            report_strays({key: decoded(fields[key], where)}, known, what, self._losses)
        for key in self._extras:
            if key in fields and decoded(fields[key], where):
                self._losses.add(f"tools.{key}", "not known to other dialects")
        if "allowed_callers" in fields and decoded(fields["allowed_callers"], where) not in _CALLERS:
            self._losses.add("tools.allowed_callers", "programs of the vendor's cannot call tools elsewhere")


def _told(description: str, about: str) -> str:
    return f"{description}\n\n{about}" if description and about else description or about


def _is_local(fields: dict[str, Raw], where: str) -> bool:
    """Whether the client executes the tool: a shell may also run in a container of the vendor's."""
    match decoded(fields.get("environment", Raw(b"null")), where):
        case None | {"type": "local"}:
            return True
    return False


def _fields(raw: Raw, where: str) -> dict[str, Raw]:
    try:
        return _members.decode(raw)
    except UNREADABLE:
        raise MalformedRequest(f"`{where}` must be an object", param=where) from None


def _string(fields: dict[str, Raw], key: str, where: str) -> str:
    raw = fields.get(key)
    if raw is None or not is_given(raw):
        return ""
    try:
        return _text.decode(raw)
    except UNREADABLE:
        raise MalformedRequest(f"`{where}.{key}` must be a string", param=f"{where}.{key}") from None


def _required(fields: dict[str, Raw], key: str, where: str) -> str:
    value = _string(fields, key, where)
    if not value:
        raise MalformedRequest(f"`{where}.{key}` is missing: it must be a string", param=f"{where}.{key}")
    return value
