"""Training and table building; runs where the labelled data lies, never at run time."""
