"""An event on its way into a log."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Outgoing(msgspec.Struct, frozen=True):
    """A CloudEvent to publish: its attributes, its data as JSON, and the key that picks its partition."""

    #: The aggregate id (CloudEvents' subject) in UTF-8; events of one key keep their order.
    key: bytes
    #: The CloudEvents attributes by name, extensions included, each as CloudEvents prints it.
    attributes: Mapping[str, str]
    #: JSON; None where the event has no data.
    data: bytes | None

    def structured(self) -> bytes:
        """The event as one JSON object: the structured mode of CloudEvents, one line."""
        members: dict[str, object] = {"specversion": "1.0", **self.attributes}
        if self.data is not None:
            members.setdefault("datacontenttype", "application/json")
            members["data"] = msgspec.Raw(self.data)
        return msgspec.json.encode(members)
