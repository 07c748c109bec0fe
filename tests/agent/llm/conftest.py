import asyncio
import os

import pytest

from agent.llm.embedded import EmbeddedLLM


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
