"""WHEN things run: Dagster's assets, checks, partitions, schedules and sensors, and the command line."""

import warnings

import dagster as dg

# Named features of Dagster that this project uses while they are marked as beta; nothing else is silenced.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
