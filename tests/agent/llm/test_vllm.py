import asyncio
import json
import re
import socket
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from agent.llm.salt import cache_salt
from agent.llm.vllm import VllmConfig, VllmLLM
from palate.deadline import Deadline
from palate.errors import ConfigurationError, DeadlineExceeded, InvalidInput, ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt
from palate.testing.llm import LLMContract


def token_ids(text):
    """A tokenizer: special tokens, words and signs, the latter two each with the space before it."""
    return [int.from_bytes(token.encode()) for token in re.findall(r"<\|\w+\|>| ?\w+| ?[^\w\s]|\s", text)]


def prompt_logprobs(text):
    """A log probability for each token that follows from those before it alone, as vLLM sends them."""
    ids = token_ids(text)
    given = [-(zlib.crc32(repr(ids[:n]).encode()) % 997) / 100 for n in range(len(ids))]
    return [None, *({str(i): {"logprob": given[n], "rank": 1}} for n, i in enumerate(ids[1:], start=1))]


class FakeServer:
    """Speaks vLLM's protocol over a real socket; ``odd`` maps a path to what is answered instead."""

    def __init__(self):
        self.odd, self.seen, self.keys = {}, [], []
        self.takes_ids, self.pause, self.drop = True, 0.0, 0
        self.reading, self.most_reading, self.counting = 0, 0, threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                fake.handle(self, {})

            def do_POST(self):
                fake.handle(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def handle(self, handler, body):
        self.seen.append((handler.path, body))
        self.keys.append(handler.headers.get("Authorization"))
        if self.drop:
            self.drop -= 1
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        known = int("prompt_logprobs" in body)
        with self.counting:
            self.reading += known
            self.most_reading = max(self.most_reading, self.reading)
        time.sleep(self.pause)
        with self.counting:
            self.reading -= known
        if handler.path in self.odd:
            self.send(handler, *self.odd[handler.path])
        elif handler.path == "/version":
            self.send(handler, 200, {"version": "0.32.0"})
        elif handler.path == "/v1/models":
            self.send(handler, 200, {"data": [{"id": "palate", "max_model_len": 2048}]})
        elif handler.path == "/tokenize":
            ids = token_ids(body["prompt"])
            self.send(handler, 200, {"tokens": ids, "count": len(ids)})
        elif body.get("model") != "palate":
            self.send(handler, 404, {"error": {"message": f"The model `{body['model']}` does not exist.", "code": 404}})
        elif body.get("stream"):
            self.stream(handler, body)
        elif not self.takes_ids and "logprob_token_ids" in body:
            self.send(handler, 400, {"error": {"message": "extra fields not permitted: logprob_token_ids"}})
        elif "prompt_logprobs" in body:
            prompts = [body["prompt"]] if isinstance(body["prompt"], str) else body["prompt"]
            read = [{"index": n, "text": " A", "prompt_logprobs": prompt_logprobs(prompt)} for n, prompt in enumerate(prompts)]
            self.send(handler, 200, {"choices": read[::-1]})
        else:
            ids = body.get("logprob_token_ids", token_ids(" A B C"))
            top = {f"token_id:{i}": -0.5 * n - 0.25 for n, i in enumerate(ids)}
            self.send(handler, 200, {"choices": [{"text": " A", "logprobs": {"top_logprobs": [{**top, "token_id:7": -9.0}]}}]})

    def stream(self, handler, body):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        wanted = body.get("structured_outputs", {})
        words = [w + " " for w in ("I heard you say: " + body["prompt"][-24:].replace("\n", " ")).split()][: body["max_tokens"]]
        if wanted:
            words = wanted["choice"][:1] if "choice" in wanted else ['{"', next(iter(wanted["json"]["properties"])), '": 3}']
        for word in words:
            handler.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, 'text': word}]})}\n\n".encode())
            handler.wfile.flush()
            time.sleep(self.pause)
        handler.wfile.write(b"data: [DONE]\n\n")
        handler.close_connection = True

    def send(self, handler, status, answer):
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


LETTER = token_ids(" A")[0]


def transport():
    # Each call of the suite runs on a loop of its own: no connection may outlive it.
    return httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture
def fake():
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def llm(fake):
    return VllmLLM(fake.url, "palate", transport=transport())


def prompt(labels=(" A", " B", " C"), text="Which?"):
    return LabelledPrompt(text=text, labels=labels, item_ids=tuple(f"i{i}" for i in range(len(labels))), version="t")


def score(llm, seconds=10.0, **kwargs):
    return asyncio.run(llm.score_labels(prompt(**kwargs), Deadline(seconds)))


class TestVllmLLM(LLMContract):
    @pytest.fixture
    def llm(self, fake):
        return VllmLLM(fake.url, "palate", transport=transport())


