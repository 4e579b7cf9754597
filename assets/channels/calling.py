"""The last check before a call or text: the do-not-call list of the moment, and the hour where the number belongs."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from assets.channels.contract import Message
from assets.channels.dispatch import Guard
from ml.configuration.do_not_call import DoNotCall
from ml.configuration.policy import Policy
from ml.entities import CALLED
from ml.policy.calling_hours import FEDERAL, RULES
from ml.policy.places import number_state, number_zones


def calling_guard(policy: Policy, do_not_call: DoNotCall | None) -> Guard:
    """Refuses calls and texts to listed numbers, on a list that is too old, and at an unlawful or quiet hour.

    The plan's window kept the hours of everything that is known of a person; this one asks the number once more,
    whatever plan let the message out.

    Args:
        policy: Quiet hours, and whether there is a list.
        do_not_call: The list as it is now; None where the policy names none.
    """

    def refused(messages: Sequence[Message], at: datetime) -> Mapping[str, str]:
        called = [message for message in messages if message.channel in CALLED]
        if called and policy.do_not_call_file is not None and not (do_not_call and do_not_call.is_current(at.date())):
            return {message.message_id: "the do-not-call list is missing or older than 31 days" for message in called}
        reasons = {message.message_id: _reason(message, policy, do_not_call, at) for message in called}
        return {message_id: reason for message_id, reason in reasons.items() if reason}

    return refused


def _reason(message: Message, policy: Policy, do_not_call: DoNotCall | None, at: datetime) -> str:
    number = str(message.recipient.get("phone") or "")
    if do_not_call is not None and number in do_not_call.phones:
        return "the number is on the do-not-call list"
    return "it is a quiet or unlawful hour where the number belongs" if _is_silent(number, message, policy, at) else ""


def _is_silent(number: str, message: Message, policy: Policy, at: datetime) -> bool:
    quiet = policy.quiet_hours.of(message.channel)  # type: ignore[arg-type]
    rules = [FEDERAL, number_state(number)] if number.startswith("+1") else []
    for zone in number_zones(number):
        local = at.astimezone(ZoneInfo(zone))
        if quiet is not None and quiet.covers(local.time()):
            return True
        if any(not _is_lawful(rule, local) for rule in rules if rule is not None):
            return True
    return False


def _is_lawful(rule: str, local: datetime) -> bool:
    day: date = local.date()
    hours = RULES[rule].on(day)
    return hours is not None and hours[0] <= local.hour * 60 + local.minute < hours[1]
