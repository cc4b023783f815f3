"""Cookies: who asks from a browser, and whether it is our own page that made the browser ask.

A viewer's cookie holds a signed token, as an app's own would; an operator's holds their API key. Both count where no
Authorization is sent, each in its place: the key's under `/operator/`, the viewer's everywhere else but under `/page/`,
where it is decided who one is. No script reads them, and no other site's request carries them.
"""

from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response

from marquee.errors import ForbiddenError

VIEWER, KEY = "marquee_viewer", "marquee_key"
STAYS = timedelta(days=30)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def credential_in(request: Request) -> str | None:
    path = request.url.path
    if path.startswith("/page/"):
        return None
    return request.cookies.get(KEY if path.startswith("/operator/") else VIEWER)


def refuse_elsewhere(request: Request) -> None:
    """Browsers tell where a request began. Programs tell nothing, and nobody makes them ask unawares."""
    if request.method in _SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_own = site in {"same-origin", "none"}
    else:
        is_own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_own:
        raise ForbiddenError("another site made this browser ask; only Marquee's own page may")


def keep(request: Request, response: Response, name: str, value: str) -> None:
    seconds, is_secure = int(STAYS.total_seconds()), request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="strict", secure=is_secure)


def drop(response: Response, name: str) -> None:
    response.delete_cookie(name, httponly=True, samesite="strict")
