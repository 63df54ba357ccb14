"""The GraphQL endpoint: POST JSON, server-sent events, web sockets, and the page for browsers.

The HTTP path is written out here instead of taken from the library, because the order matters: the
method, the content type, the CSRF rule and the size are settled before a byte of the body is kept,
and the actor is loaded before the document is looked at. Web sockets use the library's
graphql-transport-ws handler with a context per operation. Queries by GET are refused: a cookie
would travel with them from any page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import orjson
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import process_result
from strawberry.http.streaming import SSETransport, merge_stream_with_heartbeat
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from resolvers.context import Context
from resolvers.errors import error_extensions
from resolvers.hub_schema import HubSchema
from store.errors import HubError, Invalid, Throttled, Unauthenticated
from web.bodies import read_body
from web.pages import graphiql_response

ContextFactory = Callable[[Request | WebSocket, Mapping[str, Any] | None], Awaitable[Context]]
"""Makes the context of one operation; the mapping is a socket's ``connection_init`` payload.

Raises a `HubError` (Unauthenticated, Throttled) to refuse.
"""

RequestCheck = Callable[[Request], None]
"""Raises `Forbidden` when a request carries a cookie without the CSRF token."""

STATUS = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "throttled": 429,
    "unavailable": 503,
    "timeout": 504,
    "internal": 500,
}
"""HTTP status of an error before execution; what is not here is 400."""

_LINGER_SECONDS = 5.0
_LINGER_BYTES = 64 << 20
_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Bounds and places the endpoint needs; sizes in bytes, times in seconds."""

    body_limit: int = 1 << 20
    allowed_origins: tuple[str, ...] = ()
    init_timeout: float = 10.0
    operations_per_socket: int = 100
    heartbeat: float = 15.0


class Refused(Exception):
    """A request that is answered before any document is looked at."""

    def __init__(
        self,
        status: int,
        message: str,
        extensions: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"errors": [{"message": message, "extensions": dict(extensions)}]}
        self.headers = dict(headers or {})

    @classmethod
    def by(cls, error: HubError) -> Refused:
        """Phrase an error of the domain as an HTTP answer."""
        headers = {}
        if isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = 'Bearer realm="imagehub"'
        if isinstance(error, Throttled):
            headers["Retry-After"] = str(max(1, round(error.retry_after)))
        status = STATUS.get(error.code, 400)
        if status == 413:
            # What is left of the body is not looked at, so the connection cannot be used again.
            headers["Connection"] = "close"
        return cls(status, error.message, error_extensions(error), headers)


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation as it came in a POST."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class GraphQLEndpoint(GraphQL[Any, None]):
    """An ASGI application for one path, for ``http`` and ``websocket`` scopes."""

    def __init__(
        self,
        schema: HubSchema,
        context_factory: ContextFactory,
        check_request: RequestCheck,
        settings: EndpointSettings | None = None,
    ) -> None:
        self.settings = settings or EndpointSettings()
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=self.settings.init_timeout),
            max_subscriptions_per_connection=self.settings.operations_per_socket,
            allowed_origins=self.settings.allowed_origins,
        )
        self.graphql_transport_ws_handler_class = SocketHandler
        self._context_factory = context_factory
        self._check_request = check_request
        self._events = SSETransport(self.settings.heartbeat)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            response = await self.answer(request)
        except Refused as refused:
            kind = LastWord if refused.status == 413 else Response
            response = _json(
                refused.body, refused.status, _media_type(request), refused.headers, kind
            )
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Return the response to one HTTP request; raises `Refused`."""
        if request.method == "GET" and "query" not in request.query_params:
            return self._page()
        if request.method != "POST":
            raise Refused(
                405,
                f"GraphQL is asked by POST, not {request.method}; GET without a query shows the "
                "editor.",
                {"code": "bad_request"},
                {"Allow": "GET, POST"},
            )
        try:
            _require_json(request)
            self._check_request(request)
            asked = read_operation(await read_body(request, self.settings.body_limit))
            context = await self.make_context(request, None)
        except HubError as error:
            raise Refused.by(error) from error
        if self._events.accepts(request.headers.get("accept", "")):
            return self._stream(asked, context)
        return await self._execute(request, asked, context)

    async def make_context(
        self, request: Request | WebSocket, parameters: Mapping[str, Any] | None
    ) -> Context:
        """Return a fresh context that can renew itself from the same credential."""
        context = await self._context_factory(request, parameters)
        context.renewal = lambda: self._context_factory(request, parameters)
        return context

    def _page(self) -> Response:
        return graphiql_response()

    async def _execute(self, request: Request, asked: Asked, context: Context) -> Response:
        media_type = _media_type(request)
        try:
            result = await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types={OperationType.QUERY, OperationType.MUTATION},
            )
        except MissingQueryError as error:
            raise Refused.by(Invalid("query", "is empty; send a GraphQL document.")) from error
        except CannotGetOperationTypeError as error:
            reason = error.as_http_error_reason()
            raise Refused.by(Invalid("operationName", reason)) from error
        except InvalidOperationTypeError as error:
            raise Refused(
                405,
                "Subscriptions need `Accept: text/event-stream` or a web socket.",
                {"code": "bad_request"},
            ) from error
        return _json(process_result(result), _result_status(result, media_type), media_type)

    def _stream(self, asked: Asked, context: Context) -> Response:
        async def results() -> AsyncGenerator[str, None]:
            stream = await self.schema.stream(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
            )
            async with aclosing(stream):
                async for result in stream:
                    body = process_result(cast("ExecutionResult", result))
                    yield self._events.encode_next(body, self.encode_json_string)
            yield self._events.encode_complete()

        merged = merge_stream_with_heartbeat(
            results,
            lambda: self._events.heartbeat_message(self.encode_json_string),
            self.settings.heartbeat,
            send_initial_heartbeat=False,
        )
        return EventStream(merged(), headers=self._events.headers)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Opened:
        """Return what the socket's handler starts with; HTTP requests do not come this way."""
        return Opened(cast("WebSocket", request))

    async def on_ws_connect(self, context: Opened) -> UnsetType:
        """Accept ``connection_init`` if its credential is good; else close with 4403."""
        try:
            await self.make_context(context.socket, context.connection_params or {})
        except HubError as error:
            raise ConnectionRejectionError from error
        return cast("UnsetType", UNSET)

    def encode_json(self, data: object) -> str:
        """Encode a web socket message; text, since clients expect text frames."""
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        """Decode a web socket message within the body limit; else the socket is closed."""
        if len(data) > self.settings.body_limit:
            raise json.JSONDecodeError("the message is beyond the limit", "", 0)
        return orjson.loads(data)


