"""Local providers that speak the real protocols: SMTP, and over HTTP Twilio, Web Push, Lob, Meta and Google.

They are built from the providers' published documentation, each named in its module, and share no code with the
product. Faults come on demand, what was really accepted is kept in a log, and outcomes go back as signed webhooks.
"""