def test_labels_are_scored_in_one_call(fake, llm):
    scores = score(llm)
    raw = np.array([-0.25, -0.75, -1.25])
    np.testing.assert_allclose(scores, raw - np.logaddexp.reduce(raw), atol=1e-6)
    path, body = fake.seen[-1]
    assert path == "/v1/completions"
    assert body["logprob_token_ids"] == token_ids(" A B C")
    assert body["max_tokens"] == 1
    assert body["temperature"] == 0


def test_label_ids_are_asked_for_once(fake, llm):
    score(llm)
    score(llm)
    assert [path for path, _ in fake.seen].count("/tokenize") == 3


def test_a_server_without_chosen_tokens_gives_the_likeliest(fake, llm):
    fake.takes_ids = False
    scores = score(llm, labels=(" A", " B", " X"))
    assert scores[0] > scores[1] > scores[2]
    assert scores[1] - scores[2] == pytest.approx(1.0, abs=1e-5)
    before = len(fake.seen)
    score(llm, labels=(" A", " B", " X"))
    assert len(fake.seen) == before + 1
    fake.drop, fake.takes_ids = 1, True  # it goes away, and another comes that knows the option
    for _ in range(2):
        score(llm, labels=(" A", " B", " X"))
    assert "logprob_token_ids" in fake.seen[-1][1]


def test_a_refused_prompt_is_bad_input_and_the_option_is_kept(fake, llm):
    fake.odd["/v1/completions"] = (400, {"error": {"message": "maximum context length is 2048 tokens"}})
    with pytest.raises(InvalidInput, match="2048"):
        score(llm)
    fake.odd.clear()
    score(llm)
    assert "logprob_token_ids" in fake.seen[-1][1]


@pytest.mark.parametrize("labels", [(" A B", " C"), (" A", " A")])
def test_labels_that_cannot_be_told_apart_are_refused(llm, labels):
    with pytest.raises(InvalidInput):
        score(llm, labels=labels)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>busy</html>",
        b"",
        [],
        {},
        {"choices": []},
        {"choices": [{"logprobs": None}]},
        {"choices": [{"logprobs": {"top_logprobs": [{"token_id:7": -1}]}}]},
        {"choices": [{"logprobs": {"top_logprobs": [{f"token_id:{LETTER}": "many"}]}}]},
        {"choices": [{"logprobs": {"top_logprobs": [{f"token_id:{LETTER}": float("nan")}]}}]},
        {"error": {"message": "engine died"}},
    ],
)
def test_nonsense_is_a_service_that_is_down(fake, llm, answer):
    fake.odd["/v1/completions"] = (200, answer)
    with pytest.raises(ServiceDown, match=fake.url):
        score(llm)


def test_an_unknown_model_is_named(fake):
    with pytest.raises(ServiceDown, match="'other'"):
        score(VllmLLM(fake.url, "other", transport=transport()))
    with pytest.raises(ServiceDown, match="'other', but palate"):
        asyncio.run(VllmLLM(fake.url, "other", transport=transport()).check())


@pytest.mark.parametrize(("status", "remedy"), [(401, "API_KEY"), (500, "palate vllm up"), (503, "palate vllm up")])
def test_failures_name_the_remedy(fake, llm, status, remedy):
    fake.odd["/v1/completions"] = (status, {"error": {"message": "no"}})
    with pytest.raises(ServiceDown, match=remedy):
        score(llm)


def test_nobody_at_the_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ServiceDown, match=f"{url}.*PALATE_VLLM_URL"):
        score(VllmLLM(url, "palate", transport=transport()))


def test_a_dropped_connection_is_tried_again_and_not_for_ever(fake, llm):
    score(llm)
    fake.drop = retries = VllmConfig().http.retries
    assert score(llm).shape == (3,)
    fake.drop, before = 1000, len(fake.seen)
    with pytest.raises(ServiceDown):
        score(llm)
    assert len(fake.seen) - before <= 3 * (retries + 1)  # three labels are looked up at once


def test_a_slow_server_does_not_break_the_deadline(fake, llm):
    fake.pause = 1.0
    with pytest.raises(DeadlineExceeded):
        score(llm, seconds=0.2)


def test_a_slow_stream_is_cut_short(fake, llm):
    fake.pause = 0.3
    text = asyncio.run(llm.generate(["one two three four five six"], GenerateConfig(max_tokens=20), Deadline(1.5)))[0]
    assert "I heard you say:".startswith(text.strip()[:5])
    assert 0 < len(text.split()) < 8
    assert llm.breaker.state == "closed"


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (200, b'data: {"choices": [{"text": "a"}]}\n\n', ServiceDown),
        (200, b"data: {broken\n\ndata: [DONE]\n\n", ServiceDown),
        (200, b'data: {"error": {"message": "out of memory"}}\n\n', ServiceDown),
        (200, b'data: {"choices": [{"text": 7}]}\n\n', ServiceDown),
        (400, b'{"error": {"message": "too long"}}', InvalidInput),
        (404, b"{}", ServiceDown),
    ],
)
def test_a_broken_stream_is_named(fake, llm, status, answer, error):
    fake.odd["/v1/completions"] = (status, answer)
    with pytest.raises(error):
        asyncio.run(llm.generate(["x"], GenerateConfig(), Deadline(5)))


