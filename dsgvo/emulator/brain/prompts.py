"""Prompts with a form of their own, as retrieval frameworks send them.

Each entry of ``PROMPTS`` is a sign by which a prompt is known, and what answers it.
"""

import json
import re
from collections.abc import Callable

from dsgvo.emulator.brain import react
from dsgvo.emulator.brain.asks import Ask
from dsgvo.emulator.brain.passages import Passage, passages, question_of
from dsgvo.emulator.brain.quoting import quotes, rank, say, unknown
from dsgvo.emulator.brain.statements import Statement
from dsgvo.emulator.brain.summing import keywords, summary
from dsgvo.emulator.brain.text import alike, is_stop_word, sentences, terms, words

_RULE = r"^[ \t]*-{4,}[ \t]*$"


def answer(ask: Ask) -> str | None:
    """Answer a prompt with a form of its own.

    Args:
        ask: The request.

    Returns:
        The answer in the form that the prompt prescribes, or None for any other prompt.
    """
    text = f"{ask.system}\n{ask.last_user}"
    for sign, reply in PROMPTS:
        if sign.search(text):
            return reply(ask, text)
    return None


def _after(text: str, pattern: str) -> str:
    """Return what follows the last place where a pattern fits."""
    found = list(re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE))
    return text[found[-1].end() :] if found else ""


def _between_rules(text: str) -> str:
    parts = re.split(_RULE, text, flags=re.MULTILINE)
    return parts[-2] if len(parts) >= 3 else ""


def _numbered(text: str) -> list[tuple[int, str]]:
    found = list(re.finditer(r"^\s*\(?(\d+)[.)]\s+", text, re.MULTILINE))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(int(m[1]), text[m.end() : end].strip()) for m, end in zip(found, ends, strict=True)]


def _scored(question: str, options: list[tuple[int, str]]) -> list[tuple[float, int]]:
    """Score numbered texts by the best sentence of each."""
    whole = [Passage(str(number), "", (Statement("", text),)) for number, text in options]
    found = rank(question, whole)
    scores = {int(quote.marker): quote.score for quote in found}
    return sorted(((scores.get(n, 0.0), n) for n, _ in options), key=lambda one: (-one[0], one[1]))


def _select(ask: Ask, text: str) -> str:
    """Answer a router's prompt: which of the numbered choices fits the question."""
    question = re.findall(r"question:\s*'(.*?)'\s*(?:\n|$)", text, re.DOTALL)
    options = _numbered(_between_rules(text)) or [(1, "")]
    ranked = _scored(question[-1] if question else ask.last_user, options)
    most = re.search(r"no more than (\d+)", text)
    chosen = [number for score, number in ranked if score >= 0.3][: int(most[1]) if most else 1]
    chosen = chosen or [ranked[0][1]]
    if re.search(r"\bJSON\b", text):
        reason = "Die Beschreibung passt am besten zur Frage."
        return json.dumps([{"choice": one, "reason": reason} for one in chosen], ensure_ascii=False)
    numbers = ", ".join(str(one) for one in chosen)
    return f"ANSWER: {numbers}. Die Beschreibung passt am besten zur Frage."


def _rerank(ask: Ask, text: str) -> str:
    """Answer a reranker's prompt: numbers of the fitting documents with their relevance."""
    del ask
    body = text.rsplit("Let's try this now:", maxsplit=1)[-1]
    question = _after(body, r"^Question:").split("\nAnswer:")[0].strip()
    found = list(re.finditer(r"^Document (\d+):\n", body, re.MULTILINE))
    ends = [match.start() for match in found[1:]] + [body.rfind("\nQuestion:")]
    whole = [
        passages(f"[{m[1]}] \n{body[m.end() : end]}")[0] for m, end in zip(found, ends, strict=True)
    ]
    best: dict[str, float] = {}
    for quote in rank(question, whole):
        best.setdefault(quote.marker, quote.score)
    chosen = sorted(best.items(), key=lambda pair: -pair[1])
    lines = [
        f"Doc: {marker}, Relevance: {max(1, min(10, round(score * 10)))}"
        for marker, score in chosen
        if score >= 0.25
    ]
    return "\n".join(lines)


