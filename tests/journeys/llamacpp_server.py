"""
llama.cpp's own server as a process: `python llamacpp_server.py MODEL` prints its address and serves until it is ended.
"""

import signal
import sys
from typing import Any

import xllamacpp as native  # compiled, so nothing is known of its types

xllamacpp: Any = native


def main() -> None:
    """Serve the model on a free port of the loopback address."""
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.model_alias = {"tiny"}
    params.n_ctx = 4 * 1024
    params.n_parallel = 4
    params.n_batch = params.n_ubatch = 256
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 8
    params.n_predict = 64
    params.sampling.temp = 0.0
    params.warmup = False
    params.use_jinja = True
    params.cache_ram_mib = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
