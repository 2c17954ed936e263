"""The embedding service with its real engine and its real model."""

import base64
import itertools
import json
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from harness import (
    SERVICES,
    Service,
    eventually,
    leaves_after,
    ready_service,
    running_service,
    short_folder,
    venv_python,
)

SERVER = SERVICES / "embeddings" / "server.py"
EMBEDDINGS = "/v1/embeddings"
DIMENSIONS = 384
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
PASSAGES = [
    "A week has seven days, and the year has fifty-two weeks.",
    "Paris is the capital of France and its largest city.",
    "Der Zug nach Hamburg fährt um acht Uhr von Gleis sieben ab.",
    "Bread is made of flour, water, salt and yeast.",
]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    python = venv_python("embeddings")
    with short_folder() as folder, ready_service(SERVER, folder, python, **ONE_THREAD) as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def ask(client: httpx.Client, texts: Any, **fields: Any) -> dict[str, Any]:
    answer = client.post(EMBEDDINGS, json={"model": "model-1", "input": texts, **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def vectors(client: httpx.Client, texts: Sequence[str], **fields: Any) -> NDArray[np.float32]:
    return np.array([each["embedding"] for each in ask(client, texts, **fields)["data"]], np.float32)


def test_one_text_is_one_vector_of_length_one(client: httpx.Client) -> None:
    body = ask(client, "Hello.")
    assert (body["object"], body["model"], len(body["data"])) == ("list", "model-1", 1)
    assert (body["data"][0]["object"], body["data"][0]["index"]) == ("embedding", 0)
    vector = np.array(body["data"][0]["embedding"])
    assert vector.shape == (DIMENSIONS,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 2


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many days are in a week?", 0),
        ("What is the capital city of France?", 1),
        ("When does the train to Hamburg leave?", 2),
        ("Wann fährt der Zug nach Hamburg?", 2),
        ("Woraus besteht Brot?", 3),
        ("¿Cuántos días tiene una semana?", 0),
    ],
)
def test_a_question_finds_its_passage_also_in_another_language(
    client: httpx.Client, question: str, answer: int
) -> None:
    passages = vectors(client, PASSAGES, input_type="passage")
    (query,) = vectors(client, [question], input_type="query")
    assert int(np.argmax(passages @ query)) == answer


def test_base64_is_little_endian_floats_of_the_same_vector(client: httpx.Client) -> None:
    floats = vectors(client, PASSAGES)
    texts = [each["embedding"] for each in ask(client, PASSAGES, encoding_format="base64")["data"]]
    decoded = np.array([np.frombuffer(base64.b64decode(text), "<f4") for text in texts])
    assert np.array_equal(decoded, floats)


def test_a_list_keeps_its_order_and_each_is_as_if_alone(client: httpx.Client) -> None:
    texts = [f"{PASSAGES[i % 4]} Number {i}." for i in range(40)]
    together = ask(client, texts)
    assert [each["index"] for each in together["data"]] == list(range(40))
    for i in (0, 17, 39):
        assert np.allclose(together["data"][i]["embedding"], vectors(client, [texts[i]])[0], atol=1e-5)
    alone = sum(ask(client, text)["usage"]["prompt_tokens"] for text in texts[:3])
    assert ask(client, texts[:3])["usage"]["prompt_tokens"] == alone


def test_a_text_is_a_query_unless_something_says_that_it_is_a_passage(client: httpx.Client) -> None:
    (plain,) = vectors(client, [PASSAGES[0]])
    (query,) = vectors(client, [PASSAGES[0]], input_type="query")
    (passage,) = vectors(client, [PASSAGES[0]], input_type="passage")
    (document,) = vectors(client, [PASSAGES[0]], input_type="document")
    assert np.array_equal(plain, query) and np.array_equal(passage, document)
    assert not np.allclose(query, passage, atol=1e-3)


def test_a_prefix_in_the_text_is_kept_and_not_added_once_more(client: httpx.Client) -> None:
    mixed = [f"passage: {PASSAGES[0]}", PASSAGES[1], f"query: {PASSAGES[2]}", "passage: "]
    found = vectors(client, mixed)
    assert np.allclose(found[0], vectors(client, PASSAGES[:1], input_type="passage")[0], atol=1e-5)
    assert np.allclose(found[1:3], vectors(client, PASSAGES[1:3], input_type="query"), atol=1e-5)


def test_a_default_for_the_input_type_comes_from_the_args(folder: Path, client: httpx.Client) -> None:
    args = json.dumps({"input_type": "passage", "n_threads": 1})
    python = venv_python("embeddings")
    with ready_service(SERVER, folder, python, ROUNDHOUSE_ARGS=args) as other, other.client() as passages:
        found = vectors(passages, PASSAGES[:1])
    assert np.allclose(found, vectors(client, PASSAGES[:1], input_type="passage"), atol=1e-5)


def test_the_dimensions_it_has_may_be_asked_for(client: httpx.Client) -> None:
    assert vectors(client, ["Hello."], dimensions=DIMENSIONS).shape == (1, DIMENSIONS)


def test_dimensions_it_cannot_give_are_refused_with_those_it_can(client: httpx.Client) -> None:
    error = client.post(EMBEDDINGS, json={"input": "x", "dimensions": 64}).json()["error"]
    assert error["param"] == "dimensions" and str(DIMENSIONS) in error["message"]


def test_letters_that_grow_when_they_are_normalized_do_no_harm(client: httpx.Client) -> None:
    """A ligature that stands for eighteen letters: the engine alone would write beyond its buffer."""
    ligature = "\ufdfa"
    grown, spelled = vectors(client, [ligature * 150, unicodedata.normalize("NFKC", ligature * 150)])
    assert np.allclose(grown, spelled, atol=1e-5)
    assert np.isfinite(grown).all()


def test_a_zero_in_a_text_does_not_end_it(client: httpx.Client) -> None:
    cut, whole = vectors(client, ["Bread", "Bread\0is made of flour."])
    assert not np.allclose(cut, whole, atol=1e-3)


@pytest.mark.parametrize("text", [" ", "\n\t", "\0", "🚂", "…", "a" * 3000])
def test_odd_texts_have_a_vector_too(client: httpx.Client, text: str) -> None:
    (vector,) = vectors(client, [text])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": None}, "input"),
        ({"input": ["Hello.", ""]}, "input"),
        ({"input": ["Hello.", None]}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": "word " * 9000}, "input"),
        ({"input": [9906, 11]}, "input"),
        ({"input": [[9906], [11]]}, "input"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "dimensions": 385}, "dimensions"),
        ({"input": "x", "input_type": "poem"}, "input_type"),
    ],
)
def test_what_it_cannot_do_is_a_400_that_names_the_field(
    client: httpx.Client, body: dict[str, Any], param: str
) -> None:
    answer = client.post(EMBEDDINGS, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_half_a_character_is_a_400(client: httpx.Client) -> None:
    content = b'{"input": ["Hello.", "\\ud83d"]}'
    answer = client.post(EMBEDDINGS, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")


def test_a_refused_text_is_named_by_its_number(client: httpx.Client) -> None:
    message = client.post(EMBEDDINGS, json={"input": ["a", "b", ""]}).json()["error"]["message"]
    assert "number 2" in message
    message = client.post(EMBEDDINGS, json={"input": ["a", "word " * 9000]}).json()["error"]["message"]
    assert "Text 1" in message and "8192" in message


def test_token_numbers_are_refused_with_the_reason(client: httpx.Client) -> None:
    message = client.post(EMBEDDINGS, json={"input": [9906, 11]}).json()["error"]["message"]
    assert "send texts" in message


def test_progress_grows_over_a_list(service: Service, client: httpx.Client) -> None:
    client.post(EMBEDDINGS, json={"input": PASSAGES * 12}, headers={"X-Job-Id": "job_1"})
    told: list[float] = []
    while not told or told[-1] < 1:
        event = service.events.until(lambda event: event.get("job_id") == "job_1")
        assert event["phase"] == "embedding"
        told.append(event["progress"])
    assert told == sorted(told) and len(told) > 1


def test_a_client_that_leaves_stops_it_between_two_batches(service: Service) -> None:
    texts = [f"{PASSAGES[i % 4]} Number {i}." for i in range(2048)]
    with service.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post(
            EMBEDDINGS, json={"input": texts}, headers={"X-Job-Id": "job_2"}, timeout=leaves_after(1.0)
        )
    eventually(lambda: service.health()["in_flight"] == 0)
    with service.client() as client:
        client.post(EMBEDDINGS, json={"input": "Done."}, headers={"X-Job-Id": "job_3"})
    events = iter(lambda: service.events.until(lambda event: event["type"] == "job"), None)
    told = list(itertools.takewhile(lambda event: event["job_id"] != "job_3", events))
    assert 1.0 not in [event["progress"] for event in told]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"variant": "large"}, "args.variant"),
        ({"input_type": "poem"}, "args.input_type"),
        ({"thread": 2}, "args.thread"),
    ],
)
def test_a_wrong_arg_is_named_at_the_start(folder: Path, args: dict[str, Any], words: str) -> None:
    python = venv_python("embeddings")
    with running_service(SERVER, folder, python, ROUNDHOUSE_ARGS=json.dumps(args)) as service:
        assert words in service.events.until_status("SETUP_FAILED")["error"]
        assert service.wait() == 1
