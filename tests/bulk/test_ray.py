"""Ray: the same runs on a cluster that loses a node, one limit for all, and no key anywhere."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from dsgvo.bulk import run_batch
from dsgvo.emulator import Server, Status
from dsgvo.errors import ConfigurationError
from tests.bulk.conftest import corpus, embedded, texts_asked, write_lines
from tests.cli.conftest import COMMAND
from tests.cli.conftest import environment as shell
from tests.core.support import eventually, raised
from tests.processes import started

ray: Any = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"]),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of Ray's pipes and logs
]
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
HOST = "127.0.0.2"  # loopback, which Ray would replace if it were 127.0.0.1
NODE = {"node_ip_address": HOST, "object_store_memory": 80 * 2**20, "num_cpus": 1}


@pytest.fixture(scope="module")
def session(emulator_server: Server) -> Iterator[Any]:
    """A cluster with a head alone, whose processes have the emulator in their environment."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**QUIET, **emulator_server.environ("innogpt")}.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            ray.init(address=cluster.address, log_to_driver=False, namespace="tests")
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture
def cluster(session: Any, environment: Server) -> Any:
    """The cluster with two nodes more, of which a test may take one."""
    while len(session.worker_nodes) < 2:
        session.add_node(**NODE)
    return session


def lose_a_node(cluster: Any) -> None:
    cluster.remove_node(
        sorted(cluster.worker_nodes, key=lambda one: one.raylet_socket_name)[0], False
    )


def test_a_run_whose_node_is_lost_is_the_local_run(
    cluster: Any, environment: Server, tmp_path: Path
) -> None:
    from dsgvo.ray import Cluster

    source = corpus(tmp_path / "in.jsonl", 2000, others={80: "Absatz 3 über Urlaub", 300: " "})
    local = embedded(source, tmp_path / "local")
    environment.clear()
    with ThreadPoolExecutor(1) as pool, Cluster() as remote:
        run = pool.submit(embedded, source, tmp_path / "far", remote=remote, max_concurrency=4)
        assert eventually(lambda: len(environment.requests) >= 20, seconds=60)
        lose_a_node(cluster)
        done = run.result(timeout=120)
    assert (done.rows, done.failed) == (local.rows, local.failed)
    for name in ("{}.errors.jsonl", *(f"{{}}/part-{number:06}.parquet" for number in range(16))):
        ours, theirs = (tmp_path / name.format(one) for one in ("far", "local"))
        assert ours.read_bytes() == theirs.read_bytes()
    assert local.texts <= len(texts_asked(environment)) <= local.texts + 4 * 16
    assert raised(ConfigurationError, remote.asked, "innogpt", None, api_key="sk-geheim-123")


def test_a_dataset_whose_node_is_lost_has_every_row_once(cluster: Any, environment: Server) -> None:
    from dsgvo.ray import EmbedTexts

    environment.script("innogpt", *[Status(429, headers={"Retry-After": "1"})] * 2)
    rows = [{"n": n, "text": "" if n == 7 else f"Satz {n}"} for n in range(1500)]
    arguments = {"provider": "innogpt", "dimensions": 8, "batch_size": 8, "max_concurrency": 4}
    lazy = ray.data.from_items(rows, override_num_blocks=10).map_batches(
        EmbedTexts,
        fn_constructor_kwargs=arguments,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=2),
        batch_size=64,
        num_cpus=0.5,
    )
    with ThreadPoolExecutor(1) as other:
        run = other.submit(lazy.take_all)
        assert eventually(lambda: len(environment.requests) >= 20, seconds=120)
        lose_a_node(cluster)
        found = sorted(run.result(timeout=240), key=lambda row: row["n"])
    assert [row["n"] for row in found] == list(range(1500))
    errors = {row["n"]: row["error"] for row in found if row["error"]}
    assert errors == {7: "ConfigurationError: the row has no text in 'text'"}
    for row in found:
        assert (row["vector"].dtype, row["vector"].shape) == (np.float32, (8,))
        assert np.isnan(row["vector"]).any() == (row["n"] == 7)
    assert {row["text"] for row in rows if row["text"]} == set(texts_asked(environment))
    key = environment.environ("innogpt")["INNOGPT_API_KEY"].encode()
    folder = Path(ray._private.worker._global_node.get_session_dir_path())
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if key in path.read_bytes()]


def test_answers_come_beside_their_prompts(cluster: Any, environment: Server) -> None:
    from dsgvo.ray import ChatRows

    prompts = [f"Frage {n}" for n in range(20)]
    environment.script("innogpt", Status(400))
    rows = ray.data.from_items([{"prompt": one} for one in [*prompts, ""]]).repartition(1)
    arguments = {"provider": "innogpt", "model": "gpt-5", "max_concurrency": 4}
    table = rows.map_batches(
        ChatRows, fn_constructor_kwargs=arguments, batch_format="pyarrow", concurrency=1
    ).take_all()
    assert [row["prompt"] for row in table] == [*prompts, ""]
    failed = [row for row in table if row["error"]]
    assert [row["error"].split(":")[0] for row in failed] == ["BadRequestError"]
    assert [row["answer"] for row in failed] == [None]
    assert {row["finish_reason"] for row in table if not row["error"]} == {"stop"}


def test_the_command_resumes_on_a_cluster(
    cluster: Any, environment: Server, tmp_path: Path
) -> None:
    lines = [
        {"custom_id": f"{n}", "method": "POST", "url": "/v1/embeddings"}
        | {"body": {"model": "text-embedding-3-small", "input": f"Satz {n}", "dimensions": 4}}
        for n in range(700)
    ]
    source = write_lines(tmp_path / "in.jsonl", lines)
    run_batch(source, tmp_path / "local.jsonl", provider="innogpt")
    environment.clear()
    program = [*COMMAND, "batch", "--provider", "innogpt", "-i", str(source), "--max-concurrency=2"]
    program += ["-o", str(tmp_path / "far.jsonl"), "--ray"]
    variables = shell(**environment.environ("innogpt"), **QUIET, RAY_ADDRESS=cluster.address)
    with started(program, variables) as process:
        assert eventually(lambda: len(environment.requests) >= 300, seconds=120)
        process.send_signal(signal.SIGKILL)
    with started([*program, cluster.address], variables) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out.split(",")[0]) == (0, "700 of 700 rows"), err
    assert (tmp_path / "far.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()
    assert 700 <= len(environment.requests) <= 700 + 2 + 2


@pytest.mark.parametrize("key", ["sk-geheim-123", SecretStr("sk-geheim-123")])
def test_a_key_among_the_arguments_is_refused_with_the_way_out(key: Any) -> None:
    from dsgvo.ray import ChatRows, EmbedTexts

    for kind in (EmbedTexts, ChatRows):
        said = str(raised(ConfigurationError, kind, provider="innogpt", api_key=key))
        assert "set INNOGPT_API_KEY on each node" in said
        assert "geheim" not in said
