"""Dagster: assets, partitions, checks, schedule and sensors. The only room that imports it."""

import warnings

import dagster as dg

# Named features of Dagster that this project uses while they are marked as beta; nothing else is silenced.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
