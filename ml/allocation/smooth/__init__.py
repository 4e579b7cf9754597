"""Choice with a temperature: every person's exact probability of every contact, and a draw that keeps all limits.

`explore` finds the probabilities whose expected loss is what exploring may cost; `draw` makes whole contacts of them.
"""
