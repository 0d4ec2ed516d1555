"""Words, sentences and their likeness, for German and English text."""

import re
from functools import lru_cache

_FOLDED = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "é": "e", "è": "e", "à": "a"})
_WORD = re.compile(r"\w+")

# Words that say nothing about what a text is about.
STOP_WORDS = frozenset(
    """
    aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes
    auch auf aus bei beim bin bis bist da dabei dadurch dafür daher damit dann daran darauf daraus darf dürfen
    darin darüber das dass dazu dein deine dem den denn der deren des dessen dich die dies diese
    diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines einige er es
    etwa etwas euch euer für gegen gibt hab habe haben hat hatte hier hin hinter ich ihm ihn ihnen
    ihr ihre ihrem ihren ihrer im in indem ins ist ja je jede jedem jeden jeder jedes jemand jetzt
    kann kein keine keinem keinen keiner können könnte lang lange man manche mehr mein meine meinem meinen meiner mich mir mit
    muss müssen nach nicht nichts noch nun nur ob oder ohne pro schon sehr sein seine seinem seinen
    seiner seit selbst sich sie sind so solche soll sollen sondern sonst sowie steht über um und uns
    unser unsere unserem unseren unserer unter viel viele vielen vom von vor wann war waren warum was
    weil welche welchem welchen welcher welches wem wen wenn wer werde werden wie wieder wieviel will
    wir wird wo wofür woher wohin womit worden wozu wurde wurden zu zum zur zwischen bitte mal
    a about after all also am an and any are as at be because been before being between both but by
    can could did do does doing down each for from further had has have having he her here him his
    how i if in into is it its just may me more most much must my no nor not now of off on once only
    or other our out over own per please same shall she should so some such than that the their them
    then there these they this those through to too under until up us very was we were what when
    where which while who whom why will with would you your many tell give
    """.split()
)
_FOLDED_STOP_WORDS = frozenset(word.translate(_FOLDED) for word in STOP_WORDS)


def fold(text: str) -> str:
    """Return text in lower case with umlauts as plain letters, so that plural and singular meet."""
    return text.lower().translate(_FOLDED)


def is_stop_word(folded: str) -> bool:
    """Tell whether a folded word says nothing about the subject."""
    return folded in _FOLDED_STOP_WORDS


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return _WORD.findall(fold(text))


@lru_cache(maxsize=8192)
def grams(word: str) -> frozenset[str]:
    """Return the character trigrams of a folded word with its borders."""
    padded = f"<{word}>"
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))
