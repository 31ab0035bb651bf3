"""A second writer is refused and told who holds the store; a killed one gives it back."""

import os
import signal
import subprocess
import sys
import time

import pytest

from thresh.errors import StoreError
from thresh.stages import store_lock

HOLD = """
import sys, time
from pathlib import Path
from thresh.stages import store_lock
with store_lock(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    running = []

    def start(first, length):
        command = [sys.executable, "-c", HOLD, str(tmp_path / "store"), str(first), str(length)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_second_writer_is_refused_and_told_who_holds_it(tmp_path, hold):
    process = hold(0, 0)
    with (
        pytest.raises(StoreError, match=rf"store: another process is writing it \(process {process.pid} on "),
        store_lock(tmp_path / "store"),
    ):
        pass


def test_writers_of_other_shards_do_not_exclude_each_other(tmp_path, hold):
    hold(0, 4)
    with store_lock(tmp_path / "store", (4, 4)):
        pass
    with pytest.raises(StoreError), store_lock(tmp_path / "store", (3, 2)):
        pass


def test_a_killed_writer_holds_nothing(tmp_path, hold):
    process = hold(0, 0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(50):
        try:
            with store_lock(tmp_path / "store"):
                return
        except StoreError:
            time.sleep(0.1)
    pytest.fail("the lock of a killed process was never given back")
