import asyncio
import json
import os
from pathlib import Path

import httpx
import pytest

from agent.llm.embedded import EmbeddedLLM
from agent.llm.vllm import VllmLLM


@pytest.fixture(scope="session")
def llm_cache(tmp_path_factory):
    """One folder for all workers of a run, so that the weights are converted once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "llm-cache"


@pytest.fixture(scope="session")
def embedded(llm_cache):
    llm = EmbeddedLLM(None, llm_cache)
    llm.open()
    yield llm
    asyncio.run(llm.close())


class FakeVllm:
    """Speaks vLLM's protocol at httpx's transport seam, and keeps adapters as a server does: until it is restarted.

    ``down`` refuses connections. ``root`` is where its model is. ``odd`` gives (status, body) for a path. ``held``, an event, holds
    completions back while unset.
    """

    url = "http://vllm.test"

    def __init__(self):
        self.adapters, self.loads, self.unloads, self.seen = {}, [], [], []
        self.root = None
        self.down, self.odd, self.held, self.running = False, {}, None, 0

    def restart(self):
        self.adapters.clear()

    @property
    def transport(self):
        return httpx.MockTransport(self.handle)

    def llm(self, **more):
        return VllmLLM(self.url, "palate", transport=self.transport, **more)

    def bodies(self):
        return [body for path, body in self.seen if path == "/v1/completions"]

    async def handle(self, request):
        path, body = request.url.path, json.loads(request.content or b"{}")
        self.seen.append((path, body))
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        if path in self.odd:
            status, answer = self.odd[path]
            return httpx.Response(status, content=answer if isinstance(answer, bytes) else json.dumps(answer))
        return await self.answer(path, body)

    async def answer(self, path, body):
        if path == "/v1/models":
            base = {"id": "palate", "max_model_len": 2048, "root": self.root, "parent": None}
            tuned = [{"id": name, "root": folder, "parent": "palate"} for name, folder in self.adapters.items()]
            return httpx.Response(200, json={"data": [base, *tuned]})
        if path == "/version":
            return httpx.Response(200, json={"version": "0.32.0"})
        if path == "/tokenize":
            return httpx.Response(200, json={"tokens": [sum(map(ord, word)) for word in body["prompt"].split()]})
        if path == "/v1/load_lora_adapter":
            return self.load(body)
        if path == "/v1/unload_lora_adapter":
            self.unloads.append((body["lora_name"], self.running))
            self.adapters.pop(body["lora_name"], None)
            return httpx.Response(200, text="Success")
        return await self.complete(body)

    def load(self, body):
        name, folder = body["lora_name"], Path(body["lora_path"])
        if name in self.adapters:
            return httpx.Response(400, json={"error": {"message": f"The lora adapter '{name}' has already been loaded."}})
        if not (folder / "adapter_config.json").is_file():
            return httpx.Response(404, json={"error": {"message": f"No adapter found for {folder}"}})
        if json.loads((folder / "adapter_config.json").read_text()).get("r", 8) > 16:
            return httpx.Response(500, json={"error": {"message": "LoRA rank 32 is greater than max_lora_rank 16."}})
        self.adapters[name] = str(folder)
        self.loads.append(name)
        return httpx.Response(200, text=f"Success: LoRA adapter '{name}' added successfully.")

    async def complete(self, body):
        name = body["model"]
        if name != "palate" and name not in self.adapters:
            return httpx.Response(404, json={"error": {"message": f"The model `{name}` does not exist."}})
        self.running += 1
        try:
            await asyncio.sleep(0)
            if self.held is not None:
                await self.held.wait()
        finally:
            self.running -= 1
        if body.get("stream"):
            return httpx.Response(200, content=stream(body))
        top = {f"token_id:{i}": -0.5 * n - 0.25 for n, i in enumerate(body["logprob_token_ids"])}
        return httpx.Response(200, json={"choices": [{"text": " A", "logprobs": {"top_logprobs": [top]}}]})


def stream(body):
    wanted = body.get("structured_outputs", {})
    if "choice" in wanted:
        words = [wanted["choice"][0]]
    elif "json" in wanted:
        words = ['{"', next(iter(wanted["json"]["properties"])), '": ', "3}"]
    else:
        words = ["I ", "heard ", "you."]
    lines = [f"data: {json.dumps({'choices': [{'index': 0, 'text': word}]})}\n\n" for word in words]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


@pytest.fixture
def vllm():
    return FakeVllm()


@pytest.fixture
def peft(tmp_path):
    """Make a folder that looks like a LoRA adapter of PEFT: ``peft("a")``; other weights, other contents."""

    def make(weights, rank=8):
        folder = tmp_path / f"peft-{weights}"
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))
        (folder / "adapter_model.safetensors").write_bytes(weights.encode())
        return folder

    return make
