"""The files that pages bring with them: styles, scripts and what is vendored, each with its type."""

import hashlib
from functools import cache
from importlib import resources

import msgspec

__all__ = ["StaticFile", "address", "static_file"]

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}


class StaticFile(msgspec.Struct, frozen=True):
    """A file as it is sent; `tag` changes with its bytes."""

    kind: bytes
    data: bytes
    tag: str


def static_file(name: str) -> StaticFile | None:
    """Return a file by its name below the folder, None where there is none."""
    return _all().get(name)


def address(name: str) -> str:
    """Return where a page finds a file. It changes with the file, so that the file may be kept for good."""
    return f"/static/{name}?v={_all()[name].tag}"


@cache
def _all() -> dict[str, StaticFile]:
    """Read every file once: what is asked for is never put together into a path."""
    found: dict[str, StaticFile] = {}
    folders = [("", resources.files("llm_gateway.dashboard") / "static")]
    for prefix, folder in folders:
        for each in folder.iterdir():
            if each.is_dir():
                folders.append((f"{prefix}{each.name}/", each))
                continue
            kind = _TYPES.get(f".{each.name.rpartition('.')[2]}")
            if kind is not None:
                data = each.read_bytes()
                found[prefix + each.name] = StaticFile(kind, data, hashlib.sha256(data).hexdigest()[:12])
    return found
