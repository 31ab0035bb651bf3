"""What a score is worth: chance, intervals, many tests at once, and how much more data would change it."""

from thresh.alignment.statistics.chance import Chance, chance, critical_value, p_value
from thresh.alignment.statistics.draws import equally_long, halves, permutations, permutations_of_groups
from thresh.alignment.statistics.intervals import Interval, interval
from thresh.alignment.statistics.many import across_layers, false_discovery_rate

__all__ = [
    "Chance",
    "Interval",
    "across_layers",
    "chance",
    "critical_value",
    "equally_long",
    "false_discovery_rate",
    "halves",
    "interval",
    "p_value",
    "permutations",
    "permutations_of_groups",
]
