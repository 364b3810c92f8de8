"""Keys over the owner's local API."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ledger_samples import Failures
from llm_gateway.content.content import Content
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import Where
from llm_gateway.errors import Unauthenticated
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.server.keys_api import KeysApi, key_view
from pipeline_stage import PEPPER, Stage, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER, Door

NOON = 1_700_000_000_000_000
AT = "2023-11-14T22:13:20.000Z"


class Desk:
    """The owner before a gateway."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self.stage = stage
        self.admin = admin = KeyAdmin(stage.ledger, stage.keys, PEPPER, stage.clock, None)
        self.content = Content(Where(home), stage.clock, Failures(), most_days=90)
        self.door = Door(*KeysApi(admin, self.content).routes())

    async def ask(self, method: str, target: str, body: bytes = b"", *, token: str = OWNER) -> Reply:
        return await self.door.ask(target, method=method, token=token, body=body)

    async def make(self, name: str) -> tuple[str, dict[str, object]]:
        """Make a key; return it and its row."""
        reply = await self.ask("POST", "/api/keys", b'{"name":"%b"}' % name.encode())
        assert reply.status == 201 and reply.header("cache-control") == "no-store"
        return split(reply)

    async def rows(self) -> list[dict[str, object]]:
        reply = await self.ask("GET", "/api/keys")
        rows = reply.json()["keys"]
        assert reply.status == 200 and isinstance(rows, list)
        return rows

    def opens(self, key: str) -> bool:
        try:
            return bool(self.stage.keys.authenticate([(b"x-api-key", key.encode())]))
        except Unauthenticated:
            return False


def split(reply: Reply) -> tuple[str, dict[str, object]]:
    key, row = reply.json()["key"], reply.json()["row"]
    assert isinstance(key, str) and isinstance(row, dict)
    return key, row


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        desk = Desk(stage, home)
        await desk.admin.load(stage.spending)
        await scene(desk)
        await desk.content.close()

    on_stage(home, play)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/keys"),
        ("POST", "/api/keys"),
        ("DELETE", "/api/keys/x"),
        ("PATCH", "/api/keys/x"),
        ("DELETE", "/api/content/x"),
        ("POST", "/api/key-rotations/x"),
        ("PUT", "/api/key-limits/x"),
    ],
)
def test_keys_are_the_owners_alone(tmp_path: Path, method: str, target: str) -> None:
    async def scene(desk: Desk) -> None:
        for token in ("", DASHBOARD, desk.stage.key):
            reply = await desk.ask(method, target, b'{"name":"eve"}', token=token)
            assert (reply.status, reply.error()["code"]) == (401, "invalid_api_key")
        assert await desk.rows() == []

    seated(tmp_path, scene)


