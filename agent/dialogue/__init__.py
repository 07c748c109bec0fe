"""Understanding what is asked for, and the conversation graph."""
