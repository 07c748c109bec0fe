import subprocess
import sys

import adapters
import adapters.plugin
from adapters import PlatformAdapter, load_platform_adapters
from palate.plugins import load_plugins


def test_the_three_platforms_are_registered() -> None:
    found = load_platform_adapters()
    assert list(found) == sorted(found)
    assert {"movielens", "netflix", "spotify"} <= set(found)
    assert all(isinstance(adapter, PlatformAdapter) and adapter.name == name for name, adapter in found.items())


def test_the_built_in_ones_come_by_the_entry_point_as_any_other() -> None:
    assert any(plugin is adapters.plugin for plugin in load_plugins().get_plugins())


def test_public_names_are_sorted_and_there() -> None:
    assert adapters.__all__ == sorted(adapters.__all__)
    assert all(hasattr(adapters, name) for name in adapters.__all__)


def test_importing_is_light() -> None:
    code = "import adapters, sys; print([m for m in ('torch', 'transformers', 'chromadb', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
