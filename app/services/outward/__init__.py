"""What leaves the house of a notice: by mail or text message, at once or once a day."""
