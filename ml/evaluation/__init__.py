"""How good a model or a policy is: figures with intervals, pictures, and the gate that a challenger has to pass.

Pure functions of arrays and frames. Nothing is trained or stored here.
"""