def test_a_key_is_shown_once_and_opens_at_once(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        key, row = await desk.make("ada")
        assert desk.opens(key)
        assert row == {
            "id": row["id"],
            "name": "ada",
            "hint": key[-4:],
            "status": "active",
            "created_at": AT,
            "expires_at": None,
            "revoked_at": None,
            "keep_content_days": 0,
            "kept_under": row["id"],
            "client": "",
            "machine": "",
            "limits": {},
            "person": "",
        }
        assert await desk.rows() == [row]
        assert key not in repr(await desk.rows())

    seated(tmp_path, scene)


def test_a_revoked_key_is_listed_as_such_and_opens_no_more(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        key, row = await desk.make("ada")
        reply = await desk.ask("DELETE", f"/api/keys/{row['id']}")
        assert (reply.status, reply.json()) == (200, {"revoked": True})
        assert not desk.opens(key)
        (listed,) = await desk.rows()
        assert (listed["status"], listed["revoked_at"]) == ("revoked", AT)
        assert (await desk.ask("DELETE", f"/api/keys/{row['id']}")).status == 404

    seated(tmp_path, scene)


@pytest.mark.parametrize(("body", "overlap"), [(b"{}", 0), (b'{"overlap_seconds":60}', 60)])
def test_a_rotated_key_has_a_successor(tmp_path: Path, body: bytes, overlap: int) -> None:
    async def scene(desk: Desk) -> None:
        old, row = await desk.make("ada")
        reply = await desk.ask("POST", f"/api/key-rotations/{row['id']}", body)
        new, successor = split(reply)
        assert reply.status == 201 and successor["name"] == "ada"
        assert (desk.opens(old), desk.opens(new)) == (overlap > 0, True)
        desk.stage.clock.advance(overlap)
        assert not desk.opens(old)
        expired = next(each for each in await desk.rows() if each["id"] == row["id"])
        assert expired["status"] == "expired" and expired["expires_at"] is not None

    seated(tmp_path, scene)


@pytest.mark.parametrize(("method", "target"), [("DELETE", "/api/keys/"), ("POST", "/api/key-rotations/")])
@pytest.mark.parametrize("key_id", ["nothing", "x" * 1000, "%27%3B--"])
def test_a_key_that_is_not_there_is_404(tmp_path: Path, method: str, target: str, key_id: str) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask(method, target + key_id, b"{}")
        assert (reply.status, reply.error()["code"]) == (404, "not_found")
        assert "keys list" in str(reply.error()["message"]) and len(str(reply.error()["message"])) < 150

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"name":7}',
        b'{"name":"ada","admin":true}',
        b'{"name":"\xff"}',
        b'{"name":""}',
        b'{"name":"a/b"}',
        b'{"name":"' + b"a" * 65 + b'"}',
        b'{"name":"\\ud800"}',
    ],
    ids=repr,
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, body: bytes) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask("POST", "/api/keys", body)
        assert (reply.status, reply.error()["code"]) == (400, "invalid_request")
        assert await desk.rows() == []

    seated(tmp_path, scene)


@pytest.mark.parametrize("overlap", [b"-1", b"31622401", b"1e30", b"99999999999999999999", b'"60"', b"1.5"])
def test_an_overlap_that_is_none_is_refused(tmp_path: Path, overlap: bytes) -> None:
    async def scene(desk: Desk) -> None:
        _, row = await desk.make("ada")
        body = b'{"overlap_seconds":%b}' % overlap
        reply = await desk.ask("POST", f"/api/key-rotations/{row['id']}", body)
        assert reply.status == 400
        assert len(await desk.rows()) == 1

    seated(tmp_path, scene)


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.ask("POST", "/api/keys", b" " * 65_537)).status == 413

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("expires_us", "revoked_us", "status"),
    [
        (0, 0, "active"),
        (NOON + 1, 0, "active"),
        (NOON, 0, "expired"),
        (0, NOON, "revoked"),
        (NOON, NOON, "revoked"),
    ],
)
def test_a_row_is_shown_with_its_state(expires_us: int, revoked_us: int, status: str) -> None:
    view = key_view(KeyRow("k", "ada", b"d", "wxyz", NOON, expires_us, revoked_us), NOON)
    assert (view.status, view.created_at, view.hint) == (status, AT, "wxyz")
    assert (view.expires_at is None) == (not expires_us)
    assert (view.revoked_at is None) == (not revoked_us)