def _rank_gpt(ask: Ask, text: str) -> str:
    """Answer RankGPT's prompt: all passages in order, ``[2] > [1]``."""
    query = re.search(r"Search Query: (.*?)\. *\nRank", text, re.DOTALL)
    given = [re.match(r"\s*\[(\d+)\]\s*(.+)", m.text, re.DOTALL) for m in ask.messages]
    options = [(int(one[1]), one[2]) for one in given if one]
    ranked = _scored(query[1] if query else "", options)
    return " > ".join(f"[{number}]" for _, number in ranked)


def _sub_questions(ask: Ask, text: str) -> str:
    """Answer a prompt for sub-questions: one for each tool that fits."""
    del ask
    example = text.rsplit("<Tools>", 1)[-1]
    tools = re.search(r"```json\s*(\{.*?\})\s*```", example, re.DOTALL)
    question = _after(text, r"<User Question>").split("<Output>")[0].strip()
    try:
        described = dict[str, str](json.loads(tools[1])) if tools else {}
    except ValueError:
        described = {}
    parts = [one for one in re.split(r"\s+(?:und|and|sowie)\s+|(?<=\?)\s+", question) if one]
    items: list[dict[str, str]] = []
    for part in (
        parts if len(parts) > 1 and all(len(words(one)) > 3 for one in parts) else [question]
    ):
        about = [(_likeness(part, f"{name} {told}"), name) for name, told in described.items()]
        best = max(about, default=(0.0, ""), key=lambda pair: pair[0])
        fitting = [name for score, name in about if score >= max(0.5, best[0] * 0.9)] or [best[1]]
        items += [{"sub_question": part.strip(), "tool_name": name} for name in fitting if name]
    return "```json\n" + json.dumps({"items": items}, ensure_ascii=False, indent=4) + "\n```"


def _likeness(question: str, text: str) -> float:
    told = [word for word in words(text.replace("_", " ")) if not is_stop_word(word)]
    return sum(max((alike(term, word) for word in told), default=0.0) for term in terms(question))


def _supported(ask: Ask, text: str) -> str:
    """Answer an evaluator's prompt with YES or NO: is what is said in the context?"""
    del ask
    if re.search(r"existing YES/NO answer:\s*YES", text):
        return "YES"
    claim = re.search(
        r"(?:Information|Query and Response|context information)\s*:\s*(.*?)\n\s*(?:Context"
        r"|We have)",
        text[text.rfind("Information:") if "Information:" in text else 0 :],
        re.DOTALL,
    )
    context = _between_rules(text) or re.sub(r"\n\s*Answer:\s*$", "", _after(text, r"^Context:"))
    said = claim[1] if claim else ""
    response = re.split(r"\bResponse:\s*", said)[-1]
    checked = [sentence for sentence in sentences(response) if terms(sentence)]
    known = [term for sentence in sentences(context) for term in words(sentence)]
    shares = [
        sum(
            max((alike(one, word) for word in known), default=0.0) >= 0.7 for one in terms(sentence)
        )
        / len(terms(sentence))
        for sentence in checked
    ]
    return "YES" if shares and sum(shares) / len(shares) >= 0.75 else "NO"


def _grade(ask: Ask, text: str) -> str:
    """Answer a correctness evaluator: a score from 1 to 5, and why."""
    del ask
    given = _after(text, r"^## Generated Answer").strip()
    reference = _after(text, r"^## Reference Answer").split("## Generated Answer")[0].strip()
    asked = _after(text, r"^## User Query").split("## Reference Answer")[0].strip()
    against = asked if reference in ("", "(NO REFERENCE ANSWER SUPPLIED)") else reference
    wanted, said = terms(against), words(given)
    share = sum(max((alike(one, w) for w in said), default=0.0) for one in wanted) / (
        len(wanted) or 1
    )
    score = 1 + round(share * 8) / 2
    return f"{score}\nDie Antwort deckt {share:.0%} der Wörter ab, auf die es ankommt."


_FOLLOWS = re.compile(
    r"\s*(?:und|and|aber|but|was ist mit|what about|wie ist das|gilt das)\b", re.IGNORECASE
)


