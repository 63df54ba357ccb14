"""The endpoint over HTTP, server-sent events and web sockets, with a toy schema and credential."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from resolvers.context import Context
from resolvers.hub_schema import HubSchema
from resolvers.limits import Limits
from resolvers.streams import subscription
from schema.context import Info
from store.actor import Actor
from store.errors import Forbidden, NotFound, Throttled, Unauthenticated
from web.graphql import EndpointSettings, GraphQLEndpoint

STATE: dict[str, Any] = {}


@strawberry.type
class Query:
    @strawberry.field(description="Who asks.")
    async def me(self, info: Info) -> str:
        return info.context.actor.username

    @strawberry.field(description="A number, after a while.")
    async def after(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        return 1

    @strawberry.field(description="Never there.")
    async def missing(self) -> str | None:
        raise NotFound("Lamp", 7)

    @strawberry.field(description="Breaks.")
    async def broken(self) -> str:
        raise RuntimeError("secret")


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Count.")
    async def count(self) -> int:
        STATE["count"] = STATE.get("count", 0) + 1
        return int(STATE["count"])


@strawberry.type
class Subscription:
    @subscription
    async def ticks(self, info: Info, to: int) -> AsyncGenerator[str, None]:
        """Ticks with the name of who listens."""
        try:
            for number in range(to):
                await asyncio.sleep(0.005)
                yield f"{info.context.actor.username} {number}"
        finally:
            STATE["ended"] = True


async def make_context(request: Request | WebSocket, parameters: Any) -> Context:
    header = request.headers.get("authorization", "")
    token = (parameters or {}).get("authorization", header).removeprefix("Bearer ")
    if token == "wrong" or token in STATE.get("revoked", ()):
        raise Unauthenticated("The token is not known.")
    if token == "often":
        raise Throttled("attempts", 12.4)
    actor = Actor(user_id=9, username=token or "nobody")
    return Context(request=request, hub=None, actor=actor, request_id="r-1")


def check_request(request: Request) -> None:
    if request.cookies and "x-csrftoken" not in request.headers:
        raise Forbidden("send", "request", "", "the CSRF token is missing.")


def make_app(**limits: Any) -> Starlette:
    endpoint = GraphQLEndpoint(
        HubSchema((Query,), (Mutation,), (Subscription,), limits=Limits(**limits)),
        make_context,
        check_request,
        EndpointSettings(body_limit=2000, init_timeout=0.2, heartbeat=0.05),
    )
    return Starlette(
        routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)],
    )


@pytest.fixture(autouse=True)
def _fresh_state() -> None:
    STATE.clear()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(make_app()) as made:
        yield made


def make_client(app: Starlette) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://hub.test")


async def post(client: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers=headers)


async def test_a_query_is_answered_as_its_caller(client: httpx.AsyncClient) -> None:
    answer = await post(client, "{ me }", Authorization="Bearer ada")
    assert answer.status_code == 200
    assert answer.json() == {"data": {"me": "ada"}}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


async def test_variables_and_the_operation_name_are_used(client: httpx.AsyncClient) -> None:
    body = {
        "query": "query A { me } query B($s: Float!) { after(seconds: $s) }",
        "variables": {"s": 0},
        "operationName": "B",
    }
    answer = await client.post("/graphql", json=body)
    assert answer.json() == {"data": {"after": 1}}


async def test_a_typed_error_stands_beside_the_data(client: httpx.AsyncClient) -> None:
    answer = await post(client, "{ me missing }")
    assert answer.status_code == 200
    assert answer.json() == {
        "data": {"me": "nobody", "missing": None},
        "errors": [
            {
                "message": "There is no Lamp 7 that you can see.",
                "locations": [{"line": 1, "column": 6}],
                "path": ["missing"],
                "extensions": {"code": "not_found", "noun": "Lamp", "id": 7},
            }
        ],
    }


async def test_an_invalid_document_is_400_to_those_who_ask_for_the_new_media_type(
    client: httpx.AsyncClient,
) -> None:
    accept = "application/graphql-response+json"
    new = await post(client, "{ nothing }", Accept=accept)
    assert new.status_code == 400
    assert new.headers["content-type"].startswith(accept)
    assert new.json()["errors"][0]["extensions"] == {"code": "bad_request"}
    old = await post(client, "{ nothing }")
    assert old.status_code == 200
    assert "data" not in old.json() or old.json()["data"] is None
    syntax = await post(client, "{ nothing", Accept=accept)
    assert syntax.status_code == 400
    assert syntax.json()["errors"][0]["extensions"] == {"code": "syntax"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[" * 3000, "body"),
        (b'[{"query": "{ me }"}]', "body"),
        (b"3", "body"),
        (b"{}", "query"),
        (b'{"query": 3}', "query"),
        (b'{"query": ""}', "query"),
        (b'{"query": "{ me }", "variables": []}', "variables"),
        (b'{"query": "{ me }", "operationName": 1}', "operationName"),
        (b'{"query": "{ me }", "operationName": "Other"}', "operationName"),
    ],
)
async def test_a_malformed_body_is_400_and_names_the_member(
    client: httpx.AsyncClient, body: bytes, field: str
) -> None:
    body = body[:1900]
    answer = await client.post(
        "/graphql", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["field"] == field


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/jso", ""]
)
async def test_anything_but_json_is_415(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post(
        "/graphql", content=b'{"query": "mutation { count }"}', headers={"Content-Type": kind}
    )
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["extensions"]["code"] == "unsupported"
    assert "count" not in STATE


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_a_query_by_another_method_is_405(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/graphql", params={"query": "{ me }"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


async def test_a_cookie_without_the_csrf_token_is_403(client: httpx.AsyncClient) -> None:
    client.cookies.set("sessionid", "abc")
    refused = await post(client, "mutation { count }")
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["extensions"]["code"] == "forbidden"
    assert "count" not in STATE
    assert (await post(client, "mutation { count }", **{"X-CSRFToken": "t"})).json() == {
        "data": {"count": 1}
    }


async def test_a_wrong_credential_is_401_and_too_many_are_429(client: httpx.AsyncClient) -> None:
    wrong = await post(client, "{ me }", Authorization="Bearer wrong")
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"].startswith("Bearer")
    often = await post(client, "{ me }", Authorization="Bearer often")
    assert often.status_code == 429
    assert often.headers["retry-after"] == "12"


async def ask_raw(headers: list[tuple[bytes, bytes]], chunks: int, size: int) -> tuple[int, int]:
    """Send a body in chunks; return the status and how many chunks it took to decide on it."""
    taken = 0
    sent: list[Any] = []
    decided: list[int] = []

    async def receive() -> Any:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b" " * size, "more_body": taken < chunks}

    async def send(message: Any) -> None:
        sent.append(message)
        decided.append(taken)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    await make_app()(scope, receive, send)
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    return sent[0]["status"], decided[0]


async def test_a_declared_10_mb_query_is_413_without_reading_any_of_it() -> None:
    status, taken = await ask_raw([(b"content-length", b"10000000")], 1000, 10_000)
    assert (status, taken) == (413, 0)


async def test_an_undeclared_10_mb_query_is_413_as_soon_as_the_limit_is_passed() -> None:
    status, taken = await ask_raw([(b"transfer-encoding", b"chunked")], 10_000, 1000)
    assert (status, taken) == (413, 3)


async def test_a_query_past_the_deadline_is_504() -> None:
    async with make_client(make_app(seconds=0.05)) as client:
        answer = await post(client, "{ after(seconds: 30) }")
    assert answer.status_code == 504
    assert answer.json()["errors"][0]["extensions"]["code"] == "timeout"


async def test_an_unexpected_exception_leaks_nothing(client: httpx.AsyncClient) -> None:
    answer = await post(client, "{ broken }", Accept="application/graphql-response+json")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["errors"][0]["extensions"]["request_id"] == "r-1"


async def test_browsers_get_the_editor_or_are_told_how_to_build_it() -> None:
    async with make_client(make_app()) as client:
        answer = await client.get("/graphql", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "GraphiQL" in answer.text or "make web" in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]


async def test_a_subscription_by_plain_post_is_told_what_to_send(
    client: httpx.AsyncClient,
) -> None:
    answer = await post(client, "subscription { ticks(to: 1) }")
    assert answer.status_code == 405
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


def read_events(text: str) -> list[tuple[str, Any]]:
    events = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        if not block.startswith(":"):
            kind, data = (line.partition(": ")[2] for line in block.split("\n"))
            events.append((kind, json.loads(data) if data else None))
    return events


async def test_server_sent_events_carry_a_subscription_to_its_end(
    client: httpx.AsyncClient,
) -> None:
    answer = await post(
        client, "subscription { ticks(to: 2) }", Accept="text/event-stream", Authorization="ada"
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert read_events(answer.text) == [
        ("next", {"data": {"ticks": "ada 0"}}),
        ("next", {"data": {"ticks": "ada 1"}}),
        ("complete", None),
    ]


async def test_server_sent_events_carry_queries_and_errors_too(client: httpx.AsyncClient) -> None:
    answer = await post(client, "{ me }", Accept="text/event-stream")
    assert read_events(answer.text) == [("next", {"data": {"me": "nobody"}}), ("complete", None)]
    wrong = await post(client, "subscription { nothing }", Accept="text/event-stream")
    assert read_events(wrong.text)[0][1]["errors"][0]["extensions"] == {"code": "bad_request"}


async def test_a_reader_who_leaves_ends_the_subscription() -> None:
    arrived = asyncio.Event()
    body = json.dumps({"query": "subscription { ticks(to: 100000) }"}).encode()
    first = True

    async def receive() -> Any:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        await arrived.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if b"ticks" in message.get("body", b""):
            arrived.set()

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")],
    }
    await asyncio.wait_for(make_app()(scope, receive, send), 5)
    assert STATE["ended"] is True


class Socket:
    """A web socket client in the same event loop."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Any] = asyncio.Queue()
        self.from_app: asyncio.Queue[Any] = asyncio.Queue()

    async def send(self, message: Any) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> Any:
        """Return the next message, or the code with which the server closed."""
        message = await asyncio.wait_for(self.from_app.get(), 5)
        if message["type"] == "websocket.close":
            return message["code"]
        return json.loads(message["text"])

    async def open(self, **payload: Any) -> None:
        await self.send({"type": "connection_init", **payload})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str) -> None:
        await self.send({"id": id, "type": "subscribe", "payload": {"query": query}})


