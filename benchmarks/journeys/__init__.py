"""What a conversation's state is worth to the next action, and what counting continuations adds; see `__main__`."""
