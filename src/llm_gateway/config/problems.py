"""What is wrong with a configuration, said so that it can be put right: key, value, place and way out.

No message shows a value that may be a secret.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from llm_gateway.config.lines import Path
from llm_gateway.errors import ConfigError

__all__ = ["Origin", "Problem", "dotted", "misfit", "refuse", "shown", "unknown_key"]

_LONGEST_SHOWN = 80

# Names under which people put a credential; what stands there is never shown.
_CREDENTIALS = re.compile(r"(.*_)?(api_?key|key|token|secret|password|auth|authorization|bearer)")


class Origin(msgspec.Struct, frozen=True):
    """Where a value comes from. `name` is the file, the environment variable or the flag."""

    source: Literal["default", "file", "environment", "flag"] = "default"
    name: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Say it in words."""
        if self.line:
            return f"line {self.line} of {self.name}"
        return self.name or self.source


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, about the value at a path or about none."""

    path: Path
    why: str
    origin: Origin = Origin()

    def say(self, names: Mapping[Path, str]) -> str:
        """Say it in one line; `names` are those of the tables that have one."""
        place = f" ({self.origin})" if self.origin.source != "default" else ""
        return f"{dotted(self.path, names)}: {self.why}{place}" if self.path else f"{self.why}{place}"


def refuse(problems: Iterable[Problem], names: Mapping[Path, str]) -> None:
    """Raise a ConfigError that says all of them, each on its line; nothing when there are none."""
    messages = [problem.say(names) for problem in problems]
    if messages:
        raise ConfigError("\n".join(messages))


def misfit(path: Path, value: object, reason: str, origin: Origin) -> Problem:
    """Say that a value is not of its setting's type or bounds; `reason` is msgspec's."""
    reason = reason.partition(" - at ")[0].replace("`", "")
    return Problem(path, f"{shown(value)} does not fit: {reason[0].lower()}{reason[1:]}", origin)


def unknown_key(key: str, path: Path, known: Iterable[str], origin: Origin) -> Problem:
    """Say that a key in the table at `path` is no setting, and which one may have been meant."""
    here = (*path, key)
    if _CREDENTIALS.fullmatch(key.lower().replace("-", "_")):
        return Problem(here, _way_out(path), origin)
    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"what is known here: {', '.join(sorted(known))}"
    return Problem(here, f"there is no such setting; {hint}", origin)


def dotted(path: Path, names: Mapping[Path, str]) -> str:
    """Return a path as people write it, a table in a list by its name."""
    parts = (names.get(path[: end + 1], str(path[end])) for end in range(len(path)))
    return ".".join(parts)


def shown(value: object) -> str:
    """Return a value for a message: on one line, and not all of a long one."""
    text = '"' + ascii(value)[1:-1] + '"' if isinstance(value, str) else ascii(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _way_out(path: Path) -> str:
    if path[:1] == ("providers",):
        return (
            "a key does not belong in this file; keep it in the environment and name the variable with "
            'api_key_env = "…", or in a file of its own, named with api_key_file = "…"'
        )
    return (
        "a secret does not belong in this file; keep it in the environment (LLM_GATEWAY_DASHBOARD_TOKEN, "
        "LLM_GATEWAY_BOOTSTRAP_KEY), or in a file that the same variable names with _FILE behind it"
    )
