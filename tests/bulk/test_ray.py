"""Ray: the same runs on a cluster that loses a node, one limit for all, and no key anywhere."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from dsgvo.bulk import run_batch
from dsgvo.emulator import Server, Status
from dsgvo.errors import ConfigurationError, RateLimitError
from dsgvo.transport._flow import Gate, run
from dsgvo.transport._pools import runtime
from dsgvo.wire.limiter import Limiter
from tests.bulk.conftest import at_work, corpus, embedded, texts_asked, write_lines
from tests.bulk.test_batch import chat, embeddings
from tests.core.support import eventually, raised
from tests.core.transport.test_secrets import locals_of

ray: Any = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"]),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of Ray's pipes and logs
]
# An address of loopback that Ray leaves as it is, unlike 127.0.0.1.
NODE = {"node_ip_address": "127.0.0.2", "object_store_memory": 80 * 2**20, "num_cpus": 1}


@pytest.fixture(scope="module")
def head(dsgvo_emulator_server: Server) -> Iterator[Any]:
    """A cluster of one node, whose processes have the emulator in their environment."""
    from ray.cluster_utils import Cluster

    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**quiet, **dsgvo_emulator_server.environ("innogpt")}.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            ray.init(address=cluster.address, log_to_driver=False)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture
def cluster(head: Any, environment: Server) -> Any:
    """The cluster with two nodes more."""
    while len(head.worker_nodes) < 2:
        head.add_node(**NODE)
    return head


def losing_a_node(cluster: Any, server: Server, run: Any, *arguments: Any, **named: Any) -> Any:
    """Return what a function returns that loses a node after twenty requests."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, *arguments, **named)
        assert eventually(lambda: len(server.requests) >= 20, seconds=120)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        return running.result(timeout=240)


def test_a_run_is_the_local_run(cluster: Any, environment: Server, tmp_path: Path) -> None:
    from dsgvo.ray import Cluster

    source = corpus(tmp_path / "in.jsonl", 2000, others={80: "Absatz 3 über Urlaub", 300: " "})
    local, far = tmp_path / "local", tmp_path / "far"
    texts = embedded(source, local).texts
    environment.clear()
    with Cluster() as remote:
        options: Any = {"remote": remote, "max_concurrency": 4}
        done = losing_a_node(cluster, environment, embedded, source, far, **options)
        assert texts <= len(texts_asked(environment)) <= texts + 4 * 16
        environment.limit_embeddings("innogpt", texts=2)
        embedded(corpus(tmp_path / "few.jsonl", 16), tmp_path / "few", **options)
    assert [most for most, _ in runtime.batch_sizes.values()] == [2]  # as another has learned
    assert (done.rows, done.failed) == (2000, 1)
    for name in [".errors.jsonl", *(f"/{path.name}" for path in local.iterdir())]:
        assert Path(f"{far}{name}").read_bytes() == Path(f"{local}{name}").read_bytes()


def test_a_dataset_has_every_row_once_and_no_key(cluster: Any, environment: Server) -> None:
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
    found = losing_a_node(cluster, environment, lazy.take_all)
    assert sorted(row["n"] for row in found) == list(range(1500))
    errors = {row["n"]: row["error"] for row in found if row["error"]}
    assert errors == {7: "ConfigurationError: the row has no text in 'text'"}
    for row in found:
        assert (row["vector"].dtype, row["vector"].shape) == (np.float32, (8,))
        assert np.isnan(row["vector"]).any() == (row["n"] == 7)
    key = environment.environ("innogpt")["INNOGPT_API_KEY"].encode()
    folder = Path(ray._private.worker._global_node.get_session_dir_path())
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert {key in data for data in kept} == {False}


