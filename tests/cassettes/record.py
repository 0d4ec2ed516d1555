"""``make cassettes`` and ``make cassettes-live PROVIDER=…``.

The first records every test on a cassette from the emulator. The second records one vendor's from
the vendor itself, with the key in the environment: it asks first, since that costs money.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from dsgvo import PROVIDERS
from dsgvo.emulator import cassettes
from tests.cassettes.shapes import differences
from tests.cassettes.support import HOME, ROOT, named, recorded


def main(argv: Sequence[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = argparse.ArgumentParser(prog="record", description=__doc__)
    parser.add_argument("--live", metavar="PROVIDER", choices=list(PROVIDERS))
    parser.add_argument("--yes", action="store_true", help="do not ask before calling a vendor")
    options, selection = parser.parse_known_args(argv)
    if options.live:
        return live(options.live, selection, None if options.yes else ask)
    return from_emulator(selection)


def from_emulator(selection: Sequence[str]) -> int:
    """Record all tests anew, or those selected, and remove what no test wants any more."""
    code, written = run("record", selection)
    if code == 0 and not selection:
        for path in recorded():
            if path not in written:
                path.unlink()
                print(f"removed, no test plays it: {named(path)}")
    print(f"{len(written)} cassettes recorded from the emulator; review them: git diff cassettes")
    return code


def live(provider: str, selection: Sequence[str], ask: Callable[[str], str] | None) -> int:
    """Record a vendor's tests from the vendor; what fails keeps the cassette that it had."""
    spec = PROVIDERS[provider]
    secret = [spec.oauth.secret_variable] if spec.oauth else []
    if not any(os.environ.get(name) for name in (*spec.key_variables, *secret)):
        print(f"no key: set {spec.key_variables[0]} to yours", file=sys.stderr)
        return 2
    before = {path: cassettes.parse(path.read_text("utf-8")) for path in of(provider)}
    count = sum(len(cassette["interactions"]) for cassette in before.values())
    target = os.environ.get(spec.base_url_variable, spec.base_url)
    print(f"{spec.title}: up to {count} requests go to {target} with your key and may cost money.")
    if ask and ask("Go on? [y/N] ").strip().lower() not in {"y", "yes", "j", "ja"}:
        print("nothing was sent")
        return 1
    code, written = run("live", selection, provider)
    replaced = [path for path in written if path in before]
    old = [before[path] for path in replaced]
    new = [cassettes.parse(path.read_text("utf-8")) for path in replaced]
    print(f"{len(written)} cassettes recorded from {spec.title}; review them: git diff cassettes")
    found = differences(old, new)
    print(
        "what the answers differ in from the emulator's:" if found else "no answer differs in shape"
    )
    print(*(f"  {line}" for line in found), sep="\n")
    return code


def run(mode: str, selection: Sequence[str], provider: str = "") -> tuple[int, list[Path]]:
    """Run the tests so that they record; return pytest's exit code and what was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "written")
        listed.touch()
        environ = os.environ | {
            "DSGVO_CASSETTES": mode,
            "DSGVO_CASSETTES_LIST": str(listed),
            "DSGVO_CASSETTES_PROVIDER": provider,
        }
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["--force-enable-socket"] if mode == "live" else []
        where = [] if any(one.startswith("tests/") for one in selection) else ["tests/cassettes"]
        command = [sys.executable, "-m", "pytest", *where, *options, *selection]
        code = subprocess.run(command, cwd=ROOT, env=environ).returncode
        return code, [HOME / name for name in listed.read_text("utf-8").split("\n") if name]


def of(provider: str) -> list[Path]:
    return [path for path in recorded() if path.relative_to(HOME).parts[0] == provider]


if __name__ == "__main__":
    sys.exit(main())
