"""Say in our words what a LiteLLM `config.yaml` says: its model list, its aliases, its fallbacks.

Keys that stand in that file are not taken over; what else has no counterpart is reported, never dropped
silently. The shape is that of docs.litellm.ai, "Config.yaml".
"""

import json
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import msgspec
import yaml

__all__ = ["Fallbacks", "Translated", "Unreadable", "translate"]

_MAX = 1024 * 1024
_ENV = "os.environ/"
# Their prefixes that have another name here; a prefix that is not listed keeps its own.
_PROVIDERS = {
    "fireworks_ai": "fireworks",
    "google_ai_studio": "gemini",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
    "nvidia_nim": "nvidia",
    "ollama_chat": "ollama",
    "text-completion-openai": "openai",
    "together_ai": "together",
}
# Behind these prefixes an address may be anybody's who speaks that language.
_ANYBODY = frozenset(("openai", "custom_openai", "openai_like", "litellm_proxy"))
_TAKEN = frozenset(("model", "api_base", "api_key"))
_SECTIONS = ("model_list", "router_settings", "litellm_settings")


class Unreadable(ValueError):
    """The file is not a LiteLLM configuration."""


class Translated(msgspec.Struct, frozen=True):
    """A gateway.toml, and what could not be said in it."""

    toml: str
    notes: tuple[str, ...]


class _Params(msgspec.Struct):
    model: str
    api_base: str = ""
    api_key: str = ""


class _Deployment(msgspec.Struct):
    model_name: str
    litellm_params: dict[str, object]


Fallbacks = list[dict[str, list[str]]]


class _Router(msgspec.Struct):
    fallbacks: Fallbacks | None = None
    model_group_alias: dict[str, str | dict[str, object]] | None = None


class _Library(msgspec.Struct):
    fallbacks: Fallbacks | None = None


class _File(msgspec.Struct):
    model_list: list[_Deployment] | None = None
    router_settings: _Router | None = None
    litellm_settings: _Library | None = None


class _Provider(msgspec.Struct, frozen=True):
    name: str
    base_url: str = ""
    key_env: str = ""


def translate(text: str, known: Mapping[str, str]) -> Translated:
    """Return the translation; Unreadable says what is wrong with the file.

    `known` are the providers of which the name is enough, with the addresses that the catalog has.
    """
    tree, file = _read(text)
    translation = _Translation(known)
    translation.note_unsaid(tree)
    for deployment in file.model_list or ():
        translation.deploy(deployment)
    router, library = file.router_settings or _Router(), file.litellm_settings or _Library()
    for fallback in (*(router.fallbacks or ()), *(library.fallbacks or ())):
        for name, others in fallback.items():
            translation.fall_back(name, others)
    for name, group in (router.model_group_alias or {}).items():
        translation.rename(name, str(group.get("model", "")) if isinstance(group, dict) else group)
    return translation.result()


def _read(text: str) -> tuple[dict[str, object], _File]:
    if len(text) > _MAX:
        raise Unreadable(f"the file is over {_MAX} characters")
    try:
        tree = msgspec.convert(yaml.safe_load(text) or {}, dict[str, object])
        return tree, msgspec.convert(tree, _File)
    except yaml.YAMLError as error:
        raise Unreadable(f"this is not YAML: {' '.join(str(error).split())[:200]}") from None
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"this is not a LiteLLM configuration: {error}") from None


