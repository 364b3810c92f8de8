"""The files that the Copilot CLI keeps of a session, in memory: none of a conversation is on disk.

`sessionFs.*`, schemas/api.schema.json in the CLI's package and github/copilot-sdk,
python/copilot/session_fs_provider.py. What a session is to go on from is put here before it is opened.
"""

import posixpath
from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.wire.ready import ready

__all__ = ["STATE", "TRANSCRIPT", "Files"]

STATE = "/state"
"""The folder of a session, as the CLI sees it."""

TRANSCRIPT = f"{STATE}/events.jsonl"
"""What was said in a session, an event a line."""

_NO_TIME = "2026-01-01T00:00:00Z"
_MISSING: Mapping[str, object] = {"error": {"code": "ENOENT", "message": "there is no such file"}}


@ready
class _Wanted(msgspec.Struct, frozen=True):
    """What is wanted of a file. `content` is what to write, `src` and `dest` are for a new name."""

    path: str = ""
    content: str = ""
    src: str = ""
    dest: str = ""


class Files:
    """The files of one session."""

    def __init__(self, transcript: str = "") -> None:
        self._files = {TRANSCRIPT: transcript} if transcript else {}
        self._folders = {STATE}

    def answer(self, method: str, params: Raw) -> object:
        """Do what the CLI wants of a file and return what it is told; KeyError for what is not known.

        msgspec.DecodeError when it is asked in another form.
        """
        wanted = msgspec.json.decode(params, type=_Wanted)
        path = wanted.path
        match method.rpartition(".")[2]:
            case "readFile":
                return {"content": self._files[path]} if path in self._files else {"content": "", **_MISSING}
            case "writeFile":
                self._files[path] = wanted.content
            case "appendFile":
                self._files[path] = self._files.get(path, "") + wanted.content
            case "exists":
                return {"exists": path in self._files or path in self._folders}
            case "stat":
                return self._told(path)
            case "mkdir":
                self._folders.add(path)
            case "readdir":
                return {"entries": self._names(path)}
            case "readdirWithTypes":
                return {"entries": [{"name": name, "type": "file"} for name in self._names(path)]}
            case "rm":
                self._files = {name: text for name, text in self._files.items() if not _within(name, path)}
            case "rename":
                self._files[wanted.dest] = self._files.pop(wanted.src)
            case _:
                raise KeyError(method)
        return None

    def _names(self, folder: str) -> list[str]:
        return [posixpath.basename(name) for name in self._files if posixpath.dirname(name) == folder]

    def _told(self, path: str) -> object:
        is_file = path in self._files
        told: dict[str, object] = {
            "isFile": is_file,
            "isDirectory": path in self._folders,
            "size": len(self._files.get(path, "").encode()),
            "mtime": _NO_TIME,
            "birthtime": _NO_TIME,
        }
        return told if is_file or path in self._folders else {**told, **_MISSING}


def _within(name: str, path: str) -> bool:
    return name == path or name.startswith(path + "/")
