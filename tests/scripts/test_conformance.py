"""What the suites are installed from, and what is said where something else was installed."""

import json
import sys
from pathlib import Path

import pytest

from conformance import Suites
from environment import Failed

ROOT = Path(__file__).resolve().parents[2]


class _Told(Suites):
    """Suites whose Python is this one, and whose pins are a test's."""

    def __init__(self, root: Path, pins: dict[str, str]) -> None:
        super().__init__(ROOT)
        self.folder = root
        for name, text in pins.items():
            path = root / Path(self.pins[name].name).with_stem(name)
            path.write_text(text, encoding="utf-8")
            self.pins[name] = path

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    def _said(self, program: str, version: str) -> str:
        return version


def _packages(home: Path, versions: dict[str, str]) -> None:
    for name, version in versions.items():
        folder = home / "ai-sdk/node_modules" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": version}), encoding="utf-8")


def test_everything_is_pinned_to_one_version() -> None:
    suites = Suites(ROOT)
    assert set(suites.wanted("ai-sdk")) >= {"ai", "@ai-sdk/openai", "@ai-sdk/anthropic", "@ai-sdk/google"}
    for name in suites.pins:
        wanted = suites.wanted(name)
        assert wanted and all(version[0].isdigit() for version in wanted.values()), name
    lines = suites.pins["suites"].read_text(encoding="utf-8").split()
    assert len(lines) == len(suites.wanted("suites")), "every line is a name and a version, and nothing else"


def test_a_changed_pin_asks_for_a_new_installation(tmp_path: Path) -> None:
    before = Suites(ROOT)
    after = _Told(tmp_path, {"ai-sdk": '{"dependencies": {"ai": "1.0.0"}}'})
    after.folder = before.folder
    assert before.digest() != after.digest()


def test_the_versions_are_those_that_are_there(tmp_path: Path) -> None:
    _packages(tmp_path, {"ai": "7.0.1"})
    pins = {"ai-sdk": '{"dependencies": {"ai": "7.0.1"}}', "suites": f"pytest=={pytest.__version__}\n"}
    assert _Told(tmp_path, pins).versions()["ai"] == "7.0.1"


@pytest.mark.parametrize(("ai", "suite"), [("7.0.2", pytest.__version__), ("7.0.1", "0.0.1")])
def test_another_version_is_an_error(tmp_path: Path, ai: str, suite: str) -> None:
    _packages(tmp_path, {"ai": ai})
    pins = {"ai-sdk": '{"dependencies": {"ai": "7.0.1"}}', "suites": f"pytest=={suite}\n"}
    with pytest.raises(Failed, match=r"7\.0\.2|pytest"):
        _Told(tmp_path, pins).versions()
