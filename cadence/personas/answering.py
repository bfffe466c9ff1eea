"""A persona as a model at `/v1`: its card's prompt, then what the caller says, answered by the model of its card.

Who is behind a name costs the host money, so strangers are not answered: one needs a token, a session or, on the
machine that serves, a name. A caller's instructions are heard as speech: the card stands above them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import structlog

from cadence.models.chat import Account, Call, ChatMessage, ChatModel, Done, ModelError, Piece, Role, Trouble
from cadence.personas.cards import MEDIATOR, Card
from cadence.rooms.wire import ErrorCode, Member, WireError
from cadence.rooms.wire.completions import Completion, Delta, End

ANSWER_TOKENS_DEFAULT = 512
TEMPERATURE_DEFAULT = 0.7
CODES: Mapping[Trouble, ErrorCode] = {"too_long": "too_large", "overloaded": "rate_limited"}
SENTENCES: Mapping[ErrorCode, str] = {
    "too_large": "expected less: these messages and the answer do not fit the persona's model",
    "rate_limited": "the persona's model has too much to do: try again in a moment",
    "unavailable": "the persona's model did not answer: try again, or tell the host",
}

log = structlog.get_logger(__name__)


class PersonaModels:
    """`cards` are the personas there are now, `model_of` gives the model of a card, None where it has none."""

    def __init__(self, cards: Callable[[], Mapping[str, Card]], model_of: Callable[[Card], ChatModel | None]) -> None:
        self._cards, self._model_of = cards, model_of

    def names(self, asker: Member | None) -> Sequence[str]:
        """See `Models`."""
        cards = {} if asker is None else self._cards()
        return [id for id, card in cards.items() if id != MEDIATOR and self._model_of(card) is not None]

    async def complete(self, request: Completion, asker: Member | None) -> AsyncIterator[Delta | End]:
        """See `Models`."""
        card = self._cards().get(request.model)
        model = self._model_of(card) if card is not None else None
        if card is None or model is None or asker is None:
            raise WireError("not_found", f"expected a persona with a model, got `{request.model[:64]}`", field="model")
        try:
            async for part in model.stream(_call(card, request, asker)):
                if isinstance(part, Piece):
                    yield Delta(part.text)
                else:
                    yield _end(part)
        except ModelError as error:
            log.warning("persona did not answer", persona=card.id, model=model.name, why=str(error))
            code = CODES.get(error.trouble, "unavailable")  # what it says of addresses and keys is for the host's log
            raise WireError(code, SENTENCES[code], retry_after_s=5.0 if error.passing else None) from error


def _call(card: Card, request: Completion, asker: Member) -> Call:
    heard = [ChatMessage(_role(message.role), _text(message.name, message.text)) for message in request.messages]
    return Call(
        messages=(ChatMessage("system", card.prompt), *heard),
        tokens_max=request.tokens_max or ANSWER_TOKENS_DEFAULT,
        temperature=TEMPERATURE_DEFAULT if request.temperature is None else request.temperature,
        stop=request.stops,
        seed=request.seed,
        account=Account(persona=card.id, reader=asker.id),
    )


def _role(role: str) -> Role:
    return "assistant" if role == "assistant" else "user"


def _text(name: str | None, text: str) -> str:
    return text if name is None else f"{name}: {text}"


def _end(done: Done) -> End:
    finish, usage = done.finish, done.usage
    return End("length" if finish == "length" else "stop", usage.prompt_tokens, usage.answer_tokens)
