"""Service script of the benches: becomes `node noop-server.ts`, the fastest stand-in for a model server."""

import os
from pathlib import Path

os.execvp("node", ["node", str(Path(__file__).with_name("noop-server.ts"))])
