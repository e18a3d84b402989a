"""Traffic of several classes split over node types, freely or in slices: the cheapest nodes that carry it, proven."""
