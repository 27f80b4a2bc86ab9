"""How good a detector is on labelled rows, and the page that says so."""
