"""How people respond: chance to convert when left alone, the difference that a contact makes, and what a sale is worth.

Here: the heads, their calibration, and the model that holds them together. Not here: what an action is worth in money
after costs (`ml.allocation`), or where models are kept (`ml.tracking`).
"""
