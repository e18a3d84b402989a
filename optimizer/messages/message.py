"""A sentence that knows its id and parameters, so that every language can word it and no code has to parse it."""

from __future__ import annotations

from typing import Any

from optimizer.errors import shortened
from optimizer.messages.voice import ENGLISH


class Message(str):
    """An English sentence together with its id in the catalogs and its parameters.

    It is a `str`, so that logs, errors and programs use it as it is. Every document words it again in its own
    language: `voice.say(message)`. Parameters are numbers, strings, other messages, and lists of these.
    """

    __slots__ = ("id", "parameters")

    id: str
    parameters: dict[str, Any]

    def __new__(cls, ident: str, /, **parameters: Any) -> Message:
        """Word a message.

        Raises:
            KeyError: no catalog entry has this id, or a parameter that its text names is missing.
        """
        made = super().__new__(cls, ENGLISH.words(ident, **parameters))
        made.id, made.parameters = ident, parameters
        return made

    @classmethod
    def saved(cls, text: str, ident: str, parameters: dict[str, Any]) -> Message:
        """Return a message with the text that was saved of it."""
        made = super().__new__(cls, text)
        made.id, made.parameters = ident, parameters
        return made

    @classmethod
    def quoted(cls, text: str) -> Message:
        """Return a text that is nobody's to translate: a title, a name, a sentence of a file."""
        return cls.saved(text, "", {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by what it says."""
        return message_of, (self.as_json(),)

    def as_json(self) -> dict[str, Any]:
        """Return id, parameters and the English text for other programs."""
        return {"id": self.id, "parameters": _plain(self.parameters), "text": str(self)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read id, parameters and text, or a plain text as earlier versions wrote it; write id, parameters and text."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            message_of, serialization=core_schema.plain_serializer_function_ser_schema(
                lambda message: message_of(message).as_json(), when_used="json"))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe both forms."""
        whole = {"type": "object", "required": ["id", "parameters", "text"], "additionalProperties": False,
                 "properties": {"id": {"type": "string"}, "parameters": {"type": "object"}, "text": {"type": "string"}}}
        return {"anyOf": [whole, {"type": "string"}]}


def _plain(value: Any) -> Any:
    """Return parameters as JSON holds them."""
    if isinstance(value, Message):
        return value.as_json()
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def message_of(data: Any) -> Message:
    """Return a message from what was saved of it.

    The text stays as it was saved, so that a reader of the file and a check of it see the same; other languages word
    it from id and parameters, unless this version does not know the id or cannot word the parameters.

    Raises:
        ValueError: it is neither a text nor id, parameters and text.
    """
    if isinstance(data, Message):
        return data
    if isinstance(data, str):
        return Message.quoted(data)
    if not isinstance(data, dict) or set(data) != {"id", "parameters", "text"} or not (
            isinstance(data["id"], str) and isinstance(data["text"], str) and isinstance(data["parameters"], dict)):
        raise ValueError(
            f"found {shortened(repr(data))}; allowed: a text, or an object of id, parameters and text")
    try:
        parameters = {name: _read(value) for name, value in data["parameters"].items()}
        ENGLISH.words(data["id"], **parameters)
    except (LookupError, ValueError, TypeError):
        return Message.quoted(data["text"])
    return Message.saved(data["text"], data["id"], parameters)


def _read(value: Any) -> Any:
    """Read a parameter: messages inside it are messages again."""
    if isinstance(value, dict):
        return message_of(value)
    return tuple(_read(inner) for inner in value) if isinstance(value, list) else value
