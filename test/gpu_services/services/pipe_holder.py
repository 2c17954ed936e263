"""Plays the supervisor: holds the launcher's death pipe. Arguments: the launcher's command line."""

import os
import subprocess
import sys

events_fd = int(os.environ["ROUNDHOUSE_EVENTS_FD"])
subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, pass_fds=[events_fd], start_new_session=True).wait()
