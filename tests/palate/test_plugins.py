from importlib.metadata import entry_points

from palate.plugins import GROUP, hookimpl, load_plugins


def test_the_product_registers_by_entry_points_and_once() -> None:
    assert {"adapters"} <= {point.name for point in entry_points(group=GROUP)}
    manager = load_plugins()
    assert manager is load_plugins()
    names = [name for name, _ in manager.list_name_plugin()]
    assert len(names) == len(set(names))
    assert "adapters" in names


def test_a_strangers_plugin_is_asked() -> None:
    class Stranger:
        @hookimpl
        def palate_platform_adapters(self) -> list[object]:
            return ["theirs"]

    manager = load_plugins()
    plugin = Stranger()
    manager.register(plugin)
    try:
        assert ["theirs"] in manager.hook.palate_platform_adapters()
    finally:
        manager.unregister(plugin)
    assert ["theirs"] not in manager.hook.palate_platform_adapters()
