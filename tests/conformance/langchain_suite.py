"""LangChain's standard integration tests, for its four clients that can be given another address.

Run by the suites' own Python, and not collected by this repository's tests: `test_langchain.py` starts it and
says by the environment where the gateway is (GATEWAY_URL, GATEWAY_KEY) and whom to ask (UPSTREAM).
"""

# ruff: noqa: RUF012 - the suites want plain attributes
# mypy: disable-error-code="import-not-found,misc"
# What is imported is not where the types are checked.

import os
from importlib.resources import files
from typing import Any  # the suites' own signatures

import httpx
from langchain_anthropic import ChatAnthropic
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings
from langchain_ollama import ChatOllama, OllamaEmbeddings
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from langchain_tests.integration_tests import chat_models as suite

__all__ = [
    "TestAnthropic",
    "TestGoogle",
    "TestGoogleEmbeddings",
    "TestOllama",
    "TestOllamaEmbeddings",
    "TestOpenAI",
    "TestOpenAIEmbeddings",
    "TestOpenAIResponses",
]

URL, KEY, UPSTREAM = (os.environ.get(name, "") for name in ("GATEWAY_URL", "GATEWAY_KEY", "UPSTREAM"))
# As its vendor names them: what a gateway may ask of a model depends on which one it is.
NAMES = {"messages": "claude-opus-4-5", "gemini": "gemini-2.5-flash", "ollama": "m"}
MODEL = f"up-{UPSTREAM}/{NAMES.get(UPSTREAM, 'gpt-5')}"
# One that no other upstream has, so that its name is enough; the answer names it as its upstream does.
OTHER = f"only-at-{UPSTREAM}"
OPENAI = {"base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0, "timeout": 20}
BEARER = {"base_url": URL, "client_kwargs": {"headers": {"Authorization": f"Bearer {KEY}"}, "timeout": 20}}


PICTURE = files("llm_comply").joinpath("specs/test_image.jpg").read_bytes()
DOCUMENT = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class _Nearby:
    """In the place of `httpx` in the suite, which downloads a picture and a document from the web."""

    @staticmethod
    def get(url: str, **_: object) -> httpx.Response:
        """Return a file of the kind that the address names."""
        return httpx.Response(200, content=DOCUMENT if url.endswith(".pdf") else PICTURE)


suite.httpx = _Nearby


class _Chat(ChatModelIntegrationTests):
    """What is the same for every client."""

    supports_image_inputs = True
    supports_image_urls = False  # not every upstream would fetch one
    supports_model_override = True
    model_override_value = OTHER


class TestOpenAI(_Chat):
    """ChatOpenAI on Chat Completions."""

    chat_model_class: type[BaseChatModel] = ChatOpenAI
    chat_model_params: dict[str, Any] = {
        "model": MODEL,
        **OPENAI,
        "use_responses_api": False,
        "stream_usage": True,  # with an address of one's own it does not ask for it by itself
    }
    supports_json_mode = True
    supports_pdf_inputs = True
    supports_anthropic_inputs = True


class TestOpenAIResponses(TestOpenAI):
    """ChatOpenAI on Responses."""

    chat_model_params: dict[str, Any] = {
        "model": MODEL,
        **OPENAI,
        "use_responses_api": True,
        "output_version": "responses/v1",
    }
    supports_image_tool_message = True
    supports_pdf_tool_message = True


class TestAnthropic(_Chat):
    """ChatAnthropic."""

    chat_model_class: type[BaseChatModel] = ChatAnthropic
    chat_model_params: dict[str, Any] = {
        "model": MODEL,
        "base_url": URL,
        "api_key": KEY,
        "max_retries": 0,
        "max_tokens": 1000,
        "timeout": 20,
    }
    supports_pdf_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_anthropic_inputs = True


class TestGoogle(_Chat):
    """ChatGoogleGenerativeAI, which takes no other model for one call."""

    supports_model_override = False

    chat_model_class: type[BaseChatModel] = ChatGoogleGenerativeAI
    chat_model_params: dict[str, Any] = {
        "model": MODEL,
        "google_api_key": KEY,
        "base_url": URL,
        "max_retries": 1,
        "timeout": 20,
    }
    supports_json_mode = True
    supports_pdf_inputs = True
    supports_image_tool_message = True


class TestOllama(_Chat):
    """ChatOllama."""

    chat_model_class: type[BaseChatModel] = ChatOllama
    chat_model_params: dict[str, Any] = {"model": MODEL, **BEARER}
    has_tool_choice = False
    supports_json_mode = True


class TestOpenAIEmbeddings(EmbeddingsIntegrationTests):
    """OpenAIEmbeddings."""

    embeddings_class: type[Embeddings] = OpenAIEmbeddings
    # Otherwise it counts tokens itself, with a vocabulary that it has to download.
    embedding_model_params: dict[str, Any] = {
        "model": MODEL,
        **OPENAI,
        "check_embedding_ctx_length": False,
    }


class TestGoogleEmbeddings(EmbeddingsIntegrationTests):
    """GoogleGenerativeAIEmbeddings."""

    embeddings_class: type[Embeddings] = GoogleGenerativeAIEmbeddings
    embedding_model_params: dict[str, Any] = {
        "model": MODEL,
        "google_api_key": KEY,
        "base_url": URL,
    }


class TestOllamaEmbeddings(EmbeddingsIntegrationTests):
    """OllamaEmbeddings."""

    embeddings_class: type[Embeddings] = OllamaEmbeddings
    embedding_model_params: dict[str, Any] = {"model": MODEL, **BEARER}
