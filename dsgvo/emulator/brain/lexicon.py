"""The words that the brain knows by heart, German and English."""


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


# Words that say nothing about what a text is about.
STOP_WORDS = """
aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes
auch auf aus bei beim bin bis bist da dabei dadurch dafür daher damit dann daran darauf daraus
darf dürfen darin darüber das dass dazu dein deine dem den denn der deren des dessen dich die
dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines
einige er es etwa etwas euch euer für gegen gibt hab habe haben hat hatte hier hin hinter ich
ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist ja je jede jedem jeden jeder
jedes jemand jetzt kann kein keine keinem keinen keiner können könnte lang lange man manche
mehr mein meine meinem meinen meiner mich mir mit muss müssen nach nicht nichts noch nun nur
ob oder ohne pro schon sehr sein seine seinem seinen seiner seit selbst sich sie sind so
solche soll sollen sondern sonst sowie steht über um und uns unser unsere unserem unseren
unserer unter viel viele vielen vom von vor wann war waren warum was weil welche welchem
welchen welcher welches wem wen wenn wer werde werden wie wieder wieviel will wir wird wo
wofür woher wohin womit worden wozu wurde wurden zu zum zur zwischen bitte mal a about after
all and any are as at be because been before being between both but by can could did do does
doing down each for from further had has have having he her here him his how i if into is it
its just may me more most much must my no nor not now of off on once only or other our out
over own per please same shall she should some such than that the their them then there these
they this those through to too under until up us very we were what when where which while who
whom why with would you your many tell give gilt gelten
"""

# Everyday words that documents about anything use: they count, but less than what is rare.
COMMON_WORDS = """
brauche brauchen braucht benötigt benötigen machen macht gehen geht geben heißt heißen nennt
genannt verwenden verwendet verwendung benutzen benutzt nutzen nutzt nutzung liegt liegen finden
findet befindet bekomme bekommen bekommt erhalte erhalten erhält lassen lässt stellen stellt kommen
kommt gehört gehören enthält enthalten möglich möglichkeit nötig notwendig bestimmt bestimmte
verschiedene verschiedenen einfach direkt genau neu neue neuen neuer neues alt alte alten groß große
großen klein gut gute guten besser erste ersten erster zweite zweiten letzte letzten weitere
weiteren weiterer beispiel beispielsweise siehe sehen lesen abschnitt kapitel seite seiten
information informationen hinweis hinweise frage fragen antwort art fall fälle falls teil teile form
weise zeit tag tage tagen jahr jahre jahren monat monate monaten woche wochen stunde stunden uhr mal
höchstens mindestens maximal minimal innerhalb außerhalb bereits immer nie oft häufig meist meisten
wenig wenige eigene eigenen eigener ganze ganzen gesamte jeweils jeweiligen folgende folgenden folgt
sofort schnell spätestens zuerst erst danach dort hierzu jedoch allerdings normalerweise
üblicherweise führen führt durchführen durchgeführt ausführen angegeben angeben gezeigt zeigt zeigen
setzen gesetzt sagen sagt sollte sollten könnten würde würden müsste bleiben bleibt besonders
entsprechend entsprechende entsprechenden verfügbar vorhanden vorhandenen wichtig wichtige allgemein
allgemeine person personen mensch menschen leute firma unternehmen mitarbeiter bekannt arbeit
arbeiten beachten hoch höhe länge größe anzahl zahl menge dauer dauert beträgt kostet dokument
dokumente unterlagen handbuch bedeutet need needs use used uses using make makes made get gets find
found new old first last other others number amount time times day days year years month months week
weeks hour hours page pages section chapter example information people person company work works
often always usually possible available important following document documents
"""

# Everyday words that people and documents use for one another, without umlauts. German and English
# side by side, since tools and prompts are often English and questions German.
SAME = """
passwort kennwort password
handy smartphone mobiltelefon telefon phone gerat
auto pkw fahrzeug dienstwagen car
homeoffice heimarbeit telearbeit
chef vorgesetzte fuhrungskraft manager
lohn gehalt vergutung salary
krank krankheit erkrankung arbeitsunfahig arbeitsunfahigkeit krankmeldung sick
mail email e-mail
computer rechner laptop notebook
urlaub ferien vacation holiday leave
wetter weather temperatur forecast regnet
preis kosten kostet price cost costs kurs
suche suchen finde finden search find lookup nachschlagen durchsucht
datum date tag day
uhrzeit time zeit
kunde customer client kundin
rechnung invoice
termin appointment meeting besprechung
ubersetze ubersetzen translate translation
bild image picture foto
farbe color colour rot blau grun gelb braun schwarz weiss
addiere addieren add adds adder sum plus summe addition
multipliziere multiplizieren multiply multiplies product produkt times
subtrahiere subtrahieren subtract subtracts minus differenz
dividiere dividieren divide divides geteilt quotient
rechne rechnen berechne berechnen calculate calculator compute rechner
ort stadt location city place
name heisst heisse named called namens
person mitarbeiter mitarbeiterin employee beschaftigte beschaftigter
alter age jahre years alt old
adresse address anschrift
strasse street
land country
betrag amount summe
menge anzahl quantity count number
firma unternehmen company betrieb
beginn start anfang from ab
ende end bis until
reise travel trip dienstreise flug flight
schicke sende senden send verschicke
loschen loschung geloscht vernichtet entfernt aufbewahrt aufbewahren aufbewahrung gespeichert delete
erstattet erstattung erstatten bezahlt gezahlt bekomme erhalte
verloren verlust verliere abhanden gestohlen diebstahl
melden meldung mitteilen anzeigen informieren
"""

ABBREVIATIONS = word_set(
    """
    z b bzw ca d h u a abs nr art str dr prof usw etc evtl ggf inkl max min mind vgl s st
    tel
    """
)

ENGLISH = word_set(
    """
    the is are what who how why when where which my your you i hello hi hey please tell me
    of and does do can write give in to
    """
)

GERMAN = word_set(
    """
    der die das ist sind was wer wie warum wann wo welche mein dein du ich hallo bitte sag
    mir von und kann schreibe gib ein eine nicht in zu
    """
)

SMALL_TALK = word_set(
    """
    hallo hello hi hey moin servus guten morgen abend tag geht danke thanks thank how well
    gut
    """
)
