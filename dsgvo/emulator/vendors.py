"""The dialects that the emulator speaks. A fifth vendor is one more file and one more line here."""

from dsgvo.emulator import innogpt, meingpt, neuroflash, sovrgpt
from dsgvo.emulator.dialect import Dialect

DIALECTS: dict[str, Dialect] = {
    module.DIALECT.name: module.DIALECT for module in (innogpt, meingpt, neuroflash, sovrgpt)
}
