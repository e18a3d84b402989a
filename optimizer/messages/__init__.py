"""Sentences as ids with parameters, worded in any language from the catalogs in `optimizer/documents/locale`."""

from optimizer.messages.message import Message, message_of
from optimizer.messages.voice import ENGLISH, Voice, voice_of

__all__ = ["ENGLISH", "Message", "Voice", "message_of", "voice_of"]
