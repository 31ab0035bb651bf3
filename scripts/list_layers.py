r"""List the layers of a model: paths for `layers` in a study's config, and their classes.

Example:
  python scripts/list_layers.py torch.nn:TransformerEncoderLayer --arguments '{"d_model": 8, "nhead": 2}'
"""

import argparse
import sys

from thresh.errors import ThreshError
from thresh.stages import json_object
from thresh.system_kinds import MODELS
from thresh.systems import list_layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "model", help="hub name or folder of a transformers model, package.module:callable of a factory, or a timm name"
    )
    parser.add_argument("--kind", choices=MODELS, help="default: told by a colon in the name")
    parser.add_argument("--search-path", help="folder in which the factory's package is found")
    parser.add_argument("--arguments", default="{}", metavar="JSON", help="keyword arguments of the factory")
    parser.add_argument("--revision", default="main", help="branch, tag or commit of a hub model")
    parser.add_argument("--contains", default="", help="show only paths that contain this text")
    arguments = parser.parse_args()
    try:
        layers = list_layers(
            arguments.model,
            search_path=arguments.search_path,
            arguments=json_object("--arguments", arguments.arguments),
            revision=arguments.revision,
            kind=arguments.kind,
        )
    except ThreshError as error:
        sys.exit(str(error))
    shown = [(path, kind) for path, kind in layers if arguments.contains in path]
    width = max((len(path) for path, _ in shown), default=0)
    for path, kind in shown:
        print(f"{path:<{width}}  {kind}")


if __name__ == "__main__":
    main()