def test_answers_stand_beside_their_prompts(cluster: Any, environment: Server) -> None:
    from dsgvo.ray import ChatRows

    environment.script("innogpt", Status(400))
    prompts = [f"Frage {n}" for n in range(20)]
    arguments = {"provider": "innogpt", "model": "gpt-5", "max_concurrency": 4}
    options: Any = {"fn_constructor_kwargs": arguments, "batch_format": "pyarrow", "concurrency": 1}
    rows = ray.data.from_items([{"prompt": one} for one in prompts], override_num_blocks=1)
    found = rows.map_batches(ChatRows, **options).take_all()
    assert [row["prompt"] for row in found] == prompts
    assert [row["error"][:15] for row in found if row["answer"] is None] == ["BadRequestError"]
    assert {row["finish_reason"] for row in found if row["error"] is None} == {"stop"}
    actors = [one["name"] for one in ray.util.list_named_actors(all_namespaces=True)]
    assert any(name.startswith("dsgvo-innogpt-") for name in actors)


@pytest.mark.usefixtures("cluster")
def test_a_limit_is_one_for_all_and_found_again_when_its_actor_is_lost() -> None:
    from dsgvo.ray._limit import ClusterGate

    limits = {"max_concurrency": 4}
    one, other = (ClusterGate("shared", limits) for _ in range(2))
    run(other.admit()).end(None)
    run(one.admit()).end(RateLimitError("", status_code=429, retry_after=600))
    assert eventually(lambda: other.must_wait(time.monotonic()))
    ray.kill(one._keeper, no_restart=False)
    assert ClusterGate("shared", limits)._keeper is not None


def test_the_command_resumes(cluster: Any, environment: Server, tmp_path: Path) -> None:
    lines = [*(embeddings(n, f"Satz {n}") for n in range(699)), chat(699, self=1)]
    source, far = write_lines(tmp_path / "in.jsonl", lines), tmp_path / "far.jsonl"
    run_batch(source, tmp_path / "local.jsonl", provider="innogpt")
    environment.clear()
    program = ["batch", "-i", source, "-o", far, "--max-concurrency=2", "--ray", cluster.address]
    with at_work(environment, *program) as process:
        assert eventually(lambda: len(environment.requests) >= 300, seconds=120)
        process.send_signal(signal.SIGKILL)
    with at_work(environment, *program) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out.split(",")[0]) == (0, "700 of 700 rows"), err
    assert far.read_bytes() == (tmp_path / "local.jsonl").read_bytes()
    assert len(environment.requests) <= 700 + 2 + 2
    with at_work(environment, *program[:-1], "127.0.0.1:9") as process:
        assert "no Ray cluster at '127.0.0.1:9'" in process.communicate(timeout=60)[1]


async def test_what_no_row_is_to_blame_for_ends_it(environment: Server, monkeypatch: Any) -> None:
    from dsgvo.ray import _rows

    monkeypatch.setattr(_rows, "cluster_gate", lambda *_: Gate(Limiter()))
    embed, chat = _rows.EmbedTexts(provider="innogpt"), _rows.ChatRows(provider="innogpt")
    environment.script("innogpt", Status(200, body={"data": [{"embedding": [1.0]}] * 2}))
    with pytest.raises(ConfigurationError, match="expected 1536, got 1: give dimensions="):
        await embed({"text": np.array(["a", "b"])})
    with pytest.raises(ConfigurationError, match=r"columns \['tokens'\] already"):
        await chat({"prompt": np.array(["a"]), "tokens": np.array([5])})
    [said] = (await chat({"prompt": np.array([["a"]])}))["error"]
    assert (said[:18], len(environment.requests)) == ("ConfigurationError", 1)


@pytest.mark.parametrize("key", ["sk-geheim-123", SecretStr("sk-geheim-123")])
def test_a_key_among_the_arguments_is_refused_with_the_way_out(key: Any) -> None:
    from dsgvo.ray import ChatRows, Cluster, EmbedTexts

    asked: Any = Cluster().asked
    secrets = ({"api_key": key}, {"default_query": {"subscription-key": key}})
    kinds = (EmbedTexts, ChatRows, lambda **given: asked(gate=None, **given))
    for kind in (*kinds, lambda provider, **given: ChatRows(provider=provider, parameters=given)):
        for given in (*secrets, {"extra_query": {"code": key}}):
            error = raised(ConfigurationError, kind, provider="innogpt", **given)
            assert "set INNOGPT_API_KEY on each node" in str(error)
            assert "geheim" not in "".join([str(error), *locals_of(error)])
