"""A change as it is shown: the lines that go and come, without anybody's secrets.

Files of settings hold keys of other vendors. Whatever looks like one, by its name or by itself, is covered;
rather one word too many.
"""

import difflib
import re
from collections.abc import Iterable, Iterator

from llm_gateway.clients.connect.files import Change

__all__ = ["masked", "shown"]

_OURS = re.compile(r"\blgw_([0-9A-Za-z]+)")
# Names that hold secrets, then what separates them from their value in any of the formats.
_NAME = r"""[\w.-]* (?:key|token|secret|passw|passphrase|pwd|auth(?!ors?\b)|cookie|credential|bearer|webhook
        |private) [\w.-]* ["']?"""
_NAMED = re.compile(
    rf"""(?ix) (?P<name> {_NAME})
    (?P<between> \s*[:=]\s* | \s+ | \s*,\s*(?=["']) )
    (?P<value> (?:Bearer|Basic)\s+[^\s"']+ | "(?:[^"\\]|\\.)*" | '[^']*' | [^\s,}}\]#]+ )"""
)
# A name whose value stands below it, in a list or in a text of several lines perhaps.
_BELOW = re.compile(rf"""(?ix) {_NAME} \s*[:=]\s* (?P<opens> \[ | \"{{3}} | '{{3}} )? \s* $""")
_BY_ITSELF = re.compile(
    r"""\b(?:sk|pk|ghp|gho|github_pat|glpat|xox[a-z]|AIza|AKIA|eyJ|hf_|gsk_|xai-|Bearer\s)[\w.\-+/=]{8,}"""
    r"""|-----BEGIN.*"""
)
_LOGIN = re.compile(r"""(?<=://)[^\s"'/@]+@""")
_LONG = re.compile(r"(?<![\w/.:-])(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{28,}(?![\w/.:-])")
_COVER = "…"
# The name of a variable that holds a key is none.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_HARMLESS = ("true", "false", "null")
_SHORT = 4


def shown(change: Change, name: str) -> str:
    """Return a change as a diff, with a line of what is around; "" where nothing changes."""
    before, after = _lines(change.before), _lines(change.after)
    old = name if change.before is not None else "nothing"
    new = name if change.after is not None else "nothing"
    lines = list(_covered(difflib.unified_diff(before, after, old, new, "", "", 1, "")))
    if change.before is not None and change.after is not None and change.mode != change.after_mode:
        lines.append(f"mode of {name}: {change.mode:04o} becomes {change.after_mode:04o}")
    return "\n".join(lines)


def masked(text: str) -> str:
    """Return a text without secrets: of our own keys the end is left, of others nothing."""
    text = _NAMED.sub(_named, text)
    text = _LOGIN.sub(f"{_COVER}@", _BY_ITSELF.sub(_COVER, text))
    text = _LONG.sub(lambda found: found[0] if found[0].startswith("lgw_") else _COVER, text)
    return _OURS.sub(lambda found: f"lgw_{_COVER}{found[1][-4:]}", text)


def _covered(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a diff without secrets, those too that stand below their name."""
    until: str | None = None
    for line in lines:
        below = _BELOW.search(line)
        if until is None or line.startswith("@@"):
            yield masked(line)
            until = None
        else:
            text = line[1:].strip()
            ends = until == "" or (text.startswith("]") if until == "[" else until in text)
            yield masked(line) if text.startswith("]") else f"{line[:1]}{_COVER}"
            until = None if ends else until
        if until is None and below is not None:
            until = below["opens"] or ""


def _named(found: "re.Match[str]") -> str:
    value = found["value"]
    word = value.strip("\"'").lower()
    if (
        "lgw_" in word
        or word in _HARMLESS
        or _VARIABLE.fullmatch(value.strip("\"'"))
        or word.isdecimal()
        or len(word) < _SHORT
    ):
        return found[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['name']}{found['between']}{quote}{_COVER}{quote}"


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").splitlines()
