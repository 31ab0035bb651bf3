"""One spelling for every value, so that equal parameters are equal strings and equal digests."""

import hashlib
import json

# Raised when what a record or a manifest means changes: every older result is then computed anew.
SCHEMA_VERSION = 1


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces; the order in which a user wrote keys does not matter.

    Raises
    ------
    TypeError
        The value holds something that JSON cannot say (a path, a set, an object).
    ValueError
        The value holds NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: object) -> str:
    """SHA-256 (64 hex digits) of the canonical spelling of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
