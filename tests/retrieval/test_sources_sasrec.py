from __future__ import annotations

import pytest

from palate.testing.candidate_source import CandidateSourceContract
from retrieval import SasrecConfig, SasrecSource


class TestSasrec(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return SasrecSource(SasrecConfig())
