"""How numbers are written on a page: thousands apart, a true minus sign, one precision down a column."""

from __future__ import annotations

import math
from collections.abc import Sequence

MISSING = "–"
_MOST_DECIMALS = 3  # a column that would need more writes each number with its own precision
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def numeral(value: float, digits: int = 4) -> str:
    """One number with `digits` significant digits; integers whole, what is missing as a dash.

    Example:
        >>> numeral(12345), numeral(-0.123456), numeral(2.5e-7), numeral(float("nan"))
        ('12,345', '−0.1235', '2.5×10⁻⁷', '–')
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if 10**digits <= abs(value) < 1e15 or value == round(value) and abs(value) < 1e15:
        return typeset(f"{value + 0.0:,.0f}")  # a zero has no sign
    return typeset(f"{value:,.{digits}g}")


def typeset(text: str) -> str:
    """A number that Python formatted, with a true minus sign and a readable exponent.

    Example:
        >>> typeset("-1.5e-09"), typeset("1e+06"), typeset("-12.0%")
        ('−1.5×10⁻⁹', '10⁶', '−12.0%')
    """
    mantissa, _, exponent = text.partition("e")
    if exponent.lstrip("+-").isdecimal():
        times = mantissa.removesuffix("1") if mantissa in ("1", "-1") else f"{mantissa}×"
        text = f"{times}10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def column(values: Sequence[float]) -> list[str]:
    """Numbers that stand below each other, with equally many decimals where their sizes allow it.

    The largest keeps three significant digits and the smallest two; where that takes more than three decimals, each
    number keeps three digits of its own.

    Example:
        >>> column([0.5, 12.34, 3.0]), column([1, 20]), column([1234.5, 0.0004])
        (['0.50', '12.34', '3.00'], ['1', '20'], ['1,234', '0.0004'])
    """
    finite = [value for value in values if math.isfinite(value)]
    sizes = [abs(value) for value in finite if value]
    if all(value == round(value) for value in finite):
        return [numeral(value) for value in values]
    decimals = max(2 - _exponent(max(sizes)), 1 - _exponent(min(sizes)), 0)
    if decimals > _MOST_DECIMALS or max(sizes) >= 1e15:
        return [numeral(value, 3) for value in values]
    return [typeset(f"{value:,.{decimals}f}") if math.isfinite(value) else numeral(value) for value in values]


def scale(values: Sequence[float]) -> list[str]:
    """The numbers along an axis, with as many decimals each as the one that needs most.

    Example:
        >>> scale([0.0, 0.25, 0.5]), scale([0, 5e4, 1e5]), scale([0, 1e-9])
        (['0.00', '0.25', '0.50'], ['0', '50,000', '100,000'], ['0', '10⁻⁹'])
    """
    tiny = 1e-9 * max(map(abs, values), default=0.0)
    rounded = [value if abs(value) > tiny else 0.0 for value in values]
    texts = [numeral(value, 6) for value in rounded]
    if not all(text[-1].isdecimal() for text in texts):
        return texts
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [typeset(f"{value:,.{decimals}f}") for value in rounded]


def _exponent(size: float) -> int:
    """The power of ten of a positive number's first digit."""
    return math.floor(math.log10(size))
