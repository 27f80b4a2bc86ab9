"""What a user types: scikit-learn's contract, kept whole, over any network and objective."""
