"""``make cassettes`` and ``make cassettes-live PROVIDER=…``.

The first records every test on a cassette from the emulator. The second records one vendor's from
the vendor itself, with the key in the environment: it asks first, since that costs money.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from dsgvo import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("DSGVO_CASSETTES", ROOT / "cassettes"))


def recorded(home: Path = HOME) -> dict[str, Path]:
    """All recordings of a folder by name, ``<provider>/<suite>/<test>.yaml``."""
    return {path.relative_to(home).as_posix(): path for path in sorted(home.rglob("*.yaml"))}


def interactions(path: Path) -> list[dict[str, Any]]:
    """The requests and answers of a recording, with bodies as they stand there."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["interactions"]


def origins(path: Path) -> set[str]:
    """Who answered in a recording, ``emulator`` or ``live``."""
    answers = [one["response"]["headers"] for one in interactions(path)]
    return {answer["x-recorded-from"][0].split()[0] for answer in answers}


def record(mode: str, home: Path, selection: Sequence[str], provider: str = "") -> int:
    """Run the tests so that they record into a folder; return pytest's exit code."""
    variables = {"DSGVO_RECORD": mode, "DSGVO_RECORD_PROVIDER": provider, "DSGVO_CASSETTES": home}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    command += ["--force-enable-socket"] if mode == "live" else []
    command += [] if any(one.startswith("tests/") for one in selection) else ["tests/cassettes"]
    environ = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run([*command, *selection], cwd=ROOT, env=environ).returncode


def keep(new: Path, replace_live: bool) -> None:
    """Take a folder's recordings over.

    One from a vendor was paid for. One in which only the order of parallel requests is new stays.
    """
    for name, path in recorded(new).items():
        place = HOME / name
        if place.is_file():
            same = sorted(map(repr, interactions(place))) == sorted(map(repr, interactions(path)))
            if same or (origins(place) == {"live"} and not replace_live):
                continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())


def main(argv: Sequence[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = argparse.ArgumentParser(prog="record", description=__doc__)
    parser.add_argument("--live", metavar="PROVIDER", choices=list(PROVIDERS), default="")
    parser.add_argument("--yes", action="store_true", help="do not ask before calling a vendor")
    parser.add_argument("--replace-live", action="store_true", help="record a vendor's anew, too")
    options, selection = parser.parse_known_args(argv)
    spec = PROVIDERS.get(options.live)
    if spec:
        secret = [spec.oauth.secret_variable] if spec.oauth else []
        if not any(os.environ.get(name) for name in (*spec.key_variables, *secret)):
            print(f"no key: set {spec.key_variables[0]} to yours", file=sys.stderr)
            return 2
        count = sum(len(interactions(path)) for path in HOME.glob(f"{spec.name}/*/*.yaml"))
        target = os.environ.get(spec.base_url_variable, spec.base_url)
        print(f"{spec.title}: up to {count} requests go to {target}, and may cost you money.")
        if not options.yes and ask("Go on? [y/N] ").strip().lower() not in {"y", "yes", "j", "ja"}:
            print("nothing was sent")
            return 1
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder)
        try:
            code = record("live" if spec else "emulator", new, selection, options.live)
        except KeyboardInterrupt:
            code = 130  # what was recorded so far is kept, and may have been paid for
        keep(new, options.replace_live or bool(spec))
        count, source = len(recorded(new)), spec.title if spec else "the emulator"
        print(f"{count} recorded from {source}; review them: git diff cassettes")
        for name in recorded().keys() - recorded(new).keys():
            if not (spec or code or selection):
                (HOME / name).unlink()
                print(f"removed, no test plays it: {name}")
    return code


if __name__ == "__main__":
    sys.exit(main())
