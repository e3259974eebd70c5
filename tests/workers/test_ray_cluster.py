"""Runs on a Ray cluster: two real nodes, one of them lost; the same bytes as here."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands import environment, stable_bytes
from misread.errors import ExtraError, StudyError
from misread.workers.pool import Ended, Reported
from misread.workers.ray_cluster import RayPool, stream


def work(order, report):
    report(order)
    report(order + 1)


def test_a_node_yields_what_its_worker_reports():
    from misread import __version__

    assert list(stream(__version__, work, 1)) == [Reported(1), Reported(2), Ended()]


def test_a_node_with_another_version_is_refused():
    (ended,) = stream("0.0.1", work, 1)
    assert str(ended.error).startswith("a node of the cluster has misread ")
    assert str(ended.error).endswith("but this is 0.0.1; install the same version on every node.")


def test_without_ray(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        ExtraError, match=r"needs ray, which is not installed; type: pip install 'misread\[ray\]'"
    ):
        RayPool(work, 1).start(1)


def test_the_client_of_ray_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(StudyError, match="with RAY_ADDRESS=auto"):
        RayPool(work, 1).start(1)


def ray_run(study, out, address, *options):
    command = ["run", study, "--smoke", "--executor", "ray", "--out", out, *options]
    return subprocess.Popen(
        [sys.executable, "-m", "misread", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(RAY_ADDRESS=address),
    )


def test_an_address_where_nobody_answers(tmp_path):
    done = ray_run("four-nine", tmp_path, "127.0.0.1:1")
    told = done.communicate(timeout=900)[1]
    assert done.returncode == 2
    assert "no Ray cluster answers at RAY_ADDRESS=127.0.0.1:1 (" in told
    assert "start one with `ray start --head`" in told
    assert "Traceback" not in told


def test_an_address_that_is_none(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(StudyError, match="no Ray cluster answers at RAY_ADDRESS=nonsense"):
        RayPool(work, 1).start(1)


def test_a_cluster_that_refuses_us(monkeypatch):
    """As one with a token does; Ray itself takes half a minute to say so."""
    import ray

    def refuse(**_):
        msg = "Failed to connect to Ray cluster at 127.0.0.1\nand more"
        raise ConnectionError(msg)

    with socket.create_server(("127.0.0.1", 0)) as there:
        address = f"127.0.0.1:{there.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        monkeypatch.setattr(ray, "init", refuse)
        with pytest.raises(StudyError) as refused:
            RayPool(work, 1).start(1)
    assert str(refused.value).startswith(
        f"Ray does not start at RAY_ADDRESS={address} "
        "(Failed to connect to Ray cluster at 127.0.0.1); look whether"
    )
    assert "RAY_AUTH_MODE=token" in str(refused.value)


@contextmanager
def two_nodes(monkeypatch):
    """Yield a cluster of two nodes with one CPU each, and the second one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        scratch = tempfile.mkdtemp(prefix="ray-")  # a socket's path must be short
        # Ray writes its address into its default folder, which a fresh machine does not have.
        monkeypatch.setenv("RAY_TMPDIR", scratch)
        Path(scratch, "ray").mkdir()
        head = {"num_cpus": 1, "include_dashboard": False, "temp_dir": scratch}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            yield cluster, cluster.add_node(num_cpus=1)
        finally:
            cluster.shutdown()
            shutil.rmtree(scratch, ignore_errors=True)


def is_at_work(node) -> bool:
    """Return whether a run is under way on a node."""
    (raylet,) = (info.process.pid for info in node.all_processes["raylet"])
    command = ["pgrep", "-P", str(raylet), "-f", "ray::stream"]
    return bool(subprocess.run(command, capture_output=True).stdout)


@pytest.mark.timeout(2400)  # on two idle cores it takes a minute
def test_a_node_is_lost_in_mid_run_and_the_bytes_are_those_of_here(
    small_toml, small, tmp_path, monkeypatch
):
    """The stand-in trains, for it does not matter what does."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "200")  # half a minute on a busy machine
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # no token is left in the home of a tester
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])  # for the nodes' workers
    monkeypatch.setenv("STANDIN_SECONDS", "3")
    with two_nodes(monkeypatch) as (cluster, second):
        run = ray_run(small_toml, tmp_path, cluster.address, "--json")
        deadline = time.monotonic() + 900
        while len(list(tmp_path.glob("arms/*/*/config.json"))) < 2 or not is_at_work(second):
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        cluster.remove_node(second, allow_graceful=False)
        printed, told = run.communicate(timeout=1100)
    assert run.returncode == 0, told
    assert ": its node was lost; it is tried again." in told
    assert json.loads(printed)["smoke"] is True  # nothing of Ray's own words among it
    assert "raylet" not in told
    assert stable_bytes(tmp_path / "arms") == stable_bytes(small / "arms")
    assert (tmp_path / "verdict.json").read_bytes() == (small / "verdict.json").read_bytes()
    assert not list(tmp_path.rglob("*.unfinished"))
