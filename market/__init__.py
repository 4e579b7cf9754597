"""The sample market: a seeded outside world of persons that speaks only the contracts' files.

Here belongs everything that persons, providers and shops do, and the truth about it. Nothing of the product is
imported here and nothing of the product imports this: they meet in ``landing/`` and ``outbound/``.
The law of response, its figures and their sources are stated in ``README.md`` beside this file.
"""
