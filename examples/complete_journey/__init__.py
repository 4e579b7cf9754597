"""The Complete Journey (dunnhumby / 84.51°): a year of a grocer's 2,469 households, as landing files.

`landing` maps the tables to the contract and `__main__` runs cycles on the data's own dates, by files and verbs alone.
"""
