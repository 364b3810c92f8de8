"""Which place of what somebody says a loss comes from, found by taking places out.

A loss has a name of its own, which need not be that of the field in the asker's dialect: whoever takes out
`generationConfig.topK` of a request does away with the loss of `top_k`. What several places cause together is
found by taking out all that are alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from llm_gateway.canonical.loss import Loss
from pruning import Place, at, places, without

__all__ = ["Found", "Reader", "spelled", "take"]

Reader: TypeAlias = Callable[[object], Mapping[str, frozenset[Loss]] | None]
"""What each recipient of a body is not told; None where the body cannot be read."""

Found: TypeAlias = dict[str, dict[Loss, str]]
"""The losses of each recipient, and the place that each comes from; "" where no one place is at fault."""

# What stands below is the client's own, and not the name of anything in a protocol.
_FREE = frozenset(
    (
        *("args", "input_schema", "parameters", "parametersJsonSchema", "response", "responseJsonSchema"),
        *("responseSchema", "schema"),
    )
)


def take(body: object, reads: Reader, found: Found) -> None:
    """Take note of the losses of a body that are not known yet, with their places."""
    told = reads(body) or {}
    new = [
        (recipient, loss)
        for recipient, losses in told.items()
        for loss in sorted(losses)
        if loss not in found.setdefault(recipient, {})
    ]
    if not new:
        return
    there = list(places(body))
    alone = [(place, reads(without(body, place))) for place in there]
    alike: dict[str, list[Place]] = {}
    for place in there:
        alike.setdefault(spelled(body, place), []).append(place)
    groups = [group for group in alike.values() if len(group) > 1]
    together = [(group[0], reads(_without_all(body, group))) for group in groups]
    for recipient, loss in new:
        at_fault = _at_fault([*alone, *together], recipient, loss)
        found[recipient][loss] = spelled(body, _chosen(at_fault, loss)) if at_fault else ""


def _without_all(body: object, group: Sequence[Place]) -> object:
    for place in reversed(group):  # what comes first keeps its place
        body = without(body, place)
    return body


def _at_fault(
    tried: Sequence[tuple[Place, Mapping[str, frozenset[Loss]] | None]], recipient: str, loss: Loss
) -> list[Place]:
    return [place for place, told in tried if told is not None and loss not in told.get(recipient, ())]


def _chosen(at_fault: Sequence[Place], loss: Loss) -> Place:
    """Return the place that says most: one of the loss's name, else the deepest that the protocol names."""
    last = _plain(loss.what.rpartition(".")[2])
    named = [place for place in at_fault if isinstance(place[-1], str) and _plain(place[-1]) == last]
    return min(named, key=len) if named else max((_cut(place) for place in at_fault), key=len)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _cut(place: Place) -> Place:
    if place[-1] == "type" and len(place) > 1:  # what there is of this type
        place = place[:-1]
    for depth, key in enumerate(place):
        if key in _FREE or (key == "format" and depth == 0):
            return place[: depth + 1]
    return place


def spelled(body: object, place: Place) -> str:
    """Return a place as a page shows it: `messages[].content[].image_url`; of a list's element, its kind."""
    told = "".join("[]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")
    kind = next(_kinds(at(body, place)), "") if isinstance(place[-1], int) else ""
    return f"{told} {kind}".rstrip()


def _kinds(element: object) -> Iterator[str]:
    if isinstance(element, dict):
        for name in ("type", "role"):
            if isinstance(element.get(name), str):
                yield element[name]
        yield from (str(key) for key in element if key not in ("thought", "thoughtSignature"))
