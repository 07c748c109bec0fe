from __future__ import annotations

import pytest

from palate.testing.candidate_source import CandidateSourceContract
from retrieval import NcfConfig, NcfSource


class TestNcf(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return NcfSource(NcfConfig())
