"""Who gets which contact: one decision over all people and objectives, by prices, with a proven bound.

A `Problem` is a value table (`candidates`) plus a list of `terms`; `solve` decides it. What a person may get at all and
what a contact is worth is decided before; authority and sending come after.
"""
