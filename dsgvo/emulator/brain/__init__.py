"""What answers in place of a model: deterministic, and useful where text alone suffices."""

from dsgvo.emulator.brain.asks import Ask, Message, Tool, read_messages, read_tools
from dsgvo.emulator.brain.thinking import answer

__all__ = ["Ask", "Message", "Tool", "answer", "read_messages", "read_tools"]
