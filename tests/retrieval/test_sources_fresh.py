from __future__ import annotations

import pytest

from palate.testing.candidate_source import CandidateSourceContract
from retrieval import FreshConfig, FreshSource


class TestFresh(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return FreshSource(FreshConfig())
