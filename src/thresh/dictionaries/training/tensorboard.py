"""Curves of training where TensorBoard finds them."""

from pathlib import Path

from thresh.errors import ConfigError


class TensorBoard:
    """One run of TensorBoard for each dictionary, with one curve for each number of a point.

    Parameters
    ----------
    folder
        For `tensorboard --logdir`.

    Raises
    ------
    ConfigError
        TensorBoard is not installed.
    """

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            found = "TensorBoard: pip install 'thresh[tensorboard]'"
            raise ConfigError("training.tensorboard", str(folder), found) from None
        self.folder, self.writer_of = Path(folder), SummaryWriter
        self.writers: dict[str, SummaryWriter] = {}
        self.steps: dict[str, int] = {}

    def write(self, label: str, points: list[dict]) -> None:
        """Add those points of a dictionary's curve that are new; what an earlier job wrote is replaced."""
        if label not in self.writers:
            self.writers[label] = self.writer_of(self.folder / label, purge_step=0)
        for point in points:
            if point["step"] > self.steps.get(label, 0):
                for name, value in point.items():
                    if name != "step":
                        self.writers[label].add_scalar(name, value, point["step"])
                self.steps[label] = point["step"]
        self.writers[label].flush()
