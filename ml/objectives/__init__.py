"""Objectives at work: whom they mean, what a unit is worth, how far they are, what may be spent today.

How they are written down is `ml/configuration`; how they compete for people is `ml/allocation`.
"""
