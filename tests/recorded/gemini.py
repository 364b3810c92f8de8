"""Answers of the Gemini API and of Vertex AI."""

from llm_gateway.canonical.usage import Special, Usage
from recorded.case import Case, data, event

__all__ = ["CASES"]


def _piece(usage: object, finish: str = "STOP", *, model: str = "gemini-2.5-flash", **more: object) -> object:
    candidate = {"content": {"parts": [{"text": "Guten Tag."}], "role": "model"}, "index": 0} | more
    piece: dict[str, object] = {
        "candidates": [candidate | ({"finishReason": finish} if finish else {})],
        "modelVersion": model,
        "responseId": "r1",
    }
    return piece if usage is None else piece | {"usageMetadata": usage}


def _text(count: int) -> list[dict[str, object]]:
    return [{"modality": "TEXT", "tokenCount": count}]


def _of(**counts: int) -> list[dict[str, object]]:
    return [{"modality": modality, "tokenCount": count} for modality, count in counts.items()]


_PLAIN = {
    "promptTokenCount": 12,
    "candidatesTokenCount": 7,
    "totalTokenCount": 19,
    "promptTokensDetails": _text(12),
}

CASES = (
    Case("plain", "Google", data(_piece(_PLAIN)), Usage(12, output=7)),
    # 4583 in, 2047 of them cached: 2536 new. 325 said and 874 thought: 1199 out.
    Case(
        "cached-and-thought",
        "Google",
        data(
            _piece(
                {
                    "promptTokenCount": 4583,
                    "cachedContentTokenCount": 2047,
                    "candidatesTokenCount": 325,
                    "thoughtsTokenCount": 874,
                    "totalTokenCount": 5782,
                    "promptTokensDetails": _text(4583),
                    "cacheTokensDetails": _text(2047),
                    "candidatesTokensDetails": _text(325),
                    "trafficType": "ON_DEMAND",
                }
            )
        ),
        Usage(2536, 2047, 0, 1199, 874),
    ),
    # 4583 in: 2777 text and 1806 pictures; cached 1240 and 807 of them. 1806 - 807 = 999 pictures are new.
    Case(
        "cached-pictures",
        "Vertex AI",
        data(
            _piece(
                {
                    "promptTokenCount": 4583,
                    "cachedContentTokenCount": 2047,
                    "candidatesTokenCount": 325,
                    "totalTokenCount": 4908,
                    "promptTokensDetails": _of(TEXT=2777, IMAGE=1806),
                    "cacheTokensDetails": _of(TEXT=1240, IMAGE=807),
                    "trafficType": "ON_DEMAND_FLEX",
                }
            )
        ),
        Usage(2536, 2047, 0, 325, special=Special(image_in=999, image_read=807)),
        tier="flex",
    ),
    # A film of ten seconds: its pictures cost what text does, its sound does not. 2630 + 320 + 10 in.
    Case(
        "film-with-sound",
        "Google",
        data(
            _piece(
                {
                    "promptTokenCount": 2960,
                    "candidatesTokenCount": 40,
                    "totalTokenCount": 3000,
                    "promptTokensDetails": _of(TEXT=10, VIDEO=2630, AUDIO=320),
                    "serviceTier": "priority",
                }
            )
        ),
        Usage(2960, output=40, special=Special(audio_in=320)),
        tier="priority",
    ),
    # A picture made (1290) and said beside (5), and speech in another one.
    Case(
        "picture-made",
        "Google",
        data(
            _piece(
                {
                    "promptTokenCount": 9,
                    "candidatesTokenCount": 1295,
                    "totalTokenCount": 1304,
                    "candidatesTokensDetails": _of(IMAGE=1290, TEXT=5),
                }
            )
        ),
        Usage(9, output=1295, special=Special(image_out=1290)),
    ),
    Case(
        "speech-made",
        "Google",
        data(
            _piece(
                {
                    "promptTokenCount": 9,
                    "candidatesTokenCount": 250,
                    "totalTokenCount": 259,
                    "promptTokensDetails": _text(9),
                    "candidatesTokensDetails": _of(AUDIO=250),
                }
            )
        ),
        Usage(9, output=250, special=Special(audio_out=250)),
    ),
    # What its tools brought in is beside the prompt: 12 + 200 = 212 in. Two questions, one of them twice and
    # one empty: two searches since Gemini 3.
    Case(
        "searched",
        "Google",
        data(
            _piece(
                _PLAIN | {"toolUsePromptTokenCount": 200, "totalTokenCount": 219},
                model="gemini-3.5-flash",
                groundingMetadata={"webSearchQueries": ["eins", "", "zwei", "eins"]},
            )
        ),
        Usage(212, output=7, special=Special(searches=2)),
    ),
    # Before Gemini 3 a prompt is billed once, however often it was searched for.
    Case(
        "searched-before-3",
        "Google",
        data(_piece(_PLAIN, groundingMetadata={"webSearchQueries": ["eins", "zwei"]})),
        Usage(12, output=7, special=Special(searches=1)),
    ),
    # Thoughts that nobody counts are in the total alone: 50 - 12 - 7 = 31.
    Case(
        "thoughts-in-the-total",
        "a server that speaks it",
        data(_piece(_PLAIN | {"totalTokenCount": 50})),
        Usage(12, output=38, reasoning=31),
    ),
    # A prompt that is blocked was read all the same.
    Case(
        "blocked",
        "Google",
        data(
            {
                "promptFeedback": {"blockReason": "SAFETY"},
                "usageMetadata": {"promptTokenCount": 12, "totalTokenCount": 12},
            }
        ),
        Usage(12),
    ),
    Case("no-usage", "a server that speaks it", data(_piece(None)), None),
    # Each piece tells what was used so far; the sound of the prompt is told with each.
    Case(
        "stream",
        "Google",
        event(_piece(_PLAIN | {"candidatesTokenCount": 3, "totalTokenCount": 15}, ""))
        + event(_piece(_PLAIN | {"trafficType": "ON_DEMAND_PRIORITY"})),
        Usage(12, output=7),
        tier="priority",
        stream=True,
    ),
    # The search is told in the middle, its price at the end.
    Case(
        "stream-searched",
        "Google",
        event(
            _piece(
                _PLAIN | {"candidatesTokenCount": 3, "totalTokenCount": 15},
                "",
                model="gemini-3.5-flash",
                groundingMetadata={"webSearchQueries": ["eins"]},
            )
        )
        + event(_piece(_PLAIN, model="gemini-3.5-flash")),
        Usage(12, output=7, special=Special(searches=1)),
        stream=True,
    ),
    Case(
        "stream-cut-midway",
        "Google",
        event(
            _piece(
                {
                    "promptTokenCount": 300,
                    "candidatesTokenCount": 3,
                    "totalTokenCount": 303,
                    "promptTokensDetails": _of(TEXT=40, AUDIO=260),
                },
                "",
            )
        ),
        Usage(300, output=3, special=Special(audio_in=260)),
        stream=True,
        whole=False,
    ),
)
