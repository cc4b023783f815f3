"""Access: who asks, and what they may. API keys speak for programs, signed tokens for one viewer each.

As long as no key was ever made, whoever is on this machine may do everything: that is the demo world. The first key
closes the service, also one that runs. Keys are read anew every second, so that a revoked one ends within about one.
"""

import hmac
import logging
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Event, Thread
from types import MappingProxyType

import jwt

from marquee.data.api_keys import SCOPES, ApiKey, ApiKeys, digest_of, known_scopes, parts_of
from marquee.errors import AccessError, ForbiddenError, ServiceError, StoreError
from marquee.serve.settings import is_loopback

EVERYTHING = frozenset(SCOPES)
OPEN = "open"
_ALGORITHM = "HS256"
_BEGAN = "auth_time"
VALID = timedelta(days=1)
_EVERY_S = 1.0
_USES_EVERY = 10  # refreshes between two times that last uses are written
_NO_DIGEST = "0" * 64  # what an unknown key is compared with, so that it takes as long as a known one

_log = logging.getLogger("marquee.serve")


@dataclass(frozen=True)
class Caller:
    """Who asks; a viewer may do everything, but with their own data alone."""

    name: str
    scopes: frozenset[str]
    user_id: int | None = None
    session_began: datetime | None = None  # of who shows a token that the page made

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise ForbiddenError(f"this key has no scope {scope!r}; make one with `marquee keys create`")

    @property
    def is_unlimited(self) -> bool:
        return self.name == OPEN

    def require_nobody(self) -> None:
        if self.user_id is not None:
            raise ForbiddenError("a viewer's token is for their own data alone; this needs an API key")

    def require_viewer(self, user_id: int | None) -> None:
        if self.user_id is not None and user_id is not None and user_id != self.user_id:
            raise ForbiddenError("this token is another viewer's; a viewer reads and writes their own data alone")


class Tokens:
    """Signed, each for one viewer and until a moment."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(
        self, user_id: int, now: datetime, valid: timedelta = VALID, session_began: datetime | None = None
    ) -> tuple[str, datetime]:
        """The token, and until when it holds. By when its session began the page knows its own, which it may renew."""
        until = now + valid
        claims = {"sub": str(user_id), "iat": now, "exp": until}
        if session_began is not None:
            claims[_BEGAN] = int(session_began.timestamp())
        return jwt.encode(claims, self._secret, _ALGORITHM), until

    def caller(self, token: str) -> Caller:
        try:
            claims = jwt.decode(token, self._secret, [_ALGORITHM], options={"require": ["sub", "exp"]})
            user_id, began = int(claims["sub"]), claims.get(_BEGAN)
            session_began = None if began is None else datetime.fromtimestamp(int(began), UTC)
        except jwt.ExpiredSignatureError:
            raise AccessError("this token has expired; ask for another") from None
        except (jwt.InvalidTokenError, ValueError):
            raise AccessError("neither an API key nor a token of this service") from None
        return Caller(f"viewer {user_id}", EVERYTHING, user_id, session_began)


class Access:
    """Threads share one; a thread of its own keeps it up to date."""

    def __init__(self, keys: ApiKeys, tokens: Tokens) -> None:
        self._keys, self._tokens = keys, tokens
        self._known: Mapping[str, ApiKey] = MappingProxyType({})
        self._used: dict[str, datetime] = {}
        self._ended = Event()
        self._thread = Thread(target=self._keep, name="access", daemon=True)
        self._refresh()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._write_uses()

    def caller(self, credential: str | None, host: str | None) -> Caller:
        """Of a key or token, and the address that asks."""
        if credential is None:
            return self._stranger(host)
        if parts := parts_of(credential):
            return self._of_key(*parts)
        return self._tokens.caller(credential)

    def _stranger(self, host: str | None) -> Caller:
        if not self._known and (host is None or is_loopback(host)):
            return Caller(OPEN, EVERYTHING)
        raise AccessError("no API key or token; send one as `Authorization: Bearer ...`")

    def _of_key(self, key_id: str, secret: str) -> Caller:
        key = self._known.get(key_id)
        same = hmac.compare_digest(key.digest if key else _NO_DIGEST, digest_of(secret))
        if key is None or not same or key.revoked_at is not None:
            raise AccessError("this API key is unknown or was revoked; make one with `marquee keys create`")
        self._used[key_id] = datetime.now(UTC)
        return Caller(f"key {key_id}", known_scopes(key.scopes.split()))

    def _keep(self) -> None:
        """Whatever fails, such as a store that is away, changes nothing: the keys known last still hold."""
        rounds = 0
        while not self._ended.wait(_EVERY_S):
            rounds += 1
            try:
                self._refresh()
                if rounds % _USES_EVERY == 0:
                    self._write_uses()
            except StoreError:
                continue
            except Exception:
                _log.exception("keys were not read anew")

    def _refresh(self) -> None:
        self._known = MappingProxyType({key.key_id: key for key in self._keys.all()})

    def _write_uses(self) -> None:
        used, self._used = self._used, {}
        try:
            self._keys.note_use(used)
        except StoreError:
            _log.warning("when %d keys were used last is not written: the event store is away", len(used))


def token_secret(state: Path) -> str:
    """The one kept in the state folder; made the first time, for its owner alone to read."""
    path = state / "token_secret"
    try:
        state.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_secret(path)
        return _kept(path)
    except OSError as error:
        raise ServiceError(f"{path}: {error}; set MARQUEE_STATE to a folder that can be written") from None


def _make_secret(path: Path) -> None:
    """Of several workers that begin together one makes it, and it is there as a whole or not at all."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret-") as file:  # such a file is its owner's alone
        file.write(secrets.token_urlsafe(48))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)


def _kept(path: Path) -> str:
    secret = path.read_text("utf-8")
    if len(secret) < 32:
        raise ServiceError(f"{path}: too short for a secret; remove it, and another is made")
    return secret


def check_address(host: str, keys: ApiKeys) -> None:
    """Refuses to be open to everybody."""
    if not is_loopback(host) and all(key.revoked_at is not None for key in keys.all()):
        raise ServiceError(
            f"{host} can be reached from elsewhere, and there is no API key, so everybody could ask; "
            "make one with `marquee keys create NAME`, or listen on 127.0.0.1"
        )
