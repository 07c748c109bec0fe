"""Writes a conversation in a model's chat template."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from palate.errors import ConfigurationError, InvalidInput, MissingExtra

__all__ = ["ChatTemplate"]

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "user", "function": "user"}


class ChatTemplate:
    """A chat template in Jinja, run in a sandbox as it comes with weights of strangers; without one, ChatML.

    Where the conversation begins without a system message, the template may put the model's own there; never both.
    Where the template has no system role, the first turn carries it.

    Args:
        source: The template; ``None`` for ChatML.
        bos, eos: Special tokens that templates name.

    Raises:
        MissingExtra: A template is given and Jinja is not installed.
        ConfigurationError: The template cannot be read.

    """

    def __init__(self, source: str | None = None, *, bos: str = "", eos: str = "") -> None:
        self._tokens = {"bos_token": bos, "eos_token": eos}
        self._template: Any = None if source is None else _compile(source)

    @cached_property
    def end(self) -> str:
        """What ends a turn: the special token that was given for it, else what the template puts behind an answer.

        Empty where that cannot be told from the beginning of the next turn.
        """
        answer = "yes"
        closed, open_ = (self._render([HumanMessage("?"), AIMessage(answer)], goes_on=goes_on) for goes_on in (False, True))
        return self._tokens["eos_token"] or ("" if closed == open_ else closed.rpartition(answer)[2].strip())

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the conversation as text, ending where the assistant begins to speak.

        Raises:
            InvalidInput: The template refuses the conversation (some have no system role, some want turns).

        """
        return self._render(messages, goes_on=True)

    def _render(self, messages: Sequence[BaseMessage], *, goes_on: bool) -> str:
        turns = [{"role": _ROLES.get(m.type, m.type), "content": m.text} for m in messages]
        if self._template is None:
            said = "".join(f"<|im_start|>{t['role']}\n{t['content']}<|im_end|>\n" for t in turns)
            return f"{said}<|im_start|>assistant\n" if goes_on else said
        from jinja2 import TemplateError

        template = self._template

        def run(conversation: list[dict[str, str]]) -> str:
            text: str = template.render(messages=conversation, add_generation_prompt=goes_on, **self._tokens)
            return text

        try:
            try:
                return run(turns)
            except TemplateError:
                if not turns or turns[0]["role"] != "system":
                    raise
                return run(_without_system(turns))
        except TemplateError as error:
            raise InvalidInput(
                f"The chat template refuses the conversation: {error}.",
                remedy="Let user and assistant take turns.",
                param="messages",
            ) from error


def _without_system(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    system, rest = turns[0]["content"], turns[1:]
    if not rest:
        return [{"role": "user", "content": system}]
    first = f"{system}\n\n{rest[0]['content']}" if system else rest[0]["content"]
    return [{"role": rest[0]["role"], "content": first}, *rest[1:]]


def _compile(source: str) -> Any:
    try:
        from jinja2 import TemplateError, TemplateSyntaxError
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ModuleNotFoundError as error:
        raise MissingExtra("jinja2", "llm") from error

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    try:
        return environment.from_string(source)
    except TemplateSyntaxError as error:
        raise ConfigurationError(
            f"The chat template cannot be read: {error.message} (line {error.lineno}).",
            remedy="Correct it, or leave it out for ChatML.",
        ) from error
