"""A leader that ignores SIGTERM, with a child, and a grandchild that left the session and ignores it, too."""

import os
import signal
import subprocess
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "1000"])
read_fd, write_fd = os.pipe()
if (middle := os.fork()) == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write_fd, b"x")
        time.sleep(1000)
    os._exit(0)
os.waitpid(middle, 0)
os.read(read_fd, 1)
print("tree is up", flush=True)
time.sleep(1000)
