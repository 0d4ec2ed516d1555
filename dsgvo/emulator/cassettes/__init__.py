"""Cassettes: recordings of HTTP that a person can read, that hold no secret, and match exactly.

For `vcrpy <https://vcrpy.readthedocs.io>`_, which is imported when it is first needed. Tests of
this project and of yours use the same: a test is recorded once, from the emulator or from the real
service, and replayed ever after without any server.

    >>> from dsgvo.emulator import cassettes
    >>> recorder = cassettes.recorder(record_mode="none")
    >>> recorder.match_on
    ('method', 'uri', 'dsgvo-headers', 'dsgvo-body')

What is recorded from the emulator is kept under the vendor's own addresses, so that replay needs no
``base_url``.
"""

from dsgvo.emulator.cassettes.addresses import emulator_url, vendor_url
from dsgvo.emulator.cassettes.layout import CassetteError, parse
from dsgvo.emulator.cassettes.rules import SERIALIZER, Rules, recorder
from dsgvo.emulator.cassettes.scan import Finding, find_secrets

__all__ = [
    "SERIALIZER",
    "CassetteError",
    "Finding",
    "Rules",
    "emulator_url",
    "find_secrets",
    "parse",
    "recorder",
    "vendor_url",
]
