"""The changelog, put together from the fragments in news/: one small file a change, `SLUG.KIND.md`.

A fragment is written with its change, for the person who runs the gateway. Making a version moves the
fragments into CHANGELOG.md and takes them away.
"""

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["Fragment", "fragments", "release", "section"]

KINDS = {
    "security": "Security",
    "removed": "Removed",
    "changed": "Changed",
    "added": "Added",
    "fixed": "Fixed",
}
_NAME = re.compile(r"[a-z0-9-]+\.(" + "|".join(KINDS) + r")\.md")
_HEAD = "# Changelog\n"


class Fragment(NamedTuple):
    """One change: its kind and what there is to say."""

    kind: str
    text: str
    path: Path


def fragments(folder: Path) -> list[Fragment]:
    """Return the fragments in a folder by name; ValueError names the file that is none."""
    found = []
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        text = path.read_text(encoding="utf-8").strip()
        match = _NAME.fullmatch(path.name)
        if match is None or not text:
            raise ValueError(
                f"{path.name}: a fragment is named SLUG.KIND.md and says something; kinds: {', '.join(KINDS)}"
            )
        found.append(Fragment(match[1], " ".join(text.split()), path))
    return found


def section(version: str, date: str, changes: list[Fragment]) -> str:
    """Return the section of one version."""
    parts = [f"## {version} ({date})\n"]
    for kind, title in KINDS.items():
        lines = [f"- {change.text}\n" for change in changes if change.kind == kind]
        if lines:
            parts.append(f"### {title}\n\n" + "".join(lines))
    return "\n".join(parts)


def release(root: Path, version: str, date: str) -> str:
    """Put a version on top of CHANGELOG.md, take its fragments away, and return its section."""
    page = root / "CHANGELOG.md"
    before = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    if f"## {version} (" in before:
        raise ValueError(f"CHANGELOG.md has a version {version} already")
    changes = fragments(root / "news")
    if not changes:
        raise ValueError("there is nothing in news/ to write about")
    made = section(version, date, changes)
    head, _, rest = before.partition("\n## ")
    older = f"\n## {rest}" if rest else ""
    page.write_text(f"{head.rstrip()}\n\n{made}{older}", encoding="utf-8")
    for change in changes:
        change.path.unlink()
    return made
