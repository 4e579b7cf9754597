"""What a verb says when it can't: two kinds, two exit statuses."""


class BadInput(Exception):  # noqa: N818 - reads as what it is
    """What the caller gave can't be used; the message says what would be right. Exit status 2."""


class WorkFailed(Exception):  # noqa: N818 - reads as what it is
    """The work itself failed; the message says where and why. Exit status 1."""
