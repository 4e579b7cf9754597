"""Compares policies over many days and seeds of the sample market, judged by its truth."""
