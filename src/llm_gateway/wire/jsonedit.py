"""Top-level keys of a JSON object edited in place: every byte that is not asked to change stays.

Not a JSON library: nested values are validated and skipped, never built. That is what makes it cheap
(a body is decoded once, by msgspec) and what keeps unknown fields, number spellings and signatures intact.
"""

from collections.abc import Collection, Mapping

import msgspec
from msgspec import Raw

__all__ = ["Document", "MalformedJson"]

_WHITESPACE = b" \t\n\r"
_COMMA, _COLON, _QUOTE, _BACKSLASH, _CLOSE = b',:"\\}'

_members = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode

# Where one member lies in the body: the start of its key, the start of its value, the end of its value.
_Span = tuple[int, int, int]


class MalformedJson(ValueError):
    """The bytes are not one JSON object, or they can be read in two ways."""


class Document:
    """A JSON object as bytes, with its top-level members found. Immutable."""

    __slots__ = ("_gap", "_spans", "body", "fields")

    body: bytes
    fields: dict[str, Raw]
    _gap: int  # the spaces after every comma and colon, in a body whose layout is regular
    _spans: list[_Span] | None  # None: the layout is regular, so positions can be computed

    @classmethod
    def parse(cls, body: bytes) -> "Document":
        """Read the members of a JSON object; refuse a key that comes twice.

        Readers differ on which of two equal keys counts, so a request with both could be checked as
        one thing here and served as another upstream.
        """
        try:
            fields = _members.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedJson(_reason(body, error)) from None
        self = cls.__new__(cls)
        self.body = body
        self.fields = fields
        slack = _slack(body, fields)
        self._gap = 1 if slack else 0
        self._spans = None if not slack or _is_spaced(body, fields, slack) else _walk(body, fields)
        return self

    def __len__(self) -> int:
        """Return the size of the body in bytes."""
        return len(self.body)

    def start(self, key: str) -> int:
        """Return where in the body the value of a member begins that it has."""
        return self._value_start(key)

    def respelt(self, key: str, body: bytes) -> "Document":
        """Return the document of a body that is this one but for the value of one member.

        Whoever has written that body answers for it: it is not read.
        """
        more = len(body) - len(self.body)
        start = self._value_start(key)
        end = start + len(self.fields[key])
        other = Document.__new__(Document)
        other.body = body
        other.fields = {**self.fields, key: Raw(body[start : end + more])}
        other._gap = self._gap
        other._spans = self._spans and [
            (
                each[0] + more * (each[0] >= end),
                each[1] + more * (each[1] >= end),
                each[2] + more * (each[2] >= end),
            )
            for each in self._spans
        ]
        return other

    def edit(self, changes: Mapping[str, bytes], remove: Collection[str] = ()) -> bytes:
        """Return the body with these members set to JSON texts and those removed.

        A member that is not there yet is appended; one that is to be removed and is not there is
        no error. The body itself comes back when nothing changes.
        """
        if remove and not self.fields.keys().isdisjoint(remove):
            return self._rebuild(changes, remove)
        body, fields = self.body, self.fields
        replaced: list[tuple[int, int, bytes]] = []
        added: list[bytes] = []
        for key, value in changes.items():
            if key not in fields:
                added.append(b"%b:%b" % (_encode(key), value))
                continue
            start = self._value_start(key)
            replaced.append((start, start + len(fields[key]), value))
        replaced.sort()
        pieces: list[bytes] = []
        done = 0
        for start, end, value in replaced:
            pieces.append(body[done:start])
            pieces.append(value)
            done = end
        if added:
            end = self._end_of_last()
            pieces.append(body[done:end])
            if fields:
                pieces.append(b",")
            pieces.append(b",".join(added))
            done = end
        if not pieces:
            return body
        pieces.append(body[done:])
        return b"".join(pieces)

    def _value_start(self, key: str) -> int:
        if self._spans is not None:
            return self._spans[list(self.fields).index(key)][1]
        position = 1
        for name, raw in self.fields.items():
            position += _width(name) + 1 + self._gap
            if name == key:
                break
            position += len(raw) + 1 + self._gap
        return position

    def _end_of_last(self) -> int:
        """Return where the last member ends, or where the first one would begin."""
        if self._spans:
            return self._spans[-1][2]
        return len(self.body) - 1 if self._spans is None else self.body.index(b"{") + 1

    def _rebuild(self, changes: Mapping[str, bytes], remove: Collection[str]) -> bytes:
        """Put the body together again without some members: each takes the comma before it along."""
        body = self.body
        spans = self._spans if self._spans is not None else _regular_spans(self.fields, self._gap)
        pieces = [body[: spans[0][0]]]
        first = True
        previous_end = 0
        for key, (start, value_start, end) in zip(self.fields, spans, strict=True):
            if key not in remove:
                if not first:
                    pieces.append(body[previous_end:start])
                first = False
                pieces.append(body[start:value_start])
                pieces.append(changes[key] if key in changes else body[value_start:end])
            previous_end = end
        for key, value in changes.items():
            if key not in self.fields:
                pieces.append(b"%b%b:%b" % (b"" if first else b",", _encode(key), value))
                first = False
        pieces.append(body[previous_end:])
        return b"".join(pieces)


