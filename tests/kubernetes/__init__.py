"""Stories of a projection on a real Kubernetes: installed by the chart, disturbed under load, and right at the end."""
