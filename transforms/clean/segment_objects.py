"""Segment's calls and what its warehouse keeps of them, in the words of its specification.

Sources: Segment's specification and its pages on raw logs in S3 and on schemas of warehouses; RudderStack's, which has
the same.
"""

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant

IN_CALLS: dict[str, str | tuple[str, ...]] = {"warehouse": ()}
"""Of what tables of tracks, pages and screens do not have, or have under the name of a property of somebody's own."""


class SegmentCalls(Export):
    """One row per call; in a warehouse, per track, page or screen call. It is delivered at least once.

    `anonymousId` is a browser's or a device's, and no user. `originalTimestamp` is by the clock of the device; Segment
    sets it right, which gives `timestamp`.
    """

    id: str = column("Call", spelled={"api": "messageId"})
    timestamp: Instant = column("When it was made, by a clock that was set right")  # type: ignore[valid-type]
    received_at: Instant = column(  # type: ignore[valid-type]
        "When Segment got it", optional=True, spelled={"api": "receivedAt"}
    )
    type: str = column("track, page, screen, identify, group or alias", optional=True, spelled=IN_CALLS)
    event: str = column(
        "What a user did, of a track call",
        optional=True,
        spelled={"warehouse": ("event_text", "event")},
    )
    name: str = column(
        "Page or screen, of a call of these", optional=True, spelled={"api": ("name", "properties.name")}
    )
    user: str = column("User", optional=True, refers=True, personal="id", spelled={"api": "userId"})
    context__group: str = column(
        "Group for which the user acts, where the client says so",
        optional=True,
        refers=True,
        spelled={"api": "context.groupId"},
    )
    context__traits__email: str = column("Address of the user, as the call tells it", optional=True)
    group: str = column(
        "Group that the user is in, of a group call", optional=True, refers=True, spelled={"api": "groupId", **IN_CALLS}
    )
    traits__email: str = column("Address of the user, of an identify call", optional=True, spelled=IN_CALLS)


class SegmentGroups(Export):
    """One row per group call: from then on the user is in the group."""

    id: str = column("Call")
    timestamp: Instant = column("When it was made, by a clock that was set right")  # type: ignore[valid-type]
    received_at: Instant = column("When Segment got it", optional=True)  # type: ignore[valid-type]
    user: str = column("User", optional=True, refers=True, personal="id")
    group: str = column("Group", optional=True, refers=True)
    name: str = column("Name of the company", optional=True)
    website: str = column("Its site", optional=True)


class SegmentUsers(Export):
    """One row per user, with what the last identify call told."""

    id: str = column("User", personal="id")
    email: str = column("Address", optional=True)

    class Config:
        unique = ["id"]
