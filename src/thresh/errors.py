"""What thresh says when it cannot go on. Every message is for the user: one place, one finding, one way out."""


class ThreshError(Exception):
    """Bad input or a bad state that the user can mend; scripts print its message without a traceback."""


class ConfigError(ThreshError, ValueError):
    """A parameter or a config key has a value that cannot be used.

    Parameters
    ----------
    key
        The parameter, or the path of the key in the config.
    found
        The value that was given.
    expected
        What would have been accepted, in words.
    """

    def __init__(self, key: str, found: object, expected: str):
        super().__init__(f"{key}: found {found!r}, expected {expected}.")
        self.key = key
        self.found = found
        self.expected = expected


class StoreError(ThreshError):
    """A store is missing, incomplete, damaged, locked or cannot be written."""


class StimuliError(ThreshError, ValueError):
    """Stimuli are missing, empty, duplicated or unreadable."""


class HarvestError(ThreshError, ValueError):
    """A system cannot give the responses that were asked for."""


class DictionaryError(ThreshError, ValueError):
    """A dictionary cannot be learned from, or applied to, these activations."""


class AlignmentError(ThreshError, ValueError):
    """Two sets of responses cannot be compared."""
