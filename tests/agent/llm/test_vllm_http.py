import asyncio
import threading
from contextlib import suppress

import anyio
import httpx
import pytest

from agent.llm.vllm_http import NotServed, Refused, VllmHttp, VllmHttpConfig
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, ServiceDown

QUICK = VllmHttpConfig(retries=2, backoff_seconds=0.001)


class Script:
    """Answers one after the other: a status, an exception or an answer; the last for ever."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def __call__(self, request):
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, json={"ok": True}) if isinstance(answer, int) else answer

    def http(self, config=QUICK):
        return VllmHttp("http://vllm.test", transport=httpx.MockTransport(self), config=config)


def ask(http, seconds=5.0):
    return asyncio.run(http.post("/v1/completions", {"model": "m"}, Deadline(seconds)))


def listen(http, seconds=5.0):
    async def all_of_it():
        return [event async for event in http.events("/v1/completions", {"model": "m"}, Deadline(seconds))]

    return asyncio.run(all_of_it())


BROKEN = httpx.ReadError("reset")
STREAM = httpx.Response(200, content=b'data: {"a": 1}\n\ndata: [DONE]\n\n')


@pytest.mark.parametrize("trouble", [httpx.ConnectError("refused"), BROKEN, httpx.RemoteProtocolError("gone"), 503, 429])
def test_what_may_pass_is_tried_again_but_not_for_ever(trouble):
    script = Script(trouble, trouble, 200)
    assert ask(script.http()) == {"ok": True}
    script = Script(trouble, trouble, STREAM)
    assert listen(script.http()) == [{"a": 1}]
    for call in (ask, listen):
        script = Script(trouble)
        with pytest.raises(ServiceDown, match="'m'"):
            call(script.http())
        assert script.asked == 3


@pytest.mark.parametrize(("status", "error"), [(400, Refused), (404, NotServed), (401, ServiceDown), (500, ServiceDown)])
def test_what_will_not_pass_is_not_tried_again(status, error):
    for call in (ask, listen):
        script = Script(status)
        with pytest.raises(error):
            call(script.http())
        assert script.asked == 1


def test_without_time_for_the_pause_there_is_no_second_attempt():
    script = Script(BROKEN)
    with pytest.raises(ServiceDown):
        ask(script.http(VllmHttpConfig(retries=5, backoff_seconds=60.0)), seconds=5.0)
    assert script.asked == 1


def test_a_stream_that_began_is_not_begun_again():
    class Breaks(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b'data: {"a": 1}\n\n'
            raise httpx.ReadError("killed")

    script = Script(httpx.Response(200, stream=Breaks()))
    with pytest.raises(ServiceDown, match="killed"):
        listen(script.http())
    assert script.asked == 1


def test_broken_connections_are_counted():
    http = Script(BROKEN, BROKEN, 200).http()
    ask(http)
    assert http.outages == 2
    with pytest.raises(ServiceDown):
        ask(Script(500).http())


def test_with_too_little_time_nothing_is_sent():
    script = Script(200)
    with pytest.raises(DeadlineExceeded, match="too few"):
        ask(script.http(), seconds=0.0)
    assert script.asked == 0


@pytest.mark.parametrize("call", [ask, listen])
def test_a_deadline_that_comes_while_a_connection_is_closed_lets_it_be_closed(call):
    class Closes(httpx.AsyncByteStream):
        closed = False

        async def __aiter__(self):
            yield b'{"data": "whole"}'

        async def aclose(self):
            with anyio.CancelScope(shield=True):  # as httpcore does, and as no cancelling by asyncio itself minds
                await anyio.sleep(0.4)
                self.closed = True

    stream = Closes()
    with suppress(DeadlineExceeded, ServiceDown):  # whole or late: either will do
        call(Script(httpx.Response(200, stream=stream)).http(), seconds=0.2)
    assert stream.closed


def test_threads_with_event_loops_of_their_own_keep_their_connections():
    made = []

    class Transport(httpx.MockTransport):
        def __init__(self):
            super().__init__(lambda _: httpx.Response(200, json={}))

    http = VllmHttp("http://vllm", transport=Transport())
    client = httpx.AsyncClient

    def counted(**how):
        made.append(how)
        return client(**how)

    async def ask():
        for _ in range(50):
            await http.get("/version", Deadline(60))
            await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "AsyncClient", counted)
        threads = [threading.Thread(target=asyncio.run, args=(ask(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(made) == 3
        asyncio.run(ask())
        assert len(http._clients) == 1  # those of ended loops are gone
