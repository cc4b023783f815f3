"""Whoever calls out is written down: what every Python process looks up or connects to, other than this machine.

`environment` is laid over that of a process; those that it begins inherit it. `calls` are what they did.
"""

import os
from collections.abc import Mapping
from pathlib import Path

_HOOK = """
import os, sys

_NEAR = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", os.uname().nodename}

def _look(event, told):
    if event == "socket.getaddrinfo":
        host = told[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(told[1], tuple):
        host = told[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host or ""
    if host not in _NEAR:
        with open(os.environ["OUTWARD"], "a") as log:
            print(event, host, sys.argv, file=log)

sys.addaudithook(_look)
"""


def environment(folder: Path) -> Mapping[str, str]:
    (folder / "hook").mkdir()
    (folder / "hook/sitecustomize.py").write_text(_HOOK)
    path = os.pathsep.join([str(folder / "hook"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "OUTWARD": str(folder / "outward")}


def calls(folder: Path) -> list[str]:
    log = folder / "outward"
    return log.read_text("utf-8").splitlines() if log.exists() else []
