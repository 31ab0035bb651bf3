"""A simulated population with known tuning: oriented filters, divisive normalisation, conjunctions."""

import numpy as np
from PIL import Image

from thresh.stimuli.base import Stimuli

SIDE = 16
ORIENTATIONS = 6


def firing_rates(stimuli: Stimuli, neurons: int, seed: int) -> np.ndarray:
    """Rates (stimuli, neurons) in spikes per second, between a baseline of 1 and a peak of about 30.

    Images are made grey, 16 x 16. Oriented Gabor filters of two phases at 7 x 7 places give their energy, which is
    divided by the energy of its neighbourhood (Heeger 1992). A third of the neurons take one such channel, the others
    a conjunction of a few neighbouring ones, above a threshold that makes their answers sparse.
    """
    generator = np.random.default_rng(seed)
    channels, places = normalised_energy(grey_images(stimuli))
    weights = np.zeros((channels.shape[1], neurons))
    for neuron in range(neurons):
        centre = places[generator.integers(channels.shape[1])]
        near = np.flatnonzero(np.abs(places - centre).max(axis=1) <= 2)
        chosen = generator.choice(near, size=1 if neuron % 3 == 0 else 4, replace=False)
        weights[chosen, neuron] = generator.uniform(0.5, 1.0, len(chosen))
    drive = channels @ weights
    threshold = np.quantile(drive, 0.4, axis=0)
    above = np.maximum(drive - threshold, 0.0)
    # The peak is what the strongest tenth of the stimuli reach, so that one outlier does not silence a neuron.
    peak = np.maximum(np.quantile(above, 0.9, axis=0), 1e-9)
    gain = generator.uniform(4.0, 20.0, neurons)
    return 1.0 + np.minimum(above / peak, 1.5) * gain


def grey_images(stimuli: Stimuli) -> np.ndarray:
    """(n, 16, 16) float64 on the scale 0 to 1."""
    images = stimuli.images(0, len(stimuli))
    resized = [np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for image in images]
    return np.stack(resized) / 255.0


def normalised_energy(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Channels (n, places * orientations) and the place (y, x) of each, in steps of two pixels."""
    filters = gabor_filters()
    size = filters.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))[:, ::2, ::2]
    n, rows, columns = windows.shape[:3]
    answers = windows.reshape(n, rows * columns, size * size) @ filters.reshape(-1, size * size).T
    energy = (answers.reshape(n, rows * columns, ORIENTATIONS, 2) ** 2).sum(axis=3)
    pool = energy.sum(axis=2, keepdims=True)
    normalised = energy / (0.2 * pool.mean() + pool)
    y, x, _ = np.indices((rows, columns, ORIENTATIONS)).reshape(3, -1)
    return normalised.reshape(n, -1), np.stack([y, x], axis=1)


def gabor_filters() -> np.ndarray:
    """(orientations, 2 phases, 5, 5) with mean 0 and norm 1."""
    y, x = np.mgrid[-2:3, -2:3]
    angles = np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS
    along = x * np.cos(angles)[:, None, None] + y * np.sin(angles)[:, None, None]
    envelope = np.exp(-(x**2 + y**2) / (2 * 1.3**2))
    waves = np.stack([np.cos(2 * np.pi * along / 4), np.sin(2 * np.pi * along / 4)], axis=1) * envelope
    waves -= waves.mean(axis=(2, 3), keepdims=True)
    return waves / np.linalg.norm(waves, axis=(2, 3), keepdims=True)
