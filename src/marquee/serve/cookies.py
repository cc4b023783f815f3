"""Cookies: who asks from a browser, and whether it is our own page that made the browser ask.

A viewer's cookie holds a signed token, as an app's own would; an operator's holds their API key. Both count where no
Authorization is sent, each in its place: the key's under `/operator/`, the viewer's everywhere else but under `/page/`,
where it is decided who one is. No script reads them, and no other site's request carries them.
"""

import re
from datetime import timedelta

from fastapi import Request, Response

from marquee.errors import AccessError, ForbiddenError

VIEWER, KEY = "marquee_viewer", "marquee_key"
STAYS = timedelta(days=30)
_OPERATOR = "/operator/"
_THIS_MACHINE = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def credential_in(request: Request) -> str | None:
    path = request.scope["path"]
    if path.startswith("/page/"):
        return None
    return request.cookies.get(KEY if path.startswith(_OPERATOR) else VIEWER)


def refuse_elsewhere(request: Request) -> None:
    """Browsers tell where a request began. Programs tell nothing, and nobody makes them ask unawares."""
    if request.method in _SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_own = site in {"same-origin", "none"}
    else:
        is_own = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if not is_own:
        raise ForbiddenError("another site made this browser ask; only Marquee's own page may")


def refuse_other_names(request: Request) -> None:
    """Who needs no credential is on this machine; but a site may give its own name to this machine's address."""
    name = request.headers.get("host", "localhost")
    if not _THIS_MACHINE.fullmatch(name):
        raise AccessError(f"no API key or token; without one, this machine is asked as localhost, not as {name[:80]!r}")


def keep(request: Request, response: Response, name: str, value: str) -> None:
    _drop_former(response, name)
    seconds, is_secure = int(STAYS.total_seconds()), _came_by_https(request)
    response.set_cookie(name, value, seconds, path=_place(name), httponly=True, samesite="strict", secure=is_secure)


def drop(response: Response, name: str) -> None:
    _drop_former(response, name)
    response.delete_cookie(name, _place(name), httponly=True, samesite="strict")


def _drop_former(response: Response, name: str) -> None:
    """The key's may still be kept for the whole host, and would be sent besides."""
    if _place(name) != "/":
        response.delete_cookie(name, httponly=True, samesite="strict")


def _place(name: str) -> str:
    """Browsers tell no port from another: what is kept for the whole host, its other services get as well."""
    return _OPERATOR if name == KEY else "/"


def _came_by_https(request: Request) -> bool:
    """Also to a proxy that ends TLS; who makes that up makes up only what becomes of their own cookie."""
    told = request.headers.get("x-forwarded-proto", "").partition(",")[0]
    return "https" in (request.scope["scheme"], told.strip().lower())