@asynccontextmanager
async def connect(**headers: str) -> AsyncIterator[Socket]:
    socket = Socket()
    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        "subprotocols": ["graphql-transport-ws"],
    }
    await socket.to_app.put({"type": "websocket.connect"})
    served = asyncio.create_task(
        make_app()(scope, socket.to_app.get, socket.from_app.put)  # type: ignore[arg-type]  # loose messages
    )
    first = await asyncio.wait_for(socket.from_app.get(), 5)
    if first["type"] != "websocket.accept":
        await socket.from_app.put(first)
    else:
        assert first["subprotocol"] == "graphql-transport-ws"
    yield socket
    await socket.to_app.put({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait_for(served, 5)


async def test_a_web_socket_authenticates_by_its_init_payload() -> None:
    async with connect() as socket:
        await socket.open(payload={"authorization": "Bearer ada"})
        await socket.subscribe("1", "subscription { ticks(to: 2) }")
        assert [await socket.receive() for _ in range(3)] == [
            {"id": "1", "type": "next", "payload": {"data": {"ticks": "ada 0"}}},
            {"id": "1", "type": "next", "payload": {"data": {"ticks": "ada 1"}}},
            {"id": "1", "type": "complete"},
        ]


@pytest.mark.parametrize("payload", [{}, {"payload": None}])
async def test_a_web_socket_without_credentials_is_nobody(payload: dict[str, None]) -> None:
    async with connect() as socket:
        await socket.open(**payload)
        await socket.subscribe("1", "{ me }")
        assert (await socket.receive())["payload"] == {"data": {"me": "nobody"}}


async def test_two_operations_on_one_web_socket_run_side_by_side() -> None:
    async with connect() as socket:
        await socket.open(payload={"authorization": "ada"})
        await socket.subscribe("slow", "{ after(seconds: 0.2) }")
        await socket.subscribe("fast", "{ me }")
        order = [(await socket.receive())["id"] for _ in range(4)]
        assert order == ["fast", "fast", "slow", "slow"]


async def test_a_web_socket_with_a_wrong_credential_is_closed() -> None:
    async with connect() as socket:
        await socket.send({"type": "connection_init", "payload": {"authorization": "wrong"}})
        assert await socket.receive() == 4403


async def test_a_web_socket_that_asks_before_signing_in_is_closed() -> None:
    async with connect() as socket:
        await socket.subscribe("1", "{ me }")
        assert await socket.receive() == 4401


async def test_a_web_socket_that_never_signs_in_is_closed() -> None:
    async with connect() as socket:
        assert await socket.receive() == 4408


async def test_a_web_socket_from_a_foreign_page_is_refused() -> None:
    async with connect(host="hub.test", origin="https://evil.example", cookie="s=1") as socket:
        assert await socket.receive() == 1008
    async with connect(host="hub.test", origin="http://hub.test", cookie="s=1") as socket:
        await socket.open()


async def test_a_bad_document_on_a_web_socket_is_an_error_and_the_next_operation_runs() -> None:
    async with connect() as socket:
        await socket.open()
        await socket.subscribe("1", "{ me ")
        refused = await socket.receive()
        assert (refused["id"], refused["type"]) == ("1", "error")
        assert refused["payload"][0]["extensions"] == {"code": "syntax"}
        await socket.subscribe("2", "{ missing }")
        answer = await socket.receive()
        assert answer["payload"]["errors"][0]["extensions"]["code"] == "not_found"
        assert await socket.receive() == {"id": "2", "type": "complete"}


async def test_a_credential_revoked_meanwhile_stops_the_next_operation() -> None:
    async with connect() as socket:
        await socket.open(payload={"authorization": "ada"})
        STATE["revoked"] = {"ada"}
        await socket.subscribe("1", "{ me }")
        refused = await socket.receive()
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "unauthenticated"


async def test_a_message_beyond_the_limit_closes_the_web_socket() -> None:
    async with connect() as socket:
        await socket.open()
        await socket.subscribe("1", "{ me }" + " " * 3000)
        assert await socket.receive() == 4400


async def test_leaving_a_web_socket_ends_its_subscriptions() -> None:
    async with connect() as socket:
        await socket.open()
        await socket.subscribe("1", "subscription { ticks(to: 100000) }")
        assert (await socket.receive())["payload"] == {"data": {"ticks": "nobody 0"}}
    assert STATE["ended"] is True
