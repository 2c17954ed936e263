"""What the launcher promises: the whole tree ends, whoever dies first."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import FIXTURES, LAUNCHER, SERVICES, Leash, eventually, launched, survivors

WILD_TREE = [sys.executable, str(FIXTURES / "wild_tree.py")]
TREE_SIZE = 4  # launcher, leader, child, grandchild


def until_tree_is_up(leash: Leash) -> None:
    assert leash.output.next() == "tree is up"
    eventually(lambda: len(survivors(leash.marker)) == TREE_SIZE)


def test_an_exit_code_is_passed_on_and_told() -> None:
    with launched(["sh", "-c", "exit 7"]) as leash:
        assert leash.wait() == 7
        started, exited = leash.events.all_that_remain()
    assert started["type"] == "started"
    assert exited == {"type": "exited", "code": 7, "signal": None}


def test_a_death_by_signal_is_told_and_becomes_128_plus_its_number() -> None:
    with launched(["sh", "-c", "kill -SEGV $$"]) as leash:
        assert leash.wait() == 128 + signal.SIGSEGV
        assert leash.events.all_that_remain()[-1] == {"type": "exited", "code": None, "signal": "SIGSEGV"}


def test_a_command_that_does_not_exist_is_told_in_one_line() -> None:
    result = subprocess.run(
        [sys.executable, str(LAUNCHER), "--", "no-such-program"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 127
    assert result.stderr == b"launcher: cannot run no-such-program: No such file or directory\n"


def test_without_an_events_descriptor_nothing_is_told() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ROUNDHOUSE_EVENTS_FD"}
    launcher = subprocess.Popen(
        [sys.executable, str(LAUNCHER), "--", "sh", "-c", "ls /proc/self/fd | wc -l"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert launcher.stdout is not None and launcher.stdin is not None
    assert launcher.stdout.read().strip() == b"4"  # stdin, stdout, stderr, and the listing itself
    assert launcher.wait() == 0
    launcher.stdin.close()
    launcher.stdout.close()


def test_the_death_pipe_does_not_reach_the_child() -> None:
    with launched(["readlink", "/proc/self/fd/0"]) as leash:
        assert leash.output.next() == "/dev/null"
        assert leash.wait() == 0


def test_when_the_leader_exits_the_rest_of_the_tree_goes() -> None:
    with launched(["sh", "-c", "setsid sleep 1000 & exit 3"]) as leash:
        assert leash.wait() == 3
        assert survivors(leash.marker) == []


def test_the_end_of_stdin_kills_the_whole_tree_at_once() -> None:
    with launched(WILD_TREE) as leash:
        until_tree_is_up(leash)
        assert leash.process.stdin is not None
        leash.process.stdin.close()
        assert leash.wait() == 128 + signal.SIGKILL
        assert survivors(leash.marker) == []
        assert leash.events.all_that_remain()[-1]["signal"] == "SIGKILL"


def test_a_killed_supervisor_takes_the_whole_tree_with_it() -> None:
    holder = [sys.executable, str(FIXTURES / "pipe_holder.py")]
    with launched(WILD_TREE, wrapper=holder) as leash:
        assert leash.output.next() == "tree is up"
        leash.process.kill()
        assert leash.events.until(lambda event: event["type"] == "exited")["signal"] == "SIGKILL"
        assert leash.events.next() is None  # the last holder of the events pipe is gone


def test_term_reaches_the_leader_which_may_end_by_itself() -> None:
    polite = "trap 'exit 5' TERM; echo up; while :; do sleep 1000 & wait; done"
    with launched(["sh", "-c", polite]) as leash:
        assert leash.output.next() == "up"
        leash.process.terminate()
        assert leash.wait() == 5
        assert survivors(leash.marker) == []


def test_a_leader_that_ignores_term_is_killed_after_the_grace_period() -> None:
    with launched(WILD_TREE, grace_seconds=0.2) as leash:
        until_tree_is_up(leash)
        leash.process.terminate()
        assert leash.wait() == 128 + signal.SIGKILL
        assert survivors(leash.marker) == []


def test_a_second_term_does_not_wait_for_the_grace_period() -> None:
    stubborn = "trap 'echo heard' TERM; echo up; while :; do sleep 1000 & wait; done"
    with launched(["sh", "-c", stubborn], grace_seconds=10_000) as leash:
        assert leash.output.next() == "up"
        leash.process.terminate()
        assert leash.output.next() == "heard"
        leash.process.terminate()
        assert leash.wait() == 128 + signal.SIGKILL


def test_a_grace_of_zero_kills_at_once() -> None:
    with launched(WILD_TREE, grace_seconds=0) as leash:
        until_tree_is_up(leash)
        leash.process.terminate()
        assert leash.wait() == 128 + signal.SIGKILL
        assert survivors(leash.marker) == []


def test_a_killed_launcher_takes_at_least_its_leader_with_it() -> None:
    with launched(["sleep", "1000"]) as leash:
        leader = leash.events.until(lambda event: event["type"] == "started")["pid"]
        handle = os.pidfd_open(leader)
        leash.process.kill()
        assert select.select([handle], [], [], 60)[0]
        os.close(handle)


@pytest.mark.parametrize("text", ["", "noise that is no command\n"])
def test_what_is_written_to_the_death_pipe_means_nothing(text: str) -> None:
    with launched(["sh", "-c", "echo up; sleep 1000"]) as leash:
        assert leash.output.next() == "up"
        assert leash.process.stdin is not None
        leash.process.stdin.write(text.encode())
        leash.process.stdin.flush()
        leash.process.terminate()
        assert leash.wait() == 128 + signal.SIGTERM


def test_launcher_and_service_tell_one_story(folder: Path) -> None:
    service = [sys.executable, str(FIXTURES / "wrapping.py")]
    variables = {"ROUNDHOUSE_SOCKET": str(folder / "m.sock"), "PYTHONPATH": str(SERVICES)}
    with launched(service, variables=variables) as leash:
        told = [leash.events.until(lambda event: event["type"] in ("started", "state")) for _ in range(3)]
        assert len(survivors(leash.marker)) >= 4  # two launchers, the service, its engine
        leash.process.terminate()
        assert leash.wait() == 0
        told += leash.events.all_that_remain()
        assert survivors(leash.marker) == []
    story = [event.get("status", event["type"]) for event in told]
    assert story == ["started", "STARTING", "READY", "exited"]
