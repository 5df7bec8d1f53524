"""What takes minutes: damages, kills, full disks, readers in a crowd. `make soak` runs all of it, CI a share."""
