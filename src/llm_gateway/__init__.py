"""LLM Gateway: one address for every AI client a person or a small team uses."""

__all__ = ["__version__"]

__version__ = "0.1.0"