def test_a_key_is_sent_and_v1_in_the_url_is_not_doubled(fake):
    llm = VllmLLM(f"{fake.url}/v1/", "palate", "secret", transport=transport())
    assert asyncio.run(llm.check())["context"] == 2048
    assert set(fake.keys) == {"Bearer secret"}


def test_connections_are_kept_within_a_loop(fake):
    async def run():
        llm = VllmLLM(fake.url, "palate")
        first = await llm.score_labels(prompt(), Deadline(5))
        second = await llm.score_labels(prompt(), Deadline(5))
        await llm.close()
        return first, second

    first, second = asyncio.run(run())
    np.testing.assert_array_equal(first, second)


def test_a_template_and_a_tokenizer_can_be_given(fake):
    template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]"
    llm = VllmLLM(fake.url, "palate", template=template, tokenizer=len)
    assert llm.render([SystemMessage("s"), HumanMessage("h")]) == "[system] s\n[user] h\n[assistant]"
    assert llm.count_tokens("four") == 4
    with pytest.raises(ConfigurationError, match="line 1"):
        VllmLLM(fake.url, "palate", template="{% for %}")


@pytest.mark.parametrize(
    ("begins", "end"), [("{% if add_generation_prompt %}[assistant]{% endif %}", "<done>"), ("[assistant]", "")]
)
def test_the_end_of_a_turn_is_what_the_template_puts_behind_an_answer(begins, end):
    template = "{% for m in messages %}[{{ m.role }}]{{ m.content }} <done>\n{% endfor %}" + begins
    assert VllmLLM("http://127.0.0.1:1", "palate", template=template).end == end


def test_a_template_without_a_system_role_gets_it_in_the_first_turn(fake):
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ m.content }}{% endfor %}"
    )
    assert VllmLLM(fake.url, "palate", template=template).render([SystemMessage("s"), HumanMessage("h")]) == "s\n\nh"


def test_constraints_are_sent_as_structured_outputs(fake, llm):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    asyncio.run(llm.generate(["x"], GenerateConfig(json_schema=schema), Deadline(5)))
    assert fake.seen[-1][1]["structured_outputs"] == {"json": schema}
    asyncio.run(llm.generate(["x"], GenerateConfig(choices=("a", "b")), Deadline(5)))
    assert fake.seen[-1][1]["structured_outputs"] == {"choice": ["a", "b"]}
    asyncio.run(llm.generate(["x"], GenerateConfig(), Deadline(5)))
    assert "structured_outputs" not in fake.seen[-1][1]
    with pytest.raises(ValueError, match="one of them"):
        GenerateConfig(choices=("a",), json_schema=schema)


def test_each_tenant_has_a_salt_of_its_own_for_every_completion_and_nothing_else(fake):
    llm = VllmLLM(fake.url, "palate", transport=transport(), cache_secret=b"secret")
    other = llm.for_tenant("other")
    score(llm)
    score(other)
    asyncio.run(other.for_task("explain").generate(["x"], GenerateConfig(), Deadline(5)))
    salts = [body.get("cache_salt") for path, body in fake.seen if path == "/v1/completions"]
    assert salts == [cache_salt(b"secret", "default"), cache_salt(b"secret", "other"), cache_salt(b"secret", "other")]
    assert not any("cache_salt" in body for path, body in fake.seen if path == "/tokenize")
    assert [path for path, _ in fake.seen].count("/tokenize") == 3  # what one tenant looked up, the others need not
    assert other.breaker is llm.breaker
    assert other.adapters is llm.adapters


def test_without_a_secret_no_salt_is_sent(fake, llm):
    score(llm.for_tenant("other"))
    assert not any("cache_salt" in body for _, body in fake.seen)


def spots(llm, text="1. Heat [yes]\n2. Alien [yes]"):
    places = tuple(found.start() + 2 for found in re.finditer(r" \[yes\]", text))
    asked = LabelledPrompt(text=text, spots=places, item_ids=tuple(f"i{n}" for n in range(len(places))), version="t")
    return asyncio.run(llm.score_labels(asked, Deadline(10)))


