"""Within what bounds it is decided.

Who may be contacted, which arm they are in, when a message may go, what a plan needs before it is released. How
people compete for money and capacity is `ml/allocation`.
"""