def test_a_key_says_for_how_long_it_keeps_content(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask("POST", "/api/keys", b'{"name":"ada","keep_content_days":7}')
        key, row = split(reply)
        assert (row["keep_content_days"], row["kept_under"]) == (7, row["id"])
        assert desk.stage.keys.authenticate([(b"x-api-key", key.encode())]).keep_days == 7
        target = f"/api/keys/{row['id']}"
        reply = await desk.ask("PATCH", target, b'{"keep_content_days":30}')
        assert (reply.status, reply.json()) == (200, {"keep_content_days": 30})
        assert desk.stage.keys.authenticate([(b"x-api-key", key.encode())]).keep_days == 30
        reply = await desk.ask("PATCH", target, b'{"keep_content_days":0}')
        assert desk.stage.keys.authenticate([(b"x-api-key", key.encode())]).keep_days == 0
        assert (await desk.rows())[0]["keep_content_days"] == 0
        assert (await desk.ask("PATCH", "/api/keys/nobody", b'{"keep_content_days":1}')).status == 404

    seated(tmp_path, scene)


@pytest.mark.parametrize("days", [b"91", b"-1"])
def test_too_many_days_are_refused_with_the_setting(tmp_path: Path, days: bytes) -> None:
    async def scene(desk: Desk) -> None:
        _, row = await desk.make("ada")
        for reply in (
            await desk.ask("POST", "/api/keys", b'{"name":"eve","keep_content_days":%b}' % days),
            await desk.ask("PATCH", f"/api/keys/{row['id']}", b'{"keep_content_days":%b}' % days),
        ):
            assert reply.status == 400 and "content.max_days" in str(reply.error()["message"])
        assert [(each["name"], each["keep_content_days"]) for each in await desk.rows()] == [("ada", 0)]

    seated(tmp_path, scene)


def test_keeping_is_not_promised_where_it_cannot_be_done(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        database_of(tmp_path).parent.write_bytes(b"in the way")
        reply = await desk.ask("POST", "/api/keys", b'{"name":"ada","keep_content_days":7}')
        assert (reply.status, reply.error()["code"]) == (503, "content_unavailable")
        assert await desk.rows() == []

    seated(tmp_path, scene)


def test_what_is_kept_is_erased_of_a_revoked_key_too(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        _, row = await desk.make("ada")
        await desk.content.keep(str(row["id"]), "response", "resp_1", b"text", 7)
        await desk.ask("DELETE", f"/api/keys/{row['id']}")
        assert await desk.content.fetch(str(row["id"]), "response", "resp_1") == b"text"
        assert (await desk.ask("DELETE", f"/api/content/{row['id']}")).json() == {"erased": 1}
        assert (await desk.ask("DELETE", f"/api/content/{row['id']}")).json() == {"erased": 0}

    seated(tmp_path, scene)


def test_a_successor_keeps_content_as_the_old_key_did(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        _, row = split(await desk.ask("POST", "/api/keys", b'{"name":"ada","keep_content_days":7}'))
        _, second = split(await desk.ask("POST", f"/api/key-rotations/{row['id']}", b"{}"))
        third_key, third = split(await desk.ask("POST", f"/api/key-rotations/{second['id']}", b"{}"))
        assert (third["keep_content_days"], third["kept_under"]) == (7, row["id"])
        assert desk.stage.keys.authenticate([(b"x-api-key", third_key.encode())]).kept_under == row["id"]

    seated(tmp_path, scene)


def test_a_key_says_what_it_may_use_and_is_held_to_it_at_once(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        _, row = await desk.make("ada")
        assert row["limits"] == {}
        said = b'{"parallel":2,"usd_per_day":0.5,"models":["fast"]}'
        reply = await desk.ask("PUT", f"/api/key-limits/{row['id']}", said)
        limits = {"parallel": 2, "usd_per_day": 0.5, "models": ["fast"]}
        assert (reply.status, reply.json()) == (200, {"limits": limits})
        assert (await desk.rows())[0]["limits"] == limits
        assert {each.limit for each in desk.stage.spending.standing()} == {"parallel", "usd_per_day"}
        reply = await desk.ask("PUT", f"/api/key-limits/{row['id']}", b"{}")
        assert reply.json() == {"limits": {}} and desk.stage.spending.standing() == []

    seated(tmp_path, scene)


@pytest.mark.parametrize("said", [b'{"parallel":0}', b'{"usd_per_day":-1}', b'{"parallels":1}', b"", b"[]"])
def test_limits_that_are_none_are_refused(tmp_path: Path, said: bytes) -> None:
    async def scene(desk: Desk) -> None:
        _, row = await desk.make("ada")
        assert (await desk.ask("PUT", f"/api/key-limits/{row['id']}", said)).status == 400
        assert (await desk.ask("PUT", "/api/key-limits/nobody", b'{"parallel":1}')).status == 404
        assert (await desk.rows())[0]["limits"] == {}

    seated(tmp_path, scene)
