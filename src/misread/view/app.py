"""The page behind 127.0.0.1: nobody else reaches it, and it serves nothing else."""

import json
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from misread.errors import DataError, MisreadError, StudyError
from misread.images import Images
from misread.readers.answers import Answer
from misread.view.models import (
    MOST_DRAWN_BYTES,
    MOST_PHOTO_BYTES,
    drawn_digit,
    photographed_digits,
)
from misread.view.site import Site

HOST = "127.0.0.1"
_MOST_ANSWER_BYTES = 10_000
_CLOSING_SECONDS = 2
# What a picture is, how large it may be, and what finds its digits.
_KINDS: dict[str, tuple[int, Callable[[bytes], Images]]] = {
    "drawing": (MOST_DRAWN_BYTES, drawn_digit),
    "photo": (MOST_PHOTO_BYTES, photographed_digits),
}


class TooLargeError(MisreadError):
    """An upload is larger than it may be."""


def app_of(site: Site, port: int) -> ASGIApp:
    """Return the application of a page that is asked for at a port of this machine."""

    async def page(_request: Request) -> Response:
        return HTMLResponse(site.html)

    async def flags(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse(await run_in_threadpool(site.flags.read))
        name, answer = _asked(await _body(request, _MOST_ANSWER_BYTES))
        return JSONResponse(await run_in_threadpool(site.flags.give, name, answer))

    async def read(request: Request) -> Response:
        if site.models is None:
            msg = "there are no models here that could read it."
            raise StudyError(msg)
        kind = request.query_params.get("kind", "")
        if kind not in _KINDS:
            msg = f"{kind!r:.80} is neither a drawing nor a photo."
            raise DataError(msg)
        most, digits_of = _KINDS[kind]
        content = await _body(request, most)
        images = await run_in_threadpool(digits_of, content)
        arms = list(dict.fromkeys(request.query_params.getlist("arm")))
        return JSONResponse(await run_in_threadpool(site.models.read, images, arms))

    routes = [
        Route("/", page),
        Route("/flags", flags, methods=["GET", "POST"]),
        Route("/read", read, methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={MisreadError: _sentence})
    return _Guard(app, site, port)


async def _sentence(_request: Request, error: Exception) -> Response:
    status = 413 if isinstance(error, TooLargeError) else 422
    return JSONResponse({"error": str(error)}, status_code=status)


async def _body(request: Request, most: int) -> bytes:
    """Return what was sent, of which nothing is kept once it is too large."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            msg = f"that is more than {most / 1e6:g} MB; send something smaller."
            raise TooLargeError(msg)
    return bytes(content)


def _asked(content: bytes) -> tuple[str, Answer | None]:
    """Return the image and the answer of a request; an answer "" takes one back."""
    try:
        asked: Any = json.loads(content)
        return str(asked["id"]), Answer(asked["answer"]) if asked["answer"] else None
    except (ValueError, LookupError, TypeError):
        msg = 'write {"id": …, "answer": …} with keep, wrong, unclear or "".'
        raise DataError(msg) from None


class _Guard:
    """Refuses whoever asks by another name, or from another page; says what a browser may load."""

    def __init__(self, app: ASGIApp, site: Site, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        scripts = " ".join(f"'{it}'" for it in site.scripts)
        self._headers = {
            "content-security-policy": (
                f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
                "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'"
            ),
            "cross-origin-resource-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        headers = Headers(scope=scope)
        origin = headers.get("origin")
        known = origin is not None and origin.removeprefix("http://") in self._hosts
        is_allowed = known or (origin is None and scope["method"] in ("GET", "HEAD"))
        app = self._app
        if headers.getlist("host")[1:] or headers.get("host") not in self._hosts or not is_allowed:
            app = PlainTextResponse("Only this machine's own page may ask.\n", status_code=403)
        await app(scope, receive, with_headers)


def listening(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1; port 0 takes any that is free.

    StudyError if the port is in use, or not allowed.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        msg = f"port {port} cannot be used ({error.strerror}); name another one with --port."
        raise StudyError(msg) from None
    return listener


def serving(site: Site, listener: socket.socket) -> uvicorn.Server:
    """Return the server of a page, which is to `run` with the socket."""
    config = uvicorn.Config(
        app_of(site, listener.getsockname()[1]),
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_CLOSING_SECONDS,
    )
    return uvicorn.Server(config)
