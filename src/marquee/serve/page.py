"""The page at `/`: the files of web/, each under an address that changes with what is in them, and nobody else's.

There is no build step: web/ is plain HTML, CSS and ES modules, and `/web/<hash of all of it>/NAME` is one of its files,
kept by browsers for good. Under another hash it is the same file, kept by nobody: while two releases answer at one
address, and when a page of a release before opens a view. A view is a module with `show(main, place, anew)`, named in
`VIEWS` of app.js; what it may use:

  dom.js     h(tag, attributes, ...children), svg(...): elements, of text alone; nothing here is ever parsed as HTML
  api.js     get, post, put, remove: our own endpoints as JSON; what was refused is a Refused with words for people
  charts.js  bars and columns, with a table for who cannot see them
  toast.js   says what was done, with a way back
  release.js fetches what is imported when it is first opened, by a page whose release may be over
  app.css    the tokens (--ground, --ink, --gold, ...) hold by day and by night; .panel, .button, .field, .table

operator.js is loaded when somebody opens `#/operator`, and whatever else it imports with it. Its endpoints lie under
`/operator/`: there the cookie of an API key counts (session.py), and nowhere the one of a viewer.

Nothing inline, nothing from elsewhere: the policy below forbids it. Pictures of other addresses are asked for only in a
browser that said so (the cookie of `ARTWORK`).
"""

import gzip
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from fastapi import APIRouter, HTTPException, Request, Response

ARTWORK = "marquee_artwork"
_ADDRESS = "{{web}}"  # in index.html, of all the others
_FOR_GOOD = "public, max-age=31536000, immutable"
_PACKED = ("text/", "image/svg+xml")
_TYPES = MappingProxyType({".js": "text/javascript", ".woff2": "font/woff2"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self'"
)
_HEADERS = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
)


@dataclass(frozen=True)
class _File:
    kind: str
    plain: bytes
    packed: bytes | None

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        told = {**_HEADERS, "vary": "accept-encoding", **headers}
        if self.packed is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.plain, media_type=self.kind, headers=told)
        return Response(self.packed, media_type=self.kind, headers={**told, "content-encoding": "gzip"})


def page_routes() -> APIRouter:
    """Of the files as they are now: a service serves one page until it ends."""
    texts = dict(_read(files("marquee.serve") / "web", ""))
    version = _digest(b"".join(name.encode() + content for name, content in sorted(texts.items())))
    index = _file("index.html", texts.pop("index.html").replace(_ADDRESS.encode(), f"/web/{version}".encode()))
    known = {name: _file(name, content) for name, content in texts.items()}
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        from_elsewhere = " https:" if ARTWORK in request.cookies else ""
        headers = {
            "etag": f'"{version}{"-artwork" if from_elsewhere else ""}"',
            "cache-control": "no-cache",
            "content-security-policy": _POLICY + from_elsewhere,
            "vary": "accept-encoding, cookie",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return index.answer(request, headers)

    @routes.api_route("/web/{of}/{name:path}", methods=["GET", "HEAD"])
    async def file(of: str, name: str, request: Request) -> Response:
        if name not in known:
            raise HTTPException(404, {"code": "not_found", "message": "the page has changed since; load it anew"})
        return known[name].answer(request, {"cache-control": _FOR_GOOD if of == version else "no-store"})

    return routes


def _read(folder: Traversable, above: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{above}{entry.name}/")
        else:
            yield f"{above}{entry.name}", entry.read_bytes()


def _file(name: str, content: bytes) -> _File:
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    packed = gzip.compress(content, 9, mtime=0) if kind.startswith(_PACKED) else None
    return _File(kind, content, packed)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()
