"""A replay as docs/kubernetes-operating.md types it."""

from __future__ import annotations

from tests.kubernetes.story import Story
from tests.kubernetes.values import RELEASE


def replay(story: Story, projection: str) -> str:
    """Until the Job is done; no worker of the projection is there then. What the Job said."""
    story.scale(0, projection)
    template = f"--from=cronjob/{RELEASE}-{projection}-replay"
    story.kubectl("create", "job", "replay", template)
    story.kubectl("wait", "--for=condition=complete", "job/replay", "--timeout=60s", seconds=90)
    return story.kubectl("logs", "job/replay")
