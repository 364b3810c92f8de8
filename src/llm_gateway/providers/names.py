"""What a model name stands for: an alias, `provider/model`, or a bare name that one provider serves.

Pure: over what is configured, not over what is healthy right now. The same name always means the same.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from heapq import nlargest

import msgspec

from llm_gateway.errors import UnknownModel

__all__ = ["Directory", "Target", "candidates", "read_target", "resolve"]

_SHOWN = 5
_COMPARED = 16
_MAX_LENGTH = 100


class Target(msgspec.Struct, frozen=True, order=True):
    """A model of a provider."""

    provider: str
    model: str

    def __str__(self) -> str:
        """Return the name that always means this target."""
        return f"{self.provider}/{self.model}"


class Directory(msgspec.Struct, frozen=True):
    """What there is to name: providers with the models they are known to serve, and aliases.

    A bare name means a model of those in `behind` only where nobody else serves it.
    """

    providers: Mapping[str, Collection[str]]
    aliases: Mapping[str, tuple[Target, ...]] = {}
    behind: Collection[str] = ()


def read_target(text: str) -> Target:
    """Read `provider/model`, split at the first slash; ValueError when it is not that."""
    provider, slash, model = text.partition("/")
    if not slash or not provider or not model:
        raise ValueError(f"{text!r} is not `provider/model`")
    return Target(provider, model)


def resolve(name: str, directory: Directory) -> tuple[Target, ...]:
    """Return the targets of a name, the first to be tried first; raise UnknownModel with what is near.

    An alias wins over everything: whoever wrote it down meant it. Then comes `provider/model` for a
    configured provider, whether or not the model is listed (the provider knows best). A bare name must
    belong to exactly one provider.
    """
    alias = directory.aliases.get(name)
    if alias is not None:
        return _configured(name, alias, directory)
    provider, slash, model = name.partition("/")
    if slash and model and provider in directory.providers:
        return (Target(provider, model),)
    found = _serving(name, directory)
    if len(found) == 1:
        return found
    raise UnknownModel(_ambiguous(name, found) if found else _unknown(name, directory), param="model")


def candidates(name: str, directory: Directory) -> tuple[str, ...]:
    """Return the names that may be meant by one that is none: of those who serve it, else what is near."""
    return tuple(map(str, _serving(name, directory))) or tuple(_near(name, directory))


def _configured(alias: str, targets: tuple[Target, ...], directory: Directory) -> tuple[Target, ...]:
    there = tuple(target for target in targets if target.provider in directory.providers)
    if not there:
        raise UnknownModel(
            f"the alias {alias!r} stands for {_list(targets)}, and no such provider is configured "
            f"(configured: {', '.join(directory.providers) or 'none'})",
            param="model",
        )
    return there


def _serving(name: str, directory: Directory) -> tuple[Target, ...]:
    """Return who lists this bare name; as a second chance, who lists it with the tag that Ollama implies."""
    for spelling in (name, f"{name}:latest"):
        found = tuple(
            Target(provider, spelling)
            for provider, models in directory.providers.items()
            if spelling in models
        )
        if found:
            return tuple(each for each in found if each.provider not in directory.behind) or found
    return ()


def _ambiguous(name: str, found: tuple[Target, ...]) -> str:
    return f"{name!r} is served by {len(found)} providers; say which one: {_list(sorted(found))}"


def _unknown(name: str, directory: Directory) -> str:
    near = _near(name, directory)
    told = f"nothing configured serves the model {name!r}"
    if near:
        return f"{told}; near it: {', '.join(near)}. `GET /v1/models` lists all"
    provider, slash, _ = name.partition("/")
    if slash:
        configured = ", ".join(directory.providers) or "none"
        return f"{told}: there is no provider {provider!r} (configured: {configured})"
    return f"{told}; `GET /v1/models` lists what is there"


def _near(name: str, directory: Directory) -> list[str]:
    """Return the closest names there are.

    Only on the way to an error, and bounded even so: clients repeat their mistakes, and a real comparison
    takes tens of microseconds. Pairs of letters in common choose who is compared.
    """
    if len(name) > _MAX_LENGTH:
        return []
    wanted = name.lower()
    pairs = {wanted[i : i + 2] for i in range(len(wanted) - 1)}
    spellings = _spellings(directory, full="/" in name)

    def likeness(spelling: str) -> int:
        return 2 * sum(pair in spelling for pair in pairs) - abs(len(spelling) - len(wanted))

    compared = nlargest(_COMPARED, spellings, key=likeness)
    close = get_close_matches(wanted, compared, n=2 * _SHOWN, cutoff=0.6)
    return list(dict.fromkeys(spellings[spelling] for spelling in close))[:_SHOWN]


def _spellings(directory: Directory, *, full: bool) -> dict[str, str]:
    """Return what somebody may have meant to write, in lower case, with the name that means it."""
    spellings: dict[str, str] = {}
    for provider, models in directory.providers.items():
        for model in models:
            target = f"{provider}/{model}"
            spellings.setdefault(model.lower(), target)
            if full:
                spellings.setdefault(target.lower(), target)
    spellings.update((alias.lower(), alias) for alias in directory.aliases)
    return spellings


def _list(targets: Collection[Target]) -> str:
    return ", ".join(f"`{target}`" for target in targets)
