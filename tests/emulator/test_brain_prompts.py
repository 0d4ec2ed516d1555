"""The prompts of LlamaIndex, filled in by LlamaIndex, and its parsers on the answers."""

import json
from typing import Any

import pytest
from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser
from llama_index.core.agent.react.types import ActionReasoningStep, ObservationReasoningStep
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine.condense_plus_context import DEFAULT_CONDENSE_PROMPT_TEMPLATE
from llama_index.core.chat_engine.context import DEFAULT_CONTEXT_TEMPLATE
from llama_index.core.evaluation.faithfulness import DEFAULT_EVAL_TEMPLATE
from llama_index.core.evaluation.relevancy import DEFAULT_EVAL_TEMPLATE as RELEVANCY
from llama_index.core.indices.utils import default_parse_choice_select_answer_fn
from llama_index.core.output_parsers.selection import SelectionOutputParser
from llama_index.core.prompts import PromptTemplate
from llama_index.core.prompts.chat_prompts import CHAT_REFINE_PROMPT, CHAT_TEXT_QA_PROMPT
from llama_index.core.prompts.default_prompts import (
    DEFAULT_CHOICE_SELECT_PROMPT,
    DEFAULT_QUERY_KEYWORD_EXTRACT_TEMPLATE,
    DEFAULT_REFINE_PROMPT,
    DEFAULT_SUMMARY_PROMPT,
    DEFAULT_TEXT_QA_PROMPT,
    DEFAULT_TREE_SUMMARIZE_PROMPT,
)
from llama_index.core.query_engine.citation_query_engine import (
    CITATION_QA_TEMPLATE,
    CITATION_REFINE_TEMPLATE,
)
from llama_index.core.question_gen.output_parser import SubQuestionOutputParser
from llama_index.core.question_gen.prompts import DEFAULT_SUB_QUESTION_PROMPT_TMPL
from llama_index.core.selectors.prompts import (
    DEFAULT_MULTI_SELECT_PROMPT_TMPL,
    DEFAULT_SINGLE_SELECT_PROMPT_TMPL,
)
from llama_index.core.tools import FunctionTool

from dsgvo.emulator import brain

VACATION = "Allen Beschäftigten stehen 30 Tage Urlaub im Kalenderjahr zu."
TRAVEL = "Für Fahrten mit dem eigenen Pkw werden 0,30 Euro je Kilometer erstattet."
IT = "Passwörter haben mindestens 14 Zeichen."
QUESTION = "Wie viele Tage Urlaub gibt es?"
NOTHING = "Dazu steht nichts in den Unterlagen."


def say(*messages: ChatMessage | str) -> str:
    raw = [
        {"role": "user", "content": message}
        if isinstance(message, str)
        else {"role": message.role.value, "content": message.content}
        for message in messages
    ]
    return brain.answer(brain.Ask("SovrGPT", "m", brain.read_messages(raw))).content or ""


@pytest.mark.parametrize("prompt", [DEFAULT_TEXT_QA_PROMPT, DEFAULT_TREE_SUMMARIZE_PROMPT])
def test_question_answering(prompt) -> None:
    context = f"file_path: urlaub.md\n\n{VACATION}\n\nfile_path: it.md\n\n{IT}"
    assert say(prompt.format(context_str=context, query_str=QUESTION)) == VACATION
    assert say(prompt.format(context_str=context, query_str="Wer ist der Papst?")) == NOTHING


def test_chat_question_answering() -> None:
    messages = CHAT_TEXT_QA_PROMPT.format_messages(context_str=VACATION, query_str=QUESTION)
    assert say(*messages) == VACATION


def test_context_chat_engine() -> None:
    system = DEFAULT_CONTEXT_TEMPLATE.format(context_str=f"{VACATION}\n\n{IT}")
    messages = [ChatMessage(role="system", content=system), ChatMessage(QUESTION)]
    assert say(*messages) == VACATION


def test_citations() -> None:
    context = f"Source 1:\n{IT}\n\nSource 2:\n{VACATION}\n"
    answer = say(CITATION_QA_TEMPLATE.format(context_str=context, query_str=QUESTION))
    assert answer == f"{VACATION} [2]"
    refined = CITATION_REFINE_TEMPLATE.format(
        context_msg=context, query_str=QUESTION, existing_answer=NOTHING
    )
    assert say(refined) == f"{VACATION} [2]"


def test_refine_adds_what_is_new_and_keeps_the_rest() -> None:
    def refine(context: str, existing: str) -> list[str]:
        values: dict[str, Any] = {
            "query_str": QUESTION,
            "context_msg": context,
            "existing_answer": existing,
        }
        messages = CHAT_REFINE_PROMPT.format_messages(**values)
        return [say(DEFAULT_REFINE_PROMPT.format(**values)), say(*messages)]

    assert refine(IT, VACATION) == [VACATION] * 2
    assert refine(VACATION, VACATION) == [VACATION] * 2
    assert refine(VACATION, NOTHING) == [VACATION] * 2
    assert refine(IT, NOTHING) == [NOTHING] * 2
    more = "Am Heiligabend gibt es zwei Tage Urlaub extra."
    assert refine(more, VACATION) == [f"{VACATION} {more}"] * 2


def test_condense() -> None:
    def condense(question: str) -> str:
        history = f"user: Was gilt bei Dienstreisen?\nassistant: {TRAVEL}"
        return say(DEFAULT_CONDENSE_PROMPT_TEMPLATE.format(chat_history=history, question=question))

    assert condense(QUESTION) == QUESTION
    assert condense("Und im Ausland?") == "Und im Ausland? (Dienstreisen)"


