"""What a node is given beside Kubernetes itself: names of Services, metrics of pods, KEDA."""