def _standalone(ask: Ask, text: str) -> str:
    """Rephrase a follow-up so that it stands alone: add what the conversation was about."""
    body = re.split(r"\n\s*Standalone (?:question|message):", text, flags=re.IGNORECASE)[0]
    asked = _after(body, r"Follow[ -]?up (?:Input|Message|Question):")
    question = asked.strip() or ask.last_user.strip()
    history = re.findall(
        r"^\s*(?:user|human|Mensch|Nutzer): (.+)$", text, re.MULTILINE | re.IGNORECASE
    )
    history = history or [m.text for m in ask.messages if m.role == "user"][:-1]
    known = words(question)
    topics = (
        [
            word
            for word in keywords(history[-1], 4)
            if max((alike(words(word)[0], one) for one in known), default=0.0) < 0.7
        ]
        if history
        else []
    )
    vague = len(terms(question)) < 2 or _FOLLOWS.match(question) is not None
    return f"{question} ({', '.join(topics)})" if topics and vague else question


def _refine(ask: Ask, text: str) -> str:
    """Refine an answer: add what the new context says, keep the old answer otherwise."""
    existing = _after(text, r"(?:Original Answer|existing answer)\s*:").strip()
    existing = re.split(
        r"\n\s*(?:New Answer|Refined Answer|We have the opportunity|-{4,})|\nQuery:", existing
    )[0].strip()
    query = _after(text, r"(?:original query is as follows|^Query):").split("\n")[0].strip()
    new = re.search(r"New Context:\s*(.*?)\n\s*Query:", text, re.DOTALL)
    context = new[1] if new else _between_rules(text)
    found = quotes(query or question_of(ask.last_user), passages(context))
    fresh = [one for one in found if one.text.rstrip(".") not in existing]
    blank = unknown(query, text) in existing or not existing
    if blank:
        return say(found) or existing or unknown(query, text)
    return f"{existing} {say(fresh)}" if fresh else existing


def _keywords(ask: Ask, text: str) -> str:
    """Answer a prompt for keywords."""
    del ask
    most = re.search(r"up to (\d+)", text)
    body = text.split("---------------------")
    return "KEYWORDS: " + ", ".join(
        keywords(body[1] if len(body) > 2 else text, int(most[1]) if most else 5)
    )


def _summary(ask: Ask, text: str) -> str:
    """Answer a prompt for a summary of what follows."""
    del ask
    return summary(
        re.sub(r"^.*?key details as possible\.", "", text, flags=re.DOTALL).split('SUMMARY:"""')[0]
    )


def _queries(ask: Ask, text: str) -> str:
    """Answer a prompt for other wordings of a question, one a line."""
    most = re.search(r"[Gg]enerate (\d+)", text)
    question = _after(text, r"(?:Original question|Query):").split("\n")[0].strip() or ask.last_user
    topic = " ".join(keywords(question, 6)) or question
    variants = (topic, f"Was gilt für {topic}?", f"{topic}: Regelung", f"{topic}: Frist und Höhe")
    return "\n".join(variants[: max(1, min(len(variants), int(most[1]) if most else 3))])


def _passage(ask: Ask, text: str) -> str:
    """Answer a prompt for an imagined passage (HyDE): the words of the question as a statement."""
    del ask
    question = re.split(r"key details as possible\.", text)[-1].split('Passage:"""')[0].strip()
    return f"{question} {', '.join(keywords(question, 8))}."


Reply = Callable[[Ask, str], str]
PROMPTS: tuple[tuple[re.Pattern[str], Reply], ...] = (
    (re.compile(r"^Action Input:", re.MULTILINE), react.step),
    (re.compile(r"Doc: 9, Relevance: 7"), _rerank),
    (re.compile(r"The output format should be \[\] > \[\]"), _rank_gpt),
    (re.compile(r"Some choices are given below\."), _select),
    (re.compile(r"<User Question>.*<Output>", re.DOTALL), _sub_questions),
    (re.compile(r"\bYES\b.*\bNO\b", re.DOTALL), _supported),
    (re.compile(r"score (?:has to be )?between 1 and 5", re.IGNORECASE), _grade),
    (
        re.compile(r"standalone (?:question|message)|eigenständige Frage", re.IGNORECASE),
        _standalone,
    ),
    (re.compile(r"(?:Original Answer|existing answer)\s*:", re.IGNORECASE), _refine),
    (re.compile(r"'KEYWORDS: <keywords>'"), _keywords),
    (re.compile(r"Write a summary of the following\."), _summary),
    (
        re.compile(r"multiple search queries|different versions of the given user question"),
        _queries,
    ),
    (re.compile(r"Please write a passage to answer the question"), _passage),
)
