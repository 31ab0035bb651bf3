"""What activation probability does to the fourth moment of a feature, on which RSA and biased CKA depend."""

from __future__ import annotations

from math import pi, sqrt

from thresh.parameters import Rule, checked, is_number, one_of

# E a, E a^2, E a^3, E a^4 of the amplitude of an active feature: N(0, 1), |N(0, 1)|, uniform on [.5, 1.5].
MOMENTS = {
    "normal": (0.0, 1.0, 0.0, 3.0),
    "half_normal": (sqrt(2 / pi), 1.0, 2 * sqrt(2 / pi), 3.0),
    "uniform": (1.0, 13 / 12, 5 / 4, 121 / 80),
}
PROBABILITY = Rule("a probability above 0, at most 1", lambda value: is_number(value) and 0 < value <= 1)


@checked(active=PROBABILITY, amplitude=one_of(*MOMENTS))
def sparse_kurtosis(active: float, amplitude: str = "normal") -> float:
    """Excess kurtosis of a feature that is active with some probability and otherwise 0.

    3/q - 3 for normal amplitudes. In general mu_4 / mu_2^2 - 3 with mu_2 = q m_2 - (q m_1)^2 and
    mu_4 = q m_4 - 4 (q m_1) (q m_3) + 6 (q m_1)^2 (q m_2) - 3 (q m_1)^4, m_i = E a^i.

    Parameters
    ----------
    active
        The probability q.
    amplitude
        Of an active feature: 'normal' N(0, 1), or as the `features` stimuli have it, 'half_normal' |N(0, 1)| or
        'uniform' on [.5, 1.5].

    Returns
    -------
    float
        At least -2.

    Raises
    ------
    ConfigError
        A probability outside (0, 1], or an unknown amplitude.
    """
    first, second, third, fourth = (active * moment for moment in MOMENTS[amplitude])
    variance = second - first**2
    return (fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) / variance**2 - 3
