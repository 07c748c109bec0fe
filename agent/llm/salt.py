"""Keeps the prefix cache of a shared server apart by tenant."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["cache_salt"]


def cache_salt(secret: bytes, tenant: str) -> str:
    """Return the salt under which vLLM caches a tenant's prefixes, 64 hex digits.

    Only who knows ``secret`` can name it: else a tenant could find out by the time to the first token what another one asked
    ("Auditing Prompt Caching in Language Model APIs", Gu et al. 2025, ICML).
    """
    return hmac.new(secret, b"palate cache salt\x00" + tenant.encode(), hashlib.sha256).hexdigest()
