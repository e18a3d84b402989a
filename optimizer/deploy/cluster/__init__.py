"""A plan in one Kubernetes cluster: its objects, group by group, for every target that writes them."""
