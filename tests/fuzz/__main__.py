"""``make fuzz``: every target, or those named, for some minutes each under atheris.

    python -m tests.fuzz [--minutes 15] [TARGET …]

What is found is written beside a command that shows it again. The corpus is kept from run to run.
"""

import argparse
import subprocess
import sys
from pathlib import Path

CORPUS = Path("fuzz-corpus")


def fuzz(name: str, minutes: float) -> None:
    """Run one target in this process until its time is over."""
    import atheris  # pyright: ignore[reportMissingImports] # installed by make fuzz

    with atheris.instrument_imports(include=["dsgvo.wire"]):  # pyright: ignore
        from tests.fuzz.targets import SEEDS, TARGETS

    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={int(minutes * 60)}", "-max_len=4096", "-rss_limit_mb=1024"]
    limits += ["-timeout=20", "-print_final_stats=1", f"-artifact_prefix={CORPUS}/found-"]
    atheris.Setup([sys.argv[0], *limits, str(folder)], TARGETS[name])  # pyright: ignore
    atheris.Fuzz()  # pyright: ignore


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        fuzz(options.targets[0], options.minutes)
        return 0
    from tests.fuzz.targets import TARGETS

    failed: list[str] = []
    for name in options.targets or TARGETS:
        print(f"== {name}", flush=True)
        own = [sys.executable, "-m", "tests.fuzz", "--one", name, f"--minutes={options.minutes}"]
        if subprocess.run(own, check=False).returncode:
            failed.append(name)
    print(f"findings in: {', '.join(failed)}" if failed else "no findings")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
