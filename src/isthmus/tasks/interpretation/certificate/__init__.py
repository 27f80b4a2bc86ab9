"""What a sparse dictionary is worth, beside dictionaries that learnt nothing or something simpler."""
