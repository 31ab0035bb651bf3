"""Tests on several cores take one core each: threads of processes that wait for each other take ten times as long."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch and NumPy are imported, and for the processes that tests begin.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