def test_marks_are_scored_in_one_call_and_looked_up_once(fake, llm):
    scores = spots(llm)
    text = "1. Heat [yes]\n2. Alien [yes]"
    raw = np.array([next(iter(prompt_logprobs(text)[at].values()))["logprob"] for at in (4, 11)])
    np.testing.assert_allclose(scores, raw - np.logaddexp.reduce(raw), atol=1e-6)
    spots(llm)
    paths = [path for path, _ in fake.seen]
    assert (paths.count("/tokenize"), paths.count("/v1/completions")) == (2, 2)
    body = fake.seen[-1][1]
    assert (body["prompt_logprobs"], body["max_tokens"], body["temperature"], body["add_special_tokens"]) == (0, 1, 0, False)


def test_prompts_whose_own_log_probabilities_are_read_reach_the_server_one_at_a_time(fake, llm):
    text = "1. Heat [yes]\n2. Alien [yes]"
    asked = LabelledPrompt(
        text=text, spots=tuple(found.start() + 2 for found in re.finditer(r" \[yes", text)), item_ids=("i0", "i1"), version="t"
    )
    fake.pause = 0.02

    async def several():
        marks = (one.score_labels(asked, Deadline(30)) for one in (llm, llm.for_tenant("shop"), llm.for_task("rank")) for _ in "ab")
        return await asyncio.gather(*marks, llm.log_likelihoods("Films:\n-", [" Heat", " Alien"], Deadline(30)))

    *scores, titles = asyncio.run(several())
    assert fake.most_reading == 1
    assert len(titles) == 2
    np.testing.assert_array_equal(scores[1:], scores[:-1])


def test_a_mark_that_is_not_one_token_is_refused(fake, llm):
    fake.odd["/tokenize"] = (200, {"tokens": [1, 2, 3]})
    with pytest.raises(InvalidInput, match="not one token"):
        spots(llm)


GIVEN = prompt_logprobs("1. Heat [yes]\n2. Alien [yes]")


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        GIVEN[:-3],
        [*GIVEN, *GIVEN[-3:]],
        [{}, *GIVEN[1:]],
        [*GIVEN[:-2], {next(iter(GIVEN[-2])): {"logprob": float("nan")}}, GIVEN[-1]],
        [*GIVEN[:-2], {next(iter(GIVEN[-2])): {}}, GIVEN[-1]],
        [*GIVEN[:-2], {**GIVEN[-2], "7": {"logprob": -1.0}}, GIVEN[-1]],
        [-1.0 for _ in GIVEN],
    ],
)
def test_prompt_logprobs_that_do_not_fit_are_a_service_that_is_down(fake, llm, given):
    fake.odd["/v1/completions"] = (200, {"choices": [{"text": "", "prompt_logprobs": given}]})
    with pytest.raises(ServiceDown, match="not vLLM's protocol"):
        spots(llm)


def test_texts_are_scored_one_prompt_at_a_time(fake, llm):
    found = asyncio.run(llm.log_likelihoods("Films:\n-", [" Heat", " Alien 3"], Deadline(5)))
    wanted = []
    for text in ("Films:\n- Heat", "Films:\n- Alien 3"):
        behind = prompt_logprobs(text)[len(token_ids("Films:\n-")) :]
        wanted.append(sum(next(iter(one.values()))["logprob"] for one in behind))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert [path for path, _ in fake.seen].count("/v1/completions") == 2


def test_texts_with_the_end_of_a_turn_have_one_token_more(fake, llm):
    assert len(token_ids(llm.end)) == 1
    prefix = llm.render([HumanMessage("Heat?")])
    plain, ended = asyncio.run(llm.log_likelihoods(prefix, ["yes", f"yes{llm.end}"], Deadline(5)))
    (last,) = prompt_logprobs(f"{prefix}yes{llm.end}")[-1].values()
    assert ended - plain == pytest.approx(last["logprob"], abs=1e-5)
    assert fake.seen[-1][1]["prompt"] == f"{prefix}yes<|im_end|>"


def test_what_a_person_wrote_is_not_kept(fake, llm):
    prefix = llm.render([HumanMessage("something my ex Zorblax hated")])
    for _ in range(2):
        asyncio.run(llm.log_likelihoods(prefix, ["yes", "no"], Deadline(5)))
    assert [body["prompt"] for path, body in fake.seen if path == "/tokenize"] == [prefix, prefix]
    assert "Zorblax" not in repr({name: vars(value) if hasattr(value, "__dict__") else value for name, value in vars(llm).items()})


@pytest.mark.parametrize("given", [None, [None, {"7": {}}], [None, {"7": {"logprob": float("nan")}}]])
def test_text_scores_that_do_not_fit_are_a_service_that_is_down(fake, llm, given):
    fake.odd["/tokenize"] = (200, {"tokens": [5]})
    fake.odd["/v1/completions"] = (200, {"choices": [{"index": 0, "text": "", "prompt_logprobs": given}]})
    with pytest.raises(ServiceDown, match="protocol"):
        asyncio.run(llm.log_likelihoods("Films:", [" Heat"], Deadline(5)))
