"""The live model: what is served now. It follows the registry's champion, one version after another, without a pause.

A thread asks MLflow's REST interface every second. A new champion is read, checked byte for byte and asked once, all
beside the one that serves; then one reference changes. A version that fails is told of once, and tried again after a
while, and after longer and longer: its files may come to be there, or there may be room for it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from urllib.parse import urlsplit
from urllib.request import url2pathname
from weakref import ref

import httpx

from marquee.errors import ModelError, RegistryError
from marquee.memory import give_back
from marquee.registry import CHAMPION, MODEL
from marquee.serve.served import Served

_EVERY_S = 1.0
_PATIENCE_S = 3.0  # with the registry
_REST_S, _MOST_S = 10.0, 3600.0  # until a champion that failed is tried again, the first time and at most

_log = logging.getLogger("marquee.serve")


@dataclass(frozen=True)
class Version:
    name: str
    folder: Path


class Champion:
    """The registry's answer to who is champion."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE_S)

    def now(self) -> Version | None:
        """None if the registry has none; RegistryError if it does not say."""
        try:
            answer = self._client.get(
                "/api/2.0/mlflow/registered-models/alias", params={"name": MODEL, "alias": CHAMPION}
            )
            told = answer.json()
            if answer.status_code == 200:
                version = told["model_version"]
                return Version(str(version["version"]), _folder(version["source"]))
            if told.get("error_code") in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RegistryError(f"the registry does not answer: {type(error).__name__}: {error}") from None
        raise RegistryError(f"the registry answers {answer.status_code}")

    def close(self) -> None:
        self._client.close()


def _folder(source: str) -> Path:
    parts = urlsplit(source)
    if parts.scheme not in ("", "file"):
        raise RegistryError(f"its champion lies at {parts.scheme}:, but only folders of this machine can be served")
    return Path(url2pathname(parts.path)) / "model"


Opener = Callable[[Path, str, datetime], Served]


class LiveModel:
    """`served` is what to answer from; threads share it, and each answer takes it once."""

    def __init__(self, open_model: Opener, warm: Callable[[Served], None], champion: Champion | None) -> None:
        self._open, self._warm, self._champion = open_model, warm, champion
        self._served: Served | None = None
        self._former: ref[Served] | None = None  # was served before, and may still be answered from
        self._tried: str | None = None  # the version that was looked at last, whatever came of it
        self._again_at, self._rest_s = inf, _REST_S  # when that is tried again if it failed, and after how long
        self._said = ""  # of why it failed
        self.registry_is_away = False
        self.refused: str | None = None  # the champion that is not served, for it is broken
        self._ended = Event()
        self._thread = Thread(target=self._follow, name="live model", daemon=True)

    def served(self) -> Served:
        served = self._served
        if served is None:
            raise ModelError("there is no model to answer from yet; register one, or name its folder in MARQUEE_MODEL")
        return served

    @property
    def version(self) -> str | None:
        served = self._served
        return None if served is None else served.version

    @property
    def is_ready(self) -> bool:
        return self._served is not None

    def begin(self, folder: Path, is_named: bool) -> None:
        """Serves the champion; that folder where there is none, or none that can be served and the folder was named.

        A folder that nobody named is where the last training left its model, which may be one that the gate refused.
        """
        has_none = self._champion is None
        if self._champion is not None:
            has_none = self.look() and self._tried is None
            self._thread.start()
        if self._served is None and (has_none or is_named):
            self._change_to(Version("", folder))
        if self._served is None:
            _log.warning("no list can be made yet: there is no champion to be had, and MARQUEE_MODEL names no folder")

    def end(self) -> None:
        self._ended.set()
        if self._champion is not None:
            if self._thread.is_alive():
                self._thread.join()
            self._champion.close()

    def look(self) -> bool:
        """Asks once who is champion, and serves it if that is somebody new; whether the registry answered."""
        assert self._champion is not None
        try:
            version = self._champion.now()
        except RegistryError as error:
            self._note_away(error)
            return False
        if self.registry_is_away:
            _log.warning("the registry is back")
            self.registry_is_away = False
        if version is not None and version.name != self._tried:
            self._tried, self._rest_s, self._said = version.name, _REST_S, ""
            self._change_to(version)
        elif version is not None and monotonic() >= self._again_at:
            self._change_to(version)
        return True

    def _follow(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                self.look()
                self._give_back_former()
            except Exception:
                _log.exception("the champion was not looked for")

    def _give_back_former(self) -> None:
        """Not before the last answer from it: until then it is in use."""
        if self._former is not None and self._former() is None:
            self._former = None
            give_back()

    def _note_away(self, error: RegistryError) -> None:
        if not self.registry_is_away:
            _log.warning("%s; what is served stays", error)
            self.registry_is_away = True

    def _change_to(self, version: Version) -> None:
        try:
            served = self._opened(version)
        except Exception as error:
            self._refuse(version, f"{type(error).__name__}: {error}")
            return
        self._again_at = inf
        if self._served is None:
            give_back()
        else:
            self._former = ref(self._served)
        self._served, self.refused = served, None
        _log.info("version %s is served from now on", served.version)

    def _refuse(self, version: Version, why: str) -> None:
        self.refused = version.name
        self._again_at, self._rest_s = monotonic() + self._rest_s, min(2 * self._rest_s, _MOST_S)
        if why != self._said:
            _log.error("%s is not served: %s", version.folder, why)
            self._said = why

    def _opened(self, version: Version) -> Served:
        served = self._open(version.folder, version.name, datetime.now(UTC))
        self._warm(served)
        return served if version.name else replace(served, version=served.fingerprint[:12])
