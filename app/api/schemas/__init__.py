"""What goes in and out, as marshmallow schemas, a module for each noun; services' views become plain JSON here.

Instants are ISO 8601 in UTC; a text is in the caller's language. What comes in must be known:
an unknown name is refused, so that a slip of the pen does not pass unseen.
"""
