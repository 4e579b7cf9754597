"""Sentences that teach the reading of calls: what customers say on the telephone, by what they mean.

They are written for this purpose, a few for each way to mean it; a workspace's own labelled calls can be added to them
(`TextModel.fit`). A turn that is like none of them has no objection and no intent.
"""

from collections.abc import Mapping
from typing import Final

NEITHER: Final = "none"

_TALK: Final = (
    "my package came yesterday", "the weather is lovely today", "do you also sell shoes", "which colours are there",
    "my daughter wears that size", "I have a question about my bill", "how long does delivery take", "are you open on Saturday",
    "let me get a pen", "could you repeat that", "the line is bad", "can you spell that", "my name is spelled with a k",
    "I moved to a new address", "yes that's me", "my husband usually answers", "I bought a coat from you last year",
    "the coat is very warm", "what was the name again", "I got your letter", "I saw it on your website", "how does that work",
    "is that the new collection", "where is your nearest branch", "the parking there is good", "my dog is barking, sorry",
    "you have a nice voice", "I did get your e-mail", "that was a birthday present", "which day would it arrive",
    "can I return it", "is it washable", "does it come in blue", "I live on the third floor", "the last one fitted well",
    "I'll write that down", "it is for my mother", "we are a family of four", "how many are in a box", "that's correct",
)  # fmt: skip
"""What customers say besides: neither for nor against anything."""

OBJECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "price": (
        "that costs too much", "it is too expensive", "I don't have the money for it", "way over my budget",
        "can you make it cheaper", "the price is too high for me", "I can't pay that much", "we have to save this month",
        "is there any discount on that", "not worth the cost", "your prices are high", "shipping makes it expensive",
        "I would if it was less", "what would it cost with a better deal", "money is a problem right now",
        "I get paid next month and I'm broke", "I am not spending that much", "that's pricey", "dear for what it is",
    ),
    "timing": (
        "I have no time now", "call me later please", "ring me again tomorrow", "I am in a meeting", "this is not a good moment",
        "I'm driving", "ask me again next month", "after the holidays maybe", "try again in a few weeks", "I am busy at work",
        "not this week", "I'm away on vacation", "we are just leaving", "can we talk another day", "perhaps in the spring",
        "I'm about to travel", "can you phone back in the evening", "let's speak again when things are quieter",
    ),
    "trust": (
        "is this a fraud", "how can I be sure that you are who you say", "who gave you my number", "I don't believe it",
        "I never give my data on the telephone", "sounds fishy to me", "I had bad experiences with your quality",
        "it broke right away last time", "people write bad things about you", "the reviews are poor", "are you really from the store",
        "I don't trust these calls", "my last order never arrived", "where do you have my data from", "that must be a trick",
        "how come you know my number",
        "I was disappointed with what I bought",
    ),
    "no_need": (
        "I have no use for it", "I already have one", "we don't need that", "I have everything I need", "no need, thank you",
        "I am not interested in buying anything", "I bought one last week", "not looking to buy", "our cupboards are full",
        "I would never use it", "there's nothing that I want", "I'm all set", "we've got plenty", "I don't want anything",
    ),
    "competitor": (
        "I shop at another store", "I buy from someone else now", "another company gives me a better deal",
        "I changed to a different shop", "I order that on a big online marketplace", "the store near me has it",
        "I'm a customer of your competition", "others deliver faster", "I am content with my present supplier",
        "a different brand suits me better", "I get it somewhere else", "the other shop is closer", "my usual store has that",
    ),
    NEITHER: (
        *_TALK, "hello", "yes speaking", "who is this", "go on", "yes please", "okay", "thank you", "that is fine", "good morning",
        "what is it about", "tell me more", "I will take it", "sounds good", "goodbye", "please send it to me", "let me think",
        "do not call this number", "remove me from the list", "maybe", "I might look at it", "great", "yes, what's the offer",
    ),
}  # fmt: skip

INTENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "accepts": (
        "yes I will take it", "sign me up", "I'd like to order that", "count me in", "good, I am going to buy it",
        "sounds great, put it through", "let's do it", "please add it to my order", "I want that", "deal",
        "wonderful, I will use the offer", "you have convinced me", "send it to me and I'll pay", "I was going to buy that anyway",
        "yes, book it for me",
    ),
    "considers": (
        "I have to think about it", "maybe", "perhaps", "I'll have a look at it", "let me see", "not sure yet",
        "send me some information by mail", "I need to ask my wife", "we'll see", "good to know, thanks", "could be something for me",
        "thanks for the information", "I may come by",
    ),
    "declines": (
        "no thank you", "not interested", "I don't want it", "that is nothing for me", "no, I would rather not", "I'll pass",
        "not for me", "no I don't need it", "leave it", "I'm going to say no",
    ),
    "call_back": (
        "call me back later", "can you phone again tomorrow", "try me next week", "ring me in the evening", "ask again in a month",
        "not now, another time", "I'm busy, call later",
    ),
    "stop": (
        "stop calling me", "do not phone here again", "delete my number", "take me off the list", "remove my data",
        "never contact me again", "I don't want any calls", "this is harassment", "unsubscribe me", "you keep bothering me",
    ),
    NEITHER: (
        *_TALK, "hello", "yes speaking", "who is this", "go on", "what is it about", "good morning", "okay but quickly", "yes, hi",
        "one moment", "I understand", "it is too expensive", "I can't afford it", "is this a fraud", "I shop elsewhere",
    ),
}  # fmt: skip
