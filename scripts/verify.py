"""Re-read every store of a study against its digests; the next run makes again what is missing or damaged.

Example:
  python scripts/verify.py --results results/quickstart
"""

import argparse
import sys
from pathlib import Path

from thresh.stages import verify_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="folder of the study's results")
    stores, findings = verify_study(parser.parse_args().results)
    print(*findings, sep="\n" if findings else "")
    print(f"verify: {stores} stores read, {len(findings)} findings.")
    if findings:
        print("The next run makes again what is missing or damaged.", file=sys.stderr)


if __name__ == "__main__":
    main()
