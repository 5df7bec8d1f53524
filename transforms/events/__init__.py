"""Roll-ups whose size is that of events: group, count, distinct, sum, min, max and equi-join only."""
