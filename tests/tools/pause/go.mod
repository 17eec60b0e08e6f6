module projection-consumer/pause

go 1.24.0

tool projection-consumer/pause
