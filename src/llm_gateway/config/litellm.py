"""Say in our words what a LiteLLM `config.yaml` says: its model list, its aliases, its fallbacks.

Keys that stand in that file are not taken over; what else has no counterpart is reported, never dropped
silently. The shape is that of docs.litellm.ai, "Proxy Config.yaml".
"""

import json
import re

import msgspec
import yaml

__all__ = ["Translated", "Unreadable", "translate"]

_MAX = 1024 * 1024
_ENV = "os.environ/"
# Names that differ; the others are the same in both.
_PROVIDERS = {
    "gemini": "gemini",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "nvidia_nim": "nvidia",
}
_DIALECTS = {"anthropic": "messages", "gemini": "gemini", "ollama": "ollama", "ollama_chat": "ollama"}
_TAKEN = frozenset({"model", "api_base", "api_key"})


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


class _Router(msgspec.Struct):
    fallbacks: list[dict[str, list[str]]] = []
    model_group_alias: dict[str, str] = {}


class _File(msgspec.Struct):
    model_list: list[_Deployment] = []
    router_settings: _Router = msgspec.field(default_factory=_Router)
    general_settings: dict[str, object] = {}
    litellm_settings: dict[str, object] = {}


class _Provider(msgspec.Struct):
    name: str
    base_url: str
    dialect: str
    key_env: str


def translate(text: str) -> Translated:
    """Return the translation; Unreadable says what is wrong with the file."""
    file = _read(text)
    notes: list[str] = []
    providers: dict[tuple[str, str, str], _Provider] = {}
    aliases: dict[str, list[str]] = {}
    for deployment in file.model_list:
        target = _target(deployment, providers, notes)
        aliases.setdefault(deployment.model_name, []).append(target)
    for fallback in file.router_settings.fallbacks:
        for name, others in fallback.items():
            for other in others:
                aliases.setdefault(name, []).extend(aliases.get(other, []))
    for name, group in file.router_settings.model_group_alias.items():
        aliases[name] = list(aliases.get(group, []))
    notes += [f"general_settings.{name}" for name in file.general_settings]
    notes += [f"litellm_settings.{name}" for name in file.litellm_settings]
    return Translated(_toml(list(providers.values()), aliases), tuple(notes))


def _read(text: str) -> _File:
    if len(text) > _MAX:
        raise Unreadable(f"the file is over {_MAX} characters")
    try:
        return msgspec.convert(yaml.safe_load(text) or {}, _File)
    except yaml.YAMLError as error:
        raise Unreadable(f"this is not YAML: {' '.join(str(error).split())[:200]}") from None
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"this is not a LiteLLM configuration: {error}") from None


def _target(
    deployment: _Deployment, providers: dict[tuple[str, str, str], _Provider], notes: list[str]
) -> str:
    """Return `provider/model` of a deployment, with the provider noted down."""
    try:
        params = msgspec.convert(
            {name: value for name, value in deployment.litellm_params.items() if name in _TAKEN}, _Params
        )
    except msgspec.ValidationError as error:
        raise Unreadable(f"model_list, {deployment.model_name}: {error}") from None
    where = f"{deployment.model_name}"
    notes += [f"{where}: litellm_params.{name}" for name in deployment.litellm_params if name not in _TAKEN]
    kind, slash, model = params.model.partition("/")
    if not slash:
        kind, model = "openai", params.model
    key_env = params.api_key.removeprefix(_ENV) if params.api_key.startswith(_ENV) else ""
    if params.api_key and not key_env:
        notes.append(
            f"{where}: its API key stands in the file; put it into a variable and name that with api_key_env"
        )
    place = (kind, params.api_base, key_env)
    known = providers.get(place)
    if known is None:
        taken = {provider.name for provider in providers.values()}
        known = providers[place] = _Provider(
            _free_name(_PROVIDERS.get(kind, kind), taken),
            params.api_base,
            _DIALECTS.get(kind, "chat") if params.api_base else "",
            key_env,
        )
    return f"{known.name}/{model}"


def _free_name(wanted: str, taken: set[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", wanted) or "provider"
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _toml(providers: list[_Provider], aliases: dict[str, list[str]]) -> str:
    lines: list[str] = []
    for provider in providers:
        lines += ["[[providers]]", f"name = {_quoted(provider.name)}"]
        if provider.base_url:
            lines.append(f"base_url = {_quoted(provider.base_url)}")
        if provider.dialect:
            lines.append(f"dialects = [{_quoted(provider.dialect)}]")
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
    """Return a TOML basic string: its escapes are JSON's."""
    return json.dumps(text)
