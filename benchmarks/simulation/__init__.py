"""A deterministic simulation of dispatch: the real functions and the real SQL, virtual time, a seeded scheduler.

One thread runs at a time and gives way at each named step of `assets.channels.runtime.STEPS`, at each step of the
provider and of a release. The scheduler lets any of them go on, fall asleep past its lease, lose its clock, or die;
the world revokes, replans and answers in between. `checker` then goes through the history.
"""
