from agent.llm.salt import cache_salt


def test_a_salt_repeats_and_differs_by_tenant_and_secret():
    salt = cache_salt(b"secret", "a")
    assert salt == cache_salt(b"secret", "a")
    assert len({salt, cache_salt(b"secret", "b"), cache_salt(b"other", "a")}) == 3
    assert len(salt) == 64
    assert "secret" not in salt
