"""What each page costs, as a multiple of a bare page measured in the same run. ``make bench`` prints one JSON."""
