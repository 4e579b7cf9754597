"""When things run and with what: the only package that reads the environment, and the one that nothing imports."""