def test_rerank() -> None:
    context = "\n\n".join(
        f"Document {number}:\n{text}" for number, text in enumerate((IT, VACATION, TRAVEL), start=1)
    )
    prompt = DEFAULT_CHOICE_SELECT_PROMPT.format(context_str=context, query_str=QUESTION)
    numbers, relevances = default_parse_choice_select_answer_fn(say(prompt), 3)
    assert numbers[0] == 2
    assert relevances[0] >= 5


@pytest.mark.parametrize("many", [True, False])
def test_selectors(many: bool) -> None:
    parser = SelectionOutputParser()
    template = DEFAULT_MULTI_SELECT_PROMPT_TMPL if many else DEFAULT_SINGLE_SELECT_PROMPT_TMPL
    choices = "(1) Fragen zur IT-Sicherheit\n\n(2) Fragen zu Urlaub und Arbeitszeit"
    prompt = parser.format(template).format(
        num_choices=2, max_outputs=2, context_list=choices, query_str=QUESTION
    )
    parsed = parser.parse(say(prompt)).parsed_output
    assert [answer.choice for answer in parsed] == [2]


def test_sub_questions() -> None:
    tools = {"urlaub": "Regeln zu Urlaub und Ferien", "reisen": "Regeln zu Dienstreisen"}
    question = "Wie viel Urlaub habe ich im Jahr und was wird bei Dienstreisen erstattet?"
    prompt = PromptTemplate(DEFAULT_SUB_QUESTION_PROMPT_TMPL).format(
        tools_str=json.dumps(tools, indent=4), query_str=question
    )
    parsed = SubQuestionOutputParser().parse(say(prompt)).parsed_output
    assert [one.tool_name for one in parsed] == ["urlaub", "reisen"]


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (VACATION, "YES"),
        ("Der Urlaub dauert 30 Tage im Kalenderjahr.", "YES"),
        ("Die Kantine bietet mittags drei Gerichte an.", "NO"),
    ],
)
def test_evaluators(claim: str, verdict: str) -> None:
    context = f"{VACATION} Der Urlaub dauert.\n{IT}"
    faithful = DEFAULT_EVAL_TEMPLATE.format(query_str=claim, context_str=context)
    assert say(faithful) == verdict
    asked = f"Question: {QUESTION}\nResponse: {claim}"
    assert say(RELEVANCY.format(query_str=asked, context_str=context)) == verdict


def test_keywords_and_summaries() -> None:
    prompt = DEFAULT_QUERY_KEYWORD_EXTRACT_TEMPLATE.format(max_keywords=3, question=QUESTION)
    assert say(prompt).startswith("KEYWORDS: ")
    assert "Urlaub" in say(prompt)
    assert VACATION in say(DEFAULT_SUMMARY_PROMPT.format(context_str=f"{VACATION} {IT}"))


def test_react() -> None:
    def urlaub(jahr: int) -> str:
        """Sagt, wie viele Tage Urlaub es in einem Jahr gibt."""
        return f"30 Tage im Jahr {jahr}"

    tools = [FunctionTool.from_defaults(urlaub)]
    history = [ChatMessage("Wie viele Tage Urlaub gibt es im Jahr 2026?")]
    formatter, parser = ReActChatFormatter.from_defaults(), ReActOutputParser()
    first = parser.parse(say(*formatter.format(tools, history)))
    assert isinstance(first, ActionReasoningStep)
    assert (first.action, first.action_input) == ("urlaub", {"jahr": 2026})
    observed = ObservationReasoningStep(observation="30 Tage im Jahr 2026")
    second = parser.parse(say(*formatter.format(tools, history, [first, observed])))
    assert second.is_done
    assert second.get_content().endswith("30 Tage im Jahr 2026")
    hello = parser.parse(say(*formatter.format(tools, [ChatMessage("Hallo!")])))
    assert hello.is_done


@pytest.mark.parametrize(
    "prompt",
    [
        f"You generate multiple search queries. Generate 3, one on each line:\nQuery: {QUESTION}",
        f"Generate 3 different versions of the given user question. Original question: {QUESTION}",
    ],
)
def test_other_wordings(prompt: str) -> None:
    lines = say(prompt).splitlines()
    assert len(lines) == 3
    assert all("Urlaub" in line for line in lines)


def test_other_forms() -> None:
    hyde = (
        "Please write a passage to answer the question\nTry to include as many key details as "
        f'possible.\n\n\n{QUESTION}\n\n\nPassage:"""\n'
    )
    assert "Urlaub" in say(hyde)
    grade = (
        "Output a single score. Your score has to be between 1 and 5.\n\n## User Query\n{q}\n\n"
        "## Reference Answer\n{r}\n\n## Generated Answer\n{g}\n"
    )
    good = say(grade.format(q=QUESTION, r=VACATION, g=VACATION)).split("\n")[0]
    bad = say(grade.format(q=QUESTION, r=VACATION, g="Keine Ahnung.")).split("\n")[0]
    assert (float(good), float(bad)) == (5, 1)
    passages = [ChatMessage(f"[{n}] {text}") for n, text in enumerate((IT, VACATION), start=1)]
    rank = (
        f"Search Query: {QUESTION}. \nRank the 2 passages above based on their relevance. "
        "The output format should be [] > [], e.g., [1] > [2]."
    )
    assert say(*passages, rank) == "[2] > [1]"