def _width(key: str) -> int:
    """Return the size of a key with its quotes, written without escapes."""
    return (len(key) if key.isascii() else len(key.encode())) + 2


def _slack(body: bytes, fields: dict[str, Raw]) -> int:
    """Return how much longer the body is than its members need.

    None means that it holds nothing else: white space, an escape in a key, or a second value under the
    same key would each take bytes. So the layout is known, and no key comes twice, without reading one.
    """
    keys = "".join(fields)
    width = len(keys) if keys.isascii() else len(keys.encode())
    punctuation = 4 * len(fields) + 1 if fields else 2  # {} + two quotes, colon and comma each - one comma
    return len(body) - width - punctuation - sum(map(len, fields.values()))


def _is_spaced(body: bytes, fields: dict[str, Raw], slack: int) -> bool:
    """Whether the body is written as Python's json module does by default; the comparison is the proof."""
    if slack != 2 * len(fields) - 1 or _has_escapes("".join(fields)):
        return False
    members = [b'"%b": %b' % (key.encode(), raw) for key, raw in fields.items()]
    return body == b"{%b}" % b", ".join(members)


def _has_escapes(key: str) -> bool:
    """Whether a key's text cannot be looked for as it is: with its quotes it could match two members."""
    return '"' in key or "\\" in key


def _regular_spans(fields: dict[str, Raw], gap: int) -> list[_Span]:
    spans: list[_Span] = []
    position = 1
    for key, raw in fields.items():
        value_start = position + _width(key) + 1 + gap
        end = value_start + len(raw)
        spans.append((position, value_start, end))
        position = end + 1 + gap
    return spans


def _walk(body: bytes, fields: dict[str, Raw]) -> list[_Span]:
    """Find every member, comparing what is there with what was decoded.

    The comparison of values is the proof: a JSON value is a prefix of no other one (numbers end at a
    comma, a brace or white space, which is checked), so equal bytes at a value's start are that value.
    """
    spans: list[_Span] = []
    position = _skip(body, body.index(b"{") + 1)
    for key, raw in fields.items():
        start = position
        literal = b'"%b"' % key.encode()
        if body.startswith(literal, position) and not _has_escapes(key):
            position += len(literal)
        else:
            found, position = _read_key(body, position)
            if found != key:
                raise _twice(found)
        value_start = _skip(body, _skip(body, position) + 1)  # a colon; the decoder has seen it
        if not body.startswith(bytes(raw), value_start):
            raise _twice(key)
        end = value_start + len(raw)
        spans.append((start, value_start, end))
        position = _skip(body, end)
        if body[position] == _COMMA:
            position = _skip(body, position + 1)
        elif body[position] != _CLOSE:
            raise _twice(key)
    if body[position] != _CLOSE:
        raise _twice(_read_key(body, position)[0])
    return spans


def _skip(body: bytes, position: int) -> int:
    while body[position] in _WHITESPACE:
        position += 1
    return position


def _read_key(body: bytes, position: int) -> tuple[str, int]:
    """Return the key that begins here, and where it ends."""
    end = position + 1
    while body[end] != _QUOTE:
        end += 2 if body[end] == _BACKSLASH else 1
    end += 1
    return _text.decode(body[position:end]), end


def _twice(key: str) -> MalformedJson:
    return MalformedJson(f"the key {key!r} comes twice")


def _reason(body: bytes, error: Exception) -> str:
    """Say what is wrong without quoting the body: it is a prompt."""
    match error:
        case RecursionError():
            return "the JSON is nested too deeply"
        case UnicodeDecodeError():
            return "a key is not UTF-8"
        case msgspec.ValidationError():
            return "the body must be a JSON object"
    if not body.strip(_WHITESPACE):
        return "the body is empty"
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return "the body begins with a byte order mark; JSON is UTF-8 without one"
    return f"the body is not valid JSON: {str(error).removeprefix('JSON is malformed: ')}"
