"""Content parts of the `responses` dialect as the common model has them: text, pictures, files, sound.

For messages and for the outputs of tools, which may hold the same parts.
"""

from collections.abc import Mapping

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    ResultPart,
    Source,
    Text,
)
from llm_gateway.dialects.responses.fields import named, report_strays, required, text
from llm_gateway.errors import MalformedRequest

__all__ = ["decode_content", "decode_output"]

_TEXT = frozenset(("type", "text", "annotations", "logprobs", "prompt_cache_breakpoint"))
_IMAGE = frozenset(("type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"))
_FILE = _IMAGE - {"image_url"} | {"file_data", "file_url", "filename"}
_AUDIO = frozenset(("type", "input_audio"))
_SOUND = frozenset(("data", "format"))
_REFUSAL = frozenset(("type", "refusal"))

_DETAILS = ("low", "high", "auto", "")
_SOUNDS = {"mp3": "audio/mpeg"}
_TYPES = {".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv"}


def decode_content(content: object, where: str, losses: Losses) -> tuple[Part, ...]:
    """Read the content of a message: a string or a list of parts."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if content is None:
        return ()
    if not isinstance(content, list):
        raise MalformedRequest(f"`{where}` must be a string or a list of parts", param=where)
    found = (_part(part, f"{where}[{index}]", losses) for index, part in enumerate(content))
    return tuple(part for part in found if part is not None)


def decode_output(output: object, where: str, losses: Losses) -> tuple[tuple[ResultPart, ...], bool]:
    """Read what a tool answered, and whether it says that it failed.

    Codex before 0.60 sent failures as an object with `content` and `success`.
    """
    match output:
        case {"content": str() as said, "success": bool() as success}:
            return (Text(said),), not success
        case _:
            parts = decode_content(output, where, losses)
    results: list[ResultPart] = []
    for part in parts:
        if isinstance(part, Text | Image | Document):
            results.append(part)
        else:
            losses.add("input.tool_output.content", "tools answer with text, pictures and files alone")
    return tuple(results), False


def _part(part: object, where: str, losses: Losses) -> Part | None:
    if isinstance(part, str):
        return Text(part)
    if not isinstance(part, dict):
        raise MalformedRequest(f"`{where}` must be an object with a `type`", param=where)
    match kind := required(part, "type", where):
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            return _text(part, where, losses)
        case "input_image" | "computer_screenshot":
            return _image(part, where, losses)
        case "input_file":
            return _file(part, where, losses)
        case "input_audio":
            return _audio(part, where, losses)
        case "refusal":
            report_strays(part, _REFUSAL, "input.refusal", losses)
            return Refusal(text(part, "refusal", where))
    losses.add(f"input.{named(kind)}", "a kind of content that other dialects do not have")
    return None


def _text(part: Mapping[str, object], where: str, losses: Losses) -> Text:
    report_strays(part, _TEXT, "input.text", losses)
    _report_mark(part, losses)
    if part.get("annotations"):
        losses.add("input.annotations", "sources beside a text are told by this dialect alone")
    # `logprobs` tell how the text was made once; nobody reads them in a request.
    return Text(text(part, "text", where))


def _image(part: Mapping[str, object], where: str, losses: Losses) -> Image:
    report_strays(part, _IMAGE, "input.input_image", losses)
    _report_mark(part, losses)
    detail = text(part, "detail", where)
    if detail not in _DETAILS:
        losses.add("input.input_image.detail", "other dialects know low, high and auto")
        detail = "high"
    if url := text(part, "image_url", where):
        return Image(_source(url, "image/png"), detail)
    return Image(FileId(required(part, "file_id", where)), detail)


def _file(part: Mapping[str, object], where: str, losses: Losses) -> Document:
    report_strays(part, _FILE, "input.input_file", losses)
    _report_mark(part, losses)
    if part.get("detail") not in (None, "auto"):
        losses.add("input.input_file.detail", "how closely a file is looked at is told by this dialect alone")
    name = text(part, "filename", where)
    if data := text(part, "file_data", where):
        suffix = name[name.rfind(".") :].lower() if "." in name else ".pdf"
        usual = _TYPES.get(suffix, "application/octet-stream")
        return Document(_source(data, usual) if data.startswith("data:") else Inline(data, usual), name)
    if url := text(part, "file_url", where):
        return Document(Link(url), name)
    return Document(FileId(required(part, "file_id", where)), name)


def _audio(part: Mapping[str, object], where: str, losses: Losses) -> Audio:
    report_strays(part, _AUDIO, "input.input_audio", losses)
    if isinstance(sound := part.get("input_audio"), dict):
        report_strays(sound, _SOUND, "input.input_audio", losses)
    match part.get("input_audio"):
        case {"data": str() as data, "format": str() as form}:
            return Audio(Inline(data, _SOUNDS.get(form, f"audio/{form}")))
    where = f"{where}.input_audio"
    raise MalformedRequest(f"`{where}` must be an object with `data` and `format`", param=where)


def _source(url: str, usual: str) -> Source:
    """Return what a URL holds, where it holds the data itself (RFC 2397), or the URL."""
    if not url.startswith("data:"):
        return Link(url)
    head, comma, data = url[5:].partition(",")
    media, _, coding = head.partition(";")
    if not comma or "base64" not in coding:
        return Link(url)
    return Inline(data, media or usual)


def _report_mark(part: Mapping[str, object], losses: Losses) -> None:
    if part.get("prompt_cache_breakpoint") is not None:
        losses.add("input.prompt_cache_breakpoint", "marks for a provider's prompt cache are its own")
