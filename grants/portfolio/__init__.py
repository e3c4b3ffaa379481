"""All grants: as lists and figures, each as a whole; and the record of everything that happened."""
