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
from typing import Any

from dsgvo import PROVIDERS
from tests.cassettes.shapes import differences
from tests.cassettes.support import HOME, ROOT, content, is_live, named, recorded


def main(argv: Sequence[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = argparse.ArgumentParser(prog="record", description=__doc__)
    parser.add_argument("--live", metavar="PROVIDER", choices=list(PROVIDERS))
    parser.add_argument("--yes", action="store_true", help="do not ask before calling a vendor")
    parser.add_argument(
        "--replace-live", action="store_true", help="record those from a vendor anew, too"
    )
    options, selection = parser.parse_known_args(argv)
    if options.live:
        return live(options.live, selection, None if options.yes else ask)
    return from_emulator(selection, options.replace_live)


def from_emulator(selection: Sequence[str], replace_live: bool = False) -> int:
    """Record all tests anew, or those selected, and remove what no test wants any more.

    A cassette from a vendor was paid for, and stays unless it is to be replaced.
    """
    kept = [] if replace_live else [path for path in recorded() if is_live(path)]
    more = {"DSGVO_CASSETTES_REPLACE_LIVE": "1"} if replace_live else {}
    code, played = run("record", selection, **more)
    if code == 0 and not selection:
        for path in recorded():
            if path not in played:
                path.unlink()
                print(f"removed, no test plays it: {named(path)}")
    kept = [path for path in kept if path in played]
    print(
        f"{len(played) - len(kept)} cassettes recorded from the emulator; "
        "review them: git diff cassettes"
    )
    if kept:
        print(f"{len(kept)} from vendors kept; ARGS=--replace-live records them, too")
    return code


def live(provider: str, selection: Sequence[str], ask: Callable[[str], str] | None) -> int:
    """Record a vendor's tests from the vendor; what fails keeps the cassette that it had."""
    spec = PROVIDERS[provider]
    secret = [spec.oauth.secret_variable] if spec.oauth else []
    if not any(os.environ.get(name) for name in (*spec.key_variables, *secret)):
        print(f"no key: set {spec.key_variables[0]} to yours", file=sys.stderr)
        return 2
    cassettes_there = [content(path) for path in of(provider)]
    count = sum(len(cassette["interactions"]) for cassette in cassettes_there)
    target = os.environ.get(spec.base_url_variable, spec.base_url)
    print(f"{spec.title}: up to {count} requests go to {target} with your key and may cost money.")
    try:
        go_on = ask is None or ask("Go on? [y/N] ").strip().lower() in {"y", "yes", "j", "ja"}
    except EOFError:
        print("nobody to ask here: ARGS=--yes goes on without; nothing was sent", file=sys.stderr)
        return 2
    if not go_on:
        print("nothing was sent")
        return 1
    code, written = run("live", selection, DSGVO_CASSETTES_PROVIDER=provider)
    print(f"{len(written)} cassettes recorded from {spec.title}; review them: git diff cassettes")
    if not written:
        return code
    print("recording the same from the emulator, to compare …")
    found = differences(*compared(provider, selection, written))
    print(
        "what the answers differ in from the emulator's:" if found else "no answer differs in shape"
    )
    print(*(f"  {line}" for line in found), sep="\n")
    return code


def compared(
    provider: str, selection: Sequence[str], written: Sequence[Path]
) -> tuple[list[Any], list[Any]]:
    """Return parsed cassettes of the same tests: from the emulator, and those just written.

    What lies in the folder may be from an earlier live recording, so it is no measure.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = {"DSGVO_CASSETTES_HOME": folder, "DSGVO_CASSETTES_PROVIDER": provider}
        run("record", selection, **home)
        pairs = [(Path(folder, named(path)), path) for path in written]
        both = [[content(path) for path in pair] for pair in pairs if pair[0].is_file()]
    return [old for old, _ in both], [new for _, new in both]


def run(mode: str, selection: Sequence[str], **variables: str) -> tuple[int, list[Path]]:
    """Run the tests so that they record; return pytest's exit code and what was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "written")
        listed.touch()
        environ = os.environ | {
            "DSGVO_CASSETTES": mode,
            "DSGVO_CASSETTES_LIST": str(listed),
            **variables,
        }
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["--force-enable-socket"] if mode == "live" else []
        where = [] if any(one.startswith("tests/") for one in selection) else ["tests/cassettes"]
        command = [sys.executable, "-m", "pytest", *where, *options, *selection]
        try:
            code = subprocess.run(command, cwd=ROOT, env=environ).returncode
        except KeyboardInterrupt:
            code = 130
            print(
                "interrupted: the cassettes recorded so far are kept, and the others as they were"
            )
        return code, [HOME / name for name in listed.read_text("utf-8").split("\n") if name]


def of(provider: str) -> list[Path]:
    return [path for path in recorded() if path.relative_to(HOME).parts[0] == provider]


if __name__ == "__main__":
    sys.exit(main())
