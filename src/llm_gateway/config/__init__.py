"""The configuration: one TOML file, the environment and flags, read into one typed tree."""

from llm_gateway.config.loading import Loaded, check, default_home, load, reload
from llm_gateway.config.problems import Origin
from llm_gateway.config.settings import Provider, Server, Settings

__all__ = ["Loaded", "Origin", "Provider", "Server", "Settings", "check", "default_home", "load", "reload"]
