"""What a table of a past trial or mailing teaches: who responds, what each action changes, what that is worth, whom to act on.

`roles` says which column is what, `fitting` learns, `model` scores, `figures` says how good it is, `store` keeps it as text.
"""
