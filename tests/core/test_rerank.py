"""Reranking: what is sent, what answers are believed, and what is refused before sending."""

from typing import Any

import pytest

from dsgvo import errors
from dsgvo.emulator import Server, Status
from dsgvo.providers import PROVIDERS
from dsgvo.wire.embeddings import Batch
from dsgvo.wire.rerank import RerankResult, build_rerank, decode_rerank
from tests.core.support import Mode, raised

QUERY = "Wie viele Tage Urlaub gibt es?"
DOCUMENTS = [
    "Das Tagegeld beträgt 28 Euro.",
    "Allen Beschäftigten stehen 30 Tage Urlaub zu.",
    "Passwörter haben mindestens 14 Zeichen.",
    "Urlaub ist zu beantragen.",
]
SENT = {"model": "bge-reranker-v2-m3", "query": QUERY}


def results(*scores: float) -> Status:
    rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    return Status(200, body={"results": rows[::-1]})


@pytest.mark.covers("sovrgpt", "endpoint POST /api/v1/rerank")
@pytest.mark.covers("sovrgpt", "behaviour A ranking names documents by `index`", "Seen")
def test_the_best_first_out_of_bounded_batches(mode: Mode, server: Server) -> None:
    client = mode.client("sovrgpt", server)
    whole = mode.call(client, "rerank", QUERY, DOCUMENTS)
    assert (whole[0].index, {result.index for result in whole}) == (1, {0, 1, 2, 3})
    assert mode.call(client, "rerank", QUERY, iter(DOCUMENTS), 2, batch_size=3) == whole[:2]
    assert mode.call(client, "rerank", QUERY, DOCUMENTS, max_batch_bytes=75) == whole
    assert mode.call(client, "rerank", QUERY, []) == []
    places = [(0, 4), (0, 3), (3, 4), (0, 1), (1, 2), (2, 4)]
    sent = [SENT | {"documents": DOCUMENTS[start:end]} for start, end in places]
    assert [request.json for request in server.requests] == sent
    assert {request.path for request in server.requests} == {"/sovrgpt/api/v1/rerank"}


def test_too_large_a_batch_is_halved_and_errors_are_typed(mode: Mode, server: Server) -> None:
    steps = Status(400, message="3"), Status(413), results(2), results(0.5), results(-1, 1)
    server.script("sovrgpt", *steps)
    client = mode.client("sovrgpt", server)
    found = mode.call(client, "rerank", QUERY, DOCUMENTS, model="ein-anderes")
    assert found == [RerankResult(*one) for one in ((0, 2), (3, 1), (1, 0.5), (2, -1))]
    assert [len(request.json["documents"]) for request in server.requests] == [4, 2, 1, 1, 2]
    server.script("sovrgpt", Status(400), Status(404))
    raised(errors.BadRequestError, mode.call, client, "rerank", QUERY, DOCUMENTS)
    said = str(raised(errors.NotFoundError, mode.call, client, "rerank", QUERY, DOCUMENTS))
    assert "POST /rerank is seen in a program that calls the service, not documented" in said


GOOD = '{"index": 1, "relevance_score": 0.5}'
# a row beside a good one → what is said of it
WRONG_ROWS = {
    GOOD: "index 1 came twice",
    '{"index": 2, "relevance_score": 0.5}': "expected indexes 0 to 1, got 2",
    '{"index": true, "relevance_score": 0.5}': "expected indexes 0 to 1, got True",
    **{
        f'{{"index": 0, "relevance_score": {score}}}': "the score at index 0 is not a number"
        for score in ('"0.5"', "NaN", "true", "9" * 400)
    },
    "7": "expected indexes 0 to 1, got None",
}
WRONG = {
    **{f'{{"results": [{GOOD}, {row}]}}': says for row, says in WRONG_ROWS.items()},
    f'{{"results": [{GOOD}]}}': "expected 2 scores, got 1",
    "{}": "the answer has no results",
    "[]": "expected a JSON object",
    "<": "expected JSON, got a web page, perhaps a sign-in or proxy page; check base_url",
}


def test_an_answer_that_is_not_whole() -> None:
    batch, spec = Batch(5, DOCUMENTS[:2]), PROVIDERS["sovrgpt"]
    for body, says in WRONG.items():
        error = raised(errors.APIResponseError, decode_rerank, spec, body.encode(), batch)
        assert str(error) == f"SovrGPT: reranking documents 5 to 6: {says}"
        assert (error.provider, error.status_code) == ("sovrgpt", 200)
    said = raised(errors.APIStatusError, decode_rerank, spec, b'{"error": "nein"}', batch)
    assert str(said) == "SovrGPT: 200: nein"
    for model, told in (('"m"', "m"), ("7", None)):
        body = f'{{"results": [{GOOD}, {GOOD.replace("1", "0")}], "model": {model}}}'
        ranked = [RerankResult(6, 0.5), RerankResult(5, 0.5)]
        assert decode_rerank(spec, body.encode(), batch) == (ranked, told)
    assert build_rerank(spec, QUERY, DOCUMENTS).model == SENT["model"]


def test_bad_input_is_refused_before_sending(server: Server) -> None:
    client, other = (Mode("sync").client(name, server) for name in ("sovrgpt", "meingpt"))
    arguments: dict[str, dict[str, Any]] = {
        "query": {"query": " "},
        "documents is a single str": {"documents": "Text"},
        "documents is a NoneType": {"documents": None},
        "documents[1] is empty": {"documents": ["a", ""]},
        "documents[1] is a int": {"documents": ["a", 1]},
        **{f"{name}=0": {name: 0} for name in ("top_n", "batch_size")},
        "model=7": {"model": 7},
        **{f"['{name}'] would": {"extra_body": {name: []}} for name in ("query", "documents")},
        "'top_k'": {"top_k": 7},
    }
    for says, wrong in arguments.items():
        given = {"query": QUERY, "documents": DOCUMENTS} | wrong
        assert says in str(raised(errors.ConfigurationError, client.rerank, **given))
    refused = raised(errors.CapabilityError, other.rerank, QUERY, DOCUMENTS)
    assert ("SovrGPT is" in str(refused), refused.provider) == (True, "meingpt")
    assert server.requests == []
