"""The tools that the agents of the demo use. Plain functions: both frameworks take them."""

from __future__ import annotations

__all__ = ["reisekosten"]

FULL_DAY = 28.00
TRAVEL_DAY = 14.00
KILOMETRE = 0.35


def reisekosten(tage: int, kilometer: float) -> str:
    """Berechnet die Erstattung einer Dienstreise im Inland nach der Reiserichtlinie.

    Args:
        tage: Dauer der Reise in Kalendertagen, An- und Abreisetag eingeschlossen.
        kilometer: Mit dem eigenen Auto gefahrene Kilometer, 0 ohne eigenes Auto.

    Returns:
        Tagegeld, Kilometergeld und ihre Summe in Euro.

    Example:
        >>> reisekosten(tage=4, kilometer=420)
        'Tagegeld 84,00 € + Kilometergeld 147,00 € = 231,00 €'
    """
    # A day trip counts as one day of more than eight hours, the policy's 14 euros.
    daily = TRAVEL_DAY if tage < 2 else 2 * TRAVEL_DAY + (tage - 2) * FULL_DAY
    driving = kilometer * KILOMETRE
    amounts = [f"{amount:.2f} €".replace(".", ",") for amount in (daily, driving, daily + driving)]
    return f"Tagegeld {amounts[0]} + Kilometergeld {amounts[1]} = {amounts[2]}"
