"""Write envs/thresh.yaml, the conda environment, from the pins of envs/requirements.lock.

Example:
  python scripts/write_conda_environment.py
"""

import argparse
from pathlib import Path

ENVIRONMENTS = Path(__file__).parent.parent / "envs"

HEAD = """\
# The versions of requirements.lock for conda, written by `make docs`. `conda env create -f envs/thresh.yaml`, or for
# each job `snakemake --sdm conda`. The library itself comes from the checkout.
name: thresh
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def conda_environment(lock: str) -> str:
    """The conda environment with the pins of a lock file."""
    pins = [line for line in lock.splitlines() if line and not line.startswith("#")]
    return HEAD + "".join(f"      - {pin}\n" for pin in pins)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    lock = (ENVIRONMENTS / "requirements.lock").read_text()
    (ENVIRONMENTS / "thresh.yaml").write_text(conda_environment(lock))


if __name__ == "__main__":
    main()
