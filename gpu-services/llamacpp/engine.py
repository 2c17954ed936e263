"""The engine process: llama.cpp's own HTTP server on a Unix socket.

It is a process of its own because loading holds Python's global lock, and so that a crash in native
code has a witness. Arguments: the socket path, and the options as JSON (see options.py).
"""

import json
import signal
import sys

from options import apply_options

MISSING_LIBGOMP = (
    "llama.cpp needs the library libgomp.so.1, which this machine does not have. "
    "Install it (Debian, Ubuntu: apt-get install libgomp1) and start again."
)


def main(socket_path: str, options: str) -> None:
    try:
        import xllamacpp
    except ImportError as error:
        sys.exit(MISSING_LIBGOMP if "libgomp" in str(error) else f"llama.cpp cannot be loaded: {error}")
    params = xllamacpp.CommonParams()
    try:
        apply_options(params, json.loads(options))
    except ValueError as error:
        sys.exit(str(error))
    params.hostnames = [socket_path]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        sys.exit(f"llama.cpp could not load {params.model.path}: {error}")
    print(f"listening on {server.listening_address}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
