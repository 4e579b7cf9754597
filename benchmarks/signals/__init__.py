"""What each signal is worth on the sample market, known exactly and learned."""
