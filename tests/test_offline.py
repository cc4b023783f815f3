"""With the network closed: the service begins and answers, and whoever tries to call out is noticed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import outward
from tests.serve.running import saved

# A room with no network but a loopback of its own.
CLOSED = ["unshare", "--net", "--map-root-user"]

ASK = """
import fcntl, json, socket, struct, subprocess, sys, time, urllib.error, urllib.request

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x49))  # loopback is up and running
try:
    socket.create_connection(("192.0.2.1", 80), 1)
    sys.exit("the network is open")
except TimeoutError:
    sys.exit("the network is open")
except OSError:
    pass

def ask(path, body=None):
    data = body and json.dumps(body).encode()
    request = urllib.request.Request("http://127.0.0.1:3000" + path, data, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))

def wait_until_ready():
    for _ in range(1_000):
        try:
            return ask("/readyz")["ready"]
        except OSError:
            assert service.poll() is None, "it ended"
            time.sleep(0.2)
    sys.exit("it does not get ready")

command = [sys.executable, "-m", "bentoml", "serve", "marquee.serve.service:marquee"]
service = subprocess.Popen(command, stdout=sys.stderr)
try:
    wait_until_ready()
    print(json.dumps(ask("/recommend", {"user_id": 6, "k": 5})["titles"]))
finally:
    service.terminate()
    service.wait(60)
"""


def can_close() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*CLOSED, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.timeout(400)
@pytest.mark.skipif(not can_close(), reason="the system lets nobody close the network for one process")
def test_with_the_network_closed_the_service_recommends(tmp_path: Path) -> None:
    settings = {"MARQUEE_MODEL": str(saved(tmp_path / "model")), "BENTOML_HOME": str(tmp_path / "bentoml")}
    done = subprocess.run(
        [*CLOSED, sys.executable, "-c", ASK],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(done.stdout)) == 5


def test_one_that_calls_out_is_noticed_also_of_a_process_that_another_began(tmp_path: Path) -> None:
    near = "import socket; socket.create_server(('127.0.0.1', 0)).getsockname(); socket.getaddrinfo('localhost', 80)"
    far = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 80))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {far!r}])"
    environment = os.environ | outward.environment(tmp_path)
    subprocess.run([sys.executable, "-c", near], env=environment, check=True)
    assert outward.calls(tmp_path) == []
    subprocess.run([sys.executable, "-c", parent], env=environment, check=True, stderr=subprocess.DEVNULL)
    (call,) = outward.calls(tmp_path)
    assert call.startswith("socket.connect 192.0.2.1")
