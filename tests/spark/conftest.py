"""A real cluster for all claims: a standalone master and two workers of one core on loopback, and a session on it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyspark
import pytest

from marquee.model.folder import save_model
from marquee.model.recommender import Recommender
from marquee.params import Params
from marquee.spark.session import session
from tests.model.conftest import everything, fitted, small_params

__all__ = ["everything", "fitted"]

HOME = Path(pyspark.__file__).parent
LOOPBACK = "127.0.0.1"
ROWS = 4_000  # of whole viewers at a time: small worlds have several partitions


class Cluster:
    """Processes of Spark's own, each begun by its own script."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.master = self._begin("master.Master", "--host", LOOPBACK, "--port", str(self.port), "--webui-port", "0")
        self._wait_for_master()
        self.workers = [self._worker(), self._worker()]

    @property
    def url(self) -> str:
        return f"spark://{LOOPBACK}:{self.port}"

    def _worker(self) -> subprocess.Popen[bytes]:
        own = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(self.folder / "work")]
        return self._begin("worker.Worker", "--host", LOOPBACK, *own, self.url)

    def _begin(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}", *arguments]
        own = {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": LOOPBACK, "SPARK_DAEMON_MEMORY": "256m"}
        log = (self.folder / f"{role}.log").open("ab")
        with log:
            return subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)

    def _wait_for_master(self) -> None:
        until = time.monotonic() + 90
        while time.monotonic() < until and self.master.poll() is None:
            with socket.socket() as asked:
                if asked.connect_ex((LOOPBACK, self.port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError((self.folder / "master.Master.log").read_text())

    def lose(self, worker: subprocess.Popen[bytes]) -> None:
        """As if its machine were gone: the worker, its executor and whatever runs in it."""
        for process in (*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)):
            process.kill()
        worker.wait()

    def end(self) -> None:
        for process in (*self.workers, self.master):
            if process.poll() is None:
                self.lose(process)


def free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    assert shutil.which("java"), "Spark runs on Java 17 or newer: apt-get install default-jre-headless"
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.end()


@pytest.fixture(scope="session")
def params(cluster: Cluster) -> Iterator[Params]:
    """A recipe for small worlds, to be made on the cluster."""
    settings = {
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.driver.memory": "1g",
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
    }
    of = {"master": cluster.url, "settings": settings, "rows": ROWS}
    params = small_params(f"spark={of}", "engine=spark")
    yield params
    session(params.spark).stop()


@pytest.fixture(scope="session")
def model(fitted: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    save_model(folder, fitted.contents({}))
    return folder
