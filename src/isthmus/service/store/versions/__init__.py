"""The steps that bring a database to today's schema, oldest first; one that was released is never changed."""
