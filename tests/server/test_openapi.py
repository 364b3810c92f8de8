"""The description of the HTTP surface: sound, whole, and true to the table it was made from."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_gateway import __version__
from llm_gateway.server.openapi import describe
from llm_gateway.server.routes import Route
from surface_stage import on_surface

Json = dict[str, Any]  # a JSON document, walked as it comes

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def table(home: Path) -> tuple[Route, ...]:
    """Return the routes of a whole gateway."""
    return on_surface(home).all


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: object) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                if key == "$ref":
                    yield inner
                else:
                    yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def test_every_route_is_described_and_nothing_else(tmp_path: Path) -> None:
    routes = table(tmp_path)
    document = json.loads(describe(routes))
    described = {(method.upper(), path) for path, method, _ in operations(document)}
    assert described == {(route.method, route.path.replace("{}", "{id}")) for route in routes}
    assert len(described) == len(routes)
    summaries = {
        (method.upper(), path): operation["summary"] for path, method, operation in operations(document)
    }
    for route in routes:
        assert summaries[route.method, route.path.replace("{}", "{id}")] == route.summary


def test_the_document_is_sound(tmp_path: Path) -> None:
    """What OpenAPI 3.1 demands of the objects that are used here."""
    document: Json = json.loads(describe(table(tmp_path)))
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] and document["info"]["version"] == __version__
    names = []
    for path, method, operation in operations(document):
        assert path.startswith("/") and method in METHODS
        assert operation["responses"]
        for answer in operation["responses"].values():
            assert answer["description"]
        declared = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path))
        assert all(each["required"] and each["schema"] for each in operation.get("parameters", ()))
        for needed in operation.get("security", ()):
            assert needed.keys() <= document["components"]["securitySchemes"].keys()
        names.append(operation["operationId"])
    assert len(set(names)) == len(names), "an operationId names one operation"
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name) for name in names)


def test_every_reference_leads_somewhere(tmp_path: Path) -> None:
    document: Json = json.loads(describe(table(tmp_path)))
    found = set(references(document))
    assert found, "the shapes of our own answers are described"
    for reference in found:
        place: Json = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place["type"] == "object" and place["properties"]


def test_who_may_ask_is_told(tmp_path: Path) -> None:
    needs = {
        "open": None,
        "key": "gatewayKey",
        "dashboard": "dashboardToken",
        "page": "dashboardToken",
        "owner": "ownerToken",
        "session": "ownerToken",
    }
    routes = table(tmp_path)
    document: Json = json.loads(describe(routes))
    for route in routes:
        operation = document["paths"][route.path.replace("{}", "{id}")][route.method.lower()]
        scheme = needs[route.access]
        assert operation.get("security") == (None if scheme is None else [{scheme: []}])
        assert ("requestBody" in operation) == (route.method == "POST")


def test_the_shape_of_an_answer_is_that_of_the_view_that_makes_it(tmp_path: Path) -> None:
    document: Json = json.loads(describe(table(tmp_path)))

    def schema(path: str) -> Json:
        answer: Json = document["paths"][f"/api/dashboard/{path}"]["get"]["responses"]["200"]
        described: Json = answer["content"]["application/json"]["schema"]
        return described

    assert schema("health") == {"$ref": "#/components/schemas/HealthView"}
    requests = schema("requests")["properties"]["requests"]
    assert requests == {"type": "array", "items": {"$ref": "#/components/schemas/RequestView"}}
    view = document["components"]["schemas"]["RequestView"]
    assert {"id", "at", "caller", "client", "model", "provider", "status", "tokens_in"} <= view[
        "properties"
    ].keys()
    assert document["components"]["schemas"]["ClientView"]["description"]


def test_a_table_of_nothing_describes_nothing() -> None:
    assert json.loads(describe(()))["paths"] == {}
