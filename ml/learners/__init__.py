"""Learners of causal effects: what each of up to 20 actions changes for a person, learned from a table of a past trial.

One interface (`contract.Learner`): `fit` on plain arrays, then `answer` with the outcome without an action and the effect of
each. One class a file, one property suite over all of them. Which of them is used is chosen by what it would have been
worth (`choice`), never by habit.
"""
