"""The receiver: provider webhooks, unsubscribes, and the web channel's decision endpoint, as one FastAPI application.

A provider's way of signing and of naming things is a module of its own (`standard`, `twilio`, `sendgrid`, `lob`,
`mailbox`), with `verify` and `read` as `scheme.Scheme` has them. What is read goes into the ledger's inbox before the
provider is answered. Drivers, which send, don't belong here.
"""