class _Translation:
    """What has been said so far, and what could not be."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._providers: dict[tuple[str, str, str], _Provider] = {}
        self._aliases: dict[str, list[str]] = {}
        self._notes: list[str] = []

    def note_unsaid(self, tree: dict[str, object]) -> None:
        """Report every setting that has no counterpart, by its name."""
        said = {"router_settings": _Router, "litellm_settings": _Library}
        for section, value in tree.items():
            if section == "model_list" and isinstance(value, list):
                for entry in value:
                    unsaid = [name for name in entry if name not in _Deployment.__struct_fields__]
                    self._notes += [f"{entry['model_name']}: {name}" for name in unsaid]
            elif section in said and isinstance(value, dict):
                unsaid = [name for name in value if name not in said[section].__struct_fields__]
                self._notes += [f"{section}.{name}" for name in unsaid]
            elif section not in _SECTIONS:
                names = value if isinstance(value, dict) else ()
                self._notes += [f"{section}.{name}" for name in names] or [section]

    def deploy(self, deployment: _Deployment) -> None:
        """Take over one entry of the model list."""
        where = deployment.model_name
        taken = {name: value for name, value in deployment.litellm_params.items() if name in _TAKEN}
        try:
            params = msgspec.convert(taken, _Params)
        except msgspec.ValidationError as error:
            raise Unreadable(f"model_list, {where}: {error}") from None
        self._notes += [f"{where}: {name}" for name in deployment.litellm_params if name not in _TAKEN]
        kind, slash, model = params.model.partition("/")
        if not slash:
            kind, model = "openai", params.model
        provider = self._provider(where, kind, params)
        if provider is None:
            return
        if "*" in where or "*" in model:
            self._note(where, f"a pattern; every model of {provider.name} is there as {provider.name}/NAME")
            return
        if not _is_alias(where):
            self._note(where, f"an alias has no slash; ask for {provider.name}/{model}")
            return
        targets = self._aliases.setdefault(where, [])
        if targets:
            self._note(where, "its deployments are asked in their order; load is not balanced among them")
        targets.append(f"{provider.name}/{model}")

    def fall_back(self, name: str, others: list[str]) -> None:
        """Let a model be followed by the targets of others."""
        targets = [target for other in others for target in self._aliases.get(other, ())]
        if not targets or name not in self._aliases:
            self._note(name, f"fallbacks to {', '.join(others)}")
        else:
            self._aliases[name] += [target for target in targets if target not in self._aliases[name]]

    def rename(self, name: str, group: str) -> None:
        """Take over another name for a model."""
        if group in self._aliases and _is_alias(name):
            self._aliases[name] = list(self._aliases[group])
        else:
            self._note(name, f"an alias for {group or 'nothing'}")

    def result(self) -> Translated:
        """Return everything as a file and a list."""
        return Translated(_toml(self._providers.values(), self._aliases), tuple(dict.fromkeys(self._notes)))

    def _note(self, where: str, what: str) -> None:
        self._notes.append(f"{where}: {what}")

    def _provider(self, where: str, kind: str, params: _Params) -> _Provider | None:
        """Return who answers for a deployment; None, with a note, where that cannot be said."""
        address = params.api_base
        if address.startswith(_ENV):
            self._note(where, f"api_base is in {address.removeprefix(_ENV)}; write the address into base_url")
            address = ""
        key_env = params.api_key.removeprefix(_ENV) if params.api_key.startswith(_ENV) else ""
        if params.api_key and not key_env:
            self._note(
                where, "its API key stands in the file; put it into a variable, name that in api_key_env"
            )
        place = (kind, address, key_env)
        if place not in self._providers:
            wanted = _PROVIDERS.get(kind, kind)
            if address and kind in _ANYBODY:
                wanted = _host(address, wanted)
            elif not address and wanted not in self._known:
                self._note(
                    where, f"{kind} is not known here; a provider needs a base_url that speaks OpenAI's API"
                )
                return None
            elif wanted not in self._known:
                self._note(where, f"what {kind} is; its address is taken for one that speaks OpenAI's API")
            name = _free_name(wanted, {provider.name for provider in self._providers.values()})
            if not address and name != wanted:  # a second account: known by its address
                address = self._known[wanted]
            self._providers[place] = _Provider(name, address, key_env)
        return self._providers[place]


def _is_alias(name: str) -> bool:
    return bool(name) and "/" not in name and name.isprintable()


def _host(address: str, vendor: str) -> str:
    """Return a name for whoever answers at an address: the vendor's own at the vendor's own host."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    return vendor if not host or f".{vendor}." in f".{host}." else host


def _free_name(wanted: str, taken: set[str]) -> str:
    name = re.sub(r"[^a-z0-9_.-]", "-", wanted.lower()).strip("._-")[:60] or "provider"
    name = f"{name}-provider" if name in ("demo", "local") else name
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _toml(providers: Collection[_Provider], aliases: dict[str, list[str]]) -> str:
    lines: list[str] = []
    for provider in providers:
        lines += ["[[providers]]", f"name = {_quoted(provider.name)}"]
        if provider.base_url:
            lines.append(f"base_url = {_quoted(provider.base_url)}")
        if provider.key_env:
            lines.append(f"api_key_env = {_quoted(provider.key_env)}")
        lines.append("")
    if aliases:
        lines.append("[aliases]")
        lines += [
            f"{_quoted(name)} = [{', '.join(_quoted(target) for target in targets)}]"
            for name, targets in aliases.items()
        ]
    return "\n".join(lines).rstrip() + "\n"


def _quoted(text: str) -> str:
    """Return a TOML basic string: its escapes are JSON's, but for surrogates and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
