"""What a conversation's state makes of the next contact, and what a contact makes possible: fitted from logged conversations."""
