r"""Write a dictionary in the files of another library.

The dictionary may itself be one of another library, in a folder or on the Hugging Face hub (docs/dictionaries.md lists
the formats that are read), so that this turns any of them into any other that can hold it.

Example, after `make quickstart`:
  python scripts/export_dictionary.py results/quickstart/dictionaries/vit/layer3/topk by_hand/vit_layer3 \
    --format sae_lens
"""

import argparse
import sys
from pathlib import Path

from thresh.errors import ThreshError
from thresh.stages import source_of

FORMATS = """formats:
  sae_lens             sae_lens.SAE.load_from_disk(folder)
  sparsify             sparsify.SparseCoder.load_from_disk(folder); dictionaries of topk
  dictionary_learning  dictionary_learning.utils.load_dictionary(folder, device)
"""


def main() -> None:
    description, _, example = __doc__.partition("Example")
    parser = argparse.ArgumentParser(
        description=description,
        epilog=f"{FORMATS}\nExample{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dictionary", help="folder of the dictionary, its manifest, or a name on the hub")
    parser.add_argument("folder", type=Path, help="folder to write")
    parser.add_argument("--format", default="sae_lens", help="default: sae_lens; see below")
    parser.add_argument("--subfolder", default="", help="folder of the dictionary within that folder or name")
    parser.add_argument("--revision", default="main", help="branch, tag or commit on the hub")
    arguments = parser.parse_args()

    from thresh.dictionaries import export, load

    try:
        dictionary = load(source_of(Path(arguments.dictionary)), arguments.subfolder, arguments.revision)
        export(dictionary, arguments.folder, arguments.format)
    except ThreshError as error:
        sys.exit(str(error))
    atoms, units = dictionary.atoms.shape
    print(f"{arguments.folder}: {atoms} atoms of {units} units ({dictionary.architecture}) as {arguments.format}")


if __name__ == "__main__":
    main()
