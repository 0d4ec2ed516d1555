"""What reaches the terminal: nothing that steers it, and on any system."""

import io
import re
import signal
import sys

import pytest

from dsgvo.cli.screen import MarkdownWriter, Screen, printable
from dsgvo.emulator import Reply, Server, Status
from tests.cli.conftest import COMMAND, environment, ran
from tests.cli.test_talk import piped, talk
from tests.processes import next_line, started

HOSTILE = "\x1b]0;Titel\x07\x1b[2J\x9b31m\x7f\x08\r\u202e[bold red]rot[/] [link=file:///]da[/link]"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
STYLES = re.compile(r"\x1b\[[\d;]*m")
"""What rich writes for colours."""


def test_no_text_has_controls_left() -> None:
    every = "".join(map(chr, [*range(0x2100), 0xD800, 0xDFFF]))
    plain = CONTROLS.sub("", every)
    assert (CONTROLS.search(printable(every)), printable(plain)) == (None, plain)


def on(screen: Screen) -> str:
    """What stands on a terminal, without its colours."""
    return STYLES.sub("", screen.file.getvalue())  # pyright: ignore[reportAttributeAccessIssue]


def rendered(text: str, *, size: int = 3) -> str:
    """What a terminal shows of a streamed answer in the end, without what shows its coming."""
    screen = Screen(file=io.StringIO(), force_terminal=True, width=60)
    writer = MarkdownWriter(screen)
    writer._live.auto_refresh = False
    for start in range(0, len(text), size):
        writer.write(text[start : start + size])
    writer.close()
    return re.sub(r"\x1b\[(?:\?25[lh]|2K|1A)|\r", "", on(screen))


@pytest.mark.parametrize("size", [1, 1_000])
def test_answers_are_rendered_as_markdown_and_cannot_steer_the_terminal(size: int) -> None:
    text = "Ein **fettes** [Wort](http://ort.example).\n\n```\na = 1\n\n# kein Titel\n```\n\n- eins"
    for kept in ("<p>Absatz</p>", "List<String>", "[1]: https://quelle.example"):
        assert kept in rendered(f"Es gilt:\n\n{kept}", size=size)
    shown = rendered(text, size=size)
    assert "Ein fettes Wort (http://ort.example)." in shown
    assert ("**" in shown, " • eins" in shown) == (False, True)
    assert re.search(r"a = 1 *\n *\n *# kein Titel", shown)
    shown = rendered(f"{HOSTILE}\n\n```\n{HOSTILE}\n```\n\n| a |\n|---|\n| {HOSTILE} |\n")
    assert (CONTROLS.search(shown), shown.count("[bold red]rot[/]")) == (None, 3)


def test_a_block_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(MarkdownWriter, "_render", lambda self: seen.append(len(self._block)))
    rendered("wort " * 20_000 + "\n", size=5)
    rendered("~" * 200_000 + "`\n", size=50_000)  # each "~" is looked at once
    assert seen == [2, 2]


def test_what_a_model_and_a_server_say_is_text(vendor_environment: Server) -> None:
    vendor_environment.script("innogpt", Status(400, message=HOSTILE), Reply(HOSTILE))
    out, err = talk("Hallo", "Und?", to="innogpt")
    assert ("[bold red]rot[/]" in out, "Titel" in err) == (True, True)
    assert CONTROLS.search(out + err) is None


def test_into_a_pipe_goes_the_answer_as_it_is(vendor_environment: Server) -> None:
    answer = "# Titel\n\n```\n\ta  =  1\n```\n"
    vendor_environment.script("innogpt", Reply(answer, "Hm."))
    said = piped("Hallo", to="innogpt").stdout
    assert (answer in said, "Hm." in said) == (True, False)
    chat, variables = (*COMMAND, "chat", "innogpt"), vendor_environment.environ("innogpt")
    refused = ran(*chat, encoding="latin-1", typed="Grüße", **variables)
    assert (refused.returncode, "iconv -f WINDOWS-1252" in refused.stderr) == (1, True)


# Windows: what it does not have is taken away
WITHOUT_POSIX = """
import asyncio, os, signal, sys
from dsgvo.cli import main

def missing(*_):
    raise NotImplementedError

for loop in (asyncio.BaseEventLoop, asyncio.SelectorEventLoop):
    loop.add_signal_handler = loop.remove_signal_handler = missing
for name in ("fork", "register_at_fork", "mkfifo", "O_NONBLOCK", "set_blocking"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("fcntl", "termios", "tty", "pwd", "grp", "resource", "readline", "uvloop"):
    sys.modules[name] = None
main()
"""


@pytest.mark.slow
def test_nothing_needs_posix_nor_a_terminal_that_knows_unicode() -> None:
    plain = {"PYTHONIOENCODING": "cp1252:strict", "PYTHONUTF8": "0"}
    program = (sys.executable, "-c", WITHOUT_POSIX)
    run = ran(*program, "demo", "--question=Passwort sein?", encoding="cp1252", **plain)
    assert (run.returncode, run.stderr, "14 Zeichen" in run.stdout) == (0, "", True)
    with started([*program, "emulator", "--port", "0"], environment()) as process:
        assert "The emulator listens on" in next_line(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err, out.endswith("stopped\n")) == (0, "", True)
