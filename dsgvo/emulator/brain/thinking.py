"""The order in which the brain looks for an answer."""

from dsgvo.emulator.brain.asks import Ask
from dsgvo.emulator.values import Answer


def answer(ask: Ask) -> Answer:
    """Answer a request."""
    question = " ".join(ask.last_user.split())[:80]
    return Answer(
        f"Ich bin der lokale Emulator von {ask.vendor}, kein Sprachmodell. "
        f"Deine Frage war: „{question}“"
    )
