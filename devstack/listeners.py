"""The sockets that all processes of the API of a stack serve on."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from devstack.ports import listen
from devstack.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Two listening sockets; `admin` is None where the operators' routes have no own port."""

    public: socket.socket
    admin: socket.socket | None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Listen where the settings say.

        Raises:
            DevstackError: a port or an address cannot be had; the message says which.
        """
        with ExitStack() as opened:
            public = opened.enter_context(
                listen(
                    settings.api_host,
                    settings.api_port,
                    host_variable="API_HOST",
                    port_variable="API_PORT",
                )
            )
            admin = None
            if settings.admin_port is not None:
                admin = listen(
                    settings.admin_host,
                    settings.admin_port,
                    host_variable="ADMIN_HOST",
                    port_variable="ADMIN_PORT",
                )
            opened.pop_all()
        return cls(public=public, admin=admin)

    def close(self) -> None:
        self.public.close()
        if self.admin is not None:
            self.admin.close()

    def kept_in(self, settings: Settings) -> Settings:
        """Return the settings with the ports that were picked, for a restart on the same ones."""
        return replace(
            settings,
            api_port=port_of(self.public),
            admin_port=None if self.admin is None else port_of(self.admin),
        )


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
