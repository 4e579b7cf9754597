"""Why a channel isn't allowed for a person: codes for arrays, words for people."""

from enum import IntEnum


class Reason(IntEnum):
    """The first rule that forbids; 0 where none does."""

    ALLOWED = 0
    CHANNEL_NOT_IN_USE = 1
    CHANNEL_STOPPED = 2
    SUPPRESSED = 3
    CONSENT_WITHDRAWN = 4
    UNDER_AGE = 5
    UNKNOWN_AGE = 6
    NO_CONTACT_DETAIL = 7
    NO_CONSENT = 8
    DO_NOT_CALL_STALE = 9
    DO_NOT_CALL_LISTED = 10
    UNKNOWN_TIME_ZONE = 11
    FREQUENCY_CAP = 12
    WINDOW_PASSED = 13
    NOT_FOR_OBJECTIVE = 14
    ARRIVES_TOO_LATE = 15
    REJECTED = 16
    MISSING_DATA = 17
    IN_AUDIENCE = 18

    @property
    def words(self) -> str:
        """The reason as a person would say it."""
        return _WORDS[self]


_WORDS = {
    Reason.ALLOWED: "allowed",
    Reason.CHANNEL_NOT_IN_USE: "actions.yaml has no such channel",
    Reason.CHANNEL_STOPPED: "the channel is stopped",
    Reason.SUPPRESSED: "is on the suppression list",
    Reason.CONSENT_WITHDRAWN: "withdrew consent",
    Reason.UNDER_AGE: "is under the minimum age",
    Reason.UNKNOWN_AGE: "age is unknown, and policy wants it known",
    Reason.NO_CONTACT_DETAIL: "has no contact detail for the channel",
    Reason.NO_CONSENT: "gave no consent of a kind that the channel needs",
    Reason.DO_NOT_CALL_STALE: "the do-not-call list is missing or older than 31 days",
    Reason.DO_NOT_CALL_LISTED: "is on the do-not-call list",
    Reason.UNKNOWN_TIME_ZONE: "time zone is unknown, so quiet hours can't be kept",
    Reason.FREQUENCY_CAP: "has been contacted as often as the frequency cap allows",
    Reason.WINDOW_PASSED: "no send window is left today",
    Reason.NOT_FOR_OBJECTIVE: "the objective doesn't use the channel",
    Reason.ARRIVES_TOO_LATE: "would arrive after the objective has ended",
    Reason.REJECTED: "a person rejected it lately",
    Reason.IN_AUDIENCE: "sees the channel's advertisements already",
    Reason.MISSING_DATA: "lacks what the channel's messages say of the person",
}
