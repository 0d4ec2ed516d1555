"""One contestant in a process of its own: reads what to do as lines, answers with CPU time.

``python -m benchmarks.worker CONTESTANT FRAMEWORK URL``; a line is a row's name and how often to
do it, its answer the seconds of CPU and the units that were done.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time


def main() -> None:
    """Serve until the pipe is closed."""
    contestant, framework, url = sys.argv[1:]
    module = importlib.import_module(f"benchmarks.contestants.{framework}")
    ready = {}
    for line in sys.stdin:
        name, repeat = line.split()
        if name not in ready:
            ready[name] = module.build(contestant, name, url)
        run = ready[name]
        gc.collect()
        units = 0
        start = time.process_time()
        for _ in range(int(repeat)):
            units += run()
        seconds = time.process_time() - start
        print(json.dumps({"seconds": seconds, "units": units}), flush=True)


if __name__ == "__main__":
    main()
