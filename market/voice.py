"""What is said on the telephone. Intent, sentiment and objection are in the words; no label tells them."""

from typing import Any, Final

from market.words import OBJECTIONS

_OPENINGS: Final = (
    "Hello, this is {agent} from the shop. Do you have a minute?",
    "Good day, {agent} calling from the shop about an offer for you.",
    "Hi, my name is {agent}, I'm calling on behalf of the shop.",
    "Hello there, {agent} speaking. We have something that may interest you.",
)
_GREETINGS: Final = (
    "Yes, go ahead.",
    "Hello, yes?",
    "Hi. What is it about?",
    "Um, okay, but be quick.",
    "Speaking.",
    "Yeah, hi.",
)
_PITCHES: Final = (
    "You've been a customer of ours, and we'd like to offer you something on your next purchase.",
    "There's a new range in, and this week we have an offer on it.",
    "We noticed you haven't been by for a while, so we put an offer aside for you.",
    "I can set up a discount for your next order, if you'd like.",
)
_OBJECTED: Final = {
    "price": (
        "Honestly it's too expensive for me.",
        "I can't afford that at the moment, money is tight.",
        "Your prices have gone up a lot lately.",
        "If it was cheaper I'd think about it.",
        "That's more than I want to spend.",
        "Is there a bigger discount? Otherwise it's too dear.",
    ),
    "timing": (
        "It's a bad time, I'm at work.",
        "Could you call me back next week?",
        "I'm travelling until the end of the month.",
        "Not right now, maybe later.",
        "I'm in the middle of something, try me another day.",
        "We're moving house, ask me again in a few weeks.",
    ),
    "trust": (
        "How do I know this is really the shop?",
        "I don't give out anything over the phone.",
        "Where did you get my number from?",
        "The last thing I bought broke after a week, so I'm not sure.",
        "This sounds like a scam, frankly.",
        "I read some bad reviews lately.",
    ),
    "no_need": (
        "I don't need anything, really.",
        "I've got all I want, thanks.",
        "I just bought one, so no.",
        "No, we have enough of that at home.",
        "I wouldn't know what to do with it.",
        "I'm not looking for anything.",
    ),
    "competitor": (
        "I usually buy that somewhere else now.",
        "I've switched to another store, they deliver the same day.",
        "Amazon has it, I just order there.",
        "The place round the corner is more convenient.",
        "I'm happy with the other shop.",
        "I get mine from a competitor of yours.",
    ),
}
_AGREED: Final = (
    "Oh, that sounds good, I'll take it.",
    "Great, yes, send me the details and I'll order.",
    "Perfect timing, I wanted to buy something anyway.",
    "Alright, you convinced me.",
    "Lovely, I'll use it this week.",
    "Yes please, put it on my account.",
)
_REFUSED: Final = (
    "Please take me off your list.",
    "Don't call me again.",
    "Stop calling, this is the third time.",
    "I want my number removed, right now.",
    "This is annoying. Never call this number again.",
)
_LUKEWARM: Final = (
    "I'll think about it.",
    "Maybe, let me see.",
    "Okay, thanks for letting me know.",
    "Send me an e-mail, then.",
    "Hm, I might have a look.",
    "Fine, thank you.",
)
_ANSWERS: Final = (
    "I understand.",
    "That's no problem at all.",
    "Of course, I see.",
    "Fair enough, thank you for telling me.",
    "Thank you for being frank.",
)
_FILLERS: Final = ("", "", "", "Well, ", "Look, ", "Um, ", "To be honest, ", "You know, ")
_AGENTS: Final = ("Ada", "Ben", "Chloe", "Dev", "Elena", "Farid")


class _Dice:
    """Picks from lists by a sequence of hashes (splitmix64) of one number."""

    def __init__(self, key: int) -> None:
        self._key = key

    def _next(self) -> int:
        self._key = (self._key + 0x9E3779B97F4A7C15) % 2**64
        value = ((self._key ^ (self._key >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
        return value >> 20

    def pick(self, words: tuple[str, ...]) -> str:
        return words[self._next() % len(words)]

    def chance(self, share: float) -> bool:
        return self._next() % 10_000 < share * 10_000


def conversation(key: int, objection: int, *, buys: bool, leaves: bool) -> dict[str, Any]:
    """A call as its provider reports it.

    Args:
        key: Chooses the words.
        objection: Index into ``OBJECTIONS``; spoken in three of four calls.
        buys: The call leads to a purchase.
        leaves: The person wants no more calls.

    Returns:
        ``transcript`` (turns of ``speaker`` and ``text``) and ``duration_s``.
    """
    dice = _Dice(key)
    turns = [
        ("agent", dice.pick(_OPENINGS).format(agent=dice.pick(_AGENTS))),
        ("customer", dice.pick(_GREETINGS)),
        ("agent", dice.pick(_PITCHES)),
    ]
    name = OBJECTIONS[objection]
    if name in _OBJECTED and dice.chance(0.4 if buys else 0.75):
        turns += [("customer", _after(dice.pick(_FILLERS), dice.pick(_OBJECTED[name]))), ("agent", dice.pick(_ANSWERS))]
    closing = _REFUSED if leaves else _AGREED if buys else _LUKEWARM
    turns.append(("customer", _after(dice.pick(_FILLERS), dice.pick(closing))))
    turns.append(("agent", "Thank you for your time. Goodbye."))
    seconds = sum(1.6 + len(text) / 13.0 for _, text in turns) + key % 40
    return {"transcript": [{"speaker": who, "text": text} for who, text in turns], "duration_s": round(seconds, 1)}


def _after(filler: str, text: str) -> str:
    keeps_capital = text.startswith(("I ", "I'", "Amazon"))
    return filler + text if not filler or keeps_capital else filler + text[0].lower() + text[1:]
