"""Write the schema and the reference page of the config from src/thresh/config/.

Example:
  python scripts/write_config_reference.py
"""

import argparse
from pathlib import Path

from thresh.config_reference import reference_markdown, schema_json

ROOT = Path(__file__).parent.parent


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    (ROOT / "workflow" / "schemas" / "config.schema.json").write_text(schema_json())
    (ROOT / "config" / "README.md").write_text(reference_markdown())


if __name__ == "__main__":
    main()
