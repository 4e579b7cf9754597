"""The verbs of the command line, by who uses them; each only reads its words and answers."""
