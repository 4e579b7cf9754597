"""Great Expectations suites, one a hand-over between Python steps.

In the order of the cycle: ``customers``, ``training``, ``scores``, ``decisions``, ``messages``, ``outcomes``. Each has
one ``check(frame, …)`` that says which rows broke what, by key and never by value. Facts about relations belong in dbt
tests, Dagster's asset checks in ``assets.checks``.
"""
