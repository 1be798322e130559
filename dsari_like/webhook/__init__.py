"""Inbound webhooks: requests from the network that become trigger files, as a plain WSGI application.

Owns the making of the application for servers other than ours; `dsari-like webhook` serves it by itself. A process of
its own and, best, a user of its own: it reads the configuration, writes to the drop places of its targets, and has no
other door to the daemon.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsari_like.webhook.receiver import Receiver


def application(config_dir: str | None = None) -> Receiver:
    """The WSGI application of a configuration, for a server that is told a factory: `module:application`.

    The configuration is found as every command finds it. Raises ConfigError with every fault of it.
    """
    from dsari_like.config.places import locate
    from dsari_like.webhook.receiver import Receiver

    return Receiver(locate(config_dir, os.environ))