@dataclass
class Opened:
    """A web socket before any operation: its ``connection_init`` payload is the credential."""

    socket: WebSocket
    connection_params: dict[str, Any] | None = None


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """graphql-transport-ws with a context per operation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened: Opened = self.context

    async def handle_connection_init(self, message: Any) -> None:
        """Take a null payload as none, as clients without credentials send it."""
        if message.get("payload") is None:
            message = {"type": "connection_init"}
        await super().handle_connection_init(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Run one operation as whoever the credential stands for now."""
        endpoint = cast("GraphQLEndpoint", self.view)
        opened = self._opened
        try:
            context = await endpoint.make_context(opened.socket, opened.connection_params or {})
        except HubError as error:
            refused = GraphQLError(error.message, extensions=error_extensions(error))
            await operation.send_initial_errors([refused])
            return
        # The base class reads `self.context` before it first waits, so operations cannot mix.
        self.context = context
        await super().run_operation(operation)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """Answer a document that cannot be parsed with an error; other operations go on."""
        return None


class EventStream(StreamingResponse):
    """A stream that ends its generator, and with it the subscription, as soon as nobody reads."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await cast("AsyncGenerator[str, None]", self.body_iterator).aclose()


class LastWord(Response):
    """An answer given while the client is still sending.

    Most clients read only when they have written all, and closing at once would reset them, so what
    still comes is thrown away for a while first.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        thrown = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while thrown < _LINGER_BYTES:
                    message = await receive()
                    thrown += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        break
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def read_operation(body: bytes) -> Asked:
    """Return the operation in a POST body; raises `Invalid` naming the member that is wrong."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("body", f"is not JSON: {error}.") from error
    if isinstance(data, list):
        raise Invalid("body", "is a list; send one operation per request.")
    if not isinstance(data, dict):
        raise Invalid("body", "must be an object with a query.")
    if not isinstance(data.get("query"), str):
        raise Invalid("query", "must be the text of a GraphQL document.")
    if not isinstance(data.get("variables"), dict | None):
        raise Invalid("variables", "must be an object.")
    if not isinstance(data.get("operationName"), str | None):
        raise Invalid("operationName", "must be a text.")
    return Asked(data["query"], data.get("variables"), data.get("operationName"))


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if kind != _JSON or encoding != "identity":
        found = f"{kind or 'nothing'}" + (f", {encoding}" if encoding != "identity" else "")
        raise Refused(
            415,
            f"The content type must be {_JSON}, not compressed; found {found}.",
            {"code": "unsupported"},
            {"Accept": _JSON},
        )


def _media_type(request: Request) -> str:
    return _GRAPHQL_JSON if _GRAPHQL_JSON in request.headers.get("accept", "") else _JSON


def _result_status(result: ExecutionResult, media_type: str) -> int:
    """Return 200, or for an operation that was not run what GraphQL over HTTP asks for.

    With ``application/json`` clients expect 200 even for an invalid document; time-outs are told
    by status to both kinds.
    """
    codes = [(error.extensions or {}).get("code") for error in result.errors or ()]
    if result.data is not None or not codes:
        return 200
    if "timeout" in codes:
        return STATUS["timeout"]
    if media_type == _JSON:
        return 200
    return STATUS.get(str(codes[0]), 400)


def _json(
    body: object,
    status: int,
    media_type: str,
    headers: Mapping[str, str] | None = None,
    kind: type[Response] = Response,
) -> Response:
    return kind(
        orjson.dumps(body),
        status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=f"{media_type}; charset=utf-8",
    )


__all__: Sequence[str] = ("ContextFactory", "EndpointSettings", "GraphQLEndpoint", "RequestCheck")
